//! The queues of each runtime, and the few workers that empty its removal queue.
//!
//! They are per runtime, so that a runtime that shuts down waits only for directories created on it.

use std::collections::HashMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock, Weak};
use std::time::Duration;

use tokio::runtime::{Handle, Id};

use super::queued::{Pusher, Queued};
use super::{MAX_THREADS, RemovalJob, watchdog};
use crate::blocking::operations::{Around, OperationQueue};
use crate::blocking::outside;
use crate::blocking::queue::{Limits, Queue};
use crate::blocking::spawn;
use crate::util::processors;
use crate::util::sync::Mutex;

/// Half the processors, so that the application keeps the other half. More only while huge
/// directories, a slow disk or one that hangs would hold up the others.
fn limits() -> Limits {
    Limits {
        workers: (processors() / 2).clamp(1, MAX_THREADS - 1),
        max_workers: MAX_THREADS,
        stall_timeout: watchdog::INTERVAL,
        slice: Duration::from_millis(5),
        linger: Duration::ZERO,
    }
}

/// The queues of the runtimes that have directories or work left.
static QUEUES: LazyLock<Mutex<HashMap<Id, Weak<RuntimeQueues>>>> = LazyLock::new(Mutex::default);

/// The operations and removals that wait for the blocking pool of one runtime.
pub(crate) struct RuntimeQueues {
    pub(crate) runtime: Handle,
    pub(crate) operations: Arc<OperationQueue>,
    removals: Queue<Queued>,
}

impl RuntimeQueues {
    /// Returns the queues of `runtime`.
    pub(crate) fn of(runtime: &Handle) -> Arc<Self> {
        let mut all = QUEUES.lock();
        if let Some(queues) = all.get(&runtime.id()).and_then(Weak::upgrade) {
            return queues;
        }
        let queues = Self::new(runtime.clone());
        all.insert(runtime.id(), Arc::downgrade(&queues));
        queues
    }

    /// Returns the queues of the runtime that the calling thread is in, or else those of none: an
    /// operation there fails, and a removal runs on the runtime that the dropping thread is in by
    /// then, or on that thread.
    pub(crate) fn here() -> io::Result<Arc<Self>> {
        match Handle::try_current() {
            Ok(runtime) => Ok(Self::of(&runtime)),
            Err(_) => Self::of_none(),
        }
    }

    /// Returns queues that belong to no runtime. One for each directory, which has no lock that another
    /// thread may hold during a fork.
    pub(crate) fn of_none() -> io::Result<Arc<Self>> {
        Ok(Self::new(outside::stand_in()?))
    }

    fn new(runtime: Handle) -> Arc<Self> {
        Arc::new_cyclic(|this: &Weak<Self>| {
            let this: Weak<Around> = this.clone();
            Self {
                runtime: runtime.clone(),
                operations: OperationQueue::new(runtime, this),
                removals: Queue::new(limits()),
            }
        })
    }

    /// Queues `job`. It runs on this runtime's blocking pool, else on that of the runtime that the
    /// calling thread is in, else on the calling thread.
    pub(crate) fn push_removal(self: &Arc<Self>, job: RemovalJob) {
        let is_stand_in = outside::is_stand_in(&self.runtime);
        // There may be no runtime here, or the thread may be ending and cannot tell.
        match Handle::try_current() {
            Ok(current) if is_stand_in => Self::of(&current).push_removal(job),
            Ok(current) => {
                let is_here = current.id() == self.runtime.id();
                for job in self.push(Queued::Job(job)).unwrap_or_default() {
                    match is_here {
                        true => run(job),
                        // To that runtime's queue, so that many dead runtimes do not bring many
                        // workers.
                        false => Self::of(&current).push_removal(job),
                    }
                }
            }
            Err(_) if is_stand_in => run(job),
            Err(_) => {
                let (pusher, queued) = Pusher::new(job);
                let refused = self.push(queued);
                let own = pusher.end(refused.is_some());
                own.into_iter()
                    .chain(refused.unwrap_or_default())
                    .for_each(run);
            }
        }
    }

    /// Returns the jobs that have to run elsewhere, without those that other threads run themselves, if
    /// the pool takes no more.
    fn push(self: &Arc<Self>, job: Queued) -> Option<Vec<RemovalJob>> {
        let is_outside = || spawn::is_outside(&self.runtime);
        let next = self.removals.push(job, is_outside);
        if next.watch {
            watchdog::watch(self);
        }
        if !next.request || self.spawn_worker() {
            return None;
        }
        let jobs = self.removals.give_up();
        Some(jobs.into_iter().filter_map(Queued::take_if_left).collect())
    }

    /// Returns `false` if the pool takes no more.
    fn spawn_worker(self: &Arc<Self>) -> bool {
        let queues = Arc::clone(self);
        spawn::try_spawn(&self.runtime, move |_on| queues.work()).is_ok()
    }

    fn work(self: Arc<Self>) {
        let run = |queued: Queued| _ = queued.take().map(run);
        let request = || {
            if !self.spawn_worker() {
                // This one carries on alone: its caller would leave the job in hand behind.
                self.removals.cancel_request();
            }
        };
        let next = self.removals.work(spawn::idle_time(), run, request, |_| ());
        spawn::mark_idle();
        if next.watch {
            watchdog::watch(&self);
        }
    }

    /// Requests another worker if the others have stalled. Returns `false` if nothing waits any more.
    pub(super) fn check(self: &Arc<Self>) -> bool {
        let next = self.removals.check();
        if next.request {
            // If the pool is shutting down, its threads run what is queued, and the runtime's end
            // waits for them. It would not wait for a thread of this crate.
            self.removals.confirm_request(self.spawn_worker());
        }
        next.watch
    }

    /// Records that the watchdog cannot watch.
    pub(super) fn unwatch(&self) {
        self.removals.unwatch();
    }
}

/// Runs `job` and catches panics: dropping its guard runs foreign code, such as wakers and whatever
/// the user's task owns.
fn run(job: RemovalJob) {
    let _ = catch_unwind(AssertUnwindSafe(|| job.run()));
}

impl Drop for RuntimeQueues {
    fn drop(&mut self) {
        if outside::is_stand_in(&self.runtime) {
            // Not one of them. In a forked child, the lock may be held forever.
            return;
        }
        let mut all = QUEUES.lock();
        // Unless the runtime has new ones already.
        if let Some(queues) = all.get(&self.runtime.id())
            && queues.strong_count() == 0
        {
            all.remove(&self.runtime.id());
        }
    }
}
