//! Hands a publication to the blocking pool.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::contents::CancelOnDrop;
use super::{AsyncTempDir, PersistError};
use crate::blocking::oneshot;
use crate::blocking::spin::Kind;
use crate::owned::{Cleanup, NewPermissions, Owner, Policy, Publication};
use crate::util::{with_detail, with_hint};

/// A publication that has not begun: the directory, its target and the settings.
pub(super) struct Request<T> {
    pub(super) dir: AsyncTempDir,
    pub(super) given: PathBuf,
    /// Made absolute at once, because the current directory may change before this is awaited.
    pub(super) resolved: io::Result<PathBuf>,
    pub(super) replaces: bool,
    pub(super) syncs: bool,
    pub(super) permissions: NewPermissions,
    pub(super) output: fn(PathBuf, Option<(Owner, Policy)>) -> T,
}

impl<T> Request<T> {
    pub(super) async fn publish(self) -> Result<T, PersistError> {
        let path = self.dir.path().to_path_buf();
        let cancelled = CancelOnDrop::default();
        // Applies to the handle for the old directory.
        let policy = match self.replaces {
            true => Policy::new(Cleanup::Always),
            false => Ok(Policy::default()),
        };
        let prepared = self.resolved.and_then(|target| Ok((target, policy?)));
        let published = match prepared {
            Ok((target, policy)) => {
                let publication = Publication {
                    target: target.clone(),
                    replaces: self.replaces,
                    syncs: self.syncs,
                    permissions: self.permissions,
                    cancelled: Arc::clone(&cancelled.0),
                };
                let published = publish(publication, self.dir.owner).await;
                published.map(|old| (self.output)(target, old.map(|owner| (owner, policy))))
            }
            Err(error) => Err((error, self.dir.owner)),
        };
        published.map_err(|(error, owner)| {
            let (operation, preposition) = match self.replaces {
                true => ("publish", "in the place of"),
                false => ("persist", "as"),
            };
            let detail = format!(" {preposition} {:?}", self.given);
            let error = explain(with_detail(operation, &path, detail, error));
            PersistError::new(error, AsyncTempDir { owner })
        })
    }
}

fn explain(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists => {
            with_hint(error, "use `replace`, or publish under another name")
        }
        _ => error,
    }
}

async fn publish(
    publication: Publication,
    mut owner: Owner,
) -> Result<Option<Owner>, (io::Error, Owner)> {
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
        let publish = move || {
            let published = owner.publish(&publication);
            drop(operation);
            published
        };
        sender.run_if_awaited(publish, ());
    };
    receiver.expect(queues.operations.spawn_mandatory(task));
    let published = receiver.await;
    published.unwrap_or_else(|_lost| unreachable!("a mandatory task runs, and sends its value"))
}
