//! Errors that name the operation and the path.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::AsyncTempDir;

/// An I/O error with the operation and the path that it occurred at.
///
/// The message names all three, so `source()` starts below the cause: a report that prints the
/// whole chain repeats nothing.
#[derive(Debug)]
struct Located {
    operation: Cow<'static, str>,
    path: PathBuf,
    cause: io::Error,
}

impl fmt::Display for Located {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `Debug` for the path keeps a hostile name with a line break on one line.
        write!(
            f,
            "cannot {} {:?}: {}",
            self.operation, self.path, self.cause
        )
    }
}

impl Error for Located {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        // An `io::Error` made from another error displays as that error, so skip it as well.
        self.cause.get_ref().and_then(Error::source)
    }
}

/// Adds the operation and the path to `cause` and keeps its kind.
pub(crate) fn located(
    operation: impl Into<Cow<'static, str>>,
    path: &Path,
    cause: io::Error,
) -> io::Error {
    io::Error::new(
        cause.kind(),
        Located {
            operation: operation.into(),
            path: path.to_path_buf(),
            cause,
        },
    )
}

/// The error of [`AsyncTempDir::persist`], with the handle, which still owns its directory.
///
/// The async counterpart of `tempfile::PersistError`. Dropping it, or converting it into an
/// [`io::Error`], drops the handle, which by default removes the directory.
#[must_use = "the error holds the directory's handle: dropped, the directory is removed"]
#[derive(Debug)]
pub struct PersistError {
    error: io::Error,
    // Boxed to keep the error small in a `Result`.
    dir: Box<AsyncTempDir>,
}

impl PersistError {
    pub(crate) fn new(error: io::Error, dir: AsyncTempDir) -> Self {
        Self {
            error,
            dir: Box::new(dir),
        }
    }

    /// Returns the I/O error, which names both paths.
    pub fn error(&self) -> &io::Error {
        &self.error
    }

    /// Returns the handle of the directory, which was not moved.
    pub fn dir(&self) -> &AsyncTempDir {
        &self.dir
    }

    /// Returns the handle of the directory.
    ///
    /// Use it to try again elsewhere, or to [`keep`](AsyncTempDir::keep) or
    /// [`close`](AsyncTempDir::close) the directory.
    pub fn into_dir(self) -> AsyncTempDir {
        *self.dir
    }
}

impl fmt::Display for PersistError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl Error for PersistError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.source()
    }
}

impl From<PersistError> for io::Error {
    fn from(error: PersistError) -> Self {
        error.error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_names_operation_path_and_cause_once() {
        let cause = io::Error::from(io::ErrorKind::PermissionDenied);
        let error = located("create directory", Path::new("/a/b"), cause);

        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(
            error.to_string(),
            "cannot create directory \"/a/b\": permission denied"
        );
        assert!(
            error.source().is_none(),
            "the cause stands in the message and must not stand in the chain again"
        );
    }

    #[test]
    fn a_name_cannot_break_the_line() {
        let error = located(
            "open",
            Path::new("a\nb"),
            io::Error::from(io::ErrorKind::NotFound),
        );
        assert!(!error.to_string().contains('\n'));
    }
}
