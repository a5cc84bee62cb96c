//! A queued removal.

use std::any::Any;
use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use super::ReportOnDrop;
use crate::blocking::pending::Pending;
use crate::remove::{self, Options, Outcome};

/// The removal of something that has no handle any more.
pub(crate) struct RemovalJob {
    pub(crate) path: PathBuf,
    pub(crate) remove: Box<dyn FnOnce() -> Outcome + Send>,
    /// Dropped when the removal has ended and a failure is reported.
    pub(crate) guard: Box<dyn Any + Send>,
    // Last: a removal that dropping `guard` starts must be counted before this one no longer is.
    pub(crate) pending: Pending,
}

impl RemovalJob {
    /// Runs the removal and reports a failure.
    pub(super) fn run(self) {
        let Self {
            path,
            remove,
            guard,
            pending,
        } = self;
        // Nothing here should panic, but if something does, it must not affect the other removals
        // in the queue.
        let outcome = catch_unwind(AssertUnwindSafe(remove)).unwrap_or_else(|_| {
            let panicked = io::Error::other("the removal panicked");
            Outcome::failed(&path, panicked)
        });
        // No caller waits for the result, so a failure goes to the hook.
        drop(ReportOnDrop::new(outcome));
        drop(guard);
        drop(pending);
    }
}

/// Closes `file` and removes the entry of the open directory `above` that has the last name of
/// `path`. That was `file`, but may be something else by now. Succeeds if there is nothing.
pub(crate) fn unlink(above: File, file: File, path: &Path) -> Outcome {
    // Closed first, because some filesystems keep a file unlinked while it is open.
    drop(file);
    match remove::entry(above, path, Options::default()) {
        Err(error) if error.is_not_found() => Outcome::from(Ok(error.removed())),
        result => Outcome::from(result),
    }
}
