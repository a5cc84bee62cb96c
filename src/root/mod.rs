//! A process's root, locked while the process lives, so that others can identify dead roots.

mod adopt;
mod builder;
mod reclaiming;

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::dir::{AsyncTempDir, Builder};
use crate::owned::Owner;
use crate::reclaim::{self, Reclaimed};
use crate::removal::RemoveDirAll;
use reclaiming::Reclaiming;

pub use builder::RootBuilder;

/// Holds the temporary directories of a process, and reclaims those of killed ones.
///
/// A process cannot remove its directories when it is killed by SIGKILL or the out-of-memory
/// killer, or loses power. So the next process does, with one line when it starts:
/// [`open`](Self::open) creates a root of its own, `<app>-<random>`, then removes in the background
/// the roots of that application whose process is dead.
///
/// A process is considered alive while it holds a lock on a file in its root; the operating system
/// releases it on exit, however the process ends. Process ids are not shared across containers, and
/// age proves nothing, so neither is used. A live root is never touched, whether it is another
/// process's or this one's.
///
/// A root costs two file descriptors (one on Windows), however many directories are created in it.
///
/// When dropped, it is removed in the background like an [`AsyncTempDir`], after the directories in
/// it whose handles still exist. A directory in it that was [kept](AsyncTempDir::keep), or whose
/// policy keeps it, is removed with the root at the latest. If it is to outlive the root,
/// [`persist`](AsyncTempDir::persist) it, or let the last roots [retain](RootBuilder::retain) what is
/// kept in them.
///
/// If the [environment](crate::Cleanup#the-environment-keeps-more) keeps the root, its lock file is
/// removed, so that no later process considers it dead. If that fails, the file remains locked
/// until this process exits, and the [failure hook](crate::cleanup::set_failure_hook) is called,
/// because the next process would reclaim the root. A root that [retains](RootBuilder::retain) what is
/// kept is not kept itself; the environment keeps the directories in it.
///
/// # Child processes
///
/// A process started with [`Command`](std::process::Command) does not share the lock: if its parent
/// is killed, the root is dead even if the child still works in it. A forked child (`fork` without
/// `exec`) shares the lock: the root lives until both processes are gone. The child removes
/// nothing, and using an inherited handle there returns an error.
///
/// # Security
///
/// Only real directories owned by the effective user that match this naming scheme are removed.
/// They must contain an unlocked lock file of the same user or, if they were being created or
/// removed, be empty. Dead roots are not searched for where other users could replace them: in a
/// directory that belongs to another user and is writable for group or others without the sticky
/// bit, or that is reached through a symlink of another user (other than root). That is not an
/// error: see [`Reclaimed::skipped_reason`].
///
/// # Platform notes
///
/// - Network filesystems: every machine that opens roots in the same parent must see the locks of
///   the others. Where it does not (NFS mounted with `nolock` or `local_lock=flock`, SMB with
///   `nobrl`, some of FUSE and 9p), a root that another machine uses is considered dead: give each
///   machine its own parent. Where files belong to a user other than their creator, nothing is
///   reclaimed.
/// - NFS and FUSE keep the lock file under another name until it is closed, which happens just
///   before the root itself is removed. If another process has it open then, the removal waits for
///   a third of a second. A root reported because of this is empty once the file is closed, and the
///   next process removes it.
/// - If the filesystem has no file locks, or Rust's standard library has none on this system
///   (Android), the root works without, and nothing is ever reclaimed.
/// - Linux: a shared lock on the directory itself keeps systemd-tmpfiles from removing old entries
///   in it.
/// - Windows: neither the owner of a directory nor write access to its parent is checked.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// # let outer = async_tempdir::AsyncTempDir::new().await?;
/// use async_tempdir::TempRoot;
///
/// # let parent = outer.path();
/// let root = TempRoot::open_in("my-server", parent).await?; // `open` for the usual place
/// let upload = root.temp_dir().await?;
/// upload.write("part", "…").await?;
/// upload.close().await?;
///
/// let reclaimed = root.reclaimed().await;
/// println!("{} dead processes had left something", reclaimed.roots());
/// root.close().await?;
/// # outer.close().await?;
/// # Ok::<(), std::io::Error>(())
/// # }
/// ```
#[must_use = "dropped at once, the root is removed at once"]
pub struct TempRoot {
    owner: Owner,
    reclaiming: Arc<Reclaiming>,
}

impl TempRoot {
    /// The maximum length of an application's name in bytes.
    ///
    /// It keeps the root's name below the 255 bytes that filesystems allow.
    pub const MAX_APP: usize = reclaim::MAX_APP;

    /// Creates a root in [`std::env::temp_dir`] and starts reclaiming those of dead processes.
    ///
    /// If the environment variable [`ASYNC_TEMPDIR_ROOT`](crate::Cleanup#the-environment-sets-a-root) is
    /// set, the root is in the directory that it names. See [`RootBuilder::open`] for what is reclaimed,
    /// and [`builder`](Self::builder) for numbered roots.
    ///
    /// # Errors
    ///
    /// The same as for [`RootBuilder::open`].
    ///
    /// # Cancel safety
    ///
    /// The same as for [`RootBuilder::open`].
    pub async fn open(app: impl AsRef<str>) -> io::Result<Self> {
        Self::builder(app).open().await
    }

    /// Creates a root like [`open`](Self::open), in `parent`, which must exist.
    ///
    /// # Errors
    ///
    /// The same as for [`RootBuilder::open`].
    ///
    /// # Cancel safety
    ///
    /// The same as for [`RootBuilder::open`].
    pub async fn open_in(app: impl AsRef<str>, parent: impl AsRef<Path>) -> io::Result<Self> {
        Self::builder(app).parent(parent).open().await
    }

    /// Returns the root's path, which is absolute. Symlinks in its parents are not resolved.
    pub fn path(&self) -> &Path {
        &self.owner.dir.path
    }

    /// Waits until reclaiming has ended, and returns its report.
    ///
    /// By then, each dead root has been removed or could not be, unless [`Reclaimed::skipped_reason`] says
    /// why not.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future only ends the wait.
    pub async fn reclaimed(&self) -> &Reclaimed {
        self.reclaiming.ended().await
    }

    /// Creates a temporary directory in the root, with the defaults of [`Builder`].
    ///
    /// If the root's handle is dropped first, the root remains until the directory's handle is
    /// dropped, too.
    ///
    /// # Errors
    ///
    /// The same as for [`Builder::create`]; also `NotFound` if another process has removed the
    /// root, and `Other` if the root's path now refers to something else.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, no directory is left: see [`Builder::create`].
    pub async fn temp_dir(&self) -> io::Result<AsyncTempDir> {
        self.dir_builder().create().await
    }

    /// Returns a [`Builder`] for a directory in the root.
    ///
    /// While the builder, or the handle of its directory, exists, dropping the root's handle does
    /// not remove the root. Setting another [`parent`](Builder::parent) detaches it from the root.
    pub fn dir_builder(&self) -> Builder {
        Builder::new().parent_dir(&self.owner.dir)
    }

    /// Removes the root and everything in it, and reports errors, as [`AsyncTempDir::close`] does.
    ///
    /// The root is renamed first, to `.<app>-<random>.dead` in the same parent, so that the rest is
    /// recognized if the process is killed meanwhile. Errors contain paths under the new name.
    ///
    /// Directories in the root are removed even if their handles exist. If the root
    /// [retains](RootBuilder::retain) something that was kept in it, only the rest is removed, and the root
    /// is not renamed.
    ///
    /// # Errors
    ///
    /// A [`RemoveError`](crate::RemoveError) with every entry that remains. By then, the root is no
    /// longer locked: its [`retry`](crate::RemoveError::retry) removes the rest, or the next process
    /// does.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future, or not awaiting it at all, does not stop the removal.
    pub fn close(self) -> RemoveDirAll {
        RemoveDirAll::of(self.owner)
    }
}

/// Implemented for the reference only, as for [`AsyncTempDir`]. A directory that is made in the root by
/// path is unknown to it: use [`TempRoot::dir_builder`].
impl AsRef<Path> for &TempRoot {
    fn as_ref(&self) -> &Path {
        self.path()
    }
}

/// Implemented for references only, as for [`AsyncTempDir`].
impl AsRef<Path> for &mut TempRoot {
    fn as_ref(&self) -> &Path {
        self.path()
    }
}

impl fmt::Debug for TempRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TempRoot")
            .field("path", &self.path())
            .finish_non_exhaustive()
    }
}
