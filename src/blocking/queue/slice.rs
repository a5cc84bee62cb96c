//! Limits the time for which a worker keeps its thread.

use std::time::{Duration, Instant};

use super::Limits;

/// A point in time. The models have clocks of their own.
pub(crate) trait Clock: Copy {
    fn now() -> Self;
    fn elapsed(&self) -> Duration;
}

impl Clock for Instant {
    fn now() -> Self {
        Self::now()
    }

    fn elapsed(&self) -> Duration {
        self.elapsed()
    }
}

/// The time for which a worker has its thread.
pub(super) struct Slice<C> {
    begin: C,
    /// The time that its request waited for the thread.
    waited: Duration,
    /// The number of jobs left of those that were queued when it began.
    pub(super) jobs: usize,
}

impl<C: Clock> Slice<C> {
    pub(super) fn begin(waited: Duration, jobs: usize) -> Self {
        Self {
            begin: C::now(),
            waited,
            jobs,
        }
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.begin.elapsed()
    }

    pub(super) fn is_over(&self, limits: &Limits) -> bool {
        let elapsed = self.elapsed();
        elapsed >= limits.slice && (elapsed >= self.waited || self.jobs == 0)
    }
}
