//! How long a worker works, by a clock that only its jobs move.

use std::cell::Cell;
use std::time::Duration;

use super::{Clock, Limits, Queue, Worker};
use crate::pool::Where;

thread_local! {
    static NOW: Cell<u64> = const { Cell::new(0) };
}

/// In milliseconds.
#[derive(Clone, Copy, Debug)]
struct Manual(u64);

impl Clock for Manual {
    fn now() -> Self {
        Self(NOW.get())
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(NOW.get() - self.0)
    }
}

fn pass(millis: u64) {
    NOW.set(NOW.get() + millis);
}

const LIMITS: Limits = Limits {
    workers: 1,
    max_workers: 1,
    patience: Duration::from_millis(20),
    slice: Duration::from_millis(5),
};

/// Each of its jobs takes a millisecond.
struct Counts {
    done: usize,
    requests: usize,
    away: Duration,
}

impl Worker<()> for Counts {
    fn carry_out(&mut self, (): ()) {
        self.done += 1;
        pass(1);
    }

    fn been_away(&self) -> Duration {
        self.away
    }

    fn leave(&self) {}

    fn request(&mut self) {
        self.requests += 1;
    }
}

/// Returns how many of so many jobs a worker does that comes after so many milliseconds, on a thread
/// that has done other things for so long.
fn done_of(jobs: usize, waited: u64, away: u64) -> usize {
    let queue = Queue::<(), Manual>::new(LIMITS);
    let requests = (0..jobs).filter(|_| queue.push((), || false).request);
    assert_eq!(
        requests.count(),
        1,
        "one place in the pool's queue for all of them"
    );
    pass(waited);
    let mut worker = Counts {
        done: 0,
        requests: 0,
        away: Duration::from_millis(away),
    };
    let _ = queue.work(Where::Pool, &mut worker);
    assert!(
        worker.done == jobs || worker.requests > 0,
        "no job is stranded"
    );
    worker.done
}

#[test]
fn a_slice_is_as_long_as_its_thread_was_waited_for() {
    assert_eq!(done_of(1_000, 50, 1_000), 50);
    assert_eq!(done_of(1_000, 300, 1_000), 300);
}

#[test]
fn a_slice_ends_with_the_jobs_that_stood_in_line() {
    assert_eq!(done_of(30, 50, 1_000), 30);
}

#[test]
fn what_the_thread_did_for_the_queue_itself_was_no_wait() {
    assert_eq!(done_of(1_000, 300, 20), 20);
}

#[test]
fn in_a_pool_with_idle_threads_another_is_requested_after_the_shortest_slice() {
    // It is not there after another slice, so it has to wait, and this one makes room for it.
    assert_eq!(done_of(1_000, 0, 1_000), 10);
}
