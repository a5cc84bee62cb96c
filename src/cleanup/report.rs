//! What could not be removed when nobody was waiting for the answer.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crate::remove::{Outcome, RemoveError, Removed};

type Hook = dyn Fn(&RemoveError) + Send + Sync;

static FAILURES: AtomicU64 = AtomicU64::new(0);
static HOOK: RwLock<Option<Arc<Hook>>> = RwLock::new(None);

/// How many directories could not be removed completely in the background since the process
/// started: a counter for metrics. An incomplete file that a
/// [`write_stream`](crate::AsyncTempDir::write_stream) could not take back counts like a directory,
/// and so does a lock file that could not be removed from a [`TempRoot`](crate::TempRoot) that stays.
///
/// It counts what [`set_failure_hook`]'s hook is called for. What an awaited
/// [`close`](crate::AsyncTempDir::close) returned is not counted.
pub fn failures() -> u64 {
    FAILURES.load(Ordering::SeqCst)
}

/// Has `hook` called with every failure that nobody awaits: of a removal after a drop, and of a
/// `close` or [`remove_dir_all`](crate::remove_dir_all) whose future was dropped; and of the
/// incomplete file of a [`write_stream`](crate::AsyncTempDir::write_stream), whatever ended that;
/// and of the lock file of a [`TempRoot`](crate::TempRoot) that stays.
///
/// One hook serves the whole process; a later one replaces it. It is called before
/// [`idle`](super::idle) returns, on the thread that removed, usually one of Tokio's blocking pool;
/// or, where the future of a removal is dropped that had just ended, or the handle of a root that
/// stays, by that drop. It may drop
/// directories, but should be quick: others wait for that thread. A panic in it goes no further.
///
/// # Examples
///
/// ```
/// async_tempdir::cleanup::set_failure_hook(|error| {
///     eprintln!("{error}; {} entries remain", error.failed());
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn set_failure_hook(hook: impl Fn(&RemoveError) + Send + Sync + 'static) {
    let hook: Arc<Hook> = Arc::new(hook);
    let before = HOOK
        .write()
        .unwrap_or_else(PoisonError::into_inner)
        .replace(hook);
    // Only now, with the lock released: it may own anything.
    drop(before);
}

pub(crate) fn report(error: &RemoveError) {
    FAILURES.fetch_add(1, Ordering::SeqCst);
    // Subscriber and hook are somebody else's: neither a drop nor the removals behind this one
    // are to suffer from their panics.
    #[cfg(feature = "tracing")]
    let _ = catch_unwind(AssertUnwindSafe(|| {
        tracing::warn!(
            target: "async_tempdir::cleanup",
            path = %error.path().display(),
            failed = error.failed(),
            removed_files = error.removed().files,
            removed_dirs = error.removed().dirs,
            "{error}"
        );
    }));
    let _ = catch_unwind(AssertUnwindSafe(|| {
        let hook = HOOK.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(hook) = hook {
            hook(error);
        }
    }));
}

/// How a removal ended. Unless somebody takes it, a failure is reported.
#[derive(Debug)]
pub(crate) struct Verdict {
    result: Option<Result<Removed, RemoveError>>,
    /// Of the progress function.
    panic: Option<Box<dyn Any + Send>>,
}

impl Verdict {
    pub(crate) fn new(outcome: Outcome) -> Self {
        Self {
            result: Some(outcome.result),
            panic: outcome.panic,
        }
    }

    /// # Panics
    ///
    /// If the progress function has. Then a failure is reported, since it cannot be returned.
    pub(crate) fn take(mut self) -> Result<Removed, RemoveError> {
        if let Some(panic) = self.panic.take() {
            drop(self);
            resume_unwind(panic);
        }
        self.result.take().expect("a verdict is taken once")
    }
}

impl Drop for Verdict {
    fn drop(&mut self) {
        if let Some(Err(error)) = &self.result {
            report(error);
        }
    }
}
