//! Names, errors with context, failures, locks, and progress, used by several layers.

pub(crate) mod error;
pub(crate) mod failures;
pub(crate) mod name;
pub(crate) mod progress;
pub(crate) mod sync;

pub(crate) use error::{with_detail, with_hint, with_path, with_tmpdir_hint};

pub use error::PathError;

use std::io;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::available_parallelism;

/// Makes the path of a parent directory absolute. As for `tempfile`, an empty one is the current
/// directory: so the parent of a relative file name is.
pub(crate) fn absolute_parent(parent: &Path) -> io::Result<PathBuf> {
    match parent.as_os_str().is_empty() {
        true => std::path::absolute("."),
        false => std::path::absolute(parent),
    }
}

/// Lets another thread call the given closure soon, late or never.
pub(crate) type SpawnHelper = Arc<dyn Fn(Box<dyn FnOnce() + Send>) + Send + Sync>;

/// Returns the number of processors that the process may use.
pub(crate) fn processors() -> usize {
    // No `LazyLock`: in a forked child, another thread's computation would never end.
    static PROCESSORS: AtomicUsize = AtomicUsize::new(0);
    match PROCESSORS.load(Ordering::Relaxed) {
        0 => {
            let processors = available_parallelism().map_or(1, NonZero::get);
            PROCESSORS.store(processors, Ordering::Relaxed);
            processors
        }
        processors => processors,
    }
}
