//! Operations on one file.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::Contents;
use super::open::{Access, open, open_to_hand_out};
use super::open_options::OpenOptions;
use crate::dir::AsyncTempDir;

impl AsyncTempDir {
    /// Writes a file, creating missing parents, and returns its absolute path.
    ///
    /// An existing file is truncated. Like `tokio::fs::write`, but confined to the directory. See
    /// [`Contents`] for what may be passed.
    ///
    /// # Errors
    ///
    /// Each error names the operation and the path.
    ///
    /// - `InvalidInput`: the path is empty or contains a NUL, or it refers to something other than
    ///   a regular file: a FIFO, a socket, a device.
    /// - `PermissionDenied`: the path leads out of the directory (by `..`, through a symlink, or as an
    ///   absolute path that does not begin with [`path`](Self::path)), or the operating system denies
    ///   access.
    /// - `NotFound`: the directory was removed, or one that contains it was [closed](Self::close).
    /// - `IsADirectory`, `InvalidFilename` (a name too long) and any other error of the operating
    ///   system.
    /// - `WouldBlock`: the holder of a lease on the file (Linux) does not release it within five
    ///   seconds.
    /// - `Other`: the directory's path now refers to something else, the runtime is shutting down,
    ///   or the system gives it no thread.
    ///
    /// If the path leads out, [`PathError::io_error`](crate::PathError::io_error) has no
    /// `raw_os_error`; if the operating system denies access, it has one. After an error, the file may
    /// be incomplete: [`write_stream`](Self::write_stream) writes all or nothing.
    ///
    /// # Panics
    ///
    /// Panics if the `as_ref` of an [owner](Contents::from_owner) of the contents does.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the file may be unchanged, incomplete or complete. It is removed
    /// with the directory, which is not removed before the operation ends.
    ///
    /// # Platform notes
    ///
    /// On Windows, `InvalidInput` also covers names with another meaning there: a name with a colon
    /// (an alternate data stream) or another reserved character, one that ends in a dot or a space,
    /// and a device name, with any extension (`NUL`, `com1.txt`).
    pub async fn write(
        &self,
        path: impl AsRef<Path>,
        contents: impl Into<Contents>,
    ) -> io::Result<PathBuf> {
        let path = path.as_ref();
        let contents = contents.into();
        self.run_at("write", path, move |dir, path| {
            // If this panics, the file is as it was.
            let bytes = contents.as_ref();
            open(dir, path, Access::Truncate)?.write_all(bytes)
        })
        .await?;
        Ok(self.path().join(path))
    }

    /// Reads a whole file.
    ///
    /// Like `tokio::fs::read`, but confined to the directory.
    ///
    /// # Errors
    ///
    /// `NotFound`, and the same errors as [`write`](Self::write).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing on disk.
    pub async fn read(&self, path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
        self.run_at("read", path.as_ref(), |dir, path| {
            let mut bytes = Vec::new();
            // The standard library's file reserves room according to the file's size.
            let mut file = open(dir, path, Access::Read)?.into_std();
            file.read_to_end(&mut bytes)?;
            Ok(bytes)
        })
        .await
    }

    /// Reads a whole file as UTF-8.
    ///
    /// Like `tokio::fs::read_to_string`, but confined to the directory.
    ///
    /// # Errors
    ///
    /// `InvalidData` if the file is not UTF-8; `NotFound`; and the same errors as
    /// [`write`](Self::write).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing on disk.
    pub async fn read_to_string(&self, path: impl AsRef<Path>) -> io::Result<String> {
        self.run_at("read", path.as_ref(), |dir, path| {
            let mut text = String::new();
            let mut file = open(dir, path, Access::Read)?.into_std();
            file.read_to_string(&mut text)?;
            Ok(text)
        })
        .await
    }

    /// Opens a file for writing, truncating it or creating it and missing parents.
    ///
    /// Like `tokio::fs::File::create`, but confined to the directory.
    ///
    /// A write may still be under way when its future ends, as with every `tokio::fs::File`: await
    /// `flush` before something else reads the file, and before [`persist`](Self::persist).
    ///
    /// # Errors
    ///
    /// The same as for [`write`](Self::write).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the file may or may not have been created or truncated.
    pub async fn create(&self, path: impl AsRef<Path>) -> io::Result<tokio::fs::File> {
        self.opened("create", path.as_ref(), Access::Truncate.options())
            .await
    }

    /// Creates a file, including missing parents, and opens it for writing. Errors if it exists.
    ///
    /// Like `tokio::fs::File::create_new`, but for writing only, and confined to the directory. Await
    /// `flush`, as with [`create`](Self::create).
    ///
    /// # Errors
    ///
    /// `AlreadyExists`, also for a symlink, wherever it leads, and the same errors as
    /// [`write`](Self::write).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the file may be missing or empty.
    pub async fn create_new(&self, path: impl AsRef<Path>) -> io::Result<tokio::fs::File> {
        self.opened("create", path.as_ref(), Access::New.options())
            .await
    }

    /// Opens a file for appending, creating it and missing parents if needed.
    ///
    /// Like `tokio::fs::OpenOptions` with `append` and `create`, but confined to the directory.
    /// Every write goes to the end that the file has by then.
    ///
    /// # Errors
    ///
    /// The same as for [`write`](Self::write).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the file may or may not exist. Its contents remain.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// use tokio::io::AsyncWriteExt; // the feature `io-util` of Tokio
    ///
    /// let dir = async_tempdir::AsyncTempDir::new().await?;
    /// let mut log = dir.append("log").await?;
    /// log.write_all(b"begin\n").await?;
    /// log.flush().await?; // otherwise the file may still be empty
    /// assert_eq!(dir.read("log").await?, b"begin\n");
    /// # dir.close().await?;
    /// # Ok::<(), std::io::Error>(())
    /// # }
    /// ```
    pub async fn append(&self, path: impl AsRef<Path>) -> io::Result<tokio::fs::File> {
        self.opened("append to", path.as_ref(), Access::Append.options())
            .await
    }

    /// Opens a file for reading.
    ///
    /// Like `tokio::fs::File::open`, but confined to the directory.
    ///
    /// # Errors
    ///
    /// `NotFound`, and the same errors as [`write`](Self::write).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing on disk.
    pub async fn open(&self, path: impl AsRef<Path>) -> io::Result<tokio::fs::File> {
        self.opened("open", path.as_ref(), Access::Read.options())
            .await
    }

    /// Opens a file as `options` say, creating missing parents if it may be created.
    ///
    /// Like `tokio::fs::OpenOptions::open`, but for regular files only, and confined to the
    /// directory. Await `flush` after writing, as with [`create`](Self::create).
    ///
    /// # Errors
    ///
    /// - `InvalidInput`: the options ask for no access, for creating or truncating without write or
    ///   append access, or for both truncating and appending.
    /// - `NotFound` or `AlreadyExists`, according to the options.
    /// - The same errors as for [`write`](Self::write).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the file may or may not have been created or truncated.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// use async_tempdir::OpenOptions;
    ///
    /// let dir = async_tempdir::AsyncTempDir::new().await?;
    /// dir.write("file", "0123456789").await?;
    /// let file = dir.open_with("file", OpenOptions::new().write(true)).await?;
    /// file.set_len(4).await?;
    /// assert_eq!(dir.read("file").await?, b"0123");
    /// # drop(file);
    /// # dir.close().await?;
    /// # Ok::<(), std::io::Error>(())
    /// # }
    /// ```
    pub async fn open_with(
        &self,
        path: impl AsRef<Path>,
        options: &OpenOptions,
    ) -> io::Result<tokio::fs::File> {
        self.opened("open", path.as_ref(), options.clone()).await
    }

    async fn opened(
        &self,
        operation: &'static str,
        path: &Path,
        options: OpenOptions,
    ) -> io::Result<tokio::fs::File> {
        let file = self
            .run_at(operation, path, move |dir, path| {
                open_to_hand_out(dir, path, &options)
            })
            .await?;
        Ok(tokio::fs::File::from_std(file.into_std()))
    }
}
