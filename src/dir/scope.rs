//! A directory that lives as long as one async function runs.

use std::io;
use std::panic::{AssertUnwindSafe, resume_unwind};

use futures::FutureExt;

use crate::cleanup::ReportOnDrop;
use crate::dir::AsyncTempDir;

impl AsyncTempDir {
    /// Runs `f` with a new temporary directory, and removes it before returning.
    ///
    /// Python's `with TemporaryDirectory() as dir`. The environment can
    /// [keep](crate::Cleanup#the-environment-has-the-last-word) the directory.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`new`](Self::new), without calling `f`, and of
    /// [`close`](Self::close), in which case the return value of `f` is lost. An error of `f`
    /// itself is part of its return value.
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
    /// .await??;
    /// assert!(!path.exists());
    /// # Ok::<(), std::io::Error>(())
    /// # }
    /// ```
    pub async fn scope<T>(f: impl AsyncFnOnce(&Self) -> T) -> io::Result<T> {
        let dir = Self::new().await?;
        // State that `f` leaves broken by a panic is unreachable once the panic resumes.
        let outcome = AssertUnwindSafe(async { f(&dir).await })
            .catch_unwind()
            .await;
        if dir.should_keep(outcome.is_err()) {
            dir.keep();
            return Ok(outcome.unwrap_or_else(|panic| resume_unwind(panic)));
        }
        match outcome {
            Ok(value) => {
                dir.close().await?;
                Ok(value)
            }
            Err(panic) => {
                // Only the panic can be passed on, so a failure to remove is reported.
                drop(ReportOnDrop::new(dir.close().await.into()));
                resume_unwind(panic)
            }
        }
    }
}
