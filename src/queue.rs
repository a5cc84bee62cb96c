//! Who works when: the decisions about jobs that wait and threads that work them off, without the
//! jobs, the pool and the clock.

use std::collections::VecDeque;
use std::mem;
use std::sync::PoisonError;

use crate::pool::Where;
use crate::sync::{Mutex, MutexGuard};

#[cfg(all(test, async_tempdir_loom))]
mod loom_models;

/// Jobs that wait, and the count of those who work them off.
///
/// Whoever is told to promise a worker sees to it that [`work`](Self::work) is called,
/// [`give_up`](Self::give_up), or, if it is a worker itself, [`withdraw`](Self::withdraw).
#[derive(Debug)]
pub(crate) struct Queue<T, P>(Mutex<State<T, P>>);

#[derive(Debug)]
struct State<T, P> {
    jobs: VecDeque<T>,
    /// Workers at work.
    working: usize,
    /// Workers that a pool has promised to run.
    promised: usize,
    pace: P,
}

/// How fast jobs are taken, and how many workers that calls for.
pub(crate) trait Pace {
    /// A worker takes a job.
    fn taken(&mut self);

    /// A worker is promised.
    fn promised(&mut self);

    /// Whether the last promise should have been kept by now.
    fn is_overdue(&self) -> bool;

    /// How many workers there may be right now, when `working` are at work; at least one.
    fn limit(&self, working: usize) -> usize;
}

/// One who works off jobs.
pub(crate) trait Worker<T> {
    fn carry_out(&mut self, job: T);

    fn begin_turn(&mut self);

    /// Whether the turn has been long enough.
    fn is_turn_over(&self) -> bool;

    /// Whether another worker is to be promised before a job is carried out while others wait, so
    /// that none of those waits for it.
    fn wants_stand_in(&self) -> bool {
        false
    }

    /// Has another worker run, which has been counted as promised.
    fn promise(&mut self);
}

impl<T, P: Pace> Queue<T, P> {
    pub(crate) fn new(pace: P) -> Self {
        Self(Mutex::new(State {
            jobs: VecDeque::new(),
            working: 0,
            promised: 0,
            pace,
        }))
    }

    /// Adds `job`. Returns whether the caller has to promise a worker, which is already counted.
    #[must_use = "jobs are lost without the worker that is promised"]
    pub(crate) fn push(&self, job: T) -> bool {
        let mut state = self.lock();
        state.jobs.push_back(job);
        let promise = state.working + state.promised < state.limit() || state.is_overdue();
        if promise {
            state.promise();
        }
        promise
    }

    /// Takes back the promise of a worker, and takes the jobs that may have counted on it.
    #[must_use = "nobody else carries out these jobs"]
    pub(crate) fn give_up(&self) -> VecDeque<T> {
        let mut state = self.lock();
        state.promised -= 1;
        mem::take(&mut state.jobs)
    }

    /// Takes back the promise of another worker, for one that is at work.
    pub(crate) fn withdraw(&self) {
        self.lock().promised -= 1;
    }

    /// A promised worker: works until the queue is empty, or until it is another's turn.
    ///
    /// The pool runs its closures in order, so whether others wait for a thread is found out by
    /// waiting with them: every turn, the worker has a stand-in promised. If that starts before
    /// the next turn is over, there are threads enough, and it leaves again. If it does not, the
    /// worker leaves, and the stand-in carries on when all that waited before it has been run.
    pub(crate) fn work(&self, on: Where, worker: &mut impl Worker<T>) {
        let mut state = self.lock();
        state.promised -= 1;
        if state.working >= state.limit() && on == Where::Pool {
            return;
        }
        state.working += 1;
        worker.begin_turn();
        loop {
            // Under the same lock as `push` looks at it: no job is left without a worker.
            let Some(job) = state.jobs.pop_front() else {
                state.working -= 1;
                return;
            };
            state.pace.taken();
            let stand_in = on == Where::Pool
                && !state.jobs.is_empty()
                && (state.promised == 0 || state.is_overdue())
                && worker.wants_stand_in();
            if stand_in {
                state.promise();
            }
            drop(state);
            if stand_in {
                worker.promise();
            }
            worker.carry_out(job);
            state = self.lock();

            if on == Where::Pool && !state.jobs.is_empty() && worker.is_turn_over() {
                if state.promised > 0 {
                    state.working -= 1;
                    return;
                }
                state.promise();
                drop(state);
                worker.promise();
                worker.begin_turn();
                state = self.lock();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T, P>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T, P: Pace> State<T, P> {
    fn limit(&self) -> usize {
        self.pace.limit(self.working)
    }

    fn promise(&mut self) {
        self.promised += 1;
        self.pace.promised();
    }

    /// Whether a promise is not to be relied on. A pool whose threads are all busy when the system
    /// gives no other keeps what it has promised for one of them, and asks the system again only
    /// when it is asked itself. Each promise that this adds has a job as its occasion.
    fn is_overdue(&self) -> bool {
        self.promised > 0 && self.pace.is_overdue()
    }
}
