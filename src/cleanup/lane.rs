//! Lanes: one queue of directories to remove per runtime, and the few workers that empty it.
//!
//! Per runtime, so that a runtime that shuts down waits for what was created on it and for
//! nothing else.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::runtime::{Handle, Id};

use super::{Doomed, MAX_THREADS};
use crate::pool::{self, Where};

/// How long a worker holds its thread before it queues behind whatever else wants one. Matters
/// where the application allows its pool only a thread or two.
const TURN: Duration = Duration::from_millis(5);

/// The lanes of the runtimes that have directories, or work, left.
static LANES: LazyLock<Mutex<HashMap<Id, Weak<Lane>>>> = LazyLock::new(Mutex::default);

/// The background removal of one runtime.
#[derive(Debug)]
pub(crate) struct Lane {
    runtime: Handle,
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    jobs: VecDeque<Doomed>,
    /// Workers that run, or that a pool has promised to run.
    workers: usize,
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
            queue: Mutex::default(),
        });
        lanes.insert(runtime.id(), Arc::downgrade(&lane));
        lane
    }

    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Has `doomed` removed soon, on another thread if there is any way.
    pub(crate) fn push(self: &Arc<Self>, doomed: Doomed) {
        let mut queue = self.lock();
        queue.jobs.push_back(doomed);
        if queue.workers < MAX_THREADS {
            queue.workers += 1;
            drop(queue);
            let lane = Arc::clone(self);
            pool::run(&self.runtime, move |on| lane.work(on));
        }
    }

    /// A worker, counted already: removes until the queue is empty. On a pool's thread, it lets
    /// others have the thread now and then.
    fn work(self: Arc<Self>, on: Where) {
        let start = Instant::now();
        loop {
            let mut queue = self.lock();
            let Some(doomed) = queue.jobs.pop_front() else {
                // Under the same lock as `push` looks at it: no job is left without a worker.
                queue.workers -= 1;
                return;
            };
            let more = !queue.jobs.is_empty();
            drop(queue);
            doomed.remove();

            if on == Where::Pool
                && more
                && start.elapsed() > TURN
                && let Ok(current) = Handle::try_current()
            {
                let lane = Arc::clone(&self);
                if pool::offer(&current, move |on| lane.work(on)).is_ok() {
                    return;
                }
                // That pool shuts down, and waits for this thread.
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
