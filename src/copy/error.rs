//! Errors of a copy.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::Copied;
use crate::util::failures::MAX_FAILURES;

/// The error of a copy that left something out.
///
/// Copying continues past failures. Of what is in the source, everything has been copied except for
/// the failed entries (the first are [listed](Self::failures)) and their contents.
///
/// The message names both directories, the first failure and its cause, and counts the others. The
/// operating system's errors are those of the failures.
pub struct CopyError {
    pub(super) source: Box<Path>,
    pub(super) destination: Box<Path>,
    /// At least one.
    pub(super) failures: Vec<CopyFailure>,
    pub(super) failed: u64,
    pub(super) copied: Copied,
}

/// One entry that could not be copied, or not completely.
#[derive(Debug)]
#[non_exhaustive]
pub struct CopyFailure {
    /// The entry's path in the source.
    pub path: PathBuf,
    /// Where it failed.
    pub side: CopySide,
    /// The operating system's error, or why the entry was left out: `CrossesDevices` means that a
    /// filesystem is mounted there, `InvalidInput` that it is a FIFO, a socket or a device.
    pub error: io::Error,
}

/// The side of a copy on which something failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CopySide {
    /// It could not be read.
    Source,
    /// It could not be written.
    Destination,
}

impl CopyError {
    /// The maximum number of failures kept in full.
    ///
    /// Further ones are only [counted](Self::failed).
    pub const MAX_FAILURES: usize = MAX_FAILURES;

    /// Creates the error of a copy that copied nothing, because of `error`.
    pub(crate) fn whole(
        source: &Path,
        destination: &Path,
        side: CopySide,
        error: io::Error,
    ) -> Self {
        Self {
            source: source.into(),
            destination: destination.into(),
            failures: vec![CopyFailure {
                path: source.to_path_buf(),
                side,
                error,
            }],
            failed: 1,
            copied: Copied::default(),
        }
    }

    /// Returns the path of the directory that was to be copied.
    pub fn path(&self) -> &Path {
        &self.source
    }

    /// Returns the path of the directory that it was to be copied into.
    pub fn destination(&self) -> &Path {
        &self.destination
    }

    /// Returns the kind of the first failure's error.
    pub fn kind(&self) -> io::ErrorKind {
        self.first().error.kind()
    }

    /// Returns the first failures, in the order in which they happened.
    ///
    /// There is at least one, and at most [`MAX_FAILURES`](Self::MAX_FAILURES).
    pub fn failures(&self) -> &[CopyFailure] {
        &self.failures
    }

    /// Returns the total number of failures.
    pub fn failed(&self) -> u64 {
        self.failed
    }

    /// Returns how much was copied nevertheless.
    pub fn copied(&self) -> Copied {
        self.copied
    }

    fn first(&self) -> &CopyFailure {
        &self.failures[0]
    }
}

/// The same as `Display`, because `unwrap` and a `main` that returns an error print this.
impl fmt::Debug for CopyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for CopyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.first();
        let all = match self.failed > 1 || *first.path != *self.source {
            true => "all of ",
            false => "",
        };
        write!(
            f,
            "cannot copy {all}{:?} to {:?}: ",
            self.source, self.destination
        )?;
        let (path, error) = (&first.path, &first.error);
        match (first.side, all.is_empty()) {
            (CopySide::Source, true) => write!(f, "{error}")?,
            (CopySide::Source, false) => write!(f, "{path:?}: {error}")?,
            (CopySide::Destination, true) => write!(f, "cannot write there: {error}")?,
            // The path is in the source, which is not written to.
            (CopySide::Destination, false) => {
                write!(f, "cannot write the copy of {path:?}: {error}")?;
            }
        }
        match self.failed - 1 {
            0 => Ok(()),
            more => write!(f, " (and {more} more)"),
        }
    }
}

impl Error for CopyError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        // The message already contains the first failure's error.
        self.first().error.get_ref().and_then(Error::source)
    }
}

impl From<CopyError> for io::Error {
    /// Keeps the kind of the first failure.
    fn from(error: CopyError) -> Self {
        Self::new(error.kind(), error)
    }
}
