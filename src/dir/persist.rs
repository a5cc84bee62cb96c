//! Publishes a directory by an atomic rename.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::AsyncTempDir;
use crate::blocking::oneshot;
use crate::blocking::spin::Kind;
use crate::owned::Owner;
use crate::util::{with_detail, with_hint};

impl AsyncTempDir {
    /// Publishes the directory: moves it to `target` by an atomic rename and keeps it there.
    ///
    /// No reader at `target` sees it half-finished: before the rename, this waits for operations
    /// inside whose future was dropped. A directory inside that was [kept](Self::keep) is published
    /// with it.
    ///
    /// Returns the target's absolute path. Permissions do not change: by default, the directory is
    /// its owner's alone (mode 0700).
    ///
    /// # Errors
    ///
    /// The error contains the handle; the directory is not moved.
    ///
    /// - `NotFound`: the target's parent does not exist, or a directory that contains this one was
    ///   closed.
    /// - `DirectoryNotEmpty`, `NotADirectory` or, on XFS, `AlreadyExists`: the target exists.
    ///   (Unix: an empty directory is replaced.)
    /// - `CrossesDevices`: the target is on another filesystem.
    /// - `ResourceBusy`: a handle of a directory [inside](Self::temp_dir), at any depth, or a
    ///   [builder](crate::Builder::inside) for one, still exists. (If it was dropped, or its [`close`](Self::close) has begun, this waits until its
    ///   directory is gone.)
    /// - `Other`: the directory's path now refers to something else; or a directory inside could
    ///   not be removed and is still there, in which case the error names it.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the directory is either complete at the target, or removed as if
    /// the handle had been dropped.
    pub async fn persist(self, target: impl AsRef<Path>) -> Result<PathBuf, PersistError> {
        let given = target.as_ref();
        let path = self.path().to_path_buf();
        let moved = match std::path::absolute(given) {
            Ok(target) => move_to(target, self.owner).await,
            Err(error) => Err((error, self.owner)),
        };
        moved.map_err(|(error, owner)| {
            let error = with_detail("persist", &path, format!(" as {given:?}"), error);
            let error = match error.kind() {
                io::ErrorKind::CrossesDevices => {
                    with_hint(error, "create it beside the target, with `new_in`")
                }
                io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists => {
                    with_hint(error, "move it away first, or publish under another name")
                }
                _ => error,
            };
            PersistError::new(error, Self { owner })
        })
    }
}

async fn move_to(target: PathBuf, mut owner: Owner) -> Result<PathBuf, (io::Error, Owner)> {
    if let Err(error) = owner.drained().await {
        return Err((error, owner));
    }
    // Until the rename is done, the operation keeps every containing directory from being removed:
    // removal would reach this one through an open descriptor, even under its new name.
    let operation = match owner.dir.begin_operation() {
        Ok(operation) => operation,
        Err(error) => return Err((error, owner)),
    };
    let queues = owner.dir.queues_here();
    // Held again if the rename fails. If the future is dropped, there is no handle.
    owner.set_held(false);
    let (sender, receiver) = oneshot::channel(Kind::of::<PersistError>());
    // Not `tokio::fs::rename`: if cancelled, it would rename while the dropped handle's directory is
    // being removed. Here the owner moves into the closure that renames.
    let task = move || {
        let rename = move || {
            let moved = owner.persist(&target).map(|()| target);
            drop(operation);
            moved
        };
        sender.run_if_awaited(rename, ());
    };
    receiver.expect(queues.operations.spawn_mandatory(task));
    let moved = receiver.await;
    moved.unwrap_or_else(|_lost| unreachable!("a mandatory task runs, and sends its value"))
}

/// The error of [`AsyncTempDir::persist`], with the handle, which still owns its directory.
///
/// The async counterpart of `tempfile::PersistError`. Dropping it, or converting it into an
/// [`io::Error`], drops the handle, which by default removes the directory.
#[must_use = "the error holds the directory's handle: dropped, the directory is removed"]
pub struct PersistError {
    error: io::Error,
    // Boxed to keep the error small in a `Result`.
    dir: Box<AsyncTempDir>,
}

impl PersistError {
    pub(crate) fn new(error: io::Error, dir: AsyncTempDir) -> Self {
        Self {
            error,
            dir: Box::new(dir),
        }
    }

    /// Returns the I/O error, which names both paths.
    pub fn error(&self) -> &io::Error {
        &self.error
    }

    /// Returns the handle of the directory, which was not moved.
    pub fn dir(&self) -> &AsyncTempDir {
        &self.dir
    }

    /// Returns the handle of the directory.
    ///
    /// Use it to try again elsewhere, or to [`keep`](AsyncTempDir::keep) or
    /// [`close`](AsyncTempDir::close) the directory.
    pub fn into_dir(self) -> AsyncTempDir {
        *self.dir
    }
}

/// The same as `Display`, because `unwrap` and a `main` that returns an error print this.
impl fmt::Debug for PersistError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for PersistError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl Error for PersistError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.source()
    }
}

impl From<PersistError> for io::Error {
    fn from(error: PersistError) -> Self {
        error.error
    }
}
