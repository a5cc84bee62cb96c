//! Errors that name the operation and the path.

use std::env;
use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// The operation and the path of an [`io::Error`] that this crate returns.
///
/// It is the [inner error](io::Error::get_ref) of every error about creating a directory, about its
/// contents, or about [`persist`](crate::AsyncTempDir::persist) and
/// [`replace`](crate::AsyncTempDir::replace). (A removal that leaves something
/// has a [`RemoveError`](crate::RemoveError).) Its message, which is also that of the `io::Error`,
/// names the operation, the path and the cause, so [`source`](Error::source) begins below the
/// cause: a report that prints the whole chain repeats nothing. Its `Debug` form is the same
/// message, because `unwrap` and a `main` that returns an error print that.
///
/// The `io::Error` itself has the cause's [`kind`](io::Error::kind), but no
/// [`raw_os_error`](io::Error::raw_os_error), as every `io::Error` with a message. Ask
/// [`io_error`](Self::io_error) for that.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// use async_tempdir::{AsyncTempDir, PathError};
///
/// let dir = AsyncTempDir::new().await?;
/// let error = dir.read("missing").await.unwrap_err();
/// let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<PathError>()).unwrap();
/// assert_eq!(inner.operation(), "read");
/// assert_eq!(inner.path(), dir.path().join("missing"));
/// assert!(inner.io_error().raw_os_error().is_some());
/// # dir.close().await?;
/// # Ok::<(), std::io::Error>(())
/// # }
/// ```
pub struct PathError {
    operation: &'static str,
    path: PathBuf,
    /// The text that follows the path in the message.
    detail: String,
    cause: io::Error,
    hint: Option<&'static str>,
    /// What follows at the end of the message.
    note: Option<String>,
}

impl PathError {
    /// Returns the operation that failed, in words: what follows "cannot" in the message.
    ///
    /// The words may change.
    pub fn operation(&self) -> &str {
        self.operation
    }

    /// Returns the path that the operation failed for.
    ///
    /// It is absolute, unless the system cannot tell the current directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the cause, with the operating system's error code if that reported it.
    pub fn io_error(&self) -> &io::Error {
        &self.cause
    }
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `Debug` for the path keeps a hostile name with a line break on one line.
        write!(
            f,
            "cannot {} {:?}{}: {}",
            self.operation, self.path, self.detail, self.cause
        )?;
        if let Some(hint) = self.hint {
            write!(f, " ({hint})")?;
        }
        match &self.note {
            Some(note) => write!(f, "; {note}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for PathError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        // An `io::Error` made from another error displays as that error, so skip it as well.
        self.cause.get_ref().and_then(Error::source)
    }
}

/// Adds the operation and the path to `cause` and keeps its kind.
pub(crate) fn with_path(operation: &'static str, path: &Path, cause: io::Error) -> io::Error {
    with_detail(operation, path, String::new(), cause)
}

/// Like [`with_path`], with `detail` after the path in the message.
pub(crate) fn with_detail(
    operation: &'static str,
    path: &Path,
    detail: String,
    cause: io::Error,
) -> io::Error {
    let kind = cause.kind();
    let (cause, hint) = match cause.downcast::<Hinted>() {
        Ok(Hinted { cause, hint }) => (cause, Some(hint)),
        Err(cause) => (cause, None),
    };
    let error = PathError {
        operation,
        path: path.to_path_buf(),
        detail,
        cause,
        hint,
        note: None,
    };
    io::Error::new(kind, error)
}

/// A cause with a hint, on its way to [`with_path`].
#[derive(Debug)]
struct Hinted {
    cause: io::Error,
    hint: &'static str,
}

impl fmt::Display for Hinted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.cause, self.hint)
    }
}

impl Error for Hinted {}

/// Adds a hint, which the message has in parentheses after the cause.
pub(crate) fn with_hint(mut error: io::Error, hint: &'static str) -> io::Error {
    let inner = error.get_mut();
    if let Some(inner) = inner.and_then(|inner| inner.downcast_mut::<PathError>()) {
        inner.hint = Some(hint);
        return error;
    }
    let kind = error.kind();
    io::Error::new(kind, Hinted { cause: error, hint })
}

/// Adds what follows at the end of the message of a [`PathError`].
pub(crate) fn with_note(mut error: io::Error, note: String) -> io::Error {
    let inner = error.get_mut();
    if let Some(inner) = inner.and_then(|inner| inner.downcast_mut::<PathError>()) {
        inner.note = Some(note);
    }
    error
}

/// Adds that the path came from `TMPDIR`, if it did and `error` may be due to that.
pub(crate) fn with_tmpdir_hint(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::NotFound
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::PermissionDenied
            if cfg!(unix) && env::var_os("TMPDIR").is_some_and(|path| !path.is_empty()) =>
        {
            with_hint(error, "the environment variable TMPDIR names this parent")
        }
        _ => error,
    }
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
