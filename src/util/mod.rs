//! Names, paths, errors with context, failures, locks, and progress, used by several layers.

pub(crate) mod error;
pub(crate) mod failures;
pub(crate) mod first_failure;
pub(crate) mod name;
mod path;
pub(crate) mod progress;
pub(crate) mod sync;

pub(crate) use error::{with_detail, with_hint, with_note, with_path, with_tmpdir_hint};
pub(crate) use path::{absolute_checked, absolute_parent, resolve_entry};

pub use error::PathError;

use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::available_parallelism;

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
