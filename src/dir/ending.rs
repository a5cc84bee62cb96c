//! The end of a directory: children that delay it, the policy, `close` and `keep`.

use std::io;
use std::path::PathBuf;

use super::AsyncTempDir;
use crate::owned::{Cleanup, End, WaitForRemoval};
use crate::removal::RemoveDirAll;

impl AsyncTempDir {
    /// Creates a temporary directory inside this one.
    ///
    /// Unlike `tempfile::TempDir::new_in(&dir)`, this directory is not removed before the child: if
    /// this handle is dropped first, its directory remains until the child's handle is dropped,
    /// too, and is removed after the child. To remove it at once with all its children,
    /// [`close`](Self::close) it.
    ///
    /// # Errors
    ///
    /// The same as for [`Builder::create`](crate::Builder::create); also `Other` if this directory's path now refers to
    /// something else, and `NotFound` if a directory that contains this one was closed.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, no directory is left: see [`Builder::create`](crate::Builder::create).
    pub async fn temp_dir(&self) -> io::Result<Self> {
        Self::builder().parent_dir(&self.owner.dir).create().await
    }

    /// Changes the cleanup policy applied on drop.
    ///
    /// The environment can [keep more](Cleanup#the-environment-keeps-more).
    pub fn set_cleanup(&mut self, cleanup: Cleanup) {
        self.owner.set_cleanup(cleanup);
    }

    /// Returns whether the policy keeps the directory: see [`Owner::should_keep`].
    pub(super) fn should_keep(&self, end: End) -> bool {
        self.owner.should_keep(end)
    }

    /// Returns a future that waits until this directory has ended, and tells how.
    ///
    /// It does not depend on this handle. Use it when another part of the program owns and drops
    /// that, to wait for the one directory instead of for [all](crate::cleanup::idle). The future
    /// resolves when the removal has succeeded or failed, however it came about: by a drop,
    /// [`close`](Self::close), or the end of a directory that contains this one. If the directory is
    /// [kept](Self::keep) or [persisted](Self::persist), it resolves at once. If the handle is
    /// leaked, it never does.
    ///
    /// In a forked child, it resolves at once, to [`Ending::WrongProcess`].
    ///
    /// [`Ending::WrongProcess`]: crate::Ending::WrongProcess
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// use async_tempdir::{AsyncTempDir, Ending};
    ///
    /// struct Session {
    ///     dir: AsyncTempDir,
    /// }
    ///
    /// let session = Session { dir: AsyncTempDir::new().await? };
    /// let removed = session.dir.removed();
    /// let path = session.dir.path().to_path_buf();
    /// drop(session);
    /// assert_eq!(removed.await, Ending::Removed);
    /// assert!(!path.exists());
    /// # Ok::<(), std::io::Error>(())
    /// # }
    /// ```
    pub fn removed(&self) -> WaitForRemoval {
        self.owner.dir.wait_for_removal()
    }

    /// Removes the directory and everything in it, and reports errors.
    ///
    /// The async form of `tempfile::TempDir::close`, with [`RemoveDirAll`]'s options; Python's
    /// `TemporaryDirectory.cleanup()`. It succeeds if the directory no longer exists. A process that
    /// still works in it by path can create it again afterwards.
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
    /// A [`RemoveError`](crate::RemoveError) with every entry that remains, and its path by then. To
    /// try again, use its [`retry`](crate::RemoveError::retry).
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
    /// The same as `tempfile::TempDir::keep`; Python's `mkdtemp`. A directory made
    /// [inside](Self::temp_dir) another is still removed with that.
    ///
    /// One directly in a root that [retains](crate::RootBuilder::retain) what is kept, or that the
    /// [environment](Cleanup#the-environment-sets-a-root) sets, survives the end of the root. It is removed
    /// once as many later runs as are retained have kept something. To record its name in the root, the
    /// calling thread writes to a file there; if that fails, the
    /// [failure hook](crate::cleanup::set_failure_hook) is called.
    #[doc(alias = "into_path")]
    pub fn keep(self) -> PathBuf {
        self.owner.keep()
    }
}
