//! Reclaims dead roots in the background, and waits for the end of that.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::SetOnce;

use crate::blocking::pending::Pending;
use crate::blocking::spawn::{self, RunOn};
use crate::owned;
use crate::reclaim::{Reclaimed, Search};
use crate::sys::Process;

/// The time for which the search keeps a thread of the pool, which may have only one, before it lets
/// other work run.
const TIME_SLICE: Duration = Duration::from_millis(5);

/// A search for dead roots, running or ended.
pub(super) struct Reclaiming {
    /// A forked child has a copy of this, but not the search.
    process: Process,
    result: SetOnce<Reclaimed>,
    wrong_process: OnceLock<Reclaimed>,
}

/// A running search.
struct SearchTask {
    search: Search,
    reclaiming: Arc<Reclaiming>,
    runtime: Handle,
    _pending: Pending,
}

impl Reclaiming {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            process: Process::current(),
            result: SetOnce::new(),
            wrong_process: OnceLock::new(),
        })
    }

    /// Starts a search for dead roots, which `find` lists, on `runtime`'s blocking pool.
    pub(super) fn begin(
        runtime: &Handle,
        find: impl FnOnce() -> Search + Send + 'static,
    ) -> Arc<Self> {
        let this = Self::new();
        let task = {
            let (reclaiming, runtime) = (Arc::clone(&this), runtime.clone());
            let pending = Pending::new();
            move |_| match catch_unwind(AssertUnwindSafe(find)) {
                Ok(search) => SearchTask {
                    search,
                    reclaiming,
                    runtime,
                    _pending: pending,
                }
                .run(),
                Err(_) => {
                    reclaiming.end(skipped(panicked()));
                    drop(pending);
                }
            }
        };
        if spawn::try_spawn(runtime, task).is_err() {
            this.end(skipped(spawn::unavailable()));
        }
        this
    }

    /// Creates one that is skipped because of `error`.
    pub(super) fn skipped(error: io::Error) -> Arc<Self> {
        let this = Self::new();
        this.end(skipped(error));
        this
    }

    fn end(&self, reclaimed: Reclaimed) {
        // Once: the task has run, or was refused. This wakes foreign code.
        let _ = catch_unwind(AssertUnwindSafe(|| self.result.set(reclaimed)));
    }

    /// Waits until the search has ended, and returns its report.
    pub(super) async fn ended(&self) -> &Reclaimed {
        if !self.process.is_current() {
            // No thread of a forked child would end it.
            let report = || skipped(owned::WrongProcess.into());
            return self.wrong_process.get_or_init(report);
        }
        self.result.wait().await
    }
}

impl SearchTask {
    /// Works for one time slice, then moves to the end of the pool's queue. If the pool accepts no
    /// more work, leaves the rest to the next process.
    fn run(mut self) {
        let begin = Instant::now();
        // Nothing here should panic, but if something does, waiting futures must not wait forever.
        let worked = catch_unwind(AssertUnwindSafe(|| {
            while self.search.step() {
                if begin.elapsed() >= TIME_SLICE {
                    return true;
                }
            }
            false
        }));
        match worked {
            Ok(true) => {
                let runtime = self.runtime.clone();
                let rest = move |on| match on {
                    RunOn::Pool => self.run(),
                    RunOn::Caller => self.end(Some(spawn::unavailable())),
                };
                if let Err(refused) = spawn::try_spawn(&runtime, rest) {
                    refused(RunOn::Caller);
                }
            }
            Ok(false) => self.end(None),
            Err(_) => self.end(Some(panicked())),
        }
    }

    fn end(self, reason: Option<io::Error>) {
        self.reclaiming.end(self.search.end(reason));
    }
}

fn panicked() -> io::Error {
    io::Error::other("the search panicked")
}

fn skipped(error: io::Error) -> Reclaimed {
    let mut reclaimed = Reclaimed::default();
    reclaimed.skip(error);
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
            let reclaiming = Reclaiming::begin(&Handle::current(), || panic!("on purpose"));
            let ended = tokio::time::timeout(Duration::from_secs(60), reclaiming.ended()).await;
            let reclaimed = ended.expect("it ends");
            let reason = reclaimed.skipped_reason().expect("it says so").to_string();
            assert!(reason.contains("panicked"), "{reason}");
        });
    }
}
