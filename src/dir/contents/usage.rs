//! Counting what is inside.

use std::io;

use crate::dir::AsyncTempDir;
use crate::usage::{self, Usage};

impl AsyncTempDir {
    /// Returns the numbers of files, directories and bytes inside.
    ///
    /// Like `du`, and as exact: see [`Usage`] for what counts. No symlink is followed, and what is
    /// mounted inside does not count. In a large tree, up to three more threads of the blocking
    /// pool help.
    ///
    /// An entry that is created or removed meanwhile may or may not count. Of each file with several hard links,
    /// 16 bytes or so are kept in memory; otherwise, memory does not grow with the number of files.
    ///
    /// # Errors
    ///
    /// `PermissionDenied` for a directory that cannot be read, and any other error of the system, for
    /// the first entry that fails: there is no partial sum. The error names it. `Other` if something
    /// more than thirty levels deep was moved while it was read, or if the path of the directory now
    /// refers to something else.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the counting stops soon. Nothing on disk changes in any case.
    ///
    /// # Platform notes
    ///
    /// FUSE filesystems that cache metadata by name may tell an old number of links for a second after
    /// a link was made, and then that counts as another file.
    ///
    /// On platforms other than Unix, one thread counts, each hard link counts, and
    /// [`allocated`](Usage::allocated) is the same as [`len`](Usage::len).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let dir = async_tempdir::AsyncTempDir::new().await?;
    /// dir.write("a/b.txt", "12345").await?;
    /// dir.write("c.txt", "678").await?;
    /// let usage = dir.usage().await?;
    /// assert_eq!((usage.files, usage.dirs, usage.len), (2, 2, 8));
    /// # dir.close().await?;
    /// # Ok::<(), std::io::Error>(())
    /// # }
    /// ```
    pub async fn usage(&self) -> io::Result<Usage> {
        self.walk("measure", usage::tree).await
    }
}
