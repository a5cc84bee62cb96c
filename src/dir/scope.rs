//! A directory that lives as long as one async function runs.

use std::panic::{AssertUnwindSafe, resume_unwind};

use futures::FutureExt;

use super::{AsyncTempDir, Builder, ScopeError};
use crate::cleanup::ReportOnDrop;
use crate::owned::End;

impl AsyncTempDir {
    /// Runs `f` with a new temporary directory, and removes it before returning.
    ///
    /// Python's `with TemporaryDirectory() as dir`. For a directory with a prefix or in another
    /// parent, use [`Builder::scope`]. A [policy](crate::Cleanup), also in the environment, can keep
    /// the directory.
    ///
    /// `f` is an async closure, `async |dir| …`, or an `async fn`, that returns a [`Result`]. (The
    /// compiler does not accept `|dir| async move { … }`, whose future cannot borrow `dir`.)
    ///
    /// # Errors
    ///
    /// A [`ScopeError`] has the error of [`new`](Self::new), of `f`, or of [`close`](Self::close),
    /// and in that case also the return value of `f`. It converts into an [`std::io::Error`].
    ///
    /// # Panics
    ///
    /// Panics if `f` does, after removing the directory. Entries that could not be removed then go
    /// to the [failure hook](crate::cleanup::set_failure_hook).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the one of `f`, and the directory is removed in the background.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// use async_tempdir::AsyncTempDir;
    ///
    /// let path = AsyncTempDir::scope(async |dir| {
    ///     dir.write("answer", "42").await?;
    ///     assert_eq!(dir.read_to_string("answer").await?, "42");
    ///     Ok::<_, std::io::Error>(dir.path().to_path_buf())
    /// })
    /// .await?;
    /// assert!(!path.exists());
    /// # Ok::<(), std::io::Error>(())
    /// # }
    /// ```
    pub async fn scope<T, E>(
        f: impl AsyncFnOnce(&Self) -> Result<T, E>,
    ) -> Result<T, ScopeError<T, E>> {
        Self::builder().scope(f).await
    }
}

impl Builder {
    /// Creates the directory, runs `f` with it, and removes it before returning.
    ///
    /// See [`AsyncTempDir::scope`].
    ///
    /// # Errors
    ///
    /// The same as for [`AsyncTempDir::scope`].
    ///
    /// # Panics
    ///
    /// The same as for [`AsyncTempDir::scope`].
    ///
    /// # Cancel safety
    ///
    /// The same as for [`AsyncTempDir::scope`].
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// use async_tempdir::{AsyncTempDir, Builder};
    ///
    /// async fn build(dir: &AsyncTempDir) -> std::io::Result<usize> {
    ///     dir.write("out.o", "…").await?;
    ///     Ok(dir.list().await?.len())
    /// }
    ///
    /// assert_eq!(Builder::new().prefix("build-").scope(build).await?, 1);
    /// # Ok::<(), std::io::Error>(())
    /// # }
    /// ```
    pub async fn scope<T, E>(
        self,
        f: impl AsyncFnOnce(&AsyncTempDir) -> Result<T, E>,
    ) -> Result<T, ScopeError<T, E>> {
        let dir = self.create().await.map_err(ScopeError::Create)?;
        // State that `f` leaves broken by a panic is unreachable once the panic resumes.
        let outcome = AssertUnwindSafe(async { f(&dir).await })
            .catch_unwind()
            .await;
        let end = match &outcome {
            Ok(Ok(_)) => End::Succeeded,
            Ok(Err(_)) => End::Failed,
            Err(_) => End::Panicked,
        };
        let removed = match dir.should_keep(end) {
            true => {
                dir.keep();
                Ok(())
            }
            false => dir.close().await.map(drop),
        };
        match (outcome, removed) {
            (Ok(result), Ok(())) => result.map_err(ScopeError::Function),
            (Ok(result), Err(error)) => Err(ScopeError::Remove { result, error }),
            (Err(panic), removed) => {
                if let Err(error) = removed {
                    // Only the panic can be passed on, so the failure is reported.
                    drop(ReportOnDrop::new(Err(error).into()));
                }
                resume_unwind(panic)
            }
        }
    }
}
