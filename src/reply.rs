//! A channel from a job to the future that waits for it, and may be dropped.

use std::future::Future;
use std::io;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;

use crate::cleanup::{Lane, Pending};
use crate::pool;

/// Creates both ends.
///
/// A value that is not received is dropped on the job's thread, or by the drop of the future. Its
/// destructor must do whatever is necessary then.
pub(crate) fn channel<T>() -> (Reply<T>, Waiting<T>) {
    let state = Arc::new(Mutex::new(State::Awaited(None)));
    (Reply(Arc::clone(&state)), Waiting(state))
}

/// Runs `job` on the blocking pool of `lane`'s runtime and awaits its value.
///
/// # Errors
///
/// The runtime is shutting down, or gone, or the system gives it no thread.
///
/// # Cancel safety
///
/// If the future is dropped, a job that has not started does not start; a running one runs to its
/// end, and its value is dropped.
pub(crate) async fn run<T, F>(lane: &Lane, job: F) -> io::Result<T>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    Ok(start(lane, job)?.await?)
}

/// Like [`run`], but starts the job before anything is awaited.
pub(crate) fn start<T, F>(lane: &Lane, job: F) -> io::Result<Waiting<T>>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let (reply, waiting) = channel();
    lane.errands()
        .offer(move || reply.answer_if_awaited(job))
        .map_err(|_refused| pool::unavailable())?;
    Ok(waiting)
}

/// The job's end.
pub(crate) struct Reply<T>(Arc<Mutex<State<T>>>);

/// The future's end.
pub(crate) struct Waiting<T>(Arc<Mutex<State<T>>>);

enum State<T> {
    /// The future exists, and has a waker if it has been polled.
    Awaited(Option<Waker>),
    /// The future was dropped before the job ended. The job counts as background work now.
    Abandoned(Pending),
    Answered(thread::Result<T>),
    /// The value was received, will not be received, or will not exist.
    Over,
}

/// The job was dropped without an answer. This does not happen, because every accepted job runs.
#[derive(Debug)]
pub(crate) struct Lost;

impl From<Lost> for io::Error {
    fn from(_: Lost) -> Self {
        Self::other("the operation was dropped before it ended")
    }
}

impl<T> Reply<T> {
    /// Runs `job` and sends its value, or its panic.
    pub(crate) fn answer(self, job: impl FnOnce() -> T) {
        let value = catch_unwind(AssertUnwindSafe(job));
        let mut state = lock(&self.0);
        if let State::Awaited(waker) = &mut *state {
            let waker = waker.take();
            *state = State::Answered(value);
            drop(state);
            wake(waker);
        }
        // Otherwise the value is dropped here, before `self`: background work that its destructor
        // starts is counted before this job no longer is.
    }

    /// Like [`answer`](Self::answer), but drops `job` if the future was dropped.
    pub(crate) fn answer_if_awaited(self, job: impl FnOnce() -> T) {
        if matches!(*lock(&self.0), State::Awaited(_)) {
            self.answer(job);
        } else {
            // Dropped before `self`, for the same reason.
            drop(job);
        }
    }
}

impl<T> Drop for Reply<T> {
    fn drop(&mut self) {
        let mut state = lock(&self.0);
        if !matches!(*state, State::Answered(_)) {
            let before = mem::replace(&mut *state, State::Over);
            drop(state);
            match before {
                State::Awaited(waker) => wake(waker),
                before => drop(before),
            }
        }
    }
}

/// Wakes a waker and catches its panic: it is foreign code, and this thread has other jobs.
fn wake(waker: Option<Waker>) {
    let _ = catch_unwind(AssertUnwindSafe(|| waker.map(Waker::wake)));
}

impl<T> Future for Waiting<T> {
    type Output = Result<T, Lost>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Wakers are foreign code: cloned before the lock is taken, dropped after it is released.
        let waker = cx.waker().clone();
        let mut state = lock(&self.0);
        let before = match *state {
            State::Awaited(_) => mem::replace(&mut *state, State::Awaited(Some(waker))),
            _ => mem::replace(&mut *state, State::Over),
        };
        drop(state);
        match before {
            State::Awaited(_) => Poll::Pending,
            State::Answered(Ok(value)) => Poll::Ready(Ok(value)),
            // A panic of the job is resumed in its caller.
            State::Answered(Err(panic)) => resume_unwind(panic),
            State::Over => Poll::Ready(Err(Lost)),
            State::Abandoned(_) => unreachable!("the future is still there"),
        }
    }
}

impl<T> Drop for Waiting<T> {
    fn drop(&mut self) {
        let mut state = lock(&self.0);
        let after = match *state {
            State::Awaited(_) => State::Abandoned(Pending::new()),
            _ => State::Over,
        };
        let before = mem::replace(&mut *state, after);
        drop(state);
        // A late value or a waker: dropped after the lock is released, because their destructors
        // are foreign code.
        drop(before);
    }
}

fn lock<T>(state: &Mutex<State<T>>) -> MutexGuard<'_, State<T>> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::task::Wake;

    use futures::FutureExt;

    struct Woken(AtomicBool);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    #[test]
    fn an_answer_that_is_lost_wakes_its_caller_with_an_error() {
        let (reply, mut waiting) = channel::<()>();
        let woken = Arc::new(Woken(AtomicBool::new(false)));
        let waker = Waker::from(Arc::clone(&woken));
        let poll = waiting.poll_unpin(&mut Context::from_waker(&waker));
        assert!(poll.is_pending());
        drop(reply);
        assert!(woken.0.load(Ordering::SeqCst), "it would wait for ever");
        assert!(waiting.now_or_never().unwrap().is_err());
    }
}
