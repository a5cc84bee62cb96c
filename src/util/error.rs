//! Errors that name the operation and the path.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// An I/O error with the operation and the path that it occurred at.
///
/// The message names all three, so `source()` starts below the cause: a report that prints the
/// whole chain repeats nothing.
struct WithPath {
    operation: Cow<'static, str>,
    path: PathBuf,
    cause: io::Error,
}

impl fmt::Display for WithPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `Debug` for the path keeps a hostile name with a line break on one line.
        write!(
            f,
            "cannot {} {:?}: {}",
            self.operation, self.path, self.cause
        )
    }
}

/// The same as `Display`, because a `main` that returns an error, and `unwrap`, print this.
impl fmt::Debug for WithPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for WithPath {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        // An `io::Error` made from another error displays as that error, so skip it as well.
        self.cause.get_ref().and_then(Error::source)
    }
}

/// Adds the operation and the path to `cause` and keeps its kind.
pub(crate) fn with_path(
    operation: impl Into<Cow<'static, str>>,
    path: &Path,
    cause: io::Error,
) -> io::Error {
    io::Error::new(
        cause.kind(),
        WithPath {
            operation: operation.into(),
            path: path.to_path_buf(),
            cause,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_names_operation_path_and_cause_once() {
        let cause = io::Error::from(io::ErrorKind::PermissionDenied);
        let error = with_path("create directory", Path::new("/a/b"), cause);

        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(
            error.to_string(),
            "cannot create directory \"/a/b\": permission denied"
        );
        assert!(
            format!("{error:?}").contains(&error.to_string()),
            "{error:?}"
        );
        assert!(
            error.source().is_none(),
            "the cause stands in the message and must not stand in the chain again"
        );
    }

    #[test]
    fn a_name_cannot_break_the_line() {
        let error = with_path(
            "open",
            Path::new("a\nb"),
            io::Error::from(io::ErrorKind::NotFound),
        );
        assert!(!error.to_string().contains('\n'));
    }
}
