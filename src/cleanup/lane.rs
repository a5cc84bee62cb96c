//! Lanes: one queue of directories to remove per runtime, and the few workers that empty it.
//!
//! Per runtime, so that a runtime that shuts down waits for what was created on it and for
//! nothing else.

use std::collections::HashMap;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use tokio::runtime::{Handle, Id};

use super::{Doomed, MAX_THREADS};
use crate::errands::Errands;
use crate::pool::{self, Asked, Where};
use crate::queue::{Pace, Queue, Worker};

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

/// The background removal of one runtime, and what else there is to do on its blocking pool.
#[derive(Debug)]
pub(crate) struct Lane {
    runtime: Handle,
    errands: Arc<Errands>,
    queue: Queue<Doomed, Last>,
}

/// When a worker last took a job, and when the pool was last asked for a worker.
#[derive(Debug)]
struct Last {
    taken: Instant,
    asked: Asked,
}

impl Pace for Last {
    fn taken(&mut self) {
        self.taken = Instant::now();
    }

    fn promised(&mut self) {
        self.asked = Asked::now();
    }

    fn is_overdue(&self) -> bool {
        self.asked.is_overdue()
    }

    fn limit(&self, working: usize) -> usize {
        if working > 0 && self.taken.elapsed() > PATIENCE {
            MAX_WORKERS
        } else {
            *WORKERS
        }
    }
}

/// A worker, since the begin of its turn.
struct Turn<'a> {
    lane: &'a Arc<Lane>,
    begin: Instant,
}

impl Worker<Doomed> for Turn<'_> {
    fn carry_out(&mut self, doomed: Doomed) {
        // It counts what it has reported and woken, and those are others' code.
        let _ = catch_unwind(AssertUnwindSafe(|| doomed.remove()));
    }

    fn begin_turn(&mut self) {
        self.begin = Instant::now();
    }

    fn is_turn_over(&self) -> bool {
        self.begin.elapsed() >= TURN
    }

    fn promise(&mut self) {
        self.lane.promise_worker();
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
            errands: Errands::new(runtime.clone()),
            queue: Queue::new(Last {
                taken: Instant::now(),
                asked: Asked::now(),
            }),
        });
        lanes.insert(runtime.id(), Arc::downgrade(&lane));
        lane
    }

    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    pub(crate) fn errands(&self) -> &Arc<Errands> {
        &self.errands
    }

    /// Has `doomed` removed soon: by a thread of this lane's runtime, else by one of the runtime
    /// that the calling thread is in, else by the calling thread.
    pub(crate) fn push(self: &Arc<Self>, doomed: Doomed) {
        if self.queue.push(doomed) {
            self.promise_worker();
        }
    }

    /// Keeps the promise of a worker that the queue counts.
    fn promise_worker(self: &Arc<Self>) {
        let lane = Arc::clone(self);
        if pool::offer(&self.runtime, move |on| lane.work(on)).is_ok() {
            return;
        }
        // There may be no runtime here, or the thread so late in its life that it cannot tell.
        match Handle::try_current() {
            Ok(current) if current.id() != self.runtime.id() => {
                let jobs = self.queue.give_up();
                // To that runtime's lane, so that many dead runtimes do not bring many workers.
                let lane = Self::of(&current);
                for doomed in jobs {
                    lane.push(doomed);
                }
            }
            _ => Arc::clone(self).work(Where::Here),
        }
    }

    fn work(self: Arc<Self>, on: Where) {
        let mut turn = Turn {
            lane: &self,
            begin: Instant::now(),
        };
        self.queue.work(on, &mut turn);
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
