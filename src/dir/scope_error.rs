//! The error of a scope.

use std::error::Error;
use std::fmt;
use std::io;

use crate::remove::RemoveError;

/// The error of [`AsyncTempDir::scope`](crate::AsyncTempDir::scope).
///
/// It converts into an [`io::Error`], so `?` returns it from a function that returns
/// [`io::Result`]. (If the error of the scope's function is a `Box<dyn Error + Send + Sync>`, or that of
/// the crate `anyhow`, convert it first: `.map_err(io::Error::from)?`.) That drops the value of a
/// function that succeeded; match to get it:
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// use async_tempdir::{AsyncTempDir, ScopeError};
///
/// let scoped = AsyncTempDir::scope(async |dir| dir.write("answer", "42").await).await;
/// match scoped {
///     Ok(path) => assert!(!path.exists()),
///     Err(ScopeError::Remove { result, error }) => {
///         eprintln!("warning: {error}");
///         println!("all the same: {}", result?.display());
///     }
///     Err(error) => return Err(error.into()),
/// }
/// # Ok::<(), std::io::Error>(())
/// # }
/// ```
pub enum ScopeError<T, E> {
    /// The directory could not be created. The function was not called.
    Create(io::Error),
    /// The function returned this error. The directory was removed, or its policy keeps it.
    Function(E),
    /// The directory could not be removed.
    Remove {
        /// The return value of the function.
        result: Result<T, E>,
        /// The error of the removal.
        error: RemoveError,
    },
}

/// The same as `Display`, but for the function's error, because `unwrap` and a `main` that returns an
/// error print this.
impl<T, E: fmt::Debug> fmt::Debug for ScopeError<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create(error) => error.fmt(f),
            Self::Function(error) => error.fmt(f),
            Self::Remove { result, error } => match result {
                Ok(_) => error.fmt(f),
                Err(own) => write!(f, "{own:?} (also, {error:?})"),
            },
        }
    }
}

impl<T, E: fmt::Display> fmt::Display for ScopeError<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create(error) => error.fmt(f),
            Self::Function(error) => error.fmt(f),
            // The function's error comes first, because it usually is the cause of more.
            Self::Remove { result, error } => match result {
                Ok(_) => error.fmt(f),
                Err(own) => write!(f, "{own} (also, {error})"),
            },
        }
    }
}

impl<T, E: Error + 'static> Error for ScopeError<T, E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        // The message already contains the error itself.
        match self {
            Self::Create(error) => error.source(),
            Self::Function(error)
            | Self::Remove {
                result: Err(error), ..
            } => error.source(),
            Self::Remove { error, .. } => error.source(),
        }
    }
}

impl<T, E: Into<Box<dyn Error + Send + Sync>>> From<ScopeError<T, E>> for io::Error {
    /// Keeps an [`io::Error`] as it is.
    ///
    /// If both the function and the removal failed, the kind is that of the function's error, and
    /// the inner error is a `ScopeError<(), io::Error>`.
    fn from(error: ScopeError<T, E>) -> Self {
        match error {
            ScopeError::Create(error) => error,
            ScopeError::Function(error) => to_io(error),
            ScopeError::Remove { result, error } => match result {
                Ok(_) => error.into(),
                Err(own) => {
                    let own = to_io(own);
                    let kind = own.kind();
                    let result = Err(own);
                    Self::new(kind, ScopeError::<(), _>::Remove { result, error })
                }
            },
        }
    }
}

fn to_io(error: impl Into<Box<dyn Error + Send + Sync>>) -> io::Error {
    match error.into().downcast::<io::Error>() {
        Ok(error) => *error,
        Err(error) => io::Error::other(error),
    }
}
