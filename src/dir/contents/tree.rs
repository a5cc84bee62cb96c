//! Reading everything inside into memory.

use std::io;

use crate::dir::AsyncTempDir;
use crate::tree::{self, Tree};

impl AsyncTempDir {
    /// Reads everything inside into memory, to compare or print it.
    ///
    /// The [`Tree`] contains every file with its contents, every symlink with its target, and every
    /// other entry with its kind. No symlink is followed, and only directories and regular files are
    /// opened. Filesystems that are mounted inside are left out. In a large tree, up to three more
    /// threads of the blocking pool help.
    ///
    /// An entry that is created or removed meanwhile may or may not be included. A file that grows
    /// is read up to the length that it had when it was opened.
    ///
    /// All contents and paths are held in memory, at most [`Tree::MAX_LEN`] bytes. In a deep tree, each
    /// entry has its whole path.
    ///
    /// # Errors
    ///
    /// The error names the first entry that fails. There is no partial tree.
    ///
    /// - `PermissionDenied`: a file or directory cannot be read.
    /// - `FileTooLarge`: files and paths have more than [`Tree::MAX_LEN`] bytes together. Holes count.
    /// - `OutOfMemory`: there is not enough memory for the contents of a file.
    /// - `Other`: a directory more than thirty levels deep was moved while it was read, or the path of
    ///   this directory now refers to something else.
    /// - Any other error that the operating system returns.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, reading stops soon. Nothing on disk changes, except for access times.
    ///
    /// # Security
    ///
    /// On Unix, everything is read relative to open directories, so a symlink that is planted
    /// meanwhile leads nowhere else. If a FIFO or a device takes the place of a file, opening it waits
    /// for no peer, and it is closed again.
    ///
    /// # Platform notes
    ///
    /// On platforms other than Unix, one thread reads, and no entry has a mode.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let dir = async_tempdir::AsyncTempDir::new().await?;
    /// // Here, a program writes to the directory.
    /// # dir.populate([("a.txt", "1"), ("img/a.svg", "<svg/>")]).await?;
    /// assert_eq!(
    ///     dir.tree().await?,
    ///     [("a.txt", "1"), ("img/a.svg", "<svg/>")]
    /// );
    /// # dir.close().await?;
    /// # Ok::<(), std::io::Error>(())
    /// # }
    /// ```
    #[doc(alias = "assert_fs")]
    pub async fn tree(&self) -> io::Result<Tree> {
        self.walk("read", tree::read).await
    }
}
