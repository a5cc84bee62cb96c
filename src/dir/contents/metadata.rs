//! Metadata and permissions.

use std::fs::{Metadata, Permissions};
use std::io;
use std::path::Path;

use cap_std::fs::Dir;

use super::open::{parent, requires_dir};
use crate::dir::AsyncTempDir;
use crate::sys;

impl AsyncTempDir {
    /// Returns the metadata of `path`, following symlinks.
    ///
    /// Like `tokio::fs::metadata`, but confined to the directory. A symlink that leads out is an
    /// error. Nothing is opened for reading: a FIFO is no obstacle.
    ///
    /// # Errors
    ///
    /// `NotFound`, and the same errors as [`write`](Self::write), except for those of files that are
    /// not regular.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing on disk.
    ///
    /// # Platform notes
    ///
    /// On Unix other than Linux and Android, `Other` also means that another process kept replacing
    /// the entry.
    pub async fn metadata(&self, path: impl AsRef<Path>) -> io::Result<Metadata> {
        let root = self.path().to_path_buf();
        self.run_at("read the metadata of", path.as_ref(), move |dir, path| {
            sys::metadata(dir, &root, path)
        })
        .await
    }

    /// Returns the metadata of `path` itself, even if it is a symlink.
    ///
    /// Like `tokio::fs::symlink_metadata`, but confined to the directory. Symlinks in the middle are
    /// followed inside, and so is one with a separator after it.
    ///
    /// # Errors
    ///
    /// The same as for [`metadata`](Self::metadata).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing on disk.
    pub async fn symlink_metadata(&self, path: impl AsRef<Path>) -> io::Result<Metadata> {
        let root = self.path().to_path_buf();
        self.run_at("read the metadata of", path.as_ref(), move |dir, path| {
            symlink_metadata(dir, &root, path)
        })
        .await
    }

    /// Sets the permissions of `path`, following symlinks.
    ///
    /// Like `tokio::fs::set_permissions`, but confined to the directory. A symlink that leads out is
    /// an error. Neither permission to read or write the file is needed, nor a FIFO's peer.
    ///
    /// # Errors
    ///
    /// The same as for [`metadata`](Self::metadata). `PermissionDenied` also if the file belongs to
    /// another user.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the permissions may or may not have changed.
    ///
    /// # Platform notes
    ///
    /// On Unix other than Linux and Android, and on Linux without `/proc`, the file must be readable
    /// or writable, and a socket is an error. On Windows, only the read-only attribute changes, and
    /// the file must be readable.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let dir = async_tempdir::AsyncTempDir::new().await?;
    /// dir.write("script", "#!/bin/sh\n").await?;
    /// let mut permissions = dir.metadata("script").await?.permissions();
    /// permissions.set_readonly(true);
    /// dir.set_permissions("script", permissions).await?;
    /// assert!(dir.metadata("script").await?.permissions().readonly());
    /// # dir.close().await?;
    /// # Ok::<(), std::io::Error>(())
    /// # }
    /// ```
    pub async fn set_permissions(
        &self,
        path: impl AsRef<Path>,
        permissions: Permissions,
    ) -> io::Result<()> {
        self.run_at("set the permissions of", path.as_ref(), |dir, path| {
            sys::set_permissions(dir, path, permissions)
        })
        .await
    }
}

/// Returns the metadata of `path` beneath `dir`, which is at `root`, without following the last
/// component.
pub(super) fn symlink_metadata(dir: &Dir, root: &Path, path: &Path) -> io::Result<Metadata> {
    match path.file_name() {
        Some(name) if !requires_dir(path) => {
            let above = parent(path);
            sys::symlink_metadata(&dir.open_dir(above)?, &root.join(above), name)
        }
        // A separator or dot at the end makes path resolution follow a symlink before it.
        _ => sys::metadata(dir, root, path),
    }
}
