//! Jobs that share threads of a blocking pool: which thread takes the next one, and when the pool is
//! asked for another thread. Only the decisions: the jobs, the pool and the clock are the caller's.
//!
//! The pool starts what it is given in order. A worker, which carries out one job after the other, is
//! requested from it, and that request has one place in the pool's queue, however many jobs wait
//! behind it. For that place it gets a *time slice*: as long as it waited for its thread while that
//! did other things, unless the jobs that stood in line by then are done earlier. So a pool that is
//! saturated by others gives these jobs the time that it would have given each of them alone, but no
//! thread more than half of its time; and a pool with idle threads gets its thread back after
//! [`Limits::slice`].

use std::collections::VecDeque;
use std::mem;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use crate::pool::Where;
use crate::sync::{Mutex, MutexGuard};
use slice::{Clock, Slice};
use state::State;

mod slice;
mod state;

#[cfg(all(test, async_tempdir_loom))]
mod loom_models;
#[cfg(all(test, not(async_tempdir_loom)))]
mod tests;

/// How many requests there may be at most for one to be made because the others are doubted.
const MAX_DOUBTED: usize = 16;

/// How many workers there may be, and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Workers at work at the same time.
    pub(crate) workers: usize,
    /// Workers at work at the same time when those before have not taken a job for `patience`.
    pub(crate) max_workers: usize,
    /// How long the workers may be busy with the jobs they have while others wait.
    pub(crate) patience: Duration,
    /// The shortest time slice.
    pub(crate) slice: Duration,
}

impl Limits {
    /// Workers at work at the same time in a pool whose threads are scarce: not the processors are, as
    /// far as can be seen from here.
    fn scarce(&self) -> usize {
        self.workers.saturating_mul(2).min(self.max_workers)
    }
}

/// What a worker does apart from taking jobs.
pub(crate) trait Worker<T> {
    /// Carries out `job`. Must not panic.
    fn carry_out(&mut self, job: T);

    /// Returns how long this thread has not worked for a queue.
    fn been_away(&self) -> Duration;

    /// Notes that this thread no longer works for a queue.
    fn leave(&self);

    /// Requests another worker, which is already counted: sees to it that [`Queue::work`] is called,
    /// or [`Queue::cancel_request`], or [`Queue::give_up`].
    fn request(&mut self);
}

/// What the caller of a [`Queue`]'s method has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "jobs are stranded without the worker that was counted"]
pub(crate) struct Next {
    /// Request a worker, which is already counted, as [`Worker::request`] does.
    pub(crate) request: bool,
    /// Have [`Queue::look`] called from time to time, until it does not ask for that.
    pub(crate) watch: bool,
}

impl Next {
    const NOTHING: Self = Self {
        request: false,
        watch: false,
    };
}

/// Jobs in line, and the workers at work or requested.
#[derive(Debug)]
pub(crate) struct Queue<T, C = Instant> {
    limits: Limits,
    state: Mutex<State<T, C>>,
}

impl<T, C: Clock> Queue<T, C> {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            state: Mutex::new(State::new(&limits)),
        }
    }

    /// Adds `job`. `is_outside` tells whether the calling thread is outside the pool's runtime, which
    /// may be shut down then: a request that it left unanswered is not relied on.
    pub(crate) fn push(&self, job: T, is_outside: impl FnOnce() -> bool) -> Next {
        let mut state = self.lock();
        state.jobs.push_back(job);
        state.allow_more(&self.limits);
        let has_room = state.has_room();
        let is_stuck = || state.working == 0 && state.requests.len() < MAX_DOUBTED && is_outside();
        let request = has_room || state.is_overdue() || is_stuck();
        let watch = !has_room && state.watch(&self.limits);
        if request {
            state.requests.push_back(C::now());
        }
        Next { request, watch }
    }

    /// Looks whether the jobs in line are being taken. If there are none, it is no longer watched.
    ///
    /// A request is followed by [`confirm_request`](Self::confirm_request) if the pool takes it.
    pub(crate) fn look(&self) -> Next {
        let mut state = self.lock();
        if state.jobs.is_empty() {
            state.watched = false;
            return Next::NOTHING;
        }
        state.allow_more(&self.limits);
        // A request that waits this long waits in a saturated pool. More than one place there have
        // more than one thread come, and cost nothing: no idle thread is woken.
        let is_late = state.has_waited_for(self.limits.patience)
            && state.requests.len() < self.limits.scarce();
        let request = state.has_room() || is_late || state.is_overdue();
        if request {
            state.requests.push_back(C::now());
            state.tentative += 1;
        }
        Next {
            request,
            watch: true,
        }
    }

    /// The pool has taken the request that [`look`](Self::look) has asked for, or else it is taken back.
    pub(crate) fn confirm_request(&self, is_taken: bool) {
        let mut state = self.lock();
        state.tentative -= 1;
        if !is_taken {
            state.requests.pop_back();
        }
    }

    /// It is not watched after all.
    pub(crate) fn unwatch(&self) {
        self.lock().watched = false;
    }

    /// Takes back a request, and takes the jobs that may have relied on it.
    #[must_use = "no worker carries out these jobs"]
    pub(crate) fn give_up(&self) -> VecDeque<T> {
        let mut state = self.lock();
        state.requests.pop_back();
        mem::take(&mut state.jobs)
    }

    /// Takes back the request of a worker that carries on alone.
    pub(crate) fn cancel_request(&self) {
        self.lock().requests.pop_back();
    }

    /// A requested worker: carries out jobs until there are none, or its time slice is over and another
    /// worker is to come. Returns whether the queue is to be watched.
    pub(crate) fn work(&self, on: Where, worker: &mut impl Worker<T>) -> Next {
        let next = self.work_on(on, worker);
        worker.leave();
        next
    }

    fn work_on(&self, on: Where, worker: &mut impl Worker<T>) -> Next {
        let mut state = self.lock();
        if let Some(request) = state.requests.pop_front() {
            // What the thread did for a queue meanwhile is no wait: with one thread, a slice would
            // else be longer than the one before, and so on.
            state.waited = request.elapsed().min(worker.been_away());
        }
        state.allow_more(&self.limits);
        if state.waited >= self.limits.slice {
            state.allowed = state.allowed.max(self.limits.scarce());
        }
        if state.working >= state.allowed && on == Where::Pool {
            // The pool has had its turn with others: one of those at work may go on in its place.
            state.spare_slices = state.working.min(state.spare_slices + 1);
            let watch = state.watch(&self.limits);
            return Next {
                request: false,
                watch,
            };
        }
        state.working += 1;
        let mut slice = Slice::begin(&state);
        loop {
            // Under the same lock as `push` looks at it: no job is left without a worker.
            let Some(job) = state.jobs.pop_front() else {
                state.working -= 1;
                state.allowed = self.limits.workers;
                state.spare_slices = 0;
                return Next::NOTHING;
            };
            state.taken = C::now();
            // In time for those in line behind a job that takes long; and where threads are scarce, so
            // that another is on its way when this slice is over.
            let wanted = state.working < state.allowed || state.waited >= self.limits.slice;
            let request = on == Where::Pool
                && !state.jobs.is_empty()
                && (wanted && state.requests.is_empty() || state.is_overdue());
            if request {
                state.requests.push_back(C::now());
            }
            drop(state);
            if request {
                worker.request();
            }
            worker.carry_out(job);
            slice.jobs = slice.jobs.saturating_sub(1);
            state = self.lock();

            if on == Where::Pool && !state.jobs.is_empty() && slice.is_over(&self.limits) {
                if state.spare_slices > 0 {
                    state.spare_slices -= 1;
                } else if state.requests.len() > state.tentative {
                    state.working -= 1;
                    return Next::NOTHING;
                } else {
                    state.requests.push_back(C::now());
                    drop(state);
                    worker.request();
                    state = self.lock();
                }
                slice = Slice::begin(&state);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T, C>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
