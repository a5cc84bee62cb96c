//! Simulates a pool, the queue's owner and the watchdog under loom.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;
// Not loom's: the models look on, and are no part of what is tried out.
use std::sync::atomic::{AtomicUsize, Ordering};

use loom::sync::atomic::AtomicUsize as SeenByAll;
use loom::thread::{self, JoinHandle};

use crate::blocking::queue::slice::Clock;
use crate::blocking::queue::{Limits, Next, Queue};
use Answer::{Delay, Redirect, Refuse, Run};

/// The maximum number of threads that loom lets a model start.
const MAX_THREADS: usize = 4;

/// The answer of a pool to a requested worker.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answer {
    /// Runs it on another thread, whenever that gets to it.
    Run,
    /// Runs it when all others are done, as if all its threads were busy until then.
    Delay,
    /// Refuses it: the pushing thread takes all that waits, and the working one carries on alone.
    Refuse,
    /// Refuses it to a thread that is in another runtime.
    Redirect,
}
/// A clock on which so many milliseconds have passed since anything.
#[derive(Clone, Copy, Debug)]
pub(super) struct After<const MILLIS: u64>;

impl<const MILLIS: u64> Clock for After<MILLIS> {
    fn now() -> Self {
        Self
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(MILLIS)
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    /// To one request after the other, and then from the start.
    pub(super) answers: [Answer; 3],
    pub(super) limits: Limits,
    /// Set if the jobs are pushed from outside the pool's runtime, and watched where that takes no
    /// more.
    pub(super) outside: bool,
    /// The number of jobs that each thread pushes.
    pub(super) pushes: [usize; 2],
    /// The first job ends only when all others have.
    pub(super) hangs: bool,
    /// A worker that a job was handed to may come late.
    pub(super) impatient: bool,
}

/// Simulates the queues of one runtime.
pub(super) struct Site<C> {
    queue: Queue<usize, C>,
    setting: Setting,
    requests: AtomicUsize,
    /// The number of threads of the pool that run a job now.
    at_work: SeenByAll,
    everywhere: Arc<Everywhere<C>>,
}

/// The state that the sites share.
pub(super) struct Everywhere<C> {
    /// The number of times that each job has run.
    pub(super) done: Vec<AtomicUsize>,
    started: AtomicUsize,
    running: Mutex<Vec<JoinHandle<()>>>,
    delayed: Mutex<VecDeque<Arc<Site<C>>>>,
    /// Sites to be looked at.
    watched: Mutex<Vec<Arc<Site<C>>>>,
    /// The number of jobs that have run.
    ended: SeenByAll,
    /// Where jobs are redirected.
    pub(super) other: Mutex<Option<Arc<Site<C>>>>,
}

impl<C: Clock + Send + 'static> Everywhere<C> {
    pub(super) fn new(jobs: usize) -> Arc<Self> {
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

    pub(super) fn start(&self, run: impl FnOnce() + Send + 'static) -> bool {
        let start = self.started.load(Ordering::Relaxed) < MAX_THREADS;
        if start {
            self.started.fetch_add(1, Ordering::Relaxed);
            let running = thread::spawn(run);
            self.running.lock().unwrap().push(running);
        }
        start
    }

    pub(super) fn join_all(&self) {
        loop {
            let running = self.running.lock().unwrap().pop();
            if let Some(running) = running {
                running.join().unwrap();
                continue;
            }
            let delayed = self.delayed.lock().unwrap().pop_front();
            if let Some(site) = delayed {
                site.work();
            } else if !self.look() {
                return;
            }
        }
    }

    /// Plays the watchdog, once. False if there is nothing to watch.
    pub(super) fn look(&self) -> bool {
        let watched = self.watched.lock().unwrap().pop();
        let Some(site) = watched else { return false };
        let next = site.queue.check();
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
    pub(super) fn new(setting: Setting, everywhere: &Arc<Everywhere<C>>) -> Arc<Self> {
        Arc::new(Self {
            queue: Queue::new(setting.limits),
            setting,
            requests: AtomicUsize::new(0),
            at_work: SeenByAll::new(0),
            everywhere: Arc::clone(everywhere),
        })
    }

    pub(super) fn push(self: &Arc<Self>, job: usize) {
        let mut next = self.queue.push(job, || self.setting.outside);
        if next.hand_over {
            if !self.setting.impatient {
                thread::yield_now();
            }
            if self.queue.is_taken() {
                return;
            }
            next = self.queue.settle();
        }
        self.next(next);
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
        self.everywhere.start(move || site.work())
    }

    fn request(self: &Arc<Self>, is_at_work: bool) {
        let nth = self.requests.fetch_add(1, Ordering::Relaxed);
        let answers = self.setting.answers;
        match answers[nth % answers.len()] {
            Run if self.start_worker() => return,
            Run => {}
            Refuse if is_at_work => return self.queue.cancel_request(),
            Refuse => {
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

    fn work(self: &Arc<Self>) {
        let run = |job| self.run(job);
        let next = self.queue.work(
            Duration::MAX,
            run,
            || self.request(true),
            |is_queued| {
                if !is_queued() {
                    thread::yield_now();
                }
            },
        );
        self.next(next);
    }

    pub(super) fn assert_over(&self) {
        let state = self.queue.lock();
        assert!(state.jobs.is_empty(), "no job may be left");
        assert_eq!(state.working, 0, "no worker may be left");
        assert!(state.requests.is_empty(), "no request may be left");
    }

    fn run(&self, job: usize) {
        let site = self;
        let Setting { limits, pushes, .. } = site.setting;
        let limit = limits.max_workers;
        let others = site.at_work.fetch_add(1, Ordering::AcqRel);
        assert!(
            others < limit,
            "more than {limit} threads of a pool at work"
        );
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
        site.at_work.fetch_sub(1, Ordering::AcqRel);
    }
}
