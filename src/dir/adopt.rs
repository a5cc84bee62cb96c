//! Takes over a directory that exists.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::AsyncTempDir;
use crate::blocking::spawn;
use crate::cleanup::RuntimeQueues;
use crate::owned::{AdoptRequest, Cleanup, Policy, Reserved};
use crate::util::{resolve_entry, with_path};

impl AsyncTempDir {
    /// Takes over a directory that exists, and frees its name at once.
    ///
    /// For "move to the trash, delete in the background": an old cache, a previous release, a tree of
    /// any size. By a rename beside where it was, the directory gets the hidden name
    /// `.<name>-<random>.adopted`, which takes as long for 100,000 files as for none. When this
    /// returns, the old name is free, and the directory lives as long as the handle, like one that
    /// was created: dropping that removes it in the background.
    ///
    /// A process that goes by the old path no longer finds the directory. One that has opened it, or
    /// works in it as its current directory, continues to use it, and may lose its files. Contents,
    /// permissions and owners are not changed.
    ///
    /// If this process is killed, the directory remains under its hidden name:
    /// [`TempRoot::adopt`](crate::TempRoot::adopt) prevents that.
    ///
    /// # Errors
    ///
    /// Each error names the path. The directory has not been touched.
    ///
    /// - `InvalidInput`: `path` is empty, contains a NUL, is `/` or `.`, or ends in `..`; or the
    ///   environment variable
    ///   [`ASYNC_TEMPDIR_CLEANUP`](Cleanup#the-environment-keeps-more) is not a policy.
    /// - `NotADirectory`: it is a file or a symlink, also with a trailing slash.
    /// - `ResourceBusy`: it is a mount point, or the current directory of this process, or contains
    ///   that.
    /// - `CrossesDevices`: the filesystem cannot rename it, as overlayfs cannot rename a directory of
    ///   a container's image.
    /// - `Other`: another process replaced it meanwhile (if what it put there could not be moved
    ///   back, the error says where that is); or the caller is outside a Tokio runtime, or the
    ///   runtime is shutting down.
    /// - `NotFound`, `PermissionDenied`, `ReadOnlyFilesystem` and any other error that the operating
    ///   system returns for `rename`.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the directory remains where it is, or is moved back there, which
    /// [`cleanup::idle`](crate::cleanup::idle) waits for: nothing is deleted that no handle stood
    /// for. The exception is a directory that cannot be moved back, because another process has taken
    /// its name or changed its parent meanwhile; it is removed in the background, as if the handle had
    /// been dropped.
    ///
    /// # Platform notes
    ///
    /// - A directory that is mounted inside is not removed by the drop, which reports that.
    /// - Windows: a directory cannot be renamed while a file inside is open, or it is the current
    ///   directory of a process. The error is `PermissionDenied`.
    ///
    /// # Security
    ///
    /// A process that may write to the parent can replace the directory at any moment. What has been
    /// moved is compared with what was found at the path (device, inode, creation time), and moved
    /// back if it is not that. Later, only that directory is removed.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// use async_tempdir::AsyncTempDir;
    ///
    /// # let outer = AsyncTempDir::new().await?;
    /// # outer.write("cache/old", "x").await?;
    /// # let cache = outer.path().join("cache");
    /// drop(AsyncTempDir::adopt(&cache).await?); // removed in the background
    /// tokio::fs::create_dir(&cache).await?; // at once
    /// # assert_eq!(std::fs::read_dir(&cache)?.count(), 0);
    /// # outer.close().await?;
    /// # Ok::<(), std::io::Error>(())
    /// # }
    /// ```
    #[doc(alias = "trash")]
    #[doc(alias = "rmtree")]
    #[doc(alias = "take")]
    pub async fn adopt(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref().to_path_buf();
        Self::adopt_into(path, None).await
    }

    /// Adopts a directory, and moves it into the one that is `reserved`.
    pub(crate) async fn adopt_into(given: PathBuf, reserved: Option<Reserved>) -> io::Result<Self> {
        let adopted = try_adopt(&given, reserved).await;
        adopted.map_err(|error| {
            let shown = std::path::absolute(&given);
            with_path("adopt", &shown.unwrap_or(given), error)
        })
    }
}

async fn try_adopt(given: &Path, reserved: Option<Reserved>) -> io::Result<AsyncTempDir> {
    let path = resolve_entry(given)?;
    let policy = Policy::new(Cleanup::Always)?;
    let (queues, _reservation, parent_guard) = match reserved {
        Some(reserved) => {
            let (reservation, guard, operation) = reserved.begin()?;
            let queues = guard.dir.queues_here();
            (queues, Some(reservation), Some((guard, operation)))
        }
        None => (RuntimeQueues::of(&spawn::current()?), None, None),
    };
    let request = AdoptRequest {
        path,
        queues: Arc::clone(&queues),
        parent_guard,
    };
    let adopted = queues.operations.run(|| request.run()).await??;
    Ok(AsyncTempDir::new_owning(adopted.into_owner(), policy))
}
