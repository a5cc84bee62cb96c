//! The handle of a directory, from creation to the end.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cleanup::Lane;
use crate::close::Closing;
use crate::error::{PersistError, located};
use crate::owned::{Claim, Job};
use crate::policy::Policy;
use crate::remove::RemoveDirAll;
use crate::reply;
use crate::{Builder, Cleanup};

/// A temporary directory that exists as long as this handle: the async form of
/// `tempfile::TempDir`, Python's `tempfile.TemporaryDirectory`.
///
/// It is created empty, for its owner alone (mode 0700), under a name that cannot be guessed.
/// Dropping the handle removes it with everything in it, in the background and without blocking
/// the calling thread; [`close`](Self::close) does so too and says how it went.
///
/// There is no `Clone`: share it as an [`Arc`](std::sync::Arc). Paths of the methods that put something in it are
/// relative to the directory and cannot leave it.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// use async_tempdir::AsyncTempDir;
///
/// let dir = AsyncTempDir::new().await?;
/// let file = dir.write("notes/today.txt", "Awaited.\n").await?;
/// assert_eq!(tokio::fs::read_to_string(&file).await?, "Awaited.\n");
/// dir.close().await?;
/// assert!(!file.exists());
/// # Ok::<(), std::io::Error>(())
/// # }
/// ```
///
/// A path is to be had by reference only. Passed by value, the handle would be dropped by the
/// callee and the directory removed before the caller looks at it; this does not compile:
///
/// ```compile_fail
/// fn look_at(path: impl AsRef<std::path::Path>) {}
///
/// async fn mistake(dir: async_tempdir::AsyncTempDir) {
///     look_at(dir);
/// }
/// ```
///
/// ```
/// fn look_at(path: impl AsRef<std::path::Path>) {}
///
/// async fn right(dir: async_tempdir::AsyncTempDir) {
///     look_at(&dir);
/// }
/// ```
#[must_use = "dropped at once, the directory is removed at once"]
pub struct AsyncTempDir {
    claim: Claim,
}

impl AsyncTempDir {
    /// Creates a directory in [`std::env::temp_dir`]: the async form of `tempfile::TempDir::new`,
    /// Python's `TemporaryDirectory()`.
    ///
    /// # Errors
    ///
    /// Those of [`Builder::create`].
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, no directory is left: see [`Builder::create`].
    pub async fn new() -> io::Result<Self> {
        Self::builder().create().await
    }

    /// Creates a directory in `parent`: the async form of `tempfile::TempDir::new_in`.
    ///
    /// # Errors
    ///
    /// Those of [`Builder::create`].
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, no directory is left: see [`Builder::create`].
    pub async fn new_in(parent: impl AsRef<Path>) -> io::Result<Self> {
        Self::builder().parent(parent).create().await
    }

    /// Creates a directory whose name begins with `prefix` in [`std::env::temp_dir`]: the async
    /// form of `tempfile::TempDir::with_prefix`.
    ///
    /// # Errors
    ///
    /// Those of [`Builder::create`].
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, no directory is left: see [`Builder::create`].
    pub async fn with_prefix(prefix: impl AsRef<OsStr>) -> io::Result<Self> {
        Self::builder().prefix(prefix).create().await
    }

    /// Creates a directory whose name begins with `prefix` in `parent`: the async form of
    /// `tempfile::TempDir::with_prefix_in`.
    ///
    /// # Errors
    ///
    /// Those of [`Builder::create`].
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, no directory is left: see [`Builder::create`].
    pub async fn with_prefix_in(
        prefix: impl AsRef<OsStr>,
        parent: impl AsRef<Path>,
    ) -> io::Result<Self> {
        Self::builder().prefix(prefix).parent(parent).create().await
    }

    /// Creates a directory whose name ends with `suffix` in [`std::env::temp_dir`]: the async
    /// form of `tempfile::TempDir::with_suffix`.
    ///
    /// # Errors
    ///
    /// Those of [`Builder::create`].
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, no directory is left: see [`Builder::create`].
    pub async fn with_suffix(suffix: impl AsRef<OsStr>) -> io::Result<Self> {
        Self::builder().suffix(suffix).create().await
    }

    /// Creates a directory whose name ends with `suffix` in `parent`: the async form of
    /// `tempfile::TempDir::with_suffix_in`.
    ///
    /// # Errors
    ///
    /// Those of [`Builder::create`].
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, no directory is left: see [`Builder::create`].
    pub async fn with_suffix_in(
        suffix: impl AsRef<OsStr>,
        parent: impl AsRef<Path>,
    ) -> io::Result<Self> {
        Self::builder().suffix(suffix).parent(parent).create().await
    }

    /// Starts with the defaults: the same as [`Builder::new`].
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) fn new_owning(mut claim: Claim, policy: Policy) -> Self {
        claim.hand_out(policy);
        Self { claim }
    }

    /// The directory's path: absolute, whatever `TMPDIR` and the current directory were, and not
    /// resolved through symlinks above it.
    pub fn path(&self) -> &Path {
        self.claim.dir().path()
    }

    /// The directory's name: the last component of its [`path`](Self::path).
    pub fn file_name(&self) -> &OsStr {
        self.claim.dir().file_name()
    }

    /// Changes what dropping the handle does, unless the environment has
    /// [decided](Cleanup#the-environment-has-the-last-word) that.
    pub fn set_cleanup(&mut self, cleanup: Cleanup) {
        self.claim.set_cleanup(cleanup);
    }

    /// Whether the directory is to stay when its time ends: see [`Claim::stays`].
    pub(crate) fn stays(&self, panicking: bool) -> bool {
        self.claim.stays(panicking)
    }

    /// Removes the directory with everything in it and says what became of it: the async form of
    /// `tempfile::TempDir::close`, Python's `TemporaryDirectory.cleanup()`, with
    /// [`RemoveDirAll`]'s options.
    ///
    /// Handles of directories [inside](Self::temp_dir) lose theirs: operations on them that are under
    /// way are waited for, and from then on they fail with `NotFound`. That somebody has removed the
    /// directory already is success.
    ///
    /// Unless it is empty, a directory in which others were made is renamed first, to
    /// `.<name>-<random>.removing` beside where it was, here and when it is dropped. So nothing is
    /// removed of what is moved out of it meanwhile.
    ///
    /// # Errors
    ///
    /// A [`RemoveError`](crate::RemoveError) with every entry that stays, and where it is then. If
    /// something else has the directory's name by now, that is not touched, and the error says so. On
    /// Windows, what is open inside may have to [stay](crate::remove_dir_all#platform-notes).
    ///
    /// # Panics
    ///
    /// If the [progress function](RemoveDirAll::on_progress) did, after the removal has ended.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future, or not awaiting it at all, does not stop the removal: it goes on in
    /// the background, [`cleanup::idle`](crate::cleanup::idle) waits for it, and what it cannot
    /// remove goes to the [failure hook](crate::cleanup::set_failure_hook).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let dir = async_tempdir::AsyncTempDir::new().await?;
    /// dir.write("a", "1").await?;
    /// let removed = dir.close().await?;
    /// assert_eq!((removed.files, removed.dirs), (1, 1));
    /// # Ok::<(), std::io::Error>(())
    /// # }
    /// ```
    pub fn close(mut self) -> RemoveDirAll {
        // Also if it is never awaited.
        self.claim.condemn();
        RemoveDirAll::new(Box::new(Closing::new(self.claim)))
    }

    /// Keeps the directory: nothing of this crate removes it any more. The same as
    /// `tempfile::TempDir::keep`; Python's `mkdtemp`.
    ///
    /// A directory made by [`temp_dir`](Self::temp_dir) still goes with the one around it.
    pub fn keep(self) -> PathBuf {
        self.claim.release()
    }

    /// Publishes the directory: moves it to `target` by one rename and keeps it there. Nobody sees
    /// it half-finished: a rename is atomic, and operations inside whose future was dropped are
    /// waited for. A directory inside that was [kept](Self::keep) is published with it.
    ///
    /// Returns the target's absolute path. Its permissions stay those of a temporary directory.
    ///
    /// # Errors
    ///
    /// The error gives the handle back, with the directory where it was.
    ///
    /// - `NotFound`: the target's parent does not exist; or a directory around this one was closed.
    /// - `DirectoryNotEmpty`, `NotADirectory` or, on XFS, `AlreadyExists`: the target exists. (Unix:
    ///   an empty directory is replaced.)
    /// - `CrossesDevices`: it is on another filesystem.
    /// - `ResourceBusy`: the handle of a directory [inside](Self::temp_dir), or of one inside that,
    ///   still exists. (The directory of one that was dropped, or whose [`close`](Self::close) has
    ///   begun, is waited for until it is gone.)
    /// - `Other`: something else has the directory's name by now; or a directory inside could not be
    ///   removed, and still is there. The error names it.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the directory is either wholly at the target, or removed as if
    /// the handle had been dropped.
    pub async fn persist(self, target: impl AsRef<Path>) -> Result<PathBuf, PersistError> {
        let given = target.as_ref();
        let operation = format!("persist {:?} as", self.path());
        let fail =
            |error, claim| PersistError::new(located(operation, given, error), Self { claim });
        let target = match std::path::absolute(given) {
            Ok(target) => target,
            Err(error) => return Err(fail(error, self.claim)),
        };
        if let Err(error) = self.claim.drained().await {
            return Err(fail(error, self.claim));
        }
        // Until the rename is done, no directory around is removed: that would reach this one
        // through an open descriptor, under its new name, too.
        let job = match self.claim.dir().job() {
            Ok(job) => job,
            Err(error) => return Err(fail(error, self.claim)),
        };
        let lane = self.lane();
        let mut claim = self.claim;
        // Held again if the rename fails. Should the future be dropped, there is no handle.
        claim.set_held(false);
        let (reply, waiting) = reply::channel();
        // Not `tokio::fs::rename`: cancelled, it would go on renaming while the dropped handle's
        // directory is being removed. Here the claim travels with the rename.
        lane.errands().run({
            let target = target.clone();
            move || {
                reply.answer_if_awaited(move || {
                    let persisted = claim.persist(&target);
                    drop(job);
                    persisted
                });
            }
        });
        match waiting.await {
            Ok(Ok(())) => Ok(target),
            Ok(Err((error, claim))) => Err(fail(error, claim)),
            Err(_lost) => unreachable!("a claim that is lost is lost with its job"),
        }
    }

    /// That of the runtime to work on: of the calling task's, or else of the creation's.
    pub(crate) fn lane(&self) -> Arc<Lane> {
        self.claim.dir().lane_here()
    }

    /// Registers a job, so that the removal waits for it should its future be dropped.
    pub(crate) fn job(&self) -> io::Result<Job> {
        self.claim.dir().job()
    }

    /// Returns whether a temporary directory may be moved out of this one.
    pub(crate) fn has_had_children(&self) -> bool {
        self.claim.dir().has_had_children()
    }

    /// Creates a temporary directory inside this one: the async form of
    /// `tempfile::TempDir::new_in(&dir)`, but dropped first, this one waits for it.
    ///
    /// If this handle is dropped while the child's exists, the directory stays until that is
    /// dropped, too, and is then removed after it. To remove it at once with all its children,
    /// [`close`](Self::close) it.
    ///
    /// # Errors
    ///
    /// Those of [`Builder::create`]; `Other` also if something else has this directory's name, and
    /// `NotFound` if a directory around this one was closed.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, no directory is left: see [`Builder::create`].
    pub async fn temp_dir(&self) -> io::Result<Self> {
        Self::builder().inside(self.claim.dir()).create().await
    }
}

/// On the reference only: see [`AsyncTempDir`].
impl AsRef<Path> for &AsyncTempDir {
    fn as_ref(&self) -> &Path {
        self.path()
    }
}

impl fmt::Debug for AsyncTempDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncTempDir")
            .field("path", &self.path())
            .finish_non_exhaustive()
    }
}
