//! What could not be removed when nobody was waiting for the answer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crate::remove::{RemoveError, Removed};

type Hook = dyn Fn(&RemoveError) + Send + Sync;

static FAILURES: AtomicU64 = AtomicU64::new(0);
static HOOK: RwLock<Option<Arc<Hook>>> = RwLock::new(None);

/// How many directories could not be removed completely in the background since the process
/// started: a counter for metrics.
///
/// It counts what [`set_failure_hook`]'s hook is called for. What an awaited
/// [`close`](crate::AsyncTempDir::close) returned is not counted.
pub fn failures() -> u64 {
    FAILURES.load(Ordering::SeqCst)
}

/// Has `hook` called with every failure that nobody awaits: of a removal after a drop, and of a
/// `close` or [`remove_dir_all`](crate::remove_dir_all) whose future was dropped.
///
/// One hook serves the whole process; a later one replaces it. It is called on the thread that
/// removed, usually one of Tokio's blocking pool, before [`idle`](super::idle) returns. It may
/// drop directories, but should be quick: others wait for that thread. A panic in it goes no
/// further.
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
    #[cfg(feature = "tracing")]
    tracing::warn!(
        path = %error.path().display(),
        failed = error.failed(),
        removed_files = error.removed().files,
        removed_dirs = error.removed().dirs,
        "{error}"
    );
    let hook = HOOK.read().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some(hook) = hook {
        // The removals behind this one are not to suffer from somebody's panic.
        let _ = catch_unwind(AssertUnwindSafe(|| hook(error)));
    }
}

/// How a removal ended. Unless somebody takes it, a failure is reported.
#[derive(Debug)]
pub(crate) struct Verdict(Option<Result<Removed, RemoveError>>);

impl Verdict {
    pub(crate) fn new(result: Result<Removed, RemoveError>) -> Self {
        Self(Some(result))
    }

    pub(crate) fn take(mut self) -> Result<Removed, RemoveError> {
        self.0.take().expect("a verdict is taken once")
    }
}

impl Drop for Verdict {
    fn drop(&mut self) {
        if let Some(Err(error)) = &self.0 {
            report(error);
        }
    }
}
