//! The way back from a job to the future that waits for it, or no longer does.

use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::thread;

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::cleanup::Pending;
use crate::pool;

/// Makes both ends.
///
/// A value that nobody receives is dropped: on the job's thread, or by whoever drops the future.
/// What has to happen then is the business of its destructor.
pub(crate) fn channel<T>() -> (Reply<T>, Waiting<T>) {
    let (sender, receiver) = oneshot::channel();
    let watch = Arc::new(Watch(Mutex::new(Job::Awaited)));
    let reply = Reply {
        sender: Some(sender),
        _end: End(Arc::clone(&watch)),
    };
    let waiting = Waiting {
        receiver,
        received: false,
        watch,
    };
    (reply, waiting)
}

/// Has `runtime`'s blocking pool run `job` and awaits its value.
///
/// # Errors
///
/// The runtime is shutting down, or is gone.
///
/// # Cancel safety
///
/// A job that has not started when the future is dropped does not start; one that has runs to its
/// end, and its value is dropped.
pub(crate) async fn run<T, F>(runtime: &Handle, job: F) -> io::Result<T>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let (reply, waiting) = channel();
    pool::offer(runtime, move |_| reply.answer_if_awaited(job))
        .map_err(|_refused| io::Error::other("the Tokio runtime is shutting down"))?;
    Ok(waiting.await)
}

/// As [`run`], but a pool that takes no more jobs is no reason not to run this one.
pub(crate) async fn run_for_certain<T, F>(runtime: &Handle, job: F) -> T
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let (reply, waiting) = channel();
    pool::run(runtime, move |_| reply.answer_if_awaited(job));
    waiting.await
}

/// The job's end.
pub(crate) struct Reply<T> {
    sender: Option<oneshot::Sender<thread::Result<T>>>,
    // Last, so that it ends when the value has arrived or been dropped.
    _end: End,
}

/// The future's end.
pub(crate) struct Waiting<T> {
    receiver: oneshot::Receiver<thread::Result<T>>,
    received: bool,
    watch: Arc<Watch>,
}

/// What `cleanup::idle` has to know about the job.
struct Watch(Mutex<Job>);

enum Job {
    /// Somebody waits for it, and for nothing else.
    Awaited,
    /// Its future was dropped before it ended: it is background work now.
    Abandoned(Pending),
    Ended,
}

struct End(Arc<Watch>);

impl<T> Reply<T> {
    /// Runs `job` and sends its value, or its panic.
    pub(crate) fn answer(mut self, job: impl FnOnce() -> T) {
        let value = catch_unwind(AssertUnwindSafe(job));
        if let Some(sender) = self.sender.take() {
            // Refused, the value is dropped here.
            let _ = sender.send(value);
        }
    }

    /// As [`answer`](Self::answer), unless nobody waits any more: then `job` is dropped.
    fn answer_if_awaited(self, job: impl FnOnce() -> T) {
        if self.sender.as_ref().is_some_and(oneshot::Sender::is_closed) {
            // Before `self`: what it has to say about the job counts until then.
            drop(job);
        } else {
            self.answer(job);
        }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        // The value went first: what its destructor has handed over counts before this ends.
        let before = self.0.replace(Job::Ended);
        drop(before);
    }
}

impl Watch {
    fn replace(&self, job: Job) -> Job {
        std::mem::replace(
            &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner),
            job,
        )
    }
}

impl<T> Future for Waiting<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        Pin::new(&mut self.receiver).poll(cx).map(|value| {
            self.received = true;
            match value.expect("a job that was taken sends a value") {
                Ok(value) => value,
                // The job's panic is its caller's.
                Err(panic) => resume_unwind(panic),
            }
        })
    }
}

impl<T> Drop for Waiting<T> {
    fn drop(&mut self) {
        if self.received {
            return;
        }
        // Before the receiver closes, so that there is no moment at which the work is nobody's.
        let mut job = self.watch.0.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*job, Job::Awaited) {
            *job = Job::Abandoned(Pending::new());
        }
    }
}
