//! The handle of a temporary directory.

mod builder;
mod contents;
mod create;
mod persist;
mod scope;

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

pub use builder::Builder;
pub use persist::PersistError;

use crate::owned::{Cleanup, Owner, Policy};
use crate::removal::RemoveDirAll;

/// A temporary directory that is removed when this handle is dropped.
///
/// The async form of `tempfile::TempDir`; Python's `tempfile.TemporaryDirectory`.
///
/// It is created empty, private to its owner (mode 0700), and with a name that cannot be guessed.
/// Dropping the handle removes it and everything in it, in the background and without blocking the
/// calling thread. [`close`](Self::close) also removes it, and reports errors.
///
/// There is no `Clone`: share it as an [`Arc`](std::sync::Arc). Methods that work inside it take
/// paths relative to the directory, which cannot leave it.
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
/// Pass `&dir` where a path is expected. The handle itself is not a path: passed by value, it would
/// be dropped by the callee, and the directory removed before the caller uses it. This does not
/// compile:
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
    owner: Owner,
}

impl AsyncTempDir {
    /// Creates a directory in [`std::env::temp_dir`].
    ///
    /// The async form of `tempfile::TempDir::new`; Python's `TemporaryDirectory()`.
    ///
    /// # Errors
    ///
    /// The same as for [`Builder::create`].
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, no directory is left: see [`Builder::create`].
    pub async fn new() -> io::Result<Self> {
        Self::builder().create().await
    }

    /// Creates a directory in `parent`.
    ///
    /// The async form of `tempfile::TempDir::new_in`.
    ///
    /// # Errors
    ///
    /// The same as for [`Builder::create`].
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, no directory is left: see [`Builder::create`].
    pub async fn new_in(parent: impl AsRef<Path>) -> io::Result<Self> {
        Self::builder().parent(parent).create().await
    }

    /// Creates a directory whose name begins with `prefix` in [`std::env::temp_dir`].
    ///
    /// The async form of `tempfile::TempDir::with_prefix`.
    ///
    /// # Errors
    ///
    /// The same as for [`Builder::create`].
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, no directory is left: see [`Builder::create`].
    pub async fn with_prefix(prefix: impl AsRef<OsStr>) -> io::Result<Self> {
        Self::builder().prefix(prefix).create().await
    }

    /// Creates a directory whose name begins with `prefix` in `parent`.
    ///
    /// The async form of `tempfile::TempDir::with_prefix_in`.
    ///
    /// # Errors
    ///
    /// The same as for [`Builder::create`].
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

    /// Creates a directory whose name ends with `suffix` in [`std::env::temp_dir`].
    ///
    /// The async form of `tempfile::TempDir::with_suffix`.
    ///
    /// # Errors
    ///
    /// The same as for [`Builder::create`].
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, no directory is left: see [`Builder::create`].
    pub async fn with_suffix(suffix: impl AsRef<OsStr>) -> io::Result<Self> {
        Self::builder().suffix(suffix).create().await
    }

    /// Creates a directory whose name ends with `suffix` in `parent`.
    ///
    /// The async form of `tempfile::TempDir::with_suffix_in`.
    ///
    /// # Errors
    ///
    /// The same as for [`Builder::create`].
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

    /// Creates a builder with default settings; the same as [`Builder::new`].
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) fn new_owning(mut owner: Owner, policy: Policy) -> Self {
        owner.arm(policy);
        Self { owner }
    }

    /// Returns the directory's path.
    ///
    /// It is absolute, even if `TMPDIR` or the given parent was relative. Symlinks in it are not
    /// resolved.
    pub fn path(&self) -> &Path {
        &self.owner.dir.path
    }

    /// Returns the directory's name, the last component of its [`path`](Self::path).
    pub fn file_name(&self) -> &OsStr {
        self.owner.dir.file_name()
    }

    /// Changes the cleanup policy applied on drop.
    ///
    /// This has no effect if the environment
    /// [overrides](Cleanup#the-environment-has-the-last-word) the policy.
    pub fn set_cleanup(&mut self, cleanup: Cleanup) {
        self.owner.set_cleanup(cleanup);
    }

    /// Returns whether the policy keeps the directory: see [`Owner::should_keep`].
    pub(crate) fn should_keep(&self, panicking: bool) -> bool {
        self.owner.should_keep(panicking)
    }

    /// Removes the directory and everything in it, and reports errors.
    ///
    /// The async form of `tempfile::TempDir::close`, with [`RemoveDirAll`]'s options; Python's
    /// `TemporaryDirectory.cleanup()`. It succeeds if the directory no longer exists.
    ///
    /// Directories made [inside](Self::temp_dir) are removed even if their handles exist: this
    /// waits for operations on them that are under way, and later ones fail with `NotFound`.
    ///
    /// A directory in which others were made is renamed first, unless it is empty, to
    /// `.<name>-<random>.removing` in the same parent; so it is when the handle is dropped. Thus
    /// removal does not affect anything that is moved out meanwhile.
    ///
    /// # Errors
    ///
    /// A [`RemoveError`](crate::RemoveError) with every entry that remains, and its path by then.
    /// If the directory's path now refers to something else, that is left untouched, and the error
    /// says so. On Windows, files that are open inside may
    /// [remain](crate::remove_dir_all#platform-notes).
    ///
    /// # Panics
    ///
    /// Panics after the removal has ended if the [progress function](RemoveDirAll::on_progress)
    /// did.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future, or not awaiting it at all, does not stop the removal. It continues in
    /// the background, [`cleanup::idle`](crate::cleanup::idle) waits for it, and failures go to the
    /// [failure hook](crate::cleanup::set_failure_hook).
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
    pub fn close(self) -> RemoveDirAll {
        RemoveDirAll::of(self.owner)
    }

    /// Keeps the directory, and returns its path. This crate no longer removes it.
    ///
    /// The same as `tempfile::TempDir::keep`; Python's `mkdtemp`. A directory made by
    /// [`temp_dir`](Self::temp_dir) is still removed with the one that contains it.
    pub fn keep(self) -> PathBuf {
        self.owner.keep()
    }

    /// Creates a temporary directory inside this one.
    ///
    /// Unlike `tempfile::TempDir::new_in(&dir)`, this directory is not removed before the child: if
    /// this handle is dropped first, its directory remains until the child's handle is dropped,
    /// too, and is removed after the child. To remove it at once with all its children,
    /// [`close`](Self::close) it.
    ///
    /// # Errors
    ///
    /// The same as for [`Builder::create`]; also `Other` if this directory's path now refers to
    /// something else, and `NotFound` if a directory that contains this one was closed.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, no directory is left: see [`Builder::create`].
    pub async fn temp_dir(&self) -> io::Result<Self> {
        Self::builder().parent_dir(&self.owner.dir).create().await
    }
}

/// Implemented for the reference only: see [`AsyncTempDir`].
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
