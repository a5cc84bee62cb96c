//! How long a worker may keep its thread.

use std::time::{Duration, Instant};

use super::Limits;
use super::state::State;

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
    /// How long its thread was waited for.
    waited: Duration,
    /// How many of the jobs that stood in line at its begin are left to it.
    pub(super) jobs: usize,
}

impl<C: Clock> Slice<C> {
    pub(super) fn begin<T>(state: &State<T, C>) -> Self {
        Self {
            begin: C::now(),
            waited: state.waited,
            jobs: state.jobs.len(),
        }
    }

    pub(super) fn is_over(&self, limits: &Limits) -> bool {
        let elapsed = self.begin.elapsed();
        elapsed >= limits.slice && (elapsed >= self.waited || self.jobs == 0)
    }
}
