//! A thread that looks whether removals in line are held up, while there are any.
//!
//! Only a thread that does nothing else can tell that all others hang in a system call. It is none of
//! a runtime's: the application's own calls may need each of those.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use super::Lane;

/// The time between two looks.
pub(super) const INTERVAL: Duration = Duration::from_millis(20);

/// The time that the thread waits for something to watch before it ends, as long as an idle thread
/// of Tokio's blocking pool. A drop that has to start it costs several times as much as others.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

static WATCHED: Mutex<Watched> = Mutex::new(Watched {
    lanes: Vec::new(),
    runs_in: None,
});
static CHANGED: Condvar = Condvar::new();

struct Watched {
    lanes: Vec<Weak<Lane>>,
    /// The process that has the thread; a forked child has none.
    runs_in: Option<u32>,
}

/// Has `lane` looked at until nothing waits in it.
pub(super) fn watch(lane: &Arc<Lane>) {
    let mut watched = lock();
    let this = Some(process::id());
    if watched.runs_in != this {
        // Those of the process that this one was forked from, if any.
        watched.lanes.clear();
    }
    watched.lanes.push(Arc::downgrade(lane));
    if watched.runs_in == this {
        drop(watched);
        CHANGED.notify_one();
        return;
    }
    watched.runs_in = this;
    let name = String::from("async-tempdir-watchdog");
    if thread::Builder::new().name(name).spawn(run).is_err() {
        // The system gives no thread now. The next drop tries again.
        watched.runs_in = None;
        let lanes = mem::take(&mut watched.lanes);
        drop(watched);
        for lane in lanes.iter().filter_map(Weak::upgrade) {
            lane.unwatch();
        }
    }
}

fn run() {
    loop {
        let watched = lock();
        let is_idle = watched.lanes.is_empty();
        let timeout = if is_idle { KEEP_ALIVE } else { INTERVAL };
        // It looks at the end of each interval: a lane that was added just now has time.
        let (mut watched, waited) = CHANGED
            .wait_timeout_while(watched, timeout, |watched| {
                !is_idle || watched.lanes.is_empty()
            })
            .unwrap_or_else(PoisonError::into_inner);
        if is_idle {
            if waited.timed_out() {
                watched.runs_in = None;
                return;
            }
            continue;
        }
        let mut lanes = mem::take(&mut watched.lanes);
        drop(watched);
        // The last handle of a runtime may be dropped here, which others' code hears of.
        lanes.retain(|lane| {
            let look = || lane.upgrade().is_some_and(|lane| lane.look());
            catch_unwind(AssertUnwindSafe(look)).unwrap_or(false)
        });
        lock().lanes.append(&mut lanes);
    }
}

fn lock() -> MutexGuard<'static, Watched> {
    WATCHED.lock().unwrap_or_else(PoisonError::into_inner)
}
