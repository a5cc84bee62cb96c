//! Lanes: one queue of directories to remove per runtime, and the few workers that empty it.
//!
//! Per runtime, so that a runtime that shuts down waits for what was created on it and for
//! nothing else.

use std::collections::HashMap;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};
use std::thread::available_parallelism;
use std::time::Duration;

use tokio::runtime::{Handle, Id};

use super::{Doomed, MAX_THREADS, watchdog};
use crate::errands::Errands;
use crate::pool::{self, Where};
use crate::queue::{Limits, Queue, Worker};

/// Half the processors, and the application keeps the other half; more only while huge directories, a
/// slow disk or one that hangs would hold up the others.
static LIMITS: LazyLock<Limits> = LazyLock::new(|| {
    let processors = available_parallelism().map_or(1, NonZero::get);
    Limits {
        workers: (processors / 2).clamp(1, MAX_THREADS - 1),
        max_workers: MAX_THREADS,
        patience: watchdog::INTERVAL,
        slice: Duration::from_millis(5),
    }
});

/// The lanes of the runtimes that have directories, or work, left.
static LANES: LazyLock<Mutex<HashMap<Id, Weak<Lane>>>> = LazyLock::new(Mutex::default);

/// The background removal of one runtime, and what else there is to do on its blocking pool.
#[derive(Debug)]
pub(crate) struct Lane {
    runtime: Handle,
    errands: Arc<Errands>,
    queue: Queue<Doomed>,
}

impl Worker<Doomed> for &Arc<Lane> {
    fn carry_out(&mut self, doomed: Doomed) {
        // It counts what it has reported and woken, and those are others' code.
        let _ = catch_unwind(AssertUnwindSafe(|| doomed.remove()));
    }

    fn been_away(&self) -> Duration {
        pool::been_away()
    }

    fn leave(&self) {
        pool::leave();
    }

    fn request(&mut self) {
        if !self.offer_worker() {
            // It carries on alone: another would leave the job that it has in hand behind.
            self.queue.cancel_request();
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
            errands: Errands::new(runtime.clone()),
            queue: Queue::new(*LIMITS),
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
        let is_outside = || pool::is_outside(&self.runtime);
        let next = self.queue.push(doomed, is_outside);
        if next.watch {
            watchdog::watch(self);
        }
        if next.request {
            self.request_worker();
        }
    }

    /// Requests a worker, which the queue has counted. If the pool takes no more, the removals go to
    /// the runtime that the calling thread is in, or else that thread carries them out.
    fn request_worker(self: &Arc<Self>) {
        if self.offer_worker() {
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

    /// Gives the pool a worker. False if it takes no more.
    fn offer_worker(self: &Arc<Self>) -> bool {
        let lane = Arc::clone(self);
        pool::offer(&self.runtime, move |on| lane.work(on)).is_ok()
    }

    fn work(self: Arc<Self>, on: Where) {
        if self.queue.work(on, &mut &self).watch {
            watchdog::watch(&self);
        }
    }

    /// For the watchdog: requests another worker if those at work do not get on. False if nothing
    /// waits any more.
    pub(super) fn look(self: &Arc<Self>) -> bool {
        let next = self.queue.look();
        if next.request {
            // If the pool is shutting down, the threads that it has carry out what is in line, and the
            // end of the runtime waits for those. It would not wait for a thread of this crate's.
            self.queue.confirm_request(self.offer_worker());
        }
        next.watch
    }

    /// For the watchdog, which cannot watch.
    pub(super) fn unwatch(&self) {
        self.queue.unwatch();
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
