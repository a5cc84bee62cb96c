//! Measures time slices by a clock that only the jobs advance.

use std::cell::Cell;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{Clock, Limits, Queue};

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
    stall_timeout: Duration::from_millis(20),
    slice: Duration::from_millis(5),
    linger: Duration::ZERO,
};

/// Returns how many of `jobs`, each of one millisecond, a worker runs that comes after `waited`
/// milliseconds, on a thread that has done other work for `idle` milliseconds.
fn done_of(jobs: usize, waited: u64, idle: u64) -> usize {
    let queue = Queue::<(), Manual>::new(LIMITS);
    let requests = (0..jobs).filter(|_| queue.push((), || false).request);
    assert_eq!(
        requests.count(),
        1,
        "one place in the pool's queue for all of them"
    );
    pass(waited);
    let (mut done, mut requests) = (0, 0);
    let run = |()| {
        done += 1;
        pass(1);
    };
    let idle = Duration::from_millis(idle);
    let _ = queue.work(idle, run, || requests += 1, |_| ());
    assert!(done == jobs || requests > 0, "no job is stranded");
    done
}

#[test]
fn a_slice_is_as_long_as_its_thread_was_waited_for() {
    assert_eq!(done_of(1_000, 50, 1_000), 50);
    assert_eq!(done_of(1_000, 300, 1_000), 300);
}

#[test]
fn a_slice_ends_with_the_jobs_queued_at_its_begin() {
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

#[test]
fn a_worker_that_lingers_takes_what_comes() {
    static QUEUE: LazyLock<Queue<u32>> = LazyLock::new(|| {
        Queue::new(Limits {
            linger: Duration::MAX,
            slice: Duration::MAX,
            ..LIMITS
        })
    });
    /// Pushes a job the first time.
    fn linger(is_queued: &dyn Fn() -> bool) {
        static ONCE: AtomicBool = AtomicBool::new(true);
        if ONCE.swap(false, Ordering::Relaxed) {
            assert!(!is_queued());
            let next = QUEUE.push(2, || false);
            assert!(next.hand_over && !next.request, "{next:?}");
            assert!(is_queued() && !QUEUE.is_taken());
            let next = QUEUE.push(3, || false);
            assert!(
                !next.hand_over,
                "it takes one, and may be busy then: {next:?}"
            );
        }
    }
    assert!(QUEUE.push(1, || false).request);
    let mut done = vec![];
    let run = |job| {
        assert!(QUEUE.is_taken());
        done.push(job);
    };
    let next = QUEUE.work(Duration::ZERO, run, || {}, linger);
    assert!(!next.request && !next.hand_over, "{next:?}");
    assert_eq!(done, [1, 2, 3]);
    assert!(
        QUEUE.push(4, || false).request,
        "no worker lingers any more"
    );
}
