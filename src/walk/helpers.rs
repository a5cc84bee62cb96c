//! Decides when a walk requests helper threads.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The helpers of a walk.
pub(crate) struct Helpers {
    spawn: Box<dyn Fn() + Send + Sync>,
    /// The number of helpers that may still be requested.
    left: AtomicUsize,
    /// The number of entries after which a helper is requested, if there is more to do.
    worthwhile: usize,
    /// The number of entries processed since the last request.
    processed: AtomicUsize,
}

impl Helpers {
    /// `spawn` requests one helper, which comes soon, late or never.
    pub(crate) fn new(
        max: usize,
        worthwhile: usize,
        spawn: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        Self {
            spawn: Box::new(spawn),
            left: AtomicUsize::new(max),
            worthwhile,
            processed: AtomicUsize::new(0),
        }
    }

    /// Requests a helper because entries take long, and more remain.
    pub(crate) fn note_slow(&self) {
        self.note_processed(self.worthwhile, true);
    }

    /// Records that `entries` more were processed. Requests a helper if that pays and `more` remain.
    pub(crate) fn note_processed(&self, entries: usize, more: bool) {
        let relaxed = Ordering::Relaxed;
        let left = self.left.load(relaxed);
        if left == 0 {
            return;
        }
        let processed = self.processed.fetch_add(entries, relaxed) + entries;
        if processed >= self.worthwhile
            && more
            && self
                .left
                .compare_exchange(left, left - 1, relaxed, relaxed)
                .is_ok()
        {
            self.processed.store(0, relaxed);
            (self.spawn)();
        }
    }
}
