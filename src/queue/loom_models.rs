//! Every order in which a few threads can push jobs and work them off, with a pool that runs the
//! promised workers at any time, at the very end, or not at all.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
// Not loom's: the models look on, and are no part of what is tried out.
use std::sync::atomic::{AtomicUsize, Ordering};

use loom::model::Builder;
use loom::sync::atomic::AtomicUsize as SeenByAll;
use loom::thread::{self, JoinHandle};

use super::{Pace, Queue, Worker};
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

/// When a worker's turn is over.
#[derive(Clone, Copy, Debug)]
enum Turn {
    AfterEachJob,
    Never,
}

/// How many workers there may be: when none is at work, and when some are.
#[derive(Clone, Copy, Debug)]
struct Limits(usize, usize);

/// One more than there are, with a stand-in before each job while others wait.
const STAND_INS: Limits = Limits(0, MAX_THREADS);

/// One at a time, and no promise that is relied on.
const OVERDUE: Limits = Limits(usize::MAX, 1);

impl Pace for Limits {
    fn taken(&mut self) {}

    fn promised(&mut self) {}

    fn is_overdue(&self) -> bool {
        self.0 == usize::MAX
    }

    fn limit(&self, working: usize) -> usize {
        match (self.0, working) {
            (0, _) => working + 1,
            (usize::MAX, _) => self.1,
            (limit, 0) => limit,
            _ => self.1,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Setting {
    /// To one promise after the other, and then from the start.
    answers: [Answer; 3],
    turn: Turn,
    limits: Limits,
    /// How many jobs each thread pushes.
    pushes: [usize; 2],
}

/// What plays a lane and its runtime.
struct Site {
    queue: Queue<usize, Limits>,
    setting: Setting,
    promises: AtomicUsize,
    /// Threads of the pool that carry out a job right now.
    at_work: SeenByAll,
    everywhere: Arc<Everywhere>,
}

/// What the sites have in common.
struct Everywhere {
    /// How often each job has been carried out.
    done: Vec<AtomicUsize>,
    started: AtomicUsize,
    running: Mutex<Vec<JoinHandle<()>>>,
    delayed: Mutex<VecDeque<Arc<Site>>>,
    /// Where jobs are redirected.
    other: Mutex<Option<Arc<Site>>>,
}

impl Everywhere {
    fn new(jobs: usize) -> Arc<Self> {
        Arc::new(Self {
            done: (0..jobs).map(|_| AtomicUsize::new(0)).collect(),
            started: AtomicUsize::new(0),
            running: Mutex::default(),
            delayed: Mutex::default(),
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
            let Some(site) = delayed else { return };
            site.work(Where::Pool);
        }
    }
}

impl Site {
    fn new(setting: Setting, everywhere: &Arc<Everywhere>) -> Arc<Self> {
        Arc::new(Self {
            queue: Queue::new(setting.limits),
            setting,
            promises: AtomicUsize::new(0),
            at_work: SeenByAll::new(0),
            everywhere: Arc::clone(everywhere),
        })
    }

    fn push(self: &Arc<Self>, job: usize) {
        if self.queue.push(job) {
            self.promise(false);
        }
    }

    fn promise(self: &Arc<Self>, is_at_work: bool) {
        let nth = self.promises.fetch_add(1, Ordering::Relaxed);
        let answers = self.setting.answers;
        match answers[nth % answers.len()] {
            Run => {
                let site = Arc::clone(self);
                if self.everywhere.start(move || site.work(Where::Pool)) {
                    return;
                }
            }
            Refuse => return self.work(Where::Here),
            Alone if is_at_work => return self.queue.withdraw(),
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
        self.queue.work(on, &mut OneOf(self, on));
    }

    fn assert_over(&self) {
        let state = self.queue.lock();
        assert!(state.jobs.is_empty(), "no job may be left");
        assert_eq!(state.working, 0, "nobody is left to be at work");
        assert_eq!(state.promised, 0, "nobody is left to be promised");
    }
}

struct OneOf<'a>(&'a Arc<Site>, Where);

impl Worker<usize> for OneOf<'_> {
    fn carry_out(&mut self, job: usize) {
        let Self(site, on) = self;
        if *on == Where::Pool {
            let limit = site.setting.limits.1;
            let others = site.at_work.fetch_add(1, Ordering::AcqRel);
            assert!(
                others < limit,
                "more than {limit} threads of a pool at work"
            );
        }
        site.everywhere.done[job].fetch_add(1, Ordering::Relaxed);
        if *on == Where::Pool {
            site.at_work.fetch_sub(1, Ordering::AcqRel);
        }
    }

    fn begin_turn(&mut self) {}

    fn is_turn_over(&self) -> bool {
        matches!(self.0.setting.turn, Turn::AfterEachJob)
    }

    fn wants_stand_in(&self) -> bool {
        self.0.setting.limits.0 == STAND_INS.0
    }

    fn promise(&mut self) {
        self.0.promise(true);
    }
}

/// Has two threads push jobs to one site, and looks that each is carried out once.
fn check(setting: Setting) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(move || {
        let [mine, others] = setting.pushes;
        let everywhere = Everywhere::new(mine + others);
        let site = Site::new(setting, &everywhere);
        let answers = [Run, Refuse, Delay];
        let other = Site::new(Setting { answers, ..setting }, &everywhere);
        *everywhere.other.lock().unwrap() = Some(Arc::clone(&other));

        if others > 0 {
            let site = Arc::clone(&site);
            everywhere.start(move || (mine..mine + others).for_each(|job| site.push(job)));
        }
        (0..mine).for_each(|job| site.push(job));
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
fn check_all(of: &[Answer], turn: Turn, limits: Limits, pushes: [usize; 2]) {
    for &first in of {
        for &second in of {
            for &third in of {
                check(Setting {
                    answers: [first, second, third],
                    turn,
                    limits,
                    pushes,
                });
            }
        }
    }
}

#[test]
fn one_worker_at_a_time_carries_out_each_job_once() {
    check_all(&[Run, Delay, Refuse], Turn::Never, Limits(1, 1), [2, 2]);
}

#[test]
fn two_workers_carry_out_each_job_once() {
    check_all(&[Run, Delay, Refuse], Turn::Never, Limits(2, 2), [2, 1]);
}

#[test]
fn a_stand_in_takes_over_from_one_worker() {
    check_all(
        &[Run, Delay, Refuse],
        Turn::AfterEachJob,
        Limits(1, 1),
        [2, 1],
    );
    check_all(
        &[Run, Delay, Refuse],
        Turn::AfterEachJob,
        Limits(1, 1),
        [4, 0],
    );
}

#[test]
fn a_stand_in_takes_over_from_two_workers() {
    check_all(
        &[Run, Delay, Refuse],
        Turn::AfterEachJob,
        Limits(2, 2),
        [2, 1],
    );
}

#[test]
fn one_more_is_sent_for_when_all_are_busy() {
    check_all(&[Run, Delay, Refuse], Turn::Never, Limits(1, 2), [2, 1]);
    check_all(
        &[Run, Delay, Refuse],
        Turn::AfterEachJob,
        Limits(1, 2),
        [2, 1],
    );
}

#[test]
fn a_stand_in_is_there_before_each_job_while_others_wait() {
    check_all(&[Run, Delay, Alone], Turn::Never, STAND_INS, [2, 1]);
    check_all(&[Run, Delay, Alone], Turn::AfterEachJob, STAND_INS, [2, 1]);
    check_all(&[Run, Delay, Alone], Turn::Never, STAND_INS, [3, 0]);
}

#[test]
fn more_promises_than_workers_bring_no_more_workers() {
    check_all(&[Run, Delay, Refuse], Turn::Never, OVERDUE, [2, 1]);
    check_all(&[Run, Delay, Refuse], Turn::AfterEachJob, OVERDUE, [2, 1]);
}

#[test]
fn what_is_redirected_is_carried_out_elsewhere() {
    check_all(&[Run, Redirect], Turn::Never, Limits(1, 1), [2, 1]);
    check_all(&[Run, Redirect], Turn::AfterEachJob, Limits(1, 1), [2, 1]);
}
