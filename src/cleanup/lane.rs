//! Lanes: one queue of directories to remove per runtime, and the few workers that empty it.
//!
//! Per runtime, so that a runtime that shuts down waits for what was created on it and for
//! nothing else.

use std::collections::{HashMap, VecDeque};
use std::mem;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use tokio::runtime::{Handle, Id};

use super::{Doomed, MAX_THREADS};
use crate::pool::{self, Where};

/// How long a worker works before it looks whether others want its thread.
const TURN: Duration = Duration::from_millis(5);

/// How many workers a lane has: half the processors, and the application keeps the other half.
/// Together with a stand-in they are at most [`MAX_THREADS`].
static WORKERS: LazyLock<usize> = LazyLock::new(|| {
    let processors = available_parallelism().map_or(1, NonZero::get);
    (processors / 2).clamp(1, MAX_WORKERS)
});
const MAX_WORKERS: usize = MAX_THREADS - 1;

/// How long all workers may be busy with what they have before a drop sends for one more: huge
/// directories, or a slow disk, are not to hold up the others while there is another thread.
const PATIENCE: Duration = Duration::from_millis(20);

/// The lanes of the runtimes that have directories, or work, left.
static LANES: LazyLock<Mutex<HashMap<Id, Weak<Lane>>>> = LazyLock::new(Mutex::default);

/// The background removal of one runtime.
#[derive(Debug)]
pub(crate) struct Lane {
    runtime: Handle,
    queue: Mutex<Queue>,
}

#[derive(Debug)]
struct Queue {
    jobs: VecDeque<Doomed>,
    /// Workers at work.
    working: usize,
    /// Workers that a pool has promised to run.
    promised: usize,
    /// When a worker last took a job.
    taken: Instant,
}

impl Queue {
    /// How many workers there may be right now.
    fn limit(&self) -> usize {
        if self.working > 0 && self.taken.elapsed() > PATIENCE {
            MAX_WORKERS
        } else {
            *WORKERS
        }
    }
}

impl Lane {
    /// The lane of `runtime`.
    pub(crate) fn of(runtime: &Handle) -> Arc<Self> {
        let mut lanes = LANES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = lanes.get(&runtime.id()).and_then(Weak::upgrade) {
            return lane;
        }
        let lane = Arc::new(Self {
            runtime: runtime.clone(),
            queue: Mutex::new(Queue {
                jobs: VecDeque::new(),
                working: 0,
                promised: 0,
                taken: Instant::now(),
            }),
        });
        lanes.insert(runtime.id(), Arc::downgrade(&lane));
        lane
    }

    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Has `doomed` removed soon: by a thread of this lane's runtime, else by one of the runtime
    /// that the calling thread is in, else by the calling thread.
    pub(crate) fn push(self: &Arc<Self>, doomed: Doomed) {
        let mut queue = self.lock();
        queue.jobs.push_back(doomed);
        if queue.working + queue.promised < queue.limit() {
            self.promise_worker(queue);
        }
    }

    fn promise_worker(self: &Arc<Self>, mut queue: MutexGuard<'_, Queue>) {
        queue.promised += 1;
        drop(queue);
        let lane = Arc::clone(self);
        if pool::offer(&self.runtime, move |on| lane.work(on)).is_ok() {
            return;
        }
        // There may be no runtime here, or the thread so late in its life that it cannot tell.
        match Handle::try_current() {
            Ok(current) if current.id() != self.runtime.id() => {
                let mut queue = self.lock();
                queue.promised -= 1;
                let jobs = mem::take(&mut queue.jobs);
                drop(queue);
                // To that runtime's lane, so that many dead runtimes do not bring many workers.
                let lane = Self::of(&current);
                for doomed in jobs {
                    lane.push(doomed);
                }
            }
            _ => Arc::clone(self).work(Where::Here),
        }
    }

    /// A promised worker: removes until the queue is empty, or until it is another's turn.
    ///
    /// The pool runs its closures in order, so whether others wait for a thread is found out by
    /// waiting with them: every turn, the worker has a stand-in promised. If that starts before
    /// the next turn is over, there are threads enough, and it leaves again. If it does not, the
    /// worker leaves, and the stand-in carries on when all that waited before it has been run.
    fn work(self: Arc<Self>, on: Where) {
        let mut queue = self.lock();
        queue.promised -= 1;
        if queue.working >= queue.limit() && on == Where::Pool {
            return;
        }
        queue.working += 1;
        let mut turn = Instant::now();
        loop {
            // Under the same lock as `push` looks at it: no job is left without a worker.
            let Some(doomed) = queue.jobs.pop_front() else {
                queue.working -= 1;
                return;
            };
            queue.taken = Instant::now();
            drop(queue);
            // It counts what it has reported and woken, and those are others' code.
            let _ = catch_unwind(AssertUnwindSafe(|| doomed.remove()));
            queue = self.lock();

            if on == Where::Pool && turn.elapsed() >= TURN && !queue.jobs.is_empty() {
                if queue.promised > 0 {
                    queue.working -= 1;
                    return;
                }
                self.promise_worker(queue);
                turn = Instant::now();
                queue = self.lock();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        let mut lanes = LANES.lock().unwrap_or_else(PoisonError::into_inner);
        // Unless a new lane of the same runtime is there already.
        if let Some(lane) = lanes.get(&self.runtime.id())
            && lane.strong_count() == 0
        {
            lanes.remove(&self.runtime.id());
        }
    }
}
