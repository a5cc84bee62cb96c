//! Adopts a directory that exists: moves it to a hidden name, and makes its owner.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{OperationGuard, Owner, ParentGuard};
use crate::blocking::pending::Pending;
use crate::cleanup::RuntimeQueues;
use crate::sys::{self, Identity, MovableDir};
use crate::util::{name, with_hint};

/// The maximum number of names tried: with 2^59 of them, more than one only if another process takes
/// them on purpose.
const MAX_TRIES: u32 = 16;

/// A request to adopt a directory.
pub(crate) struct AdoptRequest {
    /// Absolute, and without a trailing separator.
    pub(crate) path: PathBuf,
    pub(crate) queues: Arc<RuntimeQueues>,
    /// Keeps the directory that it is moved into, and the operation in that. Without it, it remains
    /// in its parent.
    pub(crate) parent_guard: Option<(ParentGuard, OperationGuard)>,
}

impl AdoptRequest {
    /// Moves the directory and makes its owner in one closure: a cancelled future cannot leave it
    /// under its new name without an owner.
    pub(crate) fn run(self) -> io::Result<Adopted> {
        let around = self.parent_guard.as_ref().map(|(guard, _)| &*guard.dir);
        let into = around.map(|dir| (&*dir.path, &dir.identity));
        let dir = MovableDir::open(&self.path, into)?;
        check_outside(&dir.identity, into.map(|(path, _)| path))?;

        let path = self
            .rename(&dir)
            .map_err(|error| explain(error, into.is_some()))?;
        let identity = dir.identity;
        if let Err(error) = sys::check_same_dir(&path, &identity) {
            return Err(match dir.rename_back(name_of(&path)) {
                Err(back) if back.kind() != io::ErrorKind::NotFound => io::Error::other(format!(
                    "it was replaced meanwhile: what was there is at {path:?} now, because it \
                     cannot be moved back: {back}"
                )),
                // The system cannot tell.
                _ if error.raw_os_error().is_some() => error,
                _ => io::Error::other("another process replaced it meanwhile"),
            });
        }
        let (parent, operation) = self.parent_guard.unzip();
        Ok(Adopted(Some(Undo {
            owner: Owner::new(path, identity, self.queues, parent, None),
            dir,
            _operation: operation,
        })))
    }

    /// Moves the directory to a fresh name, and returns its path.
    fn rename(&self, dir: &MovableDir) -> io::Result<PathBuf> {
        let mut tries = 0;
        loop {
            let new = name::hidden(name_of(&self.path), ".adopted")?;
            tries += 1;
            match dir.rename(&new) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && tries < MAX_TRIES => {
                }
                renamed => return renamed.map(|()| self.target(new)),
            }
        }
    }

    fn target(&self, new: OsString) -> PathBuf {
        match &self.parent_guard {
            Some((guard, _)) => guard.dir.path.join(new),
            None => self.path.with_file_name(new),
        }
    }
}

/// Fails if the directory with this `identity` contains the current directory, or the one that it is
/// to be moved into.
fn check_outside(identity: &Identity, into: Option<&Path>) -> io::Result<()> {
    let is_current = sys::is_around(identity, Path::new("."))
        // An error means that it was removed, or cannot be reached by a path.
        || env::current_dir().is_ok_and(|current| sys::is_around(identity, &current));
    if is_current {
        return Err(io::Error::new(
            io::ErrorKind::ResourceBusy,
            "it is the current directory of this process, or contains that",
        ));
    }
    let Some(into) = into else {
        return Ok(());
    };
    if sys::is_around(identity, &fs::canonicalize(into)?) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is the root that would adopt it, or contains that",
        ));
    }
    Ok(())
}

fn explain(error: io::Error, moves: bool) -> io::Error {
    match error.kind() {
        io::ErrorKind::CrossesDevices if moves => with_hint(
            error,
            "the root is on another filesystem: adopt it without one, by `AsyncTempDir::adopt`",
        ),
        io::ErrorKind::CrossesDevices => with_hint(
            error,
            "this filesystem cannot rename it, as overlayfs cannot rename a directory of an image",
        ),
        io::ErrorKind::PermissionDenied if !sys::DIRS_MAY_STAY_OPEN => {
            with_hint(error, "an open file inside keeps it from being renamed")
        }
        _ => error,
    }
}

fn name_of(path: &Path) -> &OsStr {
    path.file_name().unwrap_or_default()
}

/// A directory that has been adopted, on its way to its handle.
///
/// If it never gets there, because the adoption's future is dropped, it is moved back: the caller
/// has nothing to find it by, and may not even learn that it was taken.
pub(crate) struct Adopted(Option<Undo>);

struct Undo {
    owner: Owner,
    dir: MovableDir,
    /// Lets the directory around it be removed. Dropped last.
    _operation: Option<OperationGuard>,
}

impl Adopted {
    pub(crate) fn into_owner(mut self) -> Owner {
        self.0.take().expect("it is taken once").owner
    }
}

impl Drop for Adopted {
    fn drop(&mut self) {
        let Some(undo) = self.0.take() else {
            return;
        };
        if undo.owner.dir.is_wrong_process() {
            return;
        }
        // Possibly dropped with the future, on a thread that must not wait for a disk.
        let pending = Pending::new();
        let queues = Arc::clone(&undo.owner.dir.queues);
        queues.operations.spawn_mandatory(move || {
            undo.run();
            drop(pending);
        });
    }
}

impl Undo {
    /// Moves the directory back. If that fails, because its name has been taken since, it is removed,
    /// like that of a dropped handle.
    fn run(self) {
        let dir = &self.owner.dir;
        let is_back = sys::check_same_dir(&dir.path, &dir.identity)
            .and_then(|()| self.dir.rename_back(dir.file_name()));
        if is_back.is_ok() {
            self.owner.release();
        }
    }
}
