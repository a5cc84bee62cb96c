//! The error of a publication, which has the handle.

use std::error::Error;
use std::fmt;
use std::io;

use super::AsyncTempDir;
use crate::owned::KeptAt;
use crate::util::with_note;

/// The error of [`AsyncTempDir::persist`] and [`replace`](AsyncTempDir::replace), with the handle,
/// which still owns its directory.
///
/// The async counterpart of `tempfile::PersistError`, which loses the directory on `?`. This one does
/// not: converted into an [`io::Error`], it **keeps** the directory, and the message says where. A
/// directory [inside](AsyncTempDir::temp_dir) another, or in a [`TempRoot`](crate::TempRoot), would
/// be removed with that: it is first moved beside the outermost one that contains it, by a rename on
/// the calling thread. If it cannot be moved, it stays where it is until that one is removed, and the
/// message says so. It is not moved out of a root that [retains](crate::RootBuilder::retain) what is
/// kept.
///
/// Dropping the error drops the handle, which by default removes the directory. So does an error type
/// that takes any error, such as `Box<dyn Error>` or `anyhow::Error`, when it is dropped in the end.
/// There, write `.map_err(io::Error::from)?` to keep the directory.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// use std::io;
/// use std::path::{Path, PathBuf};
///
/// use async_tempdir::AsyncTempDir;
///
/// /// Builds for an hour. If the result cannot be published, it is kept.
/// async fn build(parent: &Path, target: &Path) -> io::Result<PathBuf> {
///     let dir = AsyncTempDir::new_in(parent).await?;
///     dir.write("result", "42").await?;
///     Ok(dir.persist(target).await?)
/// }
///
/// # let outer = AsyncTempDir::new().await?;
/// # let parent = outer.path();
/// let error = build(parent, "/missing/target".as_ref()).await.unwrap_err();
/// // cannot persist "…/tmp3VXk8GQz0P" as "/missing/target": No such file or directory (os error 2);
/// // it is kept at "…/tmp3VXk8GQz0P"
/// assert!(error.to_string().contains("; it is kept at "));
/// # outer.close().await?;
/// # Ok::<(), std::io::Error>(())
/// # }
/// ```
#[must_use = "the error holds the directory's handle: dropped, the directory is removed"]
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

    /// Returns the handle of the directory, which is where it was.
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

/// The same as `Display`, because `unwrap` and a `main` that returns an error print this.
impl fmt::Debug for PersistError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
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

/// Keeps the directory, and says where: see [`PersistError`].
impl From<PersistError> for io::Error {
    fn from(error: PersistError) -> Self {
        let PersistError { error, dir } = error;
        match dir.owner.keep_outside() {
            Some(KeptAt::Path(path)) => with_note(error, format!("it is kept at {path:?}")),
            Some(KeptAt::Inside { path, around }) => with_note(
                error,
                format!("it is kept at {path:?} until {around:?} is removed"),
            ),
            None => error,
        }
    }
}
