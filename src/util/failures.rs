//! The failures of an operation that continues past them.

use std::sync::atomic::{AtomicU64, Ordering};

use super::sync::Mutex;

/// The maximum number of failures kept in full: a tree of a million files on a read-only filesystem must
/// not fill the memory with errors.
pub(crate) const MAX_FAILURES: usize = 32;

/// The number of failures, and the first of them.
#[derive(Debug)]
pub(crate) struct Failures<F> {
    count: AtomicU64,
    first: Mutex<Vec<F>>,
}

impl<F> Failures<F> {
    pub(crate) const fn new() -> Self {
        Self {
            count: AtomicU64::new(0),
            first: Mutex::new(Vec::new()),
        }
    }

    /// Adds a failure. Calls `failure` only if there is room for it.
    pub(crate) fn add(&self, failure: impl FnOnce() -> F) {
        self.count.fetch_add(1, Ordering::Relaxed);
        let mut first = self.first.lock();
        if first.len() < MAX_FAILURES {
            first.push(failure());
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Takes the first failures.
    pub(crate) fn take(&self) -> Vec<F> {
        std::mem::take(&mut *self.first.lock())
    }
}
