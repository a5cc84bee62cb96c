//! Jobs on Tokio's blocking pool that cannot get lost.
//!
//! `spawn_blocking` may refuse a job (the pool is shutting down), accept it and never run it (it
//! shuts down first) or panic (the system gives no thread). In each case the closure is dropped,
//! in some versions of Tokio while the pool's lock is held, which no destructor of ours may know
//! about. So the pool never gets the job itself but a [`Runner`] that points to it.

use std::cell::Cell;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

/// On which thread a job finds itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Where {
    /// One of a blocking pool.
    Pool,
    /// The one that wanted the job done.
    Here,
}

/// Where a job waits until somebody runs it.
struct Slot<F> {
    job: Option<F>,
    /// The thread that offers the job is still inside `spawn_blocking`.
    offering: bool,
    /// Meanwhile, the pool let go of the runner without running it.
    refused: bool,
}

/// What the pool gets. Run, it runs the job; dropped unrun, it sees to it that the job is run all
/// the same.
struct Runner<F: FnOnce(Where)>(Arc<Mutex<Slot<F>>>);

/// Has `runtime`'s blocking pool run `job`, or gives it back if the pool does not take it.
///
/// A job that was taken is run once, whatever becomes of the pool: by one of its threads, or by
/// the thread that shuts it down. It must not panic.
pub(crate) fn offer<F>(runtime: &Handle, job: F) -> Result<(), F>
where
    F: FnOnce(Where) + Send + 'static,
{
    let slot = Arc::new(Mutex::new(Slot {
        job: Some(job),
        offering: true,
        refused: false,
    }));
    let runner = Runner(Arc::clone(&slot));
    let spawned = catch_unwind(AssertUnwindSafe(|| {
        // Nobody waits for it: what a job has to say it says itself.
        drop(runtime.spawn_blocking(move || runner.run()));
    }));

    let mut slot = lock(&slot);
    slot.offering = false;
    // After a panic the pool may still have the runner in its queue: it will find an empty slot.
    if spawned.is_err() || slot.refused {
        slot.job.take().map_or(Ok(()), Err)
    } else {
        Ok(())
    }
}

thread_local! {
    /// When this thread last stopped working for a queue of this crate.
    static LEFT: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Notes that the calling thread no longer works for a queue.
pub(crate) fn leave() {
    // A thread that is about to end is not asked again.
    let _ = LEFT.try_with(|left| left.set(Some(Instant::now())));
}

/// Returns how long the calling thread has not worked for a queue.
pub(crate) fn been_away() -> Duration {
    let left = LEFT.try_with(Cell::get).unwrap_or_default();
    left.map_or(Duration::MAX, |left| left.elapsed())
}

/// Whether the calling thread is outside `runtime`, as far as it can tell.
pub(crate) fn is_outside(runtime: &Handle) -> bool {
    Handle::try_current().map_or(true, |current| current.id() != runtime.id())
}

/// Has `job` run for certain: by `runtime`'s blocking pool, else by that of the runtime that the
/// calling thread is in, else by the calling thread. It must not panic.
pub(crate) fn run<F>(runtime: &Handle, job: F)
where
    F: FnOnce(Where) + Send + 'static,
{
    let Err(job) = offer(runtime, job) else {
        return;
    };
    // There may be no runtime, or the thread so late in its life that it cannot tell any more.
    let job = match Handle::try_current() {
        Ok(current) if current.id() != runtime.id() => match offer(&current, job) {
            Ok(()) => return,
            Err(job) => job,
        },
        _ => job,
    };
    job(Where::Here);
}

/// Why a job cannot be done by a pool that did not take it.
pub(crate) fn unavailable() -> io::Error {
    io::Error::other("the Tokio runtime is shutting down, or the system gives it no thread")
}

impl<F: FnOnce(Where)> Runner<F> {
    fn run(self) {
        let job = lock(&self.0).job.take();
        if let Some(job) = job {
            job(Where::Pool);
        }
    }
}

impl<F: FnOnce(Where)> Drop for Runner<F> {
    fn drop(&mut self) {
        let mut slot = lock(&self.0);
        if slot.offering {
            // Possibly under the pool's lock: leave the job to the thread that offers it.
            slot.refused = true;
        } else if let Some(job) = slot.job.take() {
            drop(slot);
            job(Where::Pool);
        }
    }
}

fn lock<F>(slot: &Mutex<Slot<F>>) -> MutexGuard<'_, Slot<F>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use tokio::runtime::Builder;

    #[test]
    fn a_job_that_is_taken_runs_on_another_thread() {
        let runtime = Builder::new_current_thread().build().unwrap();
        let (tx, rx) = mpsc::channel();
        let taken = offer(runtime.handle(), move |_| {
            tx.send(std::thread::current().id()).unwrap();
        });
        assert!(taken.is_ok());
        assert_ne!(rx.recv().unwrap(), std::thread::current().id());
    }

    #[test]
    fn a_job_that_is_refused_comes_back_unrun() {
        let runtime = Builder::new_current_thread().build().unwrap();
        let handle = runtime.handle().clone();
        drop(runtime);
        let (tx, rx) = mpsc::channel();
        let job = offer(&handle, move |_| tx.send(()).unwrap()).expect_err("the runtime is gone");
        assert!(rx.try_recv().is_err(), "a refused job must not run");
        job(Where::Here);
        rx.recv().unwrap();
    }

    #[test]
    fn a_job_that_was_taken_runs_although_the_pool_shuts_down_first() {
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
        assert!(offer(runtime.handle(), move |_| tx.send(()).unwrap()).is_ok());
        // Returns at once and leaves the one busy thread to find the pool shut down.
        runtime.shutdown_background();
        release.send(()).unwrap();
        rx.recv().expect("the job ran");
    }

    /// An idle thread that wakes to find its pool shut down drops what waits for it, unrun.
    #[test]
    fn a_job_that_was_taken_runs_although_the_pool_drops_it() {
        for _ in 0..200 {
            let runtime = Builder::new_current_thread().build().unwrap();
            // Leaves a thread that idles, or is about to.
            runtime.block_on(runtime.spawn_blocking(|| ())).unwrap();
            let (tx, rx) = mpsc::channel();
            assert!(offer(runtime.handle(), move |_| tx.send(()).unwrap()).is_ok());
            runtime.shutdown_background();
            rx.recv().expect("the job ran");
        }
    }

    #[test]
    fn a_job_that_runs_before_the_offer_returns_is_not_given_back() {
        let runtime = Builder::new_current_thread().build().unwrap();
        for _ in 0..2_000 {
            let (tx, rx) = mpsc::channel();
            assert!(offer(runtime.handle(), move |_| tx.send(()).unwrap()).is_ok());
            rx.recv().unwrap();
            assert!(rx.recv().is_err(), "a job runs once");
        }
    }
}
