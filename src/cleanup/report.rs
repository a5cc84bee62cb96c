//! Reports removal failures that no caller receives.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crate::remove::{Outcome, RemoveError, Removed};

type Hook = dyn Fn(&RemoveError) + Send + Sync;

static FAILURES: AtomicU64 = AtomicU64::new(0);
static HOOK: RwLock<Option<Arc<Hook>>> = RwLock::new(None);

/// Returns how many background removals have failed since the process started.
///
/// Use it as a counter for metrics. It counts what the hook of [`set_failure_hook`] is called for:
/// directories that could not be removed completely, and the single files listed there. Errors
/// returned by an awaited [`close`](crate::AsyncTempDir::close) do not count.
pub fn failures() -> u64 {
    FAILURES.load(Ordering::SeqCst)
}

/// Registers a callback for background removal failures.
///
/// `hook` is called with every failure to remove:
///
/// - a directory whose handle was dropped;
/// - a directory whose `close` or [`remove_dir_all`](crate::remove_dir_all) has no caller left to
///   return to: its future was dropped, or the progress function panicked;
/// - a [root of a dead process](crate::Reclaimed::failures);
/// - the file of a [`write_stream`](crate::AsyncTempDir::write_stream), a
///   [`write_reader`](crate::AsyncTempDir::write_reader) or a
///   [`temp_file`](crate::AsyncTempDir::temp_file) that failed or was cancelled;
/// - the lock file of a [`TempRoot`](crate::TempRoot) that is kept.
///
/// It is also called if a directory is kept in a root [that retains](crate::RootBuilder::retain) it, but
/// that cannot be recorded. That is tried again when the root ends. If the process is killed before that,
/// the next one removes the directory with the root; if it fails again, the root stays for good.
///
/// The process has one hook; a later one replaces it. The thread that removes calls it before
/// [`idle`](super::idle) returns, usually on Tokio's blocking pool. If the future of a removal that
/// has just ended is dropped, or the handle of a root that is kept, that drop calls it. The hook
/// may drop directories, but should be quick, because others wait for its thread. A panic in it is
/// caught.
///
/// # Examples
///
/// ```
/// async_tempdir::cleanup::set_failure_hook(|error| {
///     eprintln!("{error}"); // the directory, the first failure and the number of others
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn set_failure_hook(hook: impl Fn(&RemoveError) + Send + Sync + 'static) {
    let hook: Arc<Hook> = Arc::new(hook);
    let before = HOOK
        .write()
        .unwrap_or_else(PoisonError::into_inner)
        .replace(hook);
    // Dropped after the lock is released, because the old hook may own anything.
    drop(before);
}

pub(crate) fn report(error: &RemoveError) {
    FAILURES.fetch_add(1, Ordering::SeqCst);
    // Subscriber and hook are foreign code: their panics must affect neither a drop nor the
    // removals queued behind this one.
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

/// The result of a removal. If it is dropped without being taken, a failure is reported.
#[derive(Debug)]
pub(crate) struct ReportOnDrop {
    result: Option<Result<Removed, RemoveError>>,
    /// The panic of the progress function.
    panic: Option<Box<dyn Any + Send>>,
}

impl ReportOnDrop {
    pub(crate) fn new(outcome: Outcome) -> Self {
        Self {
            result: Some(outcome.result),
            panic: outcome.panic,
        }
    }

    /// Returns the result.
    ///
    /// # Panics
    ///
    /// Panics if the progress function did. A failure is then reported instead of returned.
    pub(crate) fn take(mut self) -> Result<Removed, RemoveError> {
        if let Some(panic) = self.panic.take() {
            drop(self);
            resume_unwind(panic);
        }
        self.result.take().expect("a result is taken once")
    }
}

impl Drop for ReportOnDrop {
    fn drop(&mut self) {
        if let Some(Err(error)) = &self.result {
            report(error);
        }
    }
}
