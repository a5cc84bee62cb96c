//! A removal in a queue, which the thread that queued it may take back.

use std::sync::Arc;

use super::RemovalJob;
use crate::util::sync::Mutex;

/// A queued removal.
pub(super) enum Queued {
    Job(RemovalJob),
    /// Queued by a thread outside any runtime, which runs it itself if the pool takes no more.
    Shared(Arc<Mutex<Shared>>),
}

pub(super) struct Shared {
    job: Option<RemovalJob>,
    /// The thread that queued it does not know yet whether the pool takes it.
    is_being_pushed: bool,
    /// Another thread has taken it from the queue, but not run it.
    is_passed_over: bool,
}

impl Queued {
    /// Takes the job, to run it on a thread of the pool.
    pub(super) fn take(self) -> Option<RemovalJob> {
        match self {
            Self::Job(job) => Some(job),
            Self::Shared(shared) => shared.lock().job.take(),
        }
    }

    /// Takes the job, to run it for a pool that takes no more, unless the thread that queued it will.
    pub(super) fn take_if_left(self) -> Option<RemovalJob> {
        match self {
            Self::Job(job) => Some(job),
            Self::Shared(shared) => {
                let mut shared = shared.lock();
                if shared.is_being_pushed {
                    shared.is_passed_over = true;
                    return None;
                }
                shared.job.take()
            }
        }
    }
}

/// The end of a [`Queued::Shared`] on the thread that queues it.
pub(super) struct Pusher(Arc<Mutex<Shared>>);

impl Pusher {
    pub(super) fn new(job: RemovalJob) -> (Self, Queued) {
        let shared = Arc::new(Mutex::new(Shared {
            job: Some(job),
            is_being_pushed: true,
            is_passed_over: false,
        }));
        (Self(Arc::clone(&shared)), Queued::Shared(shared))
    }

    /// Leaves the job to the pool, or returns it if that takes no more: for this thread, or for another
    /// one that has passed it over.
    pub(super) fn end(self, is_refused: bool) -> Option<RemovalJob> {
        let mut shared = self.0.lock();
        shared.is_being_pushed = false;
        // Refused, it may be in the hands of another thread that has yet to pass it over.
        let is_ours = is_refused || shared.is_passed_over;
        is_ours.then(|| shared.job.take()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocking::pending::Pending;
    use crate::remove::{Outcome, Removed};

    fn job() -> RemovalJob {
        RemovalJob {
            path: "unused".into(),
            remove: Box::new(|| Outcome::from(Ok(Removed::default()))),
            guard: Box::new(()),
            pending: Pending::new(),
        }
    }

    #[test]
    fn one_that_is_passed_over_goes_back() {
        let (pusher, queued) = Pusher::new(job());
        assert!(queued.take_if_left().is_none(), "its own thread runs it");
        assert!(pusher.end(false).is_some());
    }

    #[test]
    fn one_that_is_refused_goes_back_before_it_is_passed_over() {
        let (pusher, queued) = Pusher::new(job());
        assert!(pusher.end(true).is_some());
        assert!(queued.take_if_left().is_none(), "it runs once");
    }

    #[test]
    fn one_that_is_left_to_the_pool_is_run_once() {
        for is_worker in [true, false] {
            let (pusher, queued) = Pusher::new(job());
            assert!(pusher.end(false).is_none());
            let taken = match is_worker {
                true => queued.take(),
                false => queued.take_if_left(),
            };
            assert!(taken.is_some());
        }
    }

    #[test]
    fn one_that_a_worker_has_taken_does_not_go_back() {
        let (pusher, queued) = Pusher::new(job());
        assert!(queued.take().is_some());
        assert!(pusher.end(true).is_none());
    }
}
