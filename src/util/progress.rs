//! The rate at which progress functions are called.

use std::time::{Duration, Instant};

/// The least time between two calls.
const INTERVAL: Duration = Duration::from_millis(100);

/// Limits calls of a progress function to ten a second.
#[derive(Debug)]
pub(crate) struct RateLimit {
    last_call: Instant,
}

impl RateLimit {
    /// Makes the first call due an interval from now.
    pub(crate) fn new() -> Self {
        Self {
            last_call: Instant::now(),
        }
    }

    pub(crate) fn is_due(&self) -> bool {
        self.last_call.elapsed() >= INTERVAL
    }

    /// Makes the next call due an interval from now. Use it after a call, whose own time does not
    /// count: a slow function must not take all the time.
    pub(crate) fn restart(&mut self) {
        self.last_call = Instant::now();
    }

    /// Makes a call due, or not for a while.
    #[cfg(test)]
    pub(crate) fn set_due(&mut self, due: bool) {
        let now = Instant::now();
        self.last_call = match due {
            true => now.checked_sub(INTERVAL).unwrap(),
            false => now + INTERVAL,
        };
    }
}
