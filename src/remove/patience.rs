//! Waits a bounded time for other processes to close entries that are to be removed.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

/// The number of tries for an entry that another process has open: about a third of a second. Virus scanners and indexers close a file within that time.
pub(super) const MAX_TRIES: u32 = 16;

/// The number of pauses without success that one removal makes for open entries, whatever their
/// number: about three seconds in all.
const MAX_PAUSES: u32 = 160;

const PAUSE: Duration = Duration::from_millis(20);

/// The pauses that one removal has left, shared by its threads.
#[derive(Debug)]
pub(super) struct Patience {
    left: AtomicU32,
    pause: Duration,
}

/// The pauses made for one entry.
#[derive(Debug, Default)]
pub(super) struct Pauses(AtomicU32);

impl Default for Patience {
    fn default() -> Self {
        Self {
            left: AtomicU32::new(MAX_PAUSES),
            pause: PAUSE,
        }
    }
}

impl Patience {
    /// Sleeps for one pause. Returns `false` at once if the entry or the removal has none left.
    pub(super) fn pause(&self, entry: &Pauses) -> bool {
        let relaxed = Ordering::Relaxed;
        let take = |left: u32| left.checked_sub(1);
        if entry.0.load(relaxed) >= MAX_TRIES - 1
            || self.left.fetch_update(relaxed, relaxed, take).is_err()
        {
            return false;
        }
        entry.0.fetch_add(1, relaxed);
        thread::sleep(self.pause);
        true
    }

    /// Returns the pauses made for an entry that is gone now, because they were useful.
    pub(super) fn take_back(&self, entry: &Pauses) {
        let pauses = entry.0.swap(0, Ordering::Relaxed);
        if pauses > 0 {
            self.left.fetch_add(pauses, Ordering::Relaxed);
        }
    }

    /// Creates one whose pauses take no time.
    #[cfg(test)]
    pub(super) fn quick() -> Self {
        Self {
            pause: Duration::ZERO,
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts how often an entry is tried that stays open.
    fn tries(patience: &Patience) -> u32 {
        let entry = Pauses::default();
        let mut tries = 1;
        while patience.pause(&entry) {
            tries += 1;
        }
        tries
    }

    #[test]
    fn an_entry_has_its_bound_and_all_together_have_theirs() {
        let patience = Patience::quick();
        for _ in 0..MAX_PAUSES / (MAX_TRIES - 1) {
            assert_eq!(tries(&patience), MAX_TRIES);
        }
        assert_eq!(tries(&patience), 1 + MAX_PAUSES % (MAX_TRIES - 1));
        assert_eq!(tries(&patience), 1);
    }

    #[test]
    fn pauses_for_an_entry_that_goes_cost_the_others_nothing() {
        let patience = Patience::quick();
        for _ in 0..1_000 {
            let entry = Pauses::default();
            assert!(patience.pause(&entry), "the budget is whole again");
            patience.take_back(&entry);
        }
    }
}
