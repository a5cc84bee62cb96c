//! Takes over a directory that exists, into a root.

use std::io;
use std::path::Path;

use super::TempRoot;
use crate::dir::AsyncTempDir;
use crate::owned::Reserved;

impl TempRoot {
    /// Takes over a directory that exists: moves it into the root, and frees its name at once.
    ///
    /// Like [`AsyncTempDir::adopt`], but if this process is killed, the directory is reclaimed with
    /// the root. The root must be on the same filesystem: [open](Self::open_in) it beside what it is
    /// to adopt. While the directory's handle exists, dropping the root's handle does not remove the
    /// root.
    ///
    /// # Errors
    ///
    /// The same as for [`AsyncTempDir::adopt`]; also
    ///
    /// - `CrossesDevices`: the directory is on another filesystem than the root.
    /// - `InvalidInput`: it is the root, or contains that.
    /// - `PermissionDenied`: it belongs to another user, and this one may not write to it.
    /// - `NotFound` if another process has removed the root, and `Other` if the root's path now
    ///   refers to something else, or this is a forked child.
    ///
    /// # Cancel safety
    ///
    /// The same as for [`AsyncTempDir::adopt`].
    ///
    /// # Platform notes
    ///
    /// Unix: a directory without write permission for its owner cannot be moved into another. If it
    /// belongs to this user, it is given that permission for the moment of the rename.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// # let outer = async_tempdir::AsyncTempDir::new().await?;
    /// # outer.write("cache/old", "x").await?;
    /// # let parent = outer.path();
    /// use async_tempdir::TempRoot;
    ///
    /// let root = TempRoot::open_in("my-server", parent).await?;
    /// let old = root.adopt(parent.join("cache")).await?;
    /// assert!(!parent.join("cache").exists());
    /// assert_eq!(old.read_to_string("old").await?, "x");
    /// drop(old); // removed in the background, or after a kill by the next process
    /// # root.close().await?;
    /// # outer.close().await?;
    /// # Ok::<(), std::io::Error>(())
    /// # }
    /// ```
    pub async fn adopt(&self, path: impl AsRef<Path>) -> io::Result<AsyncTempDir> {
        let path = path.as_ref().to_path_buf();
        AsyncTempDir::adopt_into(path, Some(Reserved::new(&self.owner.dir))).await
    }
}
