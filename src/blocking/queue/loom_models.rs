//! Checks every order in which a few threads can push and run jobs.
//!
//! The pool runs the requested workers at any time, at the very end, or not at all.

mod pool;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use loom::model::Builder;

use super::{Clock, Limits};
use pool::Answer::{self, Delay, Redirect, Refuse, Run};
use pool::{After, Everywhere, Setting, Site};

/// Long enough for all time slices but [`SliceEnd::Never`]'s, and for no request to be overdue.
type Usual = After<50>;

/// Every request is overdue.
type Overdue = After<200>;

/// The end of a worker's time slice.
#[derive(Clone, Copy, Debug)]
enum SliceEnd {
    /// When the jobs queued at its begin are done, of which it always runs one.
    AfterOneJob,
    Never,
}

/// Allows a worker for each job.
const ANY: (usize, usize) = (usize::MAX, usize::MAX);

fn limits((workers, max_workers): (usize, usize), slice_end: SliceEnd) -> Limits {
    Limits {
        workers,
        max_workers,
        stall_timeout: Duration::from_millis(20),
        slice: match slice_end {
            SliceEnd::AfterOneJob => Duration::from_millis(10),
            SliceEnd::Never => Duration::MAX,
        },
        linger: Duration::ZERO,
    }
}

/// Pushes jobs from two threads to one site, and checks that each runs once.
fn check<C: Clock + Send + Sync + 'static>(setting: Setting) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(move || {
        let [mine, others] = setting.pushes;
        let everywhere = Everywhere::new(mine + others);
        let site = Site::<C>::new(setting, &everywhere);
        let answers = [Run, Refuse, Delay];
        let other = Site::new(Setting { answers, ..setting }, &everywhere);
        *everywhere.other.lock().unwrap() = Some(Arc::clone(&other));

        if others > 0 {
            let site = Arc::clone(&site);
            everywhere.start(move || (mine..mine + others).for_each(|job| site.push(job)));
        }
        (0..mine).for_each(|job| site.push(job));
        if setting.outside {
            everywhere.look();
        }
        everywhere.join_all();
        // It holds what holds it.
        everywhere.other.lock().unwrap().take();

        for (job, times) in everywhere.done.iter().enumerate() {
            let times = times.load(Ordering::Relaxed);
            assert_eq!(times, 1, "job {job} must run once: {setting:?}");
        }
        site.assert_over();
        other.assert_over();
    });
}

/// Tries every way of a pool to answer three times.
fn check_all<C: Clock + Send + Sync + 'static>(of: &[Answer], limits: Limits, pushes: [usize; 2]) {
    for &first in of {
        for &second in of {
            for &third in of {
                check::<C>(Setting {
                    answers: [first, second, third],
                    limits,
                    outside: false,
                    pushes,
                    hangs: false,
                    impatient: false,
                });
            }
        }
    }
}

#[test]
fn one_worker_at_a_time_runs_each_job_once() {
    let one = limits((1, 1), SliceEnd::Never);
    check_all::<Usual>(&[Run, Delay, Refuse], one, [2, 2]);
}

#[test]
fn two_workers_run_each_job_once() {
    let two = limits((2, 2), SliceEnd::Never);
    check_all::<Usual>(&[Run, Delay, Refuse], two, [2, 1]);
}

#[test]
fn a_replacement_takes_over_from_one_worker() {
    let one = limits((1, 1), SliceEnd::AfterOneJob);
    check_all::<Usual>(&[Run, Delay, Refuse], one, [2, 1]);
    check_all::<Usual>(&[Run, Delay, Refuse], one, [4, 0]);
}

#[test]
fn a_replacement_takes_over_from_two_workers() {
    let two = limits((2, 2), SliceEnd::AfterOneJob);
    check_all::<Usual>(&[Run, Delay, Refuse], two, [2, 1]);
}

#[test]
fn one_more_is_requested_when_all_are_busy() {
    for end in [SliceEnd::Never, SliceEnd::AfterOneJob] {
        check_all::<Usual>(&[Run, Delay, Refuse], limits((1, 2), end), [2, 1]);
    }
}

#[test]
fn a_worker_is_requested_before_each_job_while_others_wait() {
    for end in [SliceEnd::Never, SliceEnd::AfterOneJob] {
        check_all::<Usual>(&[Run, Delay, Refuse], limits(ANY, end), [2, 1]);
    }
    check_all::<Usual>(&[Run, Delay, Refuse], limits(ANY, SliceEnd::Never), [3, 0]);
}

#[test]
fn more_requests_than_workers_bring_no_more_workers() {
    for end in [SliceEnd::Never, SliceEnd::AfterOneJob] {
        check_all::<Overdue>(&[Run, Delay, Refuse], limits((1, 1), end), [2, 1]);
    }
}

#[test]
fn what_is_redirected_runs_elsewhere() {
    for end in [SliceEnd::Never, SliceEnd::AfterOneJob] {
        check_all::<Usual>(&[Run, Redirect], limits((1, 1), end), [2, 1]);
    }
}

/// A request that is stuck in a pool that was shut down is not relied on from outside it.
#[test]
fn what_is_pushed_from_outside_is_requested_for() {
    for answers in [[Delay, Redirect, Run], [Delay, Refuse, Run]] {
        check::<Usual>(Setting {
            answers,
            limits: limits((1, 1), SliceEnd::Never),
            outside: true,
            pushes: [1, 1],
            hangs: false,
            impatient: false,
        });
    }
}

/// A request of the watchdog that is refused strands no job that may have relied on it.
#[test]
fn what_is_watched_in_a_pool_that_takes_no_more_runs() {
    for answers in [[Run; 3], [Run, Refuse, Run], [Run, Run, Refuse]] {
        for end in [SliceEnd::Never, SliceEnd::AfterOneJob] {
            check::<Usual>(Setting {
                answers,
                limits: limits((1, 2), end),
                outside: true,
                pushes: [3, 0],
                hangs: false,
                impatient: false,
            });
        }
    }
}

/// The first job ends only when the others have, as if it hung.
#[test]
fn a_job_that_hangs_does_not_hold_up_the_others() {
    for pushes in [[2, 0], [1, 1], [3, 0]] {
        check::<Usual>(Setting {
            answers: [Run; 3],
            limits: limits((1, 2), SliceEnd::AfterOneJob),
            outside: false,
            pushes,
            hangs: true,
            impatient: false,
        });
    }
}

/// A worker lingers, and takes what is pushed then. If it comes late, another is requested, and none
/// of both runs a job twice or leaves one.
#[test]
fn what_is_handed_over_runs_once() {
    for impatient in [false, true] {
        for of in [
            [Run, Delay, Refuse],
            [Run, Refuse, Run],
            [Run, Refuse, Refuse],
        ] {
            for pushes in [[2, 1], [3, 0]] {
                for (workers, end) in [
                    (ANY, SliceEnd::Never),
                    (ANY, SliceEnd::AfterOneJob),
                    ((1, 1), SliceEnd::Never),
                ] {
                    check::<Usual>(Setting {
                        answers: of,
                        limits: Limits {
                            linger: Duration::MAX,
                            ..limits(workers, end)
                        },
                        outside: false,
                        pushes,
                        hangs: false,
                        impatient,
                    });
                }
            }
        }
    }
}
