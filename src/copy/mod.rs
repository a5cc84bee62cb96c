//! Copying trees: the engine behind `copy_from`.
//!
//! [`tree`] blocks, and depends neither on Tokio nor on handles. It never writes to the source, follows
//! no symlink in it nor in the destination, enters no mount point and continues past every failure.

mod error;
mod options;
mod recorder;

#[cfg(any(not(unix), test))]
mod portable;
#[cfg(test)]
mod tests;
#[cfg(unix)]
mod unix;

pub use error::{CopyError, CopyFailure, CopySide};
pub(crate) use options::Options;
pub use recorder::Copied;

use std::fs::{self, File};
use std::io;
use std::panic::resume_unwind;
use std::path::Path;

use crate::sys::Identity;
use recorder::{Failure, Recorder};

#[cfg(not(unix))]
use portable as engine;
#[cfg(unix)]
use unix as engine;

/// Copies what is in the directory `source` into the open directory `to`, whose path is `path`,
/// blocking the thread.
///
/// With an `identity`, the source must be that directory. A symlink in its place is followed
/// otherwise. The path of `to` is for the report, and for a platform that copies by path.
///
/// # Panics
///
/// With the panic of the filter or the progress function.
pub(crate) fn tree(
    source: &Path,
    identity: Option<&Identity>,
    to: File,
    path: &Path,
    options: Options,
) -> Result<Copied, CopyError> {
    let recorder = Recorder::new(source, path, options);
    if let Err(Failure { side, error }) = engine::copy(to, identity, &recorder) {
        return Err(CopyError::whole(source, path, side, error));
    }
    let (result, panic) = recorder.finish();
    if let Some(panic) = panic {
        resume_unwind(panic);
    }
    result
}

/// Checks that the source exists and is a directory.
pub(crate) fn check_source(path: &Path) -> io::Result<()> {
    match fs::metadata(path)?.is_dir() {
        true => Ok(()),
        false => Err(no_directory()),
    }
}

/// Returns the error for a source that is a file.
fn no_directory() -> io::Error {
    io::Error::new(
        io::ErrorKind::NotADirectory,
        "it is no directory; `tokio::fs::copy` copies a file",
    )
}

/// Returns the error for a directory that another entry of the destination is in the way of.
fn no_directory_there() -> io::Error {
    io::Error::new(
        io::ErrorKind::NotADirectory,
        "something that is no directory has its name",
    )
}

/// Returns the error for copying a directory into itself.
fn into_itself() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        "refusing to copy a directory into itself",
    )
}
