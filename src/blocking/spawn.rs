//! Spawns closures on Tokio's blocking pool that cannot get lost.
//!
//! `spawn_blocking` may refuse a closure (the pool is shutting down), accept it and never run it (it
//! shuts down first) or panic (the system gives no thread). In each case it drops the closure, in
//! some versions of Tokio while it holds the pool's lock, when no destructor of ours may run. So the
//! pool never gets the task itself but a [`Runner`] that points to it.

use std::cell::Cell;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use crate::util::sync::Mutex;

/// The thread that runs a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RunOn {
    /// A thread of a blocking pool.
    Pool,
    /// The thread that spawned it.
    Caller,
}

/// A task that waits for its thread.
struct Slot<F> {
    task: Option<F>,
    /// The spawning thread is still inside `spawn_blocking`.
    is_spawning: bool,
    /// Meanwhile, the pool dropped the runner.
    is_refused: bool,
}

/// The closure that the pool gets. Dropped by the pool, it still runs the task.
struct Runner<F: FnOnce(RunOn)>(Arc<Mutex<Slot<F>>>);

/// Runs `task` on `runtime`'s blocking pool, or returns it if the pool does not take it.
///
/// A task that was taken runs once, whatever becomes of the pool: on one of its threads, or on the
/// thread that shuts it down. It must not panic.
pub(crate) fn try_spawn<F>(runtime: &Handle, task: F) -> Result<(), F>
where
    F: FnOnce(RunOn) + Send + 'static,
{
    let slot = Arc::new(Mutex::new(Slot {
        task: Some(task),
        is_spawning: true,
        is_refused: false,
    }));
    let runner = Runner(Arc::clone(&slot));
    let spawned = catch_unwind(AssertUnwindSafe(|| {
        // The task itself sends its value.
        drop(runtime.spawn_blocking(move || runner.run()));
    }));

    let mut slot = slot.lock();
    slot.is_spawning = false;
    // After a panic, the pool may still have the runner in its queue, which will find an empty slot.
    if spawned.is_err() || slot.is_refused {
        slot.task.take().map_or(Ok(()), Err)
    } else {
        Ok(())
    }
}

thread_local! {
    /// When this thread last worked for a queue of this crate.
    static LAST_WORK: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Records that the calling thread no longer works for a queue of this crate.
pub(crate) fn mark_idle() {
    // A thread that is about to end needs no record.
    let _ = LAST_WORK.try_with(|last| last.set(Some(Instant::now())));
}

/// Returns how long the calling thread has not worked for a queue of this crate.
pub(crate) fn idle_time() -> Duration {
    let last = LAST_WORK.try_with(Cell::get).unwrap_or_default();
    last.map_or(Duration::MAX, |last| last.elapsed())
}

/// Returns whether the calling thread is outside `runtime`, as far as it can tell.
pub(crate) fn is_outside(runtime: &Handle) -> bool {
    Handle::try_current().map_or(true, |current| current.id() != runtime.id())
}

/// Runs `task` on `runtime`'s blocking pool, else on that of the runtime that the calling thread is
/// in, else on the calling thread. It must not panic.
pub(crate) fn spawn_mandatory<F>(runtime: &Handle, task: F)
where
    F: FnOnce(RunOn) + Send + 'static,
{
    let Err(task) = try_spawn(runtime, task) else {
        return;
    };
    // There may be no runtime, or the thread may be ending and cannot tell any more.
    let task = match Handle::try_current() {
        Ok(current) if current.id() != runtime.id() => match try_spawn(&current, task) {
            Ok(()) => return,
            Err(task) => task,
        },
        _ => task,
    };
    task(RunOn::Caller);
}

/// Requests a thread of `runtime`'s blocking pool for `help`, which owns nothing that matters: if the
/// pool accepts no more work, it is dropped.
pub(crate) fn request_help(runtime: &Handle, help: impl FnOnce() + Send + 'static) {
    // If the system gives no thread, Tokio panics.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(runtime.spawn_blocking(help))));
}

/// Returns the runtime that the calling thread is in.
pub(crate) fn current() -> io::Result<Handle> {
    Handle::try_current().map_err(|error| match error.is_missing_context() {
        // Tokio's own message says less about what to do.
        true => io::Error::other("must be called inside a Tokio runtime"),
        false => io::Error::other(error),
    })
}

/// Returns the error for a task that the pool did not take.
pub(crate) fn unavailable() -> io::Error {
    io::Error::other("the Tokio runtime is shutting down, or the system gives it no thread")
}

impl<F: FnOnce(RunOn)> Runner<F> {
    fn run(self) {
        let task = self.0.lock().task.take();
        if let Some(task) = task {
            task(RunOn::Pool);
        }
    }
}

impl<F: FnOnce(RunOn)> Drop for Runner<F> {
    fn drop(&mut self) {
        let mut slot = self.0.lock();
        if slot.is_spawning {
            // Possibly under the pool's lock: leave the task to the spawning thread.
            slot.is_refused = true;
        } else if let Some(task) = slot.task.take() {
            drop(slot);
            task(RunOn::Pool);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use tokio::runtime::Builder;

    #[test]
    fn a_task_that_is_taken_runs_on_another_thread() {
        let runtime = Builder::new_current_thread().build().unwrap();
        let (tx, rx) = mpsc::channel();
        let taken = try_spawn(runtime.handle(), move |_| {
            tx.send(std::thread::current().id()).unwrap();
        });
        assert!(taken.is_ok());
        assert_ne!(rx.recv().unwrap(), std::thread::current().id());
    }

    #[test]
    fn a_task_that_is_refused_comes_back_unrun() {
        let runtime = Builder::new_current_thread().build().unwrap();
        let handle = runtime.handle().clone();
        drop(runtime);
        let (tx, rx) = mpsc::channel();
        let task =
            try_spawn(&handle, move |_| tx.send(()).unwrap()).expect_err("the runtime is gone");
        assert!(rx.try_recv().is_err(), "a refused task must not run");
        task(RunOn::Caller);
        rx.recv().unwrap();
    }

    #[test]
    fn a_task_that_was_taken_runs_although_the_pool_shuts_down_first() {
        let runtime = Builder::new_current_thread()
            .max_blocking_threads(1)
            .build()
            .unwrap();
        let (busy, is_busy) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        runtime.handle().spawn_blocking(move || {
            busy.send(()).unwrap();
            let _ = released.recv();
        });
        is_busy.recv().unwrap();

        let (tx, rx) = mpsc::channel();
        assert!(try_spawn(runtime.handle(), move |_| tx.send(()).unwrap()).is_ok());
        // Returns at once and leaves the one busy thread to find the pool shut down.
        runtime.shutdown_background();
        release.send(()).unwrap();
        rx.recv().expect("the task ran");
    }

    /// An idle thread that wakes to find its pool shut down drops what waits for it, unrun.
    #[test]
    fn a_task_that_was_taken_runs_although_the_pool_drops_it() {
        for _ in 0..200 {
            let runtime = Builder::new_current_thread().build().unwrap();
            // Leaves a thread that idles, or is about to.
            runtime.block_on(runtime.spawn_blocking(|| ())).unwrap();
            let (tx, rx) = mpsc::channel();
            assert!(try_spawn(runtime.handle(), move |_| tx.send(()).unwrap()).is_ok());
            runtime.shutdown_background();
            rx.recv().expect("the task ran");
        }
    }

    #[test]
    fn a_task_that_runs_before_spawn_returns_is_not_returned() {
        let runtime = Builder::new_current_thread().build().unwrap();
        for _ in 0..2_000 {
            let (tx, rx) = mpsc::channel();
            assert!(try_spawn(runtime.handle(), move |_| tx.send(()).unwrap()).is_ok());
            rx.recv().unwrap();
            assert!(rx.recv().is_err(), "a task runs once");
        }
    }
}
