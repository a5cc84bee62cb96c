//! A channel from a task on the blocking pool to the future that awaits it, and may be dropped.
//!
//! Tokio's oneshot channel, plus two guarantees: a task whose future was dropped is
//! [pending](super::pending) until it has ended, and a panic on either side stays there. And a future
//! whose task has begun [looks](super::spin) for its value before it sleeps.

use std::future::Future;
use std::io;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::thread;

use tokio::sync::oneshot::{self, error::TryRecvError};
use tokio::task::unconstrained;

use super::pending::Pending;
use super::spin::{self, Awaited, Kind};

/// Creates both ends, for a task that takes about as long as others of its `kind`.
///
/// A value that is not received is dropped on the task's thread, or by the drop of the future. Its
/// destructor must do whatever is necessary then.
pub(crate) fn channel<T>(kind: Kind) -> (Sender<T>, Receiver<T>) {
    let (tx, rx) = oneshot::channel();
    let shared = Arc::new(Shared {
        kind,
        abandoned: OnceLock::new(),
        is_expected: AtomicBool::new(false),
        is_over: AtomicBool::new(false),
    });
    let sender = Sender {
        tx: Some(tx),
        shared: Arc::clone(&shared),
    };
    let receiver = Receiver {
        rx,
        shared,
        has_yielded: false,
        has_looked: false,
        _awaited: Awaited::new(),
    };
    (sender, receiver)
}

/// The start of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// It has begun: a thread was waiting for it.
    Now,
    Later,
}

/// The state that both ends share.
pub(crate) struct Shared {
    kind: Kind,
    /// Set when the future is dropped. The task counts as background work from then on.
    abandoned: OnceLock<Pending>,
    /// Set if the task has begun before its future is polled.
    is_expected: AtomicBool,
    /// Set when the value is sent and the task's guard dropped.
    is_over: AtomicBool,
}

impl Shared {
    /// Has the future look for the value before it sleeps, if the task has begun.
    pub(crate) fn expect(&self, start: Start) {
        self.is_expected
            .store(start == Start::Now, Ordering::Relaxed);
    }
}

/// The task's end.
pub(crate) struct Sender<T> {
    tx: Option<oneshot::Sender<thread::Result<T>>>,
    // Dropped last: background work that the drop of an unreceived value starts is counted before
    // this task no longer is.
    shared: Arc<Shared>,
}

/// The future's end.
pub(crate) struct Receiver<T> {
    rx: oneshot::Receiver<thread::Result<T>>,
    shared: Arc<Shared>,
    /// Set by the first poll, whether the others had their turn then or not.
    has_yielded: bool,
    has_looked: bool,
    _awaited: Awaited,
}

impl<T> Sender<T> {
    /// Returns the state that both ends share.
    pub(crate) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// Runs `task` and sends its value, or its panic.
    pub(crate) fn run(self, task: impl FnOnce() -> T) {
        self.run_guarded(task, ());
    }

    /// Runs `task` and sends its value, then drops `guard`.
    fn run_guarded(mut self, task: impl FnOnce() -> T, guard: impl Sized) {
        let value = spin::measure(self.shared.kind, || catch_unwind(AssertUnwindSafe(task)));
        let tx = self.tx.take();
        // This wakes the receiver: a waker is foreign code, and this thread has other tasks.
        let unreceived = catch_unwind(AssertUnwindSafe(|| tx.map(|tx| tx.send(value))));
        // If the future was dropped, the value is dropped here, before `self`.
        drop(unreceived);
        drop(guard);
    }

    /// Like [`run_guarded`](Self::run_guarded), but drops `task` if the future was dropped.
    pub(crate) fn run_if_awaited(self, task: impl FnOnce() -> T, guard: impl Sized) {
        if self.tx.as_ref().is_some_and(|tx| !tx.is_closed()) {
            self.run_guarded(task, guard);
        } else {
            // Dropped before `self`, for the same reason.
            drop(task);
            drop(guard);
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let tx = self.tx.take();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(tx)));
        self.shared.is_over.store(true, Ordering::Release);
    }
}

impl<T> Receiver<T> {
    /// Like [`Shared::expect`].
    pub(crate) fn expect(&self, start: Start) {
        self.shared.expect(start);
    }
}

impl<T> Future for Receiver<T> {
    type Output = io::Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if !self.has_looked {
            if !mem::replace(&mut self.has_yielded, true) && spin::is_turn_of_others() {
                // A waker is foreign code: one that panics may not have woken the task.
                let wake = || cx.waker().wake_by_ref();
                if catch_unwind(AssertUnwindSafe(wake)).is_ok() {
                    return Poll::Pending;
                }
            }
            self.has_looked = true;
            if self.shared.is_expected.load(Ordering::Relaxed) {
                spin::look(self.shared.kind, || {
                    self.shared.is_over.load(Ordering::Acquire)
                });
            }
        }
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
            let _ = self.shared.abandoned.set(Pending::new());
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
        let (sender, mut receiver) = channel::<()>(Kind::of::<()>());
        let woken = Arc::new(Woken(AtomicBool::new(false)));
        let waker = Waker::from(Arc::clone(&woken));
        let poll = receiver.poll_unpin(&mut Context::from_waker(&waker));
        assert!(poll.is_pending());
        drop(sender);
        assert!(woken.0.load(Ordering::SeqCst), "it would wait for ever");
        assert!(receiver.now_or_never().unwrap().is_err());
    }

    /// Operations that are over by the first poll must not keep a thread from its other tasks.
    #[test]
    fn some_first_polls_yield() {
        let woken = Arc::new(Woken(AtomicBool::new(false)));
        let waker = Waker::from(Arc::clone(&woken));
        let mut yielded = 0;
        for _ in 0..320 {
            let (sender, mut receiver) = channel(Kind::of::<()>());
            sender.run(|| ());
            let mut cx = Context::from_waker(&waker);
            if receiver.poll_unpin(&mut cx).is_pending() {
                assert!(woken.0.swap(false, Ordering::SeqCst), "it is polled again");
                assert!(receiver.poll_unpin(&mut cx).is_ready(), "only once");
                yielded += 1;
            }
        }
        assert_eq!(yielded, 320 / 8);
    }

    #[test]
    fn a_task_is_pending_if_its_future_was_dropped_before_it_ended() {
        let (_sender, receiver) = channel::<()>(Kind::of::<()>());
        let shared = Arc::clone(&receiver.shared);
        drop(receiver);
        assert!(shared.abandoned.get().is_some());

        let (sender, receiver) = channel(Kind::of::<()>());
        let shared = Arc::clone(&receiver.shared);
        sender.run(|| ());
        drop(receiver);
        assert!(shared.abandoned.get().is_none(), "it has ended");
    }
}
