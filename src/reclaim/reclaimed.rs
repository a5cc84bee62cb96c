//! The report of a search for dead roots.

use std::io;

use crate::remove::{RemoveError, Removed};

/// The report of directories reclaimed from dead processes.
///
/// Returned by [`TempRoot::reclaimed`](crate::TempRoot::reclaimed).
#[derive(Debug, Default)]
pub struct Reclaimed {
    roots: u64,
    removed: Removed,
    failures: Vec<RemoveError>,
    failed: u64,
    skipped_reason: Option<io::Error>,
}

impl Reclaimed {
    /// The maximum number of failures kept in full. Further ones are only
    /// [counted](Self::failed_roots).
    pub const MAX_FAILURES: usize = 32;

    /// Returns the number of dead roots removed completely.
    ///
    /// An empty directory of a process that was killed while creating its root, or just after
    /// emptying it, counts in [`removed`](Self::removed) only.
    pub fn roots(&self) -> u64 {
        self.roots
    }

    /// Returns the number of files and directories removed.
    ///
    /// It includes each root's lock file, and what was removed of roots that remain in part.
    pub fn removed(&self) -> Removed {
        self.removed
    }

    /// Returns one error for each root that could not be removed completely.
    ///
    /// A root is renamed to `.<app>-<random>.dead` before it is removed, and has that name here.
    ///
    /// These are the first [`MAX_FAILURES`](Self::MAX_FAILURES). Every failure, including further
    /// ones, was also passed to the [failure hook](crate::cleanup::set_failure_hook).
    pub fn failures(&self) -> &[RemoveError] {
        &self.failures
    }

    /// Returns the number of roots that could not be removed completely.
    pub fn failed_roots(&self) -> u64 {
        self.failed
    }

    /// Returns why the search for dead roots was not made, or is not complete.
    ///
    /// The parent directory is not safe or cannot be read; a lock cannot be tried, for example
    /// where the filesystem has none; the runtime was shutting down; the system gave it no thread;
    /// or this is a forked child.
    pub fn skipped_reason(&self) -> Option<&io::Error> {
        self.skipped_reason.as_ref()
    }

    pub(crate) fn into_skipped_reason(self) -> Option<io::Error> {
        self.skipped_reason
    }

    pub(crate) fn skip(&mut self, error: io::Error) {
        self.skipped_reason = Some(error);
    }

    pub(super) fn add_empty(&mut self) {
        self.removed.dirs += 1;
    }

    pub(super) fn add(&mut self, removed: Removed) {
        // If there was nothing, another process has removed it.
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

    /// Adds what was removed from a root that still exists.
    pub(super) fn add_part(&mut self, removed: Removed) {
        self.removed.add(removed);
    }
}
