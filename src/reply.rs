//! The way back from a job to the future that waits for it, or no longer does.

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

/// Makes both ends.
///
/// A value that nobody receives is dropped: on the job's thread, or by whoever drops the future.
/// What has to happen then is the business of its destructor.
pub(crate) fn channel<T>() -> (Reply<T>, Waiting<T>) {
    let state = Arc::new(Mutex::new(State::Awaited(None)));
    (Reply(Arc::clone(&state)), Waiting(state))
}

/// Has the blocking pool of `lane`'s runtime run `job` and awaits its value.
///
/// # Errors
///
/// The runtime is shutting down, or gone, or the system gives it no thread.
///
/// # Cancel safety
///
/// A job that has not started when the future is dropped does not start; one that has runs to its
/// end, and its value is dropped.
pub(crate) async fn run<T, F>(lane: &Lane, job: F) -> io::Result<T>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    Ok(start(lane, job)?.await)
}

/// As [`run`], with the job begun before anything is awaited.
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
    /// Somebody waits; with a waker if the future has been polled.
    Awaited(Option<Waker>),
    /// The future was dropped before the job ended: it is background work now, and counts.
    Abandoned(Pending),
    Answered(thread::Result<T>),
    /// The value was received, or nobody will.
    Over,
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
            if let Some(waker) = waker {
                waker.wake();
            }
        }
        // Else the value is dropped here, before `self`: what its destructor hands over counts
        // before this job no longer does.
    }

    /// As [`answer`](Self::answer), unless nobody waits any more: then `job` is dropped.
    pub(crate) fn answer_if_awaited(self, job: impl FnOnce() -> T) {
        if matches!(*lock(&self.0), State::Awaited(_)) {
            self.answer(job);
        } else {
            // Before `self`, for the same reason.
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
            drop(before);
        }
    }
}

impl<T> Future for Waiting<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        // Wakers are others' code: cloned before the lock is taken, dropped after it is released.
        let waker = cx.waker().clone();
        let mut state = lock(&self.0);
        let before = match *state {
            State::Awaited(_) => mem::replace(&mut *state, State::Awaited(Some(waker))),
            _ => mem::replace(&mut *state, State::Over),
        };
        drop(state);
        match before {
            State::Awaited(_) => Poll::Pending,
            State::Answered(Ok(value)) => Poll::Ready(value),
            // The job's panic is its caller's.
            State::Answered(Err(panic)) => resume_unwind(panic),
            State::Abandoned(_) | State::Over => unreachable!("a job that was taken answers once"),
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
        // A value that came too late, or a waker: with the lock released, for their destructors
        // are anybody's.
        drop(before);
    }
}

fn lock<T>(state: &Mutex<State<T>>) -> MutexGuard<'_, State<T>> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
