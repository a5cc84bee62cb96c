//! The failure that ends an operation.

#[cfg(unix)]
use std::any::Any;
use std::io;
#[cfg(unix)]
use std::panic::resume_unwind;
use std::path::PathBuf;
#[cfg(unix)]
use std::sync::Arc;
#[cfg(unix)]
use std::sync::atomic::{AtomicBool, Ordering};

#[cfg(unix)]
use super::sync::Mutex;

/// The error that ended an operation on a directory, and the path relative to that.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) path: PathBuf,
    pub(crate) error: io::Error,
}

/// The first failure of several threads, which ends the work of all.
#[cfg(unix)]
pub(crate) struct FirstFailure {
    is_cancelled: Arc<AtomicBool>,
    is_over: AtomicBool,
    failure: Mutex<Option<Failure>>,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

#[cfg(unix)]
impl FirstFailure {
    pub(crate) fn new(is_cancelled: Arc<AtomicBool>) -> Self {
        Self {
            is_cancelled,
            is_over: AtomicBool::new(false),
            failure: Mutex::new(None),
            panic: Mutex::new(None),
        }
    }

    pub(crate) fn failed(&self, path: &dyn Fn() -> PathBuf, error: io::Error) {
        self.is_over.store(true, Ordering::Relaxed);
        self.failure.lock().get_or_insert_with(|| Failure {
            path: path(),
            error,
        });
    }

    pub(crate) fn panicked(&self, panic: Box<dyn Any + Send>) {
        self.is_over.store(true, Ordering::Relaxed);
        *self.panic.lock() = Some(panic);
    }

    /// Returns whether to stop, because of a failure or because the operation is cancelled.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed) || self.is_cancelled.load(Ordering::Relaxed)
    }

    /// Returns the first failure. Panics with what a thread has panicked with.
    pub(crate) fn take(&self) -> Result<(), Failure> {
        if let Some(panic) = self.panic.lock().take() {
            resume_unwind(panic);
        }
        self.failure.lock().take().map_or(Ok(()), Err)
    }
}
