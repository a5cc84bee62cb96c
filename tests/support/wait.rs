//! Waiting and repeating.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// For tests that count something of the whole process: one after the other.
pub fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits for what another thread or process is about to do.
#[track_caller]
pub fn until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(Instant::now() < deadline, "waited a minute until {what}");
        std::thread::yield_now();
    }
}

/// Returns how often something is done, of so many `times`. Fewer on Windows, because a call of
/// Wine's takes far longer; and where the environment says so, because this is only one of many
/// runs of the same tests.
pub fn times(times: usize) -> usize {
    if cfg!(windows) || std::env::var_os("ASYNC_TEMPDIR_TEST_FEWER").is_some() {
        times.div_ceil(10)
    } else {
        times
    }
}
