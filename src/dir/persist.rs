//! Publishes a directory by an atomic rename.

use std::path::{Path, PathBuf};

use super::AsyncTempDir;
use crate::error::{PersistError, located};
use crate::reply;

impl AsyncTempDir {
    /// Publishes the directory: moves it to `target` by an atomic rename and keeps it there.
    ///
    /// No reader at `target` sees it half-finished: before the rename, this waits for operations
    /// inside whose future was dropped. A directory inside that was [kept](Self::keep) is published
    /// with it.
    ///
    /// Returns the target's absolute path. Permissions remain those of a temporary directory.
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
    /// - `ResourceBusy`: a handle of a directory [inside](Self::temp_dir), at any depth, still
    ///   exists. (If it was dropped, or its [`close`](Self::close) has begun, this waits until its
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
        let operation = format!("persist {:?} as", self.path());
        let fail =
            |error, claim| PersistError::new(located(operation, given, error), Self { claim });
        let target = match std::path::absolute(given) {
            Ok(target) => target,
            Err(error) => return Err(fail(error, self.claim)),
        };
        if let Err(error) = self.claim.drained().await {
            return Err(fail(error, self.claim));
        }
        // Until the rename is done, the job keeps every containing directory from being removed:
        // removal would reach this one through an open descriptor, even under its new name.
        let job = match self.claim.dir().job() {
            Ok(job) => job,
            Err(error) => return Err(fail(error, self.claim)),
        };
        let lane = self.lane();
        let mut claim = self.claim;
        // Held again if the rename fails. If the future is dropped, there is no handle.
        claim.set_held(false);
        let (reply, waiting) = reply::channel();
        // Not `tokio::fs::rename`: if cancelled, it would rename while the dropped handle's
        // directory is being removed. Here the claim moves into the closure that renames.
        lane.errands().run({
            let target = target.clone();
            move || {
                reply.answer_if_awaited(move || {
                    let persisted = claim.persist(&target);
                    drop(job);
                    persisted
                });
            }
        });
        match waiting.await {
            Ok(Ok(())) => Ok(target),
            Ok(Err((error, claim))) => Err(fail(error, claim)),
            Err(_lost) => unreachable!("a claim that is lost is lost with its job"),
        }
    }
}
