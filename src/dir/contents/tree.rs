//! Reading everything inside into memory.

use std::io;

use crate::dir::AsyncTempDir;
use crate::tree::{self, Tree};

impl AsyncTempDir {
    /// Reads everything inside into memory, to be compared and printed.
    ///
    /// The [`Tree`] has every file with its contents, every symlink with its target, and everything
    /// else with its kind. No symlink is followed, and nothing but regular files is opened. A
    /// filesystem that is mounted inside is left out. In a large tree, up to three more threads of
    /// the blocking pool help.
    ///
    /// An entry that changes meanwhile is read in some state: a file that grows, as long as it was
    /// when it was opened. An entry that is created or removed meanwhile may or may not be there.
    ///
    /// All contents and paths are in memory: at most [`Tree::MAX_LEN`] bytes. Each level of a deep
    /// tree has its whole path.
    ///
    /// # Errors
    ///
    /// For the first entry that fails, which the error names; there is no partial tree:
    ///
    /// - `PermissionDenied`: a file or directory cannot be read.
    /// - `FileTooLarge`: files and paths have more than [`Tree::MAX_LEN`] bytes. Holes count.
    /// - `OutOfMemory`: there is not enough memory for a file.
    /// - `Other`: something more than thirty levels deep was moved while it was read, or the path
    ///   of the directory now refers to something else.
    /// - Any other error of the operating system.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the reading stops soon. Nothing on disk changes in any case,
    /// except for times of access.
    ///
    /// # Security
    ///
    /// On Unix, everything is read relative to open directories: a symlink that is planted
    /// meanwhile leads nowhere else. A FIFO or a device that takes the place of a file is opened
    /// without waiting for its peer, and closed again.
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
