//! Recursive removal: the engine behind `close`, drop and [`remove_dir_all`].
//!
//! [`tree`] is plain and blocking; it knows neither Tokio nor handles. It follows no symlink,
//! enters no mount point and goes on past every failure.

mod error;
mod log;
mod patience;
mod request;
mod span;

#[cfg(any(not(unix), test))]
mod portable;
#[cfg(unix)]
mod unix;

#[cfg(test)]
mod tests;

pub(crate) use log::{Helpers, Last, Options, Outcome};
pub(crate) use request::{Target, helpers};
pub(crate) use span::Cause;

pub use error::{RemoveError, RemoveFailure};
pub use log::Removed;
pub use request::{Removal, RemoveDirAll, remove_dir_all};

use std::fs::File;
use std::mem;
use std::path::Path;

use crate::sys::Identity;
use log::Log;

#[cfg(not(unix))]
use portable as engine;
#[cfg(unix)]
use unix as engine;

/// Whether [`entry`] removes by path, and not relative to the directory that it is given.
pub(crate) const BY_PATH: bool = !cfg!(unix);

/// Removes the directory `path` with everything in it, blocking the thread. With an `identity`,
/// it has to be that very directory.
///
/// That nothing is there (any more) is success.
pub(crate) fn tree(path: &Path, identity: Option<&Identity>, mut options: Options) -> Outcome {
    mem::take(&mut options.cause).around(path, || {
        let log = Log::new(path, options);
        engine::remove(path, identity, &log);
        log.finish()
    })
}

/// Removes what has the last name of `path` in the open directory `above`, whatever it is,
/// blocking the thread. The whole path is for the report, and for a platform that removes by path.
///
/// That nothing is there is an error.
pub(crate) fn entry(
    above: File,
    path: &Path,
    mut options: Options,
) -> Result<Removed, RemoveError> {
    let cause = mem::take(&mut options.cause);
    let outcome = cause.around(path, || {
        let log = Log::new(path, options);
        engine::remove_entry(above, path, &log);
        log.finish()
    });
    outcome.result
}
