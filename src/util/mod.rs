//! Names, errors with context, and locks, used by several layers.

pub(crate) mod error;
pub(crate) mod name;
pub(crate) mod sync;

pub(crate) use error::{with_detail, with_hint, with_path, with_tmpdir_hint};

pub use error::PathError;

use std::num::NonZero;
use std::sync::LazyLock;
use std::thread::available_parallelism;

/// Returns the number of processors that the process may use.
pub(crate) fn processors() -> usize {
    static PROCESSORS: LazyLock<usize> =
        LazyLock::new(|| available_parallelism().map_or(1, NonZero::get));
    *PROCESSORS
}
