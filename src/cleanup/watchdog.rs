//! A thread that checks whether queued removals are held up, while there are any.
//!
//! Only a thread that does nothing else can tell that all others hang in a system call. It belongs to
//! no runtime, because the application's own calls may need each thread of those.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process;
use std::sync::{Arc, Condvar, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use super::RuntimeQueues;
use crate::util::sync::Mutex;

/// The time between two checks.
pub(super) const INTERVAL: Duration = Duration::from_millis(20);

/// The time that the thread waits for something to watch before it ends, as long as an idle thread
/// of Tokio's blocking pool. A drop that has to start it costs several times as much as others.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

static WATCHED: Mutex<Watched> = Mutex::new(Watched {
    queues: Vec::new(),
    runs_in: None,
});
static CHANGED: Condvar = Condvar::new();

struct Watched {
    queues: Vec<Weak<RuntimeQueues>>,
    /// The process that has the thread; a forked child has none.
    runs_in: Option<u32>,
}

/// Checks the removals of `queues` from time to time until none waits.
pub(super) fn watch(queues: &Arc<RuntimeQueues>) {
    let mut watched = WATCHED.lock();
    let this = Some(process::id());
    if watched.runs_in != this {
        // They belong to the process that this one was forked from, if any.
        watched.queues.clear();
    }
    watched.queues.push(Arc::downgrade(queues));
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
        let queues = mem::take(&mut watched.queues);
        drop(watched);
        for queues in queues.iter().filter_map(Weak::upgrade) {
            queues.unwatch();
        }
    }
}

fn run() {
    loop {
        let watched = WATCHED.lock();
        let is_idle = watched.queues.is_empty();
        let timeout = if is_idle { KEEP_ALIVE } else { INTERVAL };
        // It checks at the end of each interval: queues added just now have time.
        let (mut watched, waited) = CHANGED
            .wait_timeout_while(watched, timeout, |watched| {
                !is_idle || watched.queues.is_empty()
            })
            .unwrap_or_else(PoisonError::into_inner);
        if is_idle {
            if waited.timed_out() {
                watched.runs_in = None;
                return;
            }
            continue;
        }
        let mut queues = mem::take(&mut watched.queues);
        drop(watched);
        // The last handle of a runtime may be dropped here, which runs foreign code.
        queues.retain(|queues| {
            let check = || queues.upgrade().is_some_and(|queues| queues.check());
            catch_unwind(AssertUnwindSafe(check)).unwrap_or(false)
        });
        WATCHED.lock().queues.append(&mut queues);
    }
}
