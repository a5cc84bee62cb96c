//! What was found of dead processes.

use std::io;

use crate::remove::{RemoveError, Removed};

/// What dead processes had left, and what became of it: see
/// [`TempRoot::reclaimed`](super::TempRoot::reclaimed).
#[derive(Debug, Default)]
pub struct Reclaimed {
    roots: u64,
    removed: Removed,
    failures: Vec<RemoveError>,
    failed: u64,
    refused: Option<io::Error>,
}

impl Reclaimed {
    /// How many failures are kept in full; beyond these, they are [counted](Self::failed_roots).
    pub const MAX_FAILURES: usize = 32;

    /// How many dead roots were removed completely. An empty directory of a process that was killed
    /// while it made its root, or had just removed it, counts in [`removed`](Self::removed) only.
    pub fn roots(&self) -> u64 {
        self.roots
    }

    /// How many files and directories that were, those of roots that were removed in part
    /// included.
    pub fn removed(&self) -> Removed {
        self.removed
    }

    /// What could not be removed: one error for a root, the first
    /// [`MAX_FAILURES`](Self::MAX_FAILURES) of them. Each went to the
    /// [failure hook](crate::cleanup::set_failure_hook), too.
    pub fn failures(&self) -> &[RemoveError] {
        &self.failures
    }

    /// How many roots could not be removed completely.
    pub fn failed_roots(&self) -> u64 {
        self.failed
    }

    /// Why dead roots were not looked for, or not all of them: the parent directory is not safe, or
    /// cannot be read; a lock cannot be tried, as where the filesystem has none; the runtime was
    /// shutting down, or the system gave it no thread.
    pub fn refused(&self) -> Option<&io::Error> {
        self.refused.as_ref()
    }

    pub(super) fn refuse(&mut self, error: io::Error) {
        self.refused = Some(error);
    }

    pub(super) fn add_empty(&mut self) {
        self.removed.dirs += 1;
    }

    pub(super) fn add(&mut self, removed: Removed) {
        // If there was nothing, somebody else has removed it.
        self.roots += u64::from(removed.dirs > 0);
        self.add_part(removed);
    }

    pub(super) fn fail(&mut self, error: RemoveError) {
        self.failed += 1;
        self.add_part(error.removed());
        if self.failures.len() < Self::MAX_FAILURES {
            self.failures.push(error);
        }
    }

    /// Of a root that is still there.
    pub(super) fn add_part(&mut self, removed: Removed) {
        self.removed.add(removed);
    }
}
