//! Operations that share threads of a blocking pool.
//!
//! Each by itself on the pool wakes a thread of its own, which costs more than the few system calls
//! that it is for. So they stand in a queue of their runtime, and a thread that has done one goes on
//! with the next. No operation waits for another that takes long: before a thread begins one while
//! others wait, it requests one more thread, and that takes the next.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;

use crate::pool;
use crate::queue::{Limits, Next, Queue, Worker};

/// As many threads as there are operations, if need be.
const LIMITS: Limits = Limits {
    workers: usize::MAX,
    max_workers: usize::MAX,
    patience: Duration::MAX,
    slice: Duration::from_millis(1),
};

type Job = Box<dyn FnOnce() + Send>;

/// What is to be done on a runtime's blocking pool.
#[derive(Debug)]
pub(crate) struct Errands {
    runtime: Handle,
    queue: Queue<Errand>,
    offered: AtomicU64,
}

struct Errand {
    number: u64,
    job: Job,
}

impl std::fmt::Debug for Errand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Errand").field(&self.number).finish()
    }
}

impl Errands {
    pub(crate) fn new(runtime: Handle) -> Arc<Self> {
        Arc::new(Self {
            runtime,
            queue: Queue::new(LIMITS),
            offered: AtomicU64::new(0),
        })
    }

    /// As [`pool::offer`]: has the job done once, or gives it back if the pool takes no more. It
    /// must not panic.
    pub(crate) fn offer(self: &Arc<Self>, job: impl FnOnce() + Send + 'static) -> Result<(), Job> {
        let number = self.offered.fetch_add(1, Ordering::Relaxed);
        let job = Box::new(job);
        let is_outside = || pool::is_outside(&self.runtime);
        // It is never watched, for there is no limit.
        let Next { request, .. } = self.queue.push(Errand { number, job }, is_outside);
        if !request || self.send_for_thread() {
            return Ok(());
        }
        let mut own = None;
        for errand in self.queue.give_up() {
            if errand.number == number {
                own = Some(errand.job);
            } else {
                // Who offered it has been told that it will be done.
                pool::run(&self.runtime, |_| carry_out(errand.job));
            }
        }
        // If it is not there, a thread that was at work has taken it.
        own.map_or(Ok(()), Err)
    }

    /// As [`pool::run`]: has the job done for certain, if need be by the calling thread.
    pub(crate) fn run(self: &Arc<Self>, job: impl FnOnce() + Send + 'static) {
        if let Err(job) = self.offer(job) {
            pool::run(&self.runtime, |_| carry_out(job));
        }
    }

    /// False if the pool takes no more.
    fn send_for_thread(self: &Arc<Self>) -> bool {
        let errands = Arc::clone(self);
        let work = move |on| {
            let _ = errands.queue.work(on, &mut &errands);
        };
        pool::offer(&self.runtime, work).is_ok()
    }
}

impl Worker<Errand> for &Arc<Errands> {
    fn carry_out(&mut self, errand: Errand) {
        carry_out(errand.job);
    }

    fn been_away(&self) -> Duration {
        pool::been_away()
    }

    fn leave(&self) {
        pool::leave();
    }

    fn request(&mut self) {
        if !self.send_for_thread() {
            // It carries on alone.
            self.queue.cancel_request();
        }
    }
}

/// Carries out `job`, whose panics go no further: a job sends its own to the caller that waits.
fn carry_out(job: Job) {
    let _ = catch_unwind(AssertUnwindSafe(job));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;
    use std::sync::atomic::AtomicUsize;
    use std::sync::mpsc;
    use std::thread;
    use tokio::runtime::Builder;

    #[test]
    fn jobs_may_wait_for_those_behind_them() {
        const JOBS: usize = 20;
        let runtime = Builder::new_current_thread().build().unwrap();
        let errands = Errands::new(runtime.handle().clone());
        for _ in 0..20 {
            let barrier = Arc::new(Barrier::new(JOBS + 1));
            for _ in 0..JOBS {
                let barrier = Arc::clone(&barrier);
                assert!(errands.offer(move || _ = barrier.wait()).is_ok());
            }
            // Only met if each has a thread.
            barrier.wait();
        }
    }

    #[test]
    fn a_job_that_is_refused_comes_back_unrun() {
        let runtime = Builder::new_current_thread().build().unwrap();
        let errands = Errands::new(runtime.handle().clone());
        drop(runtime);
        let (tx, rx) = mpsc::channel();
        let job = errands.offer(move || tx.send(()).unwrap());
        assert!(rx.try_recv().is_err(), "a refused job must not run");
        job.expect_err("the runtime is gone")();
        rx.recv().unwrap();
        // And one that has to be done is.
        let (tx, rx) = mpsc::channel();
        errands.run(move || tx.send(()).unwrap());
        rx.try_recv().expect("by the calling thread");
    }

    #[test]
    fn each_job_that_is_taken_runs_once_although_the_pool_shuts_down() {
        for round in 0..300 {
            let runtime = Builder::new_current_thread()
                .max_blocking_threads(1 + round % 3)
                .build()
                .unwrap();
            let errands = Errands::new(runtime.handle().clone());
            let run = Arc::new(AtomicUsize::new(0));
            let offering: Vec<_> = (0..3)
                .map(|_| {
                    let (errands, run) = (Arc::clone(&errands), Arc::clone(&run));
                    thread::spawn(move || {
                        let taken = (0..50).filter(|_| {
                            let run = Arc::clone(&run);
                            let job = move || _ = run.fetch_add(1, Ordering::SeqCst);
                            errands.offer(job).is_ok()
                        });
                        taken.count()
                    })
                })
                .collect();
            for _ in 0..round {
                thread::yield_now();
            }
            drop(runtime);
            let taken: usize = offering
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .sum();
            // Whoever is still at it holds the errands.
            while Arc::strong_count(&errands) > 1 {
                thread::yield_now();
            }
            assert_eq!(run.load(Ordering::SeqCst), taken);
        }
    }

    #[test]
    fn a_job_that_panics_harms_no_other() {
        let runtime = Builder::new_current_thread().build().unwrap();
        let errands = Errands::new(runtime.handle().clone());
        let (tx, rx) = mpsc::channel();
        for n in 0..10 {
            let tx = tx.clone();
            let job = move || {
                assert!(n % 2 == 1, "panics on purpose");
                tx.send(n).unwrap();
            };
            assert!(errands.offer(job).is_ok());
        }
        drop(tx);
        assert_eq!(rx.iter().count(), 5);
    }
}
