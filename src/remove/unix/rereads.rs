//! Limits how often a directory is read again that turns out not to be empty.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// The number of times that a directory is read again although nothing in it was removed, because
/// another process is writing to it.
const MAX_IN_VAIN: u32 = 16;

/// The minimum time for which a directory may be read again while that removes something. NFS
/// servers skip entries when reading and unlinking interleave; another process may add entries
/// without end.
const MIN_LIMIT: Duration = Duration::from_secs(2);

/// The state shared by the directories of a removal.
#[derive(Debug, Default)]
pub(super) struct Rereads {
    /// One was read again for too long. From now on, every rereading counts as in vain.
    exhausted: AtomicBool,
}

/// The rereadings of one directory.
#[derive(Debug)]
pub(super) struct OfDir {
    begun: Instant,
    /// When rereading ends even if it removes something. Set before the first rereading.
    until: OnceLock<Instant>,
    in_vain: AtomicU32,
    /// Set if something in the directory was removed since its last reading began.
    progress: AtomicBool,
}

impl OfDir {
    /// Creates the state of a directory whose first reading begins now.
    pub(super) fn new() -> Self {
        Self {
            begun: Instant::now(),
            until: OnceLock::new(),
            in_vain: AtomicU32::new(0),
            progress: AtomicBool::new(false),
        }
    }

    /// Returns whether something in the directory was removed since its last reading began.
    pub(super) fn has_progress(&self) -> bool {
        self.progress.load(Ordering::Relaxed)
    }

    /// Records that something in the directory was removed.
    pub(super) fn note_progress(&self) {
        // Several threads may call this for every entry; only the first writes.
        if !self.progress.load(Ordering::Relaxed) {
            self.progress.store(true, Ordering::Relaxed);
        }
    }
}

impl Rereads {
    /// Returns whether the directory may be read once more.
    pub(super) fn allow(&self, dir: &OfDir) -> bool {
        self.allow_at(dir, Instant::now())
    }

    fn allow_at(&self, dir: &OfDir, now: Instant) -> bool {
        let limit = || now + MIN_LIMIT.max(2 * now.saturating_duration_since(dir.begun));
        let until = *dir.until.get_or_init(limit);
        if dir.progress.swap(false, Ordering::Relaxed) && !self.exhausted.load(Ordering::Relaxed) {
            if now < until {
                return true;
            }
            self.exhausted.store(true, Ordering::Relaxed);
        }
        dir.in_vain.fetch_add(1, Ordering::Relaxed) < MAX_IN_VAIN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts how often a directory may be read again when something was removed each time, or not,
    /// at most `max` times, `step` apart.
    fn count(rereads: &Rereads, progress: bool, step: Duration, max: u32) -> u32 {
        let dir = OfDir::new();
        let mut now = dir.begun;
        for n in 0..max {
            if progress {
                dir.note_progress();
            }
            if !rereads.allow_at(&dir, now) {
                return n;
            }
            now += step;
        }
        max
    }

    #[test]
    fn rereadings_in_vain_are_counted() {
        let count = count(&Rereads::default(), false, Duration::ZERO, 1_000);
        assert_eq!(count, MAX_IN_VAIN);
    }

    #[test]
    fn rereadings_that_help_have_a_limit_in_time() {
        let rereads = Rereads::default();
        let quick = count(&rereads, true, Duration::ZERO, 1_000);
        assert_eq!(quick, 1_000, "as many as that takes");
        let slow = count(&rereads, true, MIN_LIMIT / 100, 1_000);
        assert_eq!(slow, 100 + MAX_IN_VAIN, "then they count as if in vain");
        let later = count(&rereads, true, Duration::ZERO, 1_000);
        assert_eq!(later, MAX_IN_VAIN, "and so do those of other directories");
    }

    #[test]
    fn a_directory_that_took_long_may_take_long_again() {
        let dir = OfDir::new();
        let rereads = Rereads::default();
        let first = 10 * MIN_LIMIT;
        for (after, allowed) in [(first, MAX_IN_VAIN + 9), (3 * first, MAX_IN_VAIN)] {
            let now = dir.begun + after;
            for n in 0..allowed {
                dir.note_progress();
                assert!(rereads.allow_at(&dir, now), "{n}");
            }
        }
        dir.note_progress();
        assert!(!rereads.allow_at(&dir, dir.begun + 3 * first));
    }
}
