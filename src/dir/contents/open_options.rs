//! The options of opening a file inside.

use std::io::{self, ErrorKind};

use crate::sys;

/// Options for opening a file inside a directory.
///
/// Like `tokio::fs::OpenOptions`, for [`AsyncTempDir::open_with`]. Everything is off at first.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// use async_tempdir::{AsyncTempDir, OpenOptions};
/// use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
///
/// let dir = AsyncTempDir::new().await?;
/// let mut options = OpenOptions::new();
/// options.read(true).write(true).create(true);
/// let mut file = dir.open_with("a/b", &options).await?;
/// file.write_all(b"written and read").await?;
/// file.rewind().await?;
/// let mut text = String::new();
/// file.read_to_string(&mut text).await?;
/// assert_eq!(text, "written and read");
/// # drop(file);
/// # dir.close().await?;
/// # Ok::<(), std::io::Error>(())
/// # }
/// ```
///
/// [`AsyncTempDir::open_with`]: crate::AsyncTempDir::open_with
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    read: bool,
    write: bool,
    append: bool,
    truncate: bool,
    create: bool,
    create_new: bool,
    mode: Option<u32>,
}

impl OpenOptions {
    /// Creates options with everything off.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the option for read access.
    pub fn read(&mut self, read: bool) -> &mut Self {
        self.read = read;
        self
    }

    /// Sets the option for write access.
    pub fn write(&mut self, write: bool) -> &mut Self {
        self.write = write;
        self
    }

    /// Sets the option for append mode, in which every write goes to the end of the file.
    pub fn append(&mut self, append: bool) -> &mut Self {
        self.append = append;
        self
    }

    /// Sets the option for truncating an existing file. Requires write access.
    pub fn truncate(&mut self, truncate: bool) -> &mut Self {
        self.truncate = truncate;
        self
    }

    /// Sets the option for creating a missing file. Requires write access or append mode.
    pub fn create(&mut self, create: bool) -> &mut Self {
        self.create = create;
        self
    }

    /// Sets the option for creating a file that must not exist, not even as a symlink.
    ///
    /// Requires write access or append mode. [`create`](Self::create) and
    /// [`truncate`](Self::truncate) are then ignored.
    pub fn create_new(&mut self, create_new: bool) -> &mut Self {
        self.create_new = create_new;
        self
    }

    /// Sets the mode bits of a file that is created (default `0o666`, less the umask).
    #[cfg(unix)]
    pub fn mode(&mut self, mode: u32) -> &mut Self {
        self.set_mode(mode)
    }

    /// Like [`mode`](Self::mode), and without effect where files have no mode.
    pub(super) fn set_mode(&mut self, mode: u32) -> &mut Self {
        self.mode = Some(mode);
        self
    }

    pub(super) fn is_append(&self) -> bool {
        self.append
    }

    pub(super) fn creates(&self) -> bool {
        self.create || self.create_new
    }

    pub(super) fn creates_new(&self) -> bool {
        self.create_new
    }

    /// Converts the options to those of cap-std.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for the combinations that the standard library rejects. It is checked here,
    /// because cap-std might resolve the path, and so create missing parents, before it looks.
    pub(super) fn checked(&self) -> io::Result<cap_std::fs::OpenOptions> {
        let invalid = |message| Err(io::Error::new(ErrorKind::InvalidInput, message));
        if !(self.read || self.write || self.append) {
            return invalid("it is opened neither for reading nor for writing or appending");
        }
        if (self.creates() || self.truncate) && !(self.write || self.append) {
            return invalid("creating or truncating a file requires write or append access");
        }
        if self.append && self.truncate && !self.create_new {
            return invalid("a file is either truncated or appended to");
        }
        let mut options = cap_std::fs::OpenOptions::new();
        options
            .read(self.read)
            .write(self.write)
            .append(self.append)
            .truncate(self.truncate)
            .create(self.create)
            .create_new(self.create_new);
        if let Some(mode) = self.mode {
            sys::set_mode(&mut options, mode);
        }
        Ok(options)
    }
}
