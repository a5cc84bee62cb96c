//! A channel from a task on the blocking pool to the future that awaits it, and may be dropped.
//!
//! Tokio's oneshot channel, plus two guarantees: a task whose future was dropped is
//! [pending](super::pending) until it has ended, and a panic on either side stays there.

use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::thread;

use tokio::sync::oneshot::{self, error::TryRecvError};
use tokio::task::unconstrained;

use super::pending::Pending;

/// Creates both ends.
///
/// A value that is not received is dropped on the task's thread, or by the drop of the future. Its
/// destructor must do whatever is necessary then.
pub(crate) fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let (tx, rx) = oneshot::channel();
    let abandoned = Arc::new(OnceLock::new());
    let sender = Sender {
        tx: Some(tx),
        _abandoned: Arc::clone(&abandoned),
    };
    (sender, Receiver { rx, abandoned })
}

/// The task's end.
pub(crate) struct Sender<T> {
    tx: Option<oneshot::Sender<thread::Result<T>>>,
    // Dropped last: background work that the drop of an unreceived value starts is counted before
    // this task no longer is.
    _abandoned: Arc<OnceLock<Pending>>,
}

/// The future's end.
pub(crate) struct Receiver<T> {
    rx: oneshot::Receiver<thread::Result<T>>,
    /// Set when the future is dropped. The task counts as background work from then on.
    abandoned: Arc<OnceLock<Pending>>,
}

impl<T> Sender<T> {
    /// Runs `task` and sends its value, or its panic.
    pub(crate) fn run(mut self, task: impl FnOnce() -> T) {
        let value = catch_unwind(AssertUnwindSafe(task));
        let tx = self.tx.take();
        // This wakes the receiver: a waker is foreign code, and this thread has other tasks.
        let unreceived = catch_unwind(AssertUnwindSafe(|| tx.map(|tx| tx.send(value))));
        // If the future was dropped, the value is dropped here, before `self`.
        drop(unreceived);
    }

    /// Like [`run`](Self::run), but drops `task` if the future was dropped.
    pub(crate) fn run_if_awaited(self, task: impl FnOnce() -> T) {
        if self.tx.as_ref().is_some_and(|tx| !tx.is_closed()) {
            self.run(task);
        } else {
            // Dropped before `self`, for the same reason.
            drop(task);
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let tx = self.tx.take();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(tx)));
    }
}

impl<T> Future for Receiver<T> {
    type Output = io::Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // A budget that is used up is renewed only by Tokio's executors, and the caller may be in
        // another inside one, which would wait forever.
        match ready!(pin!(unconstrained(&mut self.rx)).poll(cx)) {
            Ok(Ok(value)) => Poll::Ready(Ok(value)),
            // A panic of the task is resumed in its caller.
            Ok(Err(panic)) => resume_unwind(panic),
            // This does not happen, because every accepted task runs.
            Err(_) => Poll::Ready(Err(io::Error::other(
                "the operation was dropped before it ended",
            ))),
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        // Before the channel is closed, so that a task that sees it closed is counted. A value that
        // was sent already is dropped here.
        if let Err(TryRecvError::Empty) = self.rx.try_recv() {
            let _ = self.abandoned.set(Pending::new());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::task::{Wake, Waker};

    use futures::FutureExt;

    struct Woken(AtomicBool);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    #[test]
    fn an_answer_that_is_lost_wakes_its_caller_with_an_error() {
        let (sender, mut receiver) = channel::<()>();
        let woken = Arc::new(Woken(AtomicBool::new(false)));
        let waker = Waker::from(Arc::clone(&woken));
        let poll = receiver.poll_unpin(&mut Context::from_waker(&waker));
        assert!(poll.is_pending());
        drop(sender);
        assert!(woken.0.load(Ordering::SeqCst), "it would wait for ever");
        assert!(receiver.now_or_never().unwrap().is_err());
    }
    #[test]
    fn a_task_is_pending_if_its_future_was_dropped_before_it_ended() {
        let (_sender, receiver) = channel::<()>();
        let abandoned = Arc::clone(&receiver.abandoned);
        drop(receiver);
        assert!(abandoned.get().is_some());

        let (sender, receiver) = channel();
        let abandoned = Arc::clone(&receiver.abandoned);
        sender.run(|| ());
        drop(receiver);
        assert!(abandoned.get().is_none(), "it has ended");
    }
}
