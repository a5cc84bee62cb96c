//! Decides which thread takes the next job, and when to request another thread from a blocking pool.
//!
//! The jobs, the pool and the clock are the caller's.
//!
//! The pool starts closures in the order in which it got them. Each worker, which runs one job after
//! another, is requested from it, and the request has one place in the pool's queue, however many
//! jobs wait. For that place the worker gets a *time slice*: as long as it waited for its thread
//! while that did other work, unless the jobs queued by then are done earlier. So a saturated pool
//! gives these jobs the time that each would have had alone, but no more than half of a thread's
//! time; and a pool with idle threads gets its thread back after [`Limits::slice`].

mod slice;
mod state;

#[cfg(all(test, async_tempdir_loom))]
mod loom_models;
#[cfg(all(test, not(async_tempdir_loom)))]
mod tests;

use std::collections::VecDeque;
use std::mem;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use crate::util::sync::modelled::atomic::{AtomicBool, Ordering};
use crate::util::sync::modelled::{Mutex, MutexGuard};
use slice::{Clock, Slice};
use state::State;

/// The maximum number of unanswered requests that may be too many because the pool may be shut down.
const MAX_DOUBTED: usize = 16;

/// Limits the number of workers and their time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The maximum number of workers at the same time.
    pub(crate) workers: usize,
    /// The maximum if none of them has taken a job for `stall_timeout`.
    pub(crate) max_workers: usize,
    /// The time for which the workers may be busy with their jobs while others wait.
    pub(crate) stall_timeout: Duration,
    /// The shortest time slice.
    pub(crate) slice: Duration,
    /// The time for which a worker keeps its thread, if it lingers between jobs.
    pub(crate) linger: Duration,
}

impl Limits {
    /// Returns the maximum number of workers in a saturated pool, where threads are scarce, and as far
    /// as can be seen from here, processors are not.
    fn in_saturated_pool(&self) -> usize {
        self.workers.saturating_mul(2).min(self.max_workers)
    }
}

/// Tells the caller of a [`Queue`]'s method what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "jobs are stranded without the worker that was counted"]
pub(crate) struct Next {
    /// Request a worker, which is already counted: call [`Queue::work`] on its thread, or
    /// [`Queue::cancel_request`], or [`Queue::give_up`].
    pub(crate) request: bool,
    /// Call [`Queue::check`] from time to time, until that returns `watch: false`.
    pub(crate) watch: bool,
    /// A worker that lingers takes the job: wait until [`Queue::is_taken`], but not for long, then
    /// call [`Queue::settle`].
    pub(crate) hand_over: bool,
}

impl Next {
    const NOTHING: Self = Self {
        request: false,
        watch: false,
        hand_over: false,
    };
}

/// Queued jobs, and the workers at work or requested.
pub(crate) struct Queue<T, C = Instant> {
    limits: Limits,
    /// Set until a worker comes for the job that the lingering one was to take.
    is_handed_over: AtomicBool,
    state: Mutex<State<T, C>>,
}

impl<T, C: Clock> Queue<T, C> {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            is_handed_over: AtomicBool::new(false),
            state: Mutex::new(State::new(&limits)),
        }
    }

    /// Adds `job`. If `is_outside` returns `true`, the calling thread is outside the pool's runtime,
    /// which may be shut down; then a request that was not answered is not relied on.
    pub(crate) fn push(&self, job: T, is_outside: impl FnOnce() -> bool) -> Next {
        let mut state = self.lock();
        state.jobs.push_back(job);
        if mem::take(&mut state.is_lingering) {
            self.is_handed_over.store(true, Ordering::Release);
            return Next {
                hand_over: true,
                ..Next::NOTHING
            };
        }
        state.allow_more(&self.limits);
        let has_room = state.has_room();
        let is_stuck = || state.working == 0 && state.requests.len() < MAX_DOUBTED && is_outside();
        let request = has_room || state.is_overdue() || is_stuck();
        let watch = !has_room && state.watch(&self.limits);
        if request {
            state.requests.push_back(C::now());
        }
        Next {
            request,
            watch,
            ..Next::NOTHING
        }
    }

    /// Returns whether a worker has come for the job that was handed over.
    pub(crate) fn is_taken(&self) -> bool {
        !self.is_handed_over.load(Ordering::Acquire)
    }

    /// Relies no longer on the lingering worker, if it has not come for the job.
    pub(crate) fn settle(&self) -> Next {
        let mut state = self.lock();
        let request =
            self.is_handed_over.swap(false, Ordering::Relaxed) && state.requests.is_empty();
        if request {
            state.requests.push_back(C::now());
        }
        Next {
            request,
            ..Next::NOTHING
        }
    }

    /// Checks whether queued jobs are being taken. If there are none, ends the watching.
    ///
    /// Follow a request by [`confirm_request`](Self::confirm_request).
    pub(crate) fn check(&self) -> Next {
        let mut state = self.lock();
        if state.jobs.is_empty() {
            state.watched = false;
            return Next::NOTHING;
        }
        state.allow_more(&self.limits);
        // A request that waits this long waits in a saturated pool. More requests there bring more
        // threads, and cost nothing: they wake no idle thread.
        let is_late = state.has_waited_for(self.limits.stall_timeout)
            && state.requests.len() < self.limits.in_saturated_pool();
        let request = state.has_room() || is_late || state.is_overdue();
        if request {
            state.requests.push_back(C::now());
            state.tentative += 1;
        }
        Next {
            request,
            watch: true,
            ..Next::NOTHING
        }
    }

    /// Confirms the request that [`check`](Self::check) returned, or cancels it if the pool did not
    /// take it.
    pub(crate) fn confirm_request(&self, is_taken: bool) {
        let mut state = self.lock();
        state.tentative -= 1;
        if !is_taken {
            state.requests.pop_back();
        }
    }

    /// Records that nothing watches the queue after all.
    pub(crate) fn unwatch(&self) {
        self.lock().watched = false;
    }

    /// Cancels a request, and returns the jobs that may have relied on it.
    #[must_use = "no worker runs these jobs"]
    pub(crate) fn give_up(&self) -> VecDeque<T> {
        let mut state = self.lock();
        state.requests.pop_back();
        mem::take(&mut state.jobs)
    }

    /// Cancels the request of a worker that carries on alone.
    pub(crate) fn cancel_request(&self) {
        self.lock().requests.pop_back();
    }

    /// Works as a requested worker: runs jobs until there are none, or until its time slice is over
    /// and another worker will come.
    ///
    /// `idle` is the time for which this thread has not worked for any queue. `run` runs a job and
    /// must not panic. `request` requests another worker, as if it were returned as [`Next`]. `linger`
    /// is called when there is nothing to do, and may wait until its argument returns `true`; it must
    /// not panic.
    pub(crate) fn work(
        &self,
        idle: Duration,
        mut run: impl FnMut(T),
        mut request: impl FnMut(),
        linger: fn(&dyn Fn() -> bool),
    ) -> Next {
        let mut state = self.lock();
        if let Some(request) = state.requests.pop_front() {
            // Without the time that the thread worked for a queue meanwhile: with one thread, each
            // slice would be longer than the one before.
            state.waited = request.elapsed().min(idle);
        }
        state.allow_more(&self.limits);
        if state.waited >= self.limits.slice {
            state.allowed = state.allowed.max(self.limits.in_saturated_pool());
        }
        if state.working >= state.allowed {
            // The pool has run other work meanwhile: one of the workers may continue in its place.
            state.spare_slices = state.working.min(state.spare_slices + 1);
            let watch = state.watch(&self.limits);
            return Next {
                watch,
                ..Next::NOTHING
            };
        }
        state.working += 1;
        let mut slice = Slice::<C>::begin(state.waited, state.jobs.len());
        loop {
            if state.jobs.is_empty() && self.may_linger(&state, &slice) {
                state.is_lingering = true;
                drop(state);
                linger(&|| !self.is_taken());
                state = self.lock();
                state.is_lingering = false;
            }
            self.is_handed_over.store(false, Ordering::Release);
            // Under the lock that `push` takes: no job is left without a worker.
            let Some(job) = state.jobs.pop_front() else {
                state.working -= 1;
                state.allowed = self.limits.workers;
                state.spare_slices = 0;
                return Next::NOTHING;
            };
            state.taken = C::now();
            // In time for the jobs behind one that takes long; and where threads are scarce, early
            // enough that another comes when this slice is over.
            let wanted = state.working < state.allowed || state.waited >= self.limits.slice;
            let is_due = !state.jobs.is_empty()
                && (wanted && state.requests.is_empty() || state.is_overdue());
            if is_due {
                state.requests.push_back(C::now());
            }
            drop(state);
            if is_due {
                request();
            }
            run(job);
            slice.jobs = slice.jobs.saturating_sub(1);
            state = self.lock();

            if !state.jobs.is_empty() && slice.is_over(&self.limits) {
                if state.spare_slices > 0 {
                    state.spare_slices -= 1;
                } else if state.requests.len() > state.tentative {
                    state.working -= 1;
                    return Next::NOTHING;
                } else {
                    state.requests.push_back(C::now());
                    drop(state);
                    request();
                    state = self.lock();
                }
                slice = Slice::<C>::begin(state.waited, state.jobs.len());
            }
        }
    }

    /// Returns whether a worker with nothing to do may keep its thread a little longer. Not if it had to
    /// wait for that: others may be waiting, too.
    fn may_linger(&self, state: &State<T, C>, slice: &Slice<C>) -> bool {
        slice.elapsed() < self.limits.linger
            && !state.is_lingering
            && state.requests.is_empty()
            && state.waited <= self.limits.linger / 5
    }

    fn lock(&self) -> MutexGuard<'_, State<T, C>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
