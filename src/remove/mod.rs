//! Recursive removal: the engine behind `close`, drop and `remove_dir_all`.
//!
//! [`tree`] blocks, and depends neither on Tokio nor on handles. It follows no symlink, enters no
//! mount point and continues past every failure.

mod error;
mod options;
mod patience;
mod recorder;
mod span;

#[cfg(any(not(unix), test))]
mod portable;
#[cfg(unix)]
mod unix;

#[cfg(test)]
mod tests;

pub(crate) use options::{Last, Options, Spared};
pub(crate) use recorder::Outcome;
pub(crate) use span::SpanContext;

pub(crate) use error::Retry;
pub use error::{RemoveError, RemoveFailure};
pub use recorder::Removed;

use std::fs::File;
use std::mem;
use std::path::Path;

use crate::sys::{Identity, Process};
use recorder::Recorder;

#[cfg(not(unix))]
use portable as engine;
#[cfg(unix)]
use unix as engine;

/// Tells that [`entry`] removes by path instead of relative to the given directory.
pub(crate) const BY_PATH: bool = !cfg!(unix);

/// Removes the directory `path` with everything in it, blocking the thread.
///
/// With an `identity`, it must be that directory. Succeeds if there is nothing (any more). An error
/// of a removal that [spares](Spared) entries cannot be tried again.
pub(crate) fn tree(path: &Path, identity: Option<&Identity>, mut options: Options) -> Outcome {
    let last = options.last.as_ref().map(|last| last.name);
    let spares = options.spared.is_some();
    let retry = || Retry {
        identity: identity.copied(),
        process: identity.map(|_| Process::current()),
        last,
    };
    mem::take(&mut options.span).around(path, || {
        let recorder = Recorder::new(path, options);
        engine::remove(path, identity, &recorder);
        let Outcome {
            result,
            panic,
            stopped,
        } = recorder.finish();
        Outcome {
            result: result.map_err(|error| match spares {
                true => error,
                false => error.with_retry(retry()),
            }),
            panic,
            stopped,
        }
    })
}

/// Removes the entry of the open directory `above` with the last name of `path`, whatever it is,
/// blocking the thread. The whole path is for the report, and for a platform that removes by path.
///
/// Fails if there is nothing.
pub(crate) fn entry(
    above: File,
    path: &Path,
    mut options: Options,
) -> Result<Removed, RemoveError> {
    let outcome = mem::take(&mut options.span).around(path, || {
        let recorder = Recorder::new(path, options);
        engine::remove_entry(above, path, &recorder);
        recorder.finish()
    });
    outcome.result
}
