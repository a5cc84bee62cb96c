//! Errors that say what was being done, and where.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::AsyncTempDir;

/// An I/O error with the operation and the path it happened at.
///
/// The message names all three, so `source()` starts below the cause: a report that prints the
/// whole chain says nothing twice.
#[derive(Debug)]
struct Located {
    operation: Cow<'static, str>,
    path: PathBuf,
    cause: io::Error,
}

impl fmt::Display for Located {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `Debug` for the path: a hostile name with a line break in it stays on one line.
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

/// Adds the operation and the path to `cause`, keeping its kind.
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

/// Why [`AsyncTempDir::persist`] failed, and the handle, which still owns its directory.
///
/// The async counterpart of `tempfile::PersistError`. Dropping it drops the handle, and so
/// removes the directory; converting it into an [`io::Error`] does the same.
#[must_use = "the error holds the directory's handle: dropped, the directory is removed"]
#[derive(Debug)]
pub struct PersistError {
    error: io::Error,
    // Boxed, so that the error stays small in a `Result`.
    dir: Box<AsyncTempDir>,
}

impl PersistError {
    pub(crate) fn new(error: io::Error, dir: AsyncTempDir) -> Self {
        Self {
            error,
            dir: Box::new(dir),
        }
    }

    /// What went wrong, with both paths.
    pub fn error(&self) -> &io::Error {
        &self.error
    }

    /// The handle of the directory that stayed where it was.
    pub fn dir(&self) -> &AsyncTempDir {
        &self.dir
    }

    /// Gives the handle back, to try again elsewhere, [`keep`](AsyncTempDir::keep) or
    /// [`close`](AsyncTempDir::close) it.
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
