//! Reclaims dead roots in the background, and waits for the end of that.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::reclaimed::Reclaimed;
use super::sweep::Sweep;
use crate::cleanup::Pending;
use crate::owned;
use crate::pool::{self, Where};
use crate::sys::Process;

/// How long the search keeps a thread of the pool, which may have only one, before it lets other
/// work run.
const TURN: Duration = Duration::from_millis(5);

/// A search for dead roots, running or ended.
pub(super) struct Reclaiming {
    /// A forked child has a copy of this, but not the search.
    process: Process,
    result: OnceLock<Reclaimed>,
    ended: Notify,
    foreign: OnceLock<Reclaimed>,
}

/// A running search.
struct Search {
    sweep: Sweep,
    reclaiming: Arc<Reclaiming>,
    runtime: Handle,
    _pending: Pending,
}

impl Reclaiming {
    fn new(result: OnceLock<Reclaimed>) -> Arc<Self> {
        Arc::new(Self {
            process: Process::current(),
            result,
            ended: Notify::new(),
            foreign: OnceLock::new(),
        })
    }

    /// Starts a search for dead roots of `app` in `parent`, on `runtime`'s blocking pool.
    pub(super) fn begin(runtime: &Handle, app: &str, parent: PathBuf) -> Arc<Self> {
        let app = app.to_owned();
        Self::begin_with(runtime, move || Sweep::new(&app, &parent))
    }

    fn begin_with(runtime: &Handle, find: impl FnOnce() -> Sweep + Send + 'static) -> Arc<Self> {
        let reclaiming = Self::new(OnceLock::new());
        let job = {
            let (reclaiming, runtime) = (Arc::clone(&reclaiming), runtime.clone());
            let pending = Pending::new();
            move |_| match catch_unwind(AssertUnwindSafe(find)) {
                Ok(sweep) => Search {
                    sweep,
                    reclaiming,
                    runtime,
                    _pending: pending,
                }
                .go_on(),
                Err(_) => {
                    reclaiming.end(without(panicked()));
                    drop(pending);
                }
            }
        };
        if pool::offer(runtime, job).is_err() {
            reclaiming.end(without(pool::unavailable()));
        }
        reclaiming
    }

    /// Creates one that is not carried out, because of `error`.
    pub(super) fn refused(error: io::Error) -> Arc<Self> {
        Self::new(OnceLock::from(without(error)))
    }

    fn end(&self, reclaimed: Reclaimed) {
        // Once: the job has run, or was refused.
        let _ = self.result.set(reclaimed);
        self.ended.notify_waiters();
    }

    /// Waits until the search has ended, and returns its report.
    pub(super) async fn ended(&self) -> &Reclaimed {
        if !self.process.is_current() {
            // No thread of a forked child would end it.
            return self.foreign.get_or_init(|| without(owned::foreign()));
        }
        loop {
            // `notify_waiters` reaches every `Notified` made before the call, so this check cannot
            // miss it.
            let ended = self.ended.notified();
            if let Some(reclaimed) = self.result.get() {
                return reclaimed;
            }
            ended.await;
        }
    }
}

impl Search {
    /// Works for one turn, then moves to the end of the pool's queue. If the pool accepts no more
    /// work, the rest is left to the next process.
    fn go_on(mut self) {
        let begin = Instant::now();
        // Nothing here should panic, but if something does, waiting futures must not wait forever.
        let worked = catch_unwind(AssertUnwindSafe(|| {
            while self.sweep.step() {
                if begin.elapsed() >= TURN {
                    return true;
                }
            }
            false
        }));
        match worked {
            Ok(true) => {
                let runtime = self.runtime.clone();
                let rest = move |on| match on {
                    Where::Pool => self.go_on(),
                    Where::Here => self.end(Some(pool::unavailable())),
                };
                if let Err(refused) = pool::offer(&runtime, rest) {
                    refused(Where::Here);
                }
            }
            Ok(false) => self.end(None),
            Err(_) => self.end(Some(panicked())),
        }
    }

    fn end(self, reason: Option<io::Error>) {
        self.reclaiming.end(self.sweep.end(reason));
    }
}

fn panicked() -> io::Error {
    io::Error::other("the search panicked")
}

fn without(error: io::Error) -> Reclaimed {
    let mut reclaimed = Reclaimed::default();
    reclaimed.refuse(error);
    reclaimed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_in_the_search_ends_the_waiting() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        runtime.block_on(async {
            let reclaiming = Reclaiming::begin_with(&Handle::current(), || panic!("on purpose"));
            let ended = tokio::time::timeout(Duration::from_secs(60), reclaiming.ended()).await;
            let reclaimed = ended.expect("it ends");
            let refused = reclaimed.refused().expect("it says so").to_string();
            assert!(refused.contains("panicked"), "{refused}");
        });
    }
}
