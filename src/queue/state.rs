//! Which workers there are, which are requested, and whether more are wanted.

use std::collections::VecDeque;
use std::mem;
use std::time::Duration;

use super::Limits;
use super::slice::Clock;

/// After how long a request is no longer relied on. The pool may only be busy; but it may also have
/// been shut down with the request in it, or have been refused a thread by the system, for which it
/// asks again only when it is given something.
const OVERDUE: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(super) struct State<T, C> {
    pub(super) jobs: VecDeque<T>,
    /// Workers at work.
    pub(super) working: usize,
    /// Workers that may be at work at present.
    pub(super) allowed: usize,
    /// When each request was made that the pool has not answered yet; the oldest first.
    pub(super) requests: VecDeque<C>,
    /// Those of them of which it is not known yet whether the pool takes them, and which are taken
    /// back without further ado if it does not: no worker leaves because of them.
    pub(super) tentative: usize,
    /// How long the last request took to get its thread.
    pub(super) waited: Duration,
    /// Time slices of threads that came when there were workers enough.
    pub(super) spare_slices: usize,
    /// When a job was last taken.
    pub(super) taken: C,
    pub(super) watched: bool,
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
        }
    }

    /// Allows one worker more if those at work do not get on.
    pub(super) fn allow_more(&mut self, limits: &Limits) {
        if self.working >= self.allowed
            && self.working < limits.max_workers
            && self.taken.elapsed() > limits.patience
        {
            self.allowed = self.working + 1;
        }
    }

    /// Whether there may be one worker more, and none is on its way.
    pub(super) fn has_room(&self) -> bool {
        self.working < self.allowed && self.requests.len() <= self.tentative
    }

    /// Whether jobs are in line behind workers, or requests, that may not get on, and it is not
    /// watched yet. From now on it is.
    pub(super) fn watch(&mut self, limits: &Limits) -> bool {
        let helps = limits.max_workers > limits.workers && !self.jobs.is_empty();
        helps && !mem::replace(&mut self.watched, true)
    }

    /// Whether the pool is asked again. Each time there is a job as the occasion.
    ///
    /// The more it owes, the later: a pool may be busy for hours.
    pub(super) fn is_overdue(&self) -> bool {
        let owed = u32::try_from(self.requests.len()).unwrap_or(u32::MAX);
        self.has_waited_for(OVERDUE.saturating_mul(owed))
    }

    /// Whether the last request was made longer ago than `time`, and none has been answered since.
    pub(super) fn has_waited_for(&self, time: Duration) -> bool {
        let last = self.requests.back();
        last.is_some_and(|request| request.elapsed() > time)
    }
}
