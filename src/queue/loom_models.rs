//! Every order in which a few threads can push jobs and work them off, with a pool that runs the
//! requested workers at any time, at the very end, or not at all.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;
// Not loom's: the models look on, and are no part of what is tried out.
use std::sync::atomic::{AtomicUsize, Ordering};

use loom::model::Builder;
use loom::sync::atomic::AtomicUsize as SeenByAll;
use loom::thread::{self, JoinHandle};

use super::{Clock, Limits, Next, Queue, Worker};
use crate::pool::Where;

/// As many threads as loom lets a model start.
const MAX_THREADS: usize = 4;

/// What a pool does with a worker.
#[derive(Clone, Copy, Debug)]
enum Answer {
    /// Runs it on another thread, whenever that gets to it.
    Run,
    /// Runs it when everybody else is done, as if all its threads were busy until then.
    Delay,
    /// Refuses it: the calling thread has to do it.
    Refuse,
    /// Refuses it to a thread that is in another runtime.
    Redirect,
    /// Refuses it: who pushes takes all that waits, and who is at work carries on alone.
    Alone,
}
use Answer::{Alone, Delay, Redirect, Refuse, Run};

/// A clock on which so many milliseconds have passed since anything.
#[derive(Clone, Copy, Debug)]
struct After<const MILLIS: u64>;

impl<const MILLIS: u64> Clock for After<MILLIS> {
    fn now() -> Self {
        Self
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(MILLIS)
    }
}

/// Long enough for all time slices but [`Turn::Never`]'s, and for no request to be overdue.
type Usual = After<50>;

/// Every request is overdue.
type Overdue = After<200>;

/// When a worker's time slice is over.
#[derive(Clone, Copy, Debug)]
enum Turn {
    /// As soon as the jobs are done that stood in line at its begin, of which it always does one.
    AfterOneJob,
    Never,
}

/// As many workers as there are jobs.
const ANY: (usize, usize) = (usize::MAX, usize::MAX);

fn limits((workers, max_workers): (usize, usize), turn: Turn) -> Limits {
    Limits {
        workers,
        max_workers,
        patience: Duration::from_millis(20),
        slice: match turn {
            Turn::AfterOneJob => Duration::from_millis(10),
            Turn::Never => Duration::MAX,
        },
    }
}

#[derive(Clone, Copy, Debug)]
struct Setting {
    /// To one request after the other, and then from the start.
    answers: [Answer; 3],
    limits: Limits,
    /// Whether the jobs are pushed from outside the pool's runtime, and watched where that takes no
    /// more.
    outside: bool,
    /// How many jobs each thread pushes.
    pushes: [usize; 2],
    /// The first job ends only when all others have.
    hangs: bool,
}

/// What plays a lane and its runtime.
struct Site<C> {
    queue: Queue<usize, C>,
    setting: Setting,
    requests: AtomicUsize,
    /// Threads of the pool that carry out a job right now.
    at_work: SeenByAll,
    everywhere: Arc<Everywhere<C>>,
}

/// What the sites have in common.
struct Everywhere<C> {
    /// How often each job has been carried out.
    done: Vec<AtomicUsize>,
    started: AtomicUsize,
    running: Mutex<Vec<JoinHandle<()>>>,
    delayed: Mutex<VecDeque<Arc<Site<C>>>>,
    /// Sites to be looked at.
    watched: Mutex<Vec<Arc<Site<C>>>>,
    /// Jobs that have been carried out, for one that waits for them.
    ended: SeenByAll,
    /// Where jobs are redirected.
    other: Mutex<Option<Arc<Site<C>>>>,
}

impl<C: Clock + Send + 'static> Everywhere<C> {
    fn new(jobs: usize) -> Arc<Self> {
        Arc::new(Self {
            done: (0..jobs).map(|_| AtomicUsize::new(0)).collect(),
            started: AtomicUsize::new(0),
            running: Mutex::default(),
            delayed: Mutex::default(),
            watched: Mutex::default(),
            ended: SeenByAll::new(0),
            other: Mutex::default(),
        })
    }

    fn start(&self, run: impl FnOnce() + Send + 'static) -> bool {
        let start = self.started.load(Ordering::Relaxed) < MAX_THREADS;
        if start {
            self.started.fetch_add(1, Ordering::Relaxed);
            let running = thread::spawn(run);
            self.running.lock().unwrap().push(running);
        }
        start
    }

    fn join_all(&self) {
        loop {
            let running = self.running.lock().unwrap().pop();
            if let Some(running) = running {
                running.join().unwrap();
                continue;
            }
            let delayed = self.delayed.lock().unwrap().pop_front();
            if let Some(site) = delayed {
                site.work(Where::Pool);
            } else if !self.look() {
                return;
            }
        }
    }

    /// Plays the watchdog, once. False if there is nothing to watch.
    fn look(&self) -> bool {
        let watched = self.watched.lock().unwrap().pop();
        let Some(site) = watched else { return false };
        let next = site.queue.look();
        if next.watch {
            self.watched.lock().unwrap().push(Arc::clone(&site));
        }
        if next.request {
            let is_taken = !site.setting.outside && site.start_worker();
            site.queue.confirm_request(is_taken);
        }
        true
    }
}

impl<C: Clock + Send + 'static> Site<C> {
    fn new(setting: Setting, everywhere: &Arc<Everywhere<C>>) -> Arc<Self> {
        Arc::new(Self {
            queue: Queue::new(setting.limits),
            setting,
            requests: AtomicUsize::new(0),
            at_work: SeenByAll::new(0),
            everywhere: Arc::clone(everywhere),
        })
    }

    fn push(self: &Arc<Self>, job: usize) {
        self.next(self.queue.push(job, || self.setting.outside));
    }

    fn next(self: &Arc<Self>, next: Next) {
        if next.watch {
            let mut watched = self.everywhere.watched.lock().unwrap();
            watched.push(Arc::clone(self));
        }
        if next.request {
            self.request(false);
        }
    }

    fn start_worker(self: &Arc<Self>) -> bool {
        let site = Arc::clone(self);
        self.everywhere.start(move || site.work(Where::Pool))
    }

    fn request(self: &Arc<Self>, is_at_work: bool) {
        let nth = self.requests.fetch_add(1, Ordering::Relaxed);
        let answers = self.setting.answers;
        match answers[nth % answers.len()] {
            Run if self.start_worker() => return,
            Run => {}
            Refuse => return self.work(Where::Here),
            Alone if is_at_work => return self.queue.cancel_request(),
            Alone => {
                for job in self.queue.give_up() {
                    self.everywhere.done[job].fetch_add(1, Ordering::Relaxed);
                }
                return;
            }
            Redirect => {
                let jobs = self.queue.give_up();
                let other = self.everywhere.other.lock().unwrap().clone().unwrap();
                for job in jobs {
                    other.push(job);
                }
                return;
            }
            Delay => {}
        }
        let mut delayed = self.everywhere.delayed.lock().unwrap();
        delayed.push_back(Arc::clone(self));
    }

    fn work(self: &Arc<Self>, on: Where) {
        let next = self.queue.work(on, &mut OneOf(self, on));
        self.next(next);
    }

    fn assert_over(&self) {
        let state = self.queue.lock();
        assert!(state.jobs.is_empty(), "no job may be left");
        assert_eq!(state.working, 0, "nobody is left to be at work");
        assert!(state.requests.is_empty(), "no request may be left");
    }
}

struct OneOf<'a, C>(&'a Arc<Site<C>>, Where);

impl<C: Clock + Send + 'static> Worker<usize> for OneOf<'_, C> {
    fn carry_out(&mut self, job: usize) {
        let Self(site, on) = self;
        let Setting { limits, pushes, .. } = site.setting;
        if *on == Where::Pool {
            let limit = limits.max_workers;
            let others = site.at_work.fetch_add(1, Ordering::AcqRel);
            assert!(
                others < limit,
                "more than {limit} threads of a pool at work"
            );
        }
        let everywhere = &site.everywhere;
        if site.setting.hangs && job == 0 {
            let others = pushes[0] + pushes[1] - 1;
            while everywhere.ended.load(Ordering::Acquire) < others {
                everywhere.look();
                thread::yield_now();
            }
        }
        everywhere.done[job].fetch_add(1, Ordering::Relaxed);
        everywhere.ended.fetch_add(1, Ordering::AcqRel);
        if *on == Where::Pool {
            site.at_work.fetch_sub(1, Ordering::AcqRel);
        }
    }

    fn been_away(&self) -> Duration {
        Duration::MAX
    }

    fn leave(&self) {}

    fn request(&mut self) {
        self.0.request(true);
    }
}

/// Has two threads push jobs to one site, and looks that each is carried out once.
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
        // It holds those who hold it.
        everywhere.other.lock().unwrap().take();

        for (job, times) in everywhere.done.iter().enumerate() {
            let times = times.load(Ordering::Relaxed);
            assert_eq!(times, 1, "job {job} must be carried out once: {setting:?}");
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
                });
            }
        }
    }
}

#[test]
fn one_worker_at_a_time_carries_out_each_job_once() {
    let one = limits((1, 1), Turn::Never);
    check_all::<Usual>(&[Run, Delay, Refuse], one, [2, 2]);
}

#[test]
fn two_workers_carry_out_each_job_once() {
    let two = limits((2, 2), Turn::Never);
    check_all::<Usual>(&[Run, Delay, Refuse], two, [2, 1]);
}

#[test]
fn a_replacement_takes_over_from_one_worker() {
    let one = limits((1, 1), Turn::AfterOneJob);
    check_all::<Usual>(&[Run, Delay, Refuse], one, [2, 1]);
    check_all::<Usual>(&[Run, Delay, Refuse], one, [4, 0]);
}

#[test]
fn a_replacement_takes_over_from_two_workers() {
    let two = limits((2, 2), Turn::AfterOneJob);
    check_all::<Usual>(&[Run, Delay, Refuse], two, [2, 1]);
}

#[test]
fn one_more_is_requested_when_all_are_busy() {
    for turn in [Turn::Never, Turn::AfterOneJob] {
        check_all::<Usual>(&[Run, Delay, Refuse], limits((1, 2), turn), [2, 1]);
    }
}

#[test]
fn a_worker_is_requested_before_each_job_while_others_wait() {
    for turn in [Turn::Never, Turn::AfterOneJob] {
        check_all::<Usual>(&[Run, Delay, Alone], limits(ANY, turn), [2, 1]);
    }
    check_all::<Usual>(&[Run, Delay, Alone], limits(ANY, Turn::Never), [3, 0]);
}

#[test]
fn more_requests_than_workers_bring_no_more_workers() {
    for turn in [Turn::Never, Turn::AfterOneJob] {
        check_all::<Overdue>(&[Run, Delay, Refuse], limits((1, 1), turn), [2, 1]);
    }
}

#[test]
fn what_is_redirected_is_carried_out_elsewhere() {
    for turn in [Turn::Never, Turn::AfterOneJob] {
        check_all::<Usual>(&[Run, Redirect], limits((1, 1), turn), [2, 1]);
    }
}

/// A request that is stuck in a pool that was shut down is not relied on from outside it.
#[test]
fn what_is_pushed_from_outside_is_requested_for() {
    for answers in [
        [Delay, Redirect, Run],
        [Delay, Refuse, Run],
        [Delay, Alone, Run],
    ] {
        check::<Usual>(Setting {
            answers,
            limits: limits((1, 1), Turn::Never),
            outside: true,
            pushes: [1, 1],
            hangs: false,
        });
    }
}

/// A request of the watchdog that is refused strands no job that may have relied on it.
#[test]
fn what_is_watched_in_a_pool_that_takes_no_more_is_carried_out() {
    for answers in [[Run; 3], [Run, Refuse, Run], [Run, Run, Refuse]] {
        for turn in [Turn::Never, Turn::AfterOneJob] {
            check::<Usual>(Setting {
                answers,
                limits: limits((1, 2), turn),
                outside: true,
                pushes: [3, 0],
                hangs: false,
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
            limits: limits((1, 2), Turn::AfterOneJob),
            outside: false,
            pushes,
            hangs: true,
        });
    }
}
