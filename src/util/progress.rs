//! Calls of progress functions, and their rate.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::sync::Mutex;

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

/// A function that is told how much has been done.
pub(crate) type OnProgress<T> = Box<dyn Fn(T) + Send + Sync>;

/// A progress function that the threads of one operation call.
pub(crate) struct Progress<T> {
    /// Clear where there is nothing to call.
    is_wanted: AtomicBool,
    state: Mutex<State<T>>,
}

struct State<T> {
    /// Dropped when the operation ends, although a late helper may still hold this.
    on_progress: Option<OnProgress<T>>,
    limit: RateLimit,
    /// The panic of `on_progress`. The operation continues; the panic is resumed in the caller.
    panic: Option<Box<dyn Any + Send>>,
}

impl<T> Progress<T> {
    pub(crate) fn new(on_progress: Option<OnProgress<T>>) -> Self {
        Self {
            is_wanted: AtomicBool::new(on_progress.is_some()),
            state: Mutex::new(State {
                on_progress,
                limit: RateLimit::new(),
                panic: None,
            }),
        }
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.is_wanted.load(Ordering::Relaxed)
    }

    /// Calls the function if that is due. One thread at a time does; the others continue.
    pub(crate) fn report(&self, done: impl FnOnce() -> T) {
        if self.is_wanted()
            && let Some(mut state) = self.state.try_lock()
            && state.limit.is_due()
        {
            state.call(done);
            state.limit.restart();
        }
    }

    /// Calls the function for the last time, and returns its panic.
    pub(crate) fn finish(&self, done: impl FnOnce() -> T) -> Option<Box<dyn Any + Send>> {
        let mut state = self.state.lock();
        state.call(done);
        self.is_wanted.store(false, Ordering::Relaxed);
        drop(state.on_progress.take());
        state.panic.take()
    }

    #[cfg(test)]
    pub(crate) fn set_due(&self, due: bool) {
        self.state.lock().limit.set_due(due);
    }
}

impl<T> State<T> {
    fn call(&mut self, done: impl FnOnce() -> T) {
        if let Some(on_progress) = &self.on_progress
            && self.panic.is_none()
        {
            self.panic = catch_unwind(AssertUnwindSafe(|| on_progress(done()))).err();
        }
    }
}
