//! Counts workers and requests, and decides whether more are needed.

use std::collections::VecDeque;
use std::mem;
use std::time::Duration;

use super::Limits;
use super::slice::Clock;

/// The time after which a request is no longer relied on. The pool may be busy; but it may also have
/// been shut down with the request in it, or the system may have refused it a thread, which it
/// requests again only when it gets another closure.
const OVERDUE: Duration = Duration::from_millis(100);

pub(super) struct State<T, C> {
    pub(super) jobs: VecDeque<T>,
    /// Workers at work.
    pub(super) working: usize,
    /// Workers that may be at work at present.
    pub(super) allowed: usize,
    /// The times of the requests that the pool has not answered yet, the oldest first.
    pub(super) requests: VecDeque<C>,
    /// The number of requests that are not confirmed yet. No worker leaves because of them.
    pub(super) tentative: usize,
    /// The time that the last request waited for its thread.
    pub(super) waited: Duration,
    /// The time slices of threads that came when there were enough workers.
    pub(super) spare_slices: usize,
    /// The time at which a job was last taken.
    pub(super) taken: C,
    pub(super) watched: bool,
    /// One of the workers has nothing to do, and takes the next job.
    pub(super) is_lingering: bool,
}

impl<T, C: Clock> State<T, C> {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            jobs: VecDeque::new(),
            working: 0,
            allowed: limits.workers,
            requests: VecDeque::new(),
            tentative: 0,
            waited: Duration::ZERO,
            spare_slices: 0,
            taken: C::now(),
            watched: false,
            is_lingering: false,
        }
    }

    /// Allows another worker if the others have stalled.
    pub(super) fn allow_more(&mut self, limits: &Limits) {
        if self.working >= self.allowed
            && self.working < limits.max_workers
            && self.taken.elapsed() > limits.stall_timeout
        {
            self.allowed = self.working + 1;
        }
    }

    /// Returns whether another worker is allowed and none is requested.
    pub(super) fn has_room(&self) -> bool {
        self.working < self.allowed && self.requests.len() <= self.tentative
    }

    /// Returns whether the queue must be watched from now on, because jobs wait for workers, or
    /// requests, that may have stalled.
    pub(super) fn watch(&mut self, limits: &Limits) -> bool {
        let helps = limits.max_workers > limits.workers && !self.jobs.is_empty();
        helps && !mem::replace(&mut self.watched, true)
    }

    /// Returns whether another worker must be requested because the last request is not answered:
    /// the later, the more are not, because a pool may be busy for hours.
    pub(super) fn is_overdue(&self) -> bool {
        let owed = u32::try_from(self.requests.len()).unwrap_or(u32::MAX);
        self.has_waited_for(OVERDUE.saturating_mul(owed))
    }

    /// Returns whether the last request has waited longer than `time`.
    pub(super) fn has_waited_for(&self, time: Duration) -> bool {
        let last = self.requests.back();
        last.is_some_and(|request| request.elapsed() > time)
    }
}
