//! Reclaiming in the background, and waiting for its end.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::reclaimed::Reclaimed;
use super::sweep::sweep;
use crate::cleanup::Pending;
use crate::pool;

/// A search for dead roots, under way or ended.
pub(super) struct Reclaiming {
    result: OnceLock<Reclaimed>,
    ended: Notify,
}

impl Reclaiming {
    /// Has `runtime`'s blocking pool look for dead roots of `app` in `parent`.
    pub(super) fn begin(runtime: &Handle, app: &str, parent: PathBuf) -> Arc<Self> {
        let reclaiming = Arc::new(Self {
            result: OnceLock::new(),
            ended: Notify::new(),
        });
        let job = {
            let (reclaiming, app) = (Arc::clone(&reclaiming), app.to_owned());
            let pending = Pending::new();
            move |_| {
                // Nothing in there should panic; who waits is not to wait for ever if it does.
                let swept = catch_unwind(AssertUnwindSafe(|| sweep(&app, &parent)));
                reclaiming.end(
                    swept.unwrap_or_else(|_| without(io::Error::other("the search panicked"))),
                );
                drop(pending);
            }
        };
        if pool::offer(runtime, job).is_err() {
            let refused = io::Error::other("the Tokio runtime is shutting down");
            reclaiming.end(without(refused));
        }
        reclaiming
    }

    /// One that is not made, because of `error`.
    pub(super) fn refused(error: io::Error) -> Arc<Self> {
        Arc::new(Self {
            result: OnceLock::from(without(error)),
            ended: Notify::new(),
        })
    }

    fn end(&self, reclaimed: Reclaimed) {
        // Once: the job has run, or was refused.
        let _ = self.result.set(reclaimed);
        self.ended.notify_waiters();
    }

    /// What it came to, when it has ended.
    pub(super) async fn ended(&self) -> &Reclaimed {
        loop {
            // `notify_waiters` reaches those made before it is called: looking afterwards cannot
            // miss the end.
            let ended = self.ended.notified();
            if let Some(reclaimed) = self.result.get() {
                return reclaimed;
            }
            ended.await;
        }
    }
}

fn without(error: io::Error) -> Reclaimed {
    let mut reclaimed = Reclaimed::default();
    reclaimed.refuse(error);
    reclaimed
}
