//! Operations that share threads of a blocking pool.
//!
//! Spawned alone, each operation would wake a thread of its own, which costs more than its few
//! system calls. So they wait in a queue per runtime, and a thread that has finished one takes the
//! next. No operation waits for one that takes long: before a thread begins one while others wait,
//! it requests another thread for those.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, RefUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::runtime::Handle;

use super::oneshot::{self, Receiver, Start};
use super::outside;
use super::queue::{Limits, Queue};
use super::spawn;
use super::spin::{self, Kind};

/// Allows a thread for each operation.
const LIMITS: Limits = Limits {
    workers: usize::MAX,
    max_workers: usize::MAX,
    stall_timeout: Duration::MAX,
    slice: Duration::from_millis(1),
    linger: Duration::from_millis(1),
};

type Task = Box<dyn FnOnce() + Send>;

/// The owner of an [`OperationQueue`].
pub(crate) type Around = dyn Any + Send + Sync + RefUnwindSafe;

/// The operations that wait for a thread of one runtime's blocking pool.
pub(crate) struct OperationQueue {
    runtime: Handle,
    queue: Queue<Numbered>,
    next_number: AtomicU64,
    /// Kept alive by workers.
    around: Weak<Around>,
}

struct Numbered {
    number: u64,
    task: Task,
}

impl OperationQueue {
    /// Creates the queue of `runtime`, whose workers keep `around` alive: with it, this queue is found
    /// again while a worker lingers.
    pub(crate) fn new(runtime: Handle, around: Weak<Around>) -> Arc<Self> {
        Arc::new(Self {
            runtime,
            around,
            queue: Queue::new(LIMITS),
            next_number: AtomicU64::new(0),
        })
    }

    /// Runs `task` and awaits its value.
    ///
    /// # Errors
    ///
    /// The runtime is shutting down, or gone, or the system gives it no thread; or there is none.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, a task that has not started does not start; a running one runs to
    /// its end, and its value is dropped.
    pub(crate) async fn run<T, F>(self: &Arc<Self>, task: F) -> io::Result<T>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        self.start(task, ())?.await
    }

    /// Like [`run`](Self::run), but starts the task before anything is awaited, and drops `guard`
    /// once the value is sent or dropped.
    pub(crate) fn start<T, F, G>(self: &Arc<Self>, task: F, guard: G) -> io::Result<Receiver<T>>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
        G: Send + 'static,
    {
        let (sender, receiver) = oneshot::channel(Kind::of::<F>());
        let send = move || sender.run_if_awaited(task, guard);
        let start = self.try_spawn(send);
        receiver.expect(start.map_err(|_refused| self.unavailable())?);
        Ok(receiver)
    }

    fn unavailable(&self) -> io::Error {
        let outside = outside::is_stand_in(&self.runtime).then(spawn::current);
        let outside = outside.and_then(Result::err);
        outside.unwrap_or_else(spawn::unavailable)
    }

    /// Runs `task` once, like [`spawn::try_spawn`], or returns it if the pool takes no more.
    fn try_spawn(self: &Arc<Self>, task: impl FnOnce() + Send + 'static) -> Result<Start, Task> {
        if outside::is_stand_in(&self.runtime) {
            return Err(Box::new(task));
        }
        spin::record_queued();
        let number = self.next_number.fetch_add(1, Ordering::Relaxed);
        let task = Box::new(task);
        let is_outside = || spawn::is_outside(&self.runtime);
        let mut next = self.queue.push(Numbered { number, task }, is_outside);
        if next.hand_over {
            if spin::hand_over(|| self.queue.is_taken()) {
                return Ok(Start::Now);
            }
            next = self.queue.settle();
        }
        if !next.request || self.spawn_worker() {
            return Ok(Start::Later);
        }
        let mut own = None;
        for other in self.queue.give_up() {
            if other.number == number {
                own = Some(other.task);
            } else {
                // Its caller was told that it will run.
                spawn::spawn_mandatory(&self.runtime, |_| run(other.task));
            }
        }
        // If it is not there, a thread that was at work has taken it.
        own.map_or(Ok(Start::Later), Err)
    }

    /// Runs `task` once, if necessary on the calling thread, like [`spawn::spawn_mandatory`].
    pub(crate) fn spawn_mandatory(self: &Arc<Self>, task: impl FnOnce() + Send + 'static) -> Start {
        self.try_spawn(task).unwrap_or_else(|task| {
            if outside::is_stand_in(&self.runtime) {
                run(task);
            } else {
                spawn::spawn_mandatory(&self.runtime, |_| run(task));
            }
            Start::Later
        })
    }

    /// Returns `false` if the pool takes no more.
    fn spawn_worker(self: &Arc<Self>) -> bool {
        let operations = Arc::clone(self);
        let around = self.around.upgrade();
        let work = move |_on| {
            let _around = around;
            let request = || {
                if !operations.spawn_worker() {
                    // This one carries on alone.
                    operations.queue.cancel_request();
                }
            };
            let idle = spawn::idle_time();
            let run = |next: Numbered| run(next.task);
            // It is never watched, because there is no limit.
            let _ = operations.queue.work(idle, run, request, spin::linger);
            spawn::mark_idle();
        };
        spawn::try_spawn(&self.runtime, work).is_ok()
    }
}

/// Runs `task` and catches its panic, which its [sender](oneshot::Sender) has passed on.
fn run(task: Task) {
    let _ = catch_unwind(AssertUnwindSafe(task));
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
    fn tasks_may_wait_for_those_behind_them() {
        const TASKS: usize = 20;
        let runtime = Builder::new_current_thread().build().unwrap();
        let operations = OperationQueue::new(runtime.handle().clone(), Weak::<()>::new());
        for _ in 0..20 {
            let barrier = Arc::new(Barrier::new(TASKS + 1));
            for _ in 0..TASKS {
                let barrier = Arc::clone(&barrier);
                assert!(operations.try_spawn(move || _ = barrier.wait()).is_ok());
            }
            // Only met if each has a thread.
            barrier.wait();
        }
    }

    #[test]
    fn a_task_that_is_refused_comes_back_unrun() {
        let runtime = Builder::new_current_thread().build().unwrap();
        let operations = OperationQueue::new(runtime.handle().clone(), Weak::<()>::new());
        drop(runtime);
        let (tx, rx) = mpsc::channel();
        let task = operations.try_spawn(move || tx.send(()).unwrap());
        assert!(rx.try_recv().is_err(), "a refused task must not run");
        task.expect_err("the runtime is gone")();
        rx.recv().unwrap();
        // And a mandatory one runs.
        let (tx, rx) = mpsc::channel();
        operations.spawn_mandatory(move || tx.send(()).unwrap());
        rx.try_recv().expect("by the calling thread");
    }

    #[test]
    fn each_task_that_is_taken_runs_once_although_the_pool_shuts_down() {
        for round in 0..300 {
            let runtime = Builder::new_current_thread()
                .max_blocking_threads(1 + round % 3)
                .build()
                .unwrap();
            let operations = OperationQueue::new(runtime.handle().clone(), Weak::<()>::new());
            let run = Arc::new(AtomicUsize::new(0));
            let spawning: Vec<_> = (0..3)
                .map(|_| {
                    let (operations, run) = (Arc::clone(&operations), Arc::clone(&run));
                    thread::spawn(move || {
                        let taken = (0..50).filter(|_| {
                            let run = Arc::clone(&run);
                            let task = move || _ = run.fetch_add(1, Ordering::SeqCst);
                            operations.try_spawn(task).is_ok()
                        });
                        taken.count()
                    })
                })
                .collect();
            for _ in 0..round {
                thread::yield_now();
            }
            drop(runtime);
            let taken: usize = spawning
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .sum();
            // Whatever still works holds the queue.
            while Arc::strong_count(&operations) > 1 {
                thread::yield_now();
            }
            assert_eq!(run.load(Ordering::SeqCst), taken);
        }
    }

    /// Tokio's budget for a task is not renewed by an executor inside it.
    #[test]
    fn an_executor_in_a_task_waits_for_any_number_of_operations() {
        let runtime = Builder::new_current_thread().build().unwrap();
        let operations = OperationQueue::new(runtime.handle().clone(), Weak::<()>::new());
        runtime.block_on(async {
            futures::executor::block_on(async {
                for n in 0..1_000 {
                    assert_eq!(operations.run(move || n).await.unwrap(), n);
                }
            });
        });
    }

    #[test]
    fn a_task_that_panics_harms_no_other() {
        let runtime = Builder::new_current_thread().build().unwrap();
        let operations = OperationQueue::new(runtime.handle().clone(), Weak::<()>::new());
        let (tx, rx) = mpsc::channel();
        for n in 0..10 {
            let tx = tx.clone();
            let task = move || {
                assert!(n % 2 == 1, "panics on purpose");
                tx.send(n).unwrap();
            };
            assert!(operations.try_spawn(task).is_ok());
        }
        drop(tx);
        assert_eq!(rx.iter().count(), 5);
    }
}
