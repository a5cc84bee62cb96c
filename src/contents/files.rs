//! Files, one at a time.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::open::{Access, open, open_to_hand_out};
use crate::AsyncTempDir;

impl AsyncTempDir {
    /// Writes `contents` to the file `path`, which is created, with the directories it is in, or
    /// replaced: `tokio::fs::write`, contained. Returns the absolute path.
    ///
    /// # Errors
    ///
    /// Each names operation and path.
    ///
    /// - `InvalidInput`: the path is empty or contains a NUL; or there is something at it that is
    ///   no regular file: a FIFO, a socket, a device.
    /// - `PermissionDenied`: the path leads out of the directory (by `..`, by being absolute,
    ///   through a symlink), or the operating system refuses.
    /// - `NotFound`: the directory was removed, or one around it was [closed](Self::close).
    /// - `IsADirectory`, `InvalidFilename` (a name too long) and whatever else the operating system
    ///   says.
    /// - `WouldBlock`: somebody holds a lease on the file (Linux), and does not let go of it within
    ///   five seconds.
    /// - `Other`: something else has the directory's name by now, or the runtime shuts down, or the
    ///   system gives it no thread.
    ///
    /// # Panics
    ///
    /// If `contents.as_ref()` does.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the file may be there, whole or in part, or not. It is in the
    /// directory and goes with it; the directory is not removed before the operation has ended.
    ///
    /// # Platform notes
    ///
    /// On Windows, `InvalidInput` is also a name that would become something else there: one with
    /// a colon (an alternate data stream) or another reserved character, one that ends in a dot
    /// or a space, and that of a device, with any extension (`NUL`, `com1.txt`).
    pub async fn write(
        &self,
        path: impl AsRef<Path>,
        contents: impl AsRef<[u8]> + Send + 'static,
    ) -> io::Result<PathBuf> {
        let path = path.as_ref();
        self.inside("write", path, move |dir, path| {
            open(dir, path, Access::Truncate)?.write_all(contents.as_ref())
        })
        .await?;
        Ok(self.path().join(path))
    }

    /// Reads the whole file `path`: `tokio::fs::read`, contained.
    ///
    /// # Errors
    ///
    /// `NotFound`, or those of [`write`](Self::write).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing on disk.
    pub async fn read(&self, path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
        self.inside("read", path.as_ref(), |dir, path| {
            let mut bytes = Vec::new();
            // Of the standard library's file, for it makes room according to the file's size.
            let mut file = open(dir, path, Access::Read)?.into_std();
            file.read_to_end(&mut bytes)?;
            Ok(bytes)
        })
        .await
    }

    /// Reads the whole file `path` as UTF-8: `tokio::fs::read_to_string`, contained.
    ///
    /// # Errors
    ///
    /// `InvalidData`: it is not UTF-8; `NotFound`; or those of [`write`](Self::write).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing on disk.
    pub async fn read_to_string(&self, path: impl AsRef<Path>) -> io::Result<String> {
        self.inside("read", path.as_ref(), |dir, path| {
            let mut text = String::new();
            let mut file = open(dir, path, Access::Read)?.into_std();
            file.read_to_string(&mut text)?;
            Ok(text)
        })
        .await
    }

    /// Opens the file `path` for writing; it is created, with the directories it is in, or
    /// truncated: `tokio::fs::File::create`, contained.
    ///
    /// # Errors
    ///
    /// Those of [`write`](Self::write).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the file may be there, empty, or not.
    pub async fn create(&self, path: impl AsRef<Path>) -> io::Result<tokio::fs::File> {
        self.opened("create", path.as_ref(), Access::Truncate).await
    }

    /// Opens the file `path` for writing; it must not exist and is created, with the directories
    /// it is in: `tokio::fs::File::create_new`, but for writing only, and contained.
    ///
    /// # Errors
    ///
    /// `AlreadyExists`, also of a symlink, wherever it leads; or those of [`write`](Self::write).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the file may be there, empty, or not.
    pub async fn create_new(&self, path: impl AsRef<Path>) -> io::Result<tokio::fs::File> {
        self.opened("create", path.as_ref(), Access::New).await
    }

    /// Opens the file `path` for writing at its end, wherever that is by then; it is created, with
    /// the directories it is in, if it does not exist: `tokio::fs::OpenOptions` with `append` and
    /// `create`, contained.
    ///
    /// # Errors
    ///
    /// Those of [`write`](Self::write).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the file may be there or not. What is in it stays.
    pub async fn append(&self, path: impl AsRef<Path>) -> io::Result<tokio::fs::File> {
        self.opened("append to", path.as_ref(), Access::Append)
            .await
    }

    /// Opens the file `path` for reading: `tokio::fs::File::open`, contained.
    ///
    /// # Errors
    ///
    /// `NotFound`, or those of [`write`](Self::write).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing on disk.
    pub async fn open(&self, path: impl AsRef<Path>) -> io::Result<tokio::fs::File> {
        self.opened("open", path.as_ref(), Access::Read).await
    }

    async fn opened(
        &self,
        operation: &'static str,
        path: &Path,
        access: Access,
    ) -> io::Result<tokio::fs::File> {
        let file = self
            .inside(operation, path, move |dir, path| {
                open_to_hand_out(dir, path, access)
            })
            .await?;
        Ok(tokio::fs::File::from_std(file.into_std()))
    }
}
