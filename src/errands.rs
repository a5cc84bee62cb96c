//! Jobs that share threads of a blocking pool.
//!
//! Each job by itself on the pool wakes a thread of its own, which costs more than the few system
//! calls that it is for. So jobs stand in a queue of their runtime, and a thread that has done one
//! goes on with the next. No job waits for another that takes long: before a thread begins one while
//! others wait, the pool is asked for one more thread, and that takes the next.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use crate::pool;
use crate::queue::{Pace, Queue, Worker};

/// How long a thread works before it looks whether others want it.
const TURN: Duration = Duration::from_millis(1);

type Job = Box<dyn FnOnce() + Send>;

/// What is to be done on a runtime's blocking pool.
#[derive(Debug)]
pub(crate) struct Errands {
    runtime: Handle,
    queue: Queue<Errand, OneMore>,
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

/// As many threads as there are jobs, if need be.
#[derive(Debug)]
struct OneMore;

impl Pace for OneMore {
    fn taken(&mut self) {}

    fn limit(&self, working: usize) -> usize {
        working + 1
    }
}

impl Errands {
    pub(crate) fn new(runtime: Handle) -> Arc<Self> {
        Arc::new(Self {
            runtime,
            queue: Queue::new(OneMore),
            offered: AtomicU64::new(0),
        })
    }

    /// As [`pool::offer`]: has the job done once, or gives it back if the pool takes no more. It
    /// must not panic.
    pub(crate) fn offer(self: &Arc<Self>, job: impl FnOnce() + Send + 'static) -> Result<(), Job> {
        let number = self.offered.fetch_add(1, Ordering::Relaxed);
        let job = Box::new(job);
        if !self.queue.push(Errand { number, job }) || self.send_for_thread() {
            return Ok(());
        }
        let mut own = None;
        for errand in self.queue.give_up() {
            if errand.number == number {
                own = Some(errand.job);
            } else {
                // Who offered it has been told that it will be done.
                pool::run(&self.runtime, |_| (errand.job)());
            }
        }
        // If it is not there, a thread that was at work has taken it.
        own.map_or(Ok(()), Err)
    }

    /// As [`pool::run`]: has the job done for certain, if need be by the calling thread.
    pub(crate) fn run(self: &Arc<Self>, job: impl FnOnce() + Send + 'static) {
        if let Err(job) = self.offer(job) {
            pool::run(&self.runtime, |_| job());
        }
    }

    /// False if the pool takes no more.
    fn send_for_thread(self: &Arc<Self>) -> bool {
        let errands = Arc::clone(self);
        let work = move |on| {
            let mut turn = Turn {
                errands: &errands,
                begin: Instant::now(),
            };
            errands.queue.work(on, &mut turn);
        };
        pool::offer(&self.runtime, work).is_ok()
    }
}

/// A thread at work, since the begin of its turn.
struct Turn<'a> {
    errands: &'a Arc<Errands>,
    begin: Instant,
}

impl Worker<Errand> for Turn<'_> {
    fn carry_out(&mut self, errand: Errand) {
        // Jobs send their panics to whoever waits; those of wakers are others' code.
        let _ = catch_unwind(AssertUnwindSafe(errand.job));
    }

    fn begin_turn(&mut self) {
        self.begin = Instant::now();
    }

    fn is_turn_over(&self) -> bool {
        self.begin.elapsed() >= TURN
    }

    fn wants_stand_in(&self) -> bool {
        true
    }

    fn promise(&mut self) {
        if !self.errands.send_for_thread() {
            // It carries on alone.
            self.errands.queue.withdraw();
        }
    }
}
