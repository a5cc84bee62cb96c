//! A directory for the length of one async function: the `with` statement.

use std::io;
use std::panic::{AssertUnwindSafe, resume_unwind};

use futures::FutureExt;

use crate::AsyncTempDir;
use crate::cleanup::Verdict;

impl AsyncTempDir {
    /// Runs `f` with a new temporary directory, which is removed before this returns: Python's
    /// `with TemporaryDirectory() as dir`. It stays where the environment
    /// [has it so](crate::Cleanup#the-environment-has-the-last-word).
    ///
    /// # Errors
    ///
    /// The directory could not be created (`f` is not called), or not be removed completely (what
    /// `f` returned is lost): those of [`new`](Self::new) and [`close`](Self::close). An error of
    /// `f` itself is part of its return value.
    ///
    /// # Panics
    ///
    /// If `f` does, once the directory has been removed. What then stays goes to the
    /// [failure hook](crate::cleanup::set_failure_hook).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops `f`'s, and the directory is removed in the background.
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
        // What `f` leaves broken by a panic is out of reach once the panic goes on.
        let outcome = AssertUnwindSafe(async { f(&dir).await })
            .catch_unwind()
            .await;
        if dir.stays(outcome.is_err()) {
            dir.keep();
            return Ok(outcome.unwrap_or_else(|panic| resume_unwind(panic)));
        }
        match outcome {
            Ok(value) => {
                dir.close().await?;
                Ok(value)
            }
            Err(panic) => {
                // A failure is reported: this panic is all that can be returned.
                drop(Verdict::new(dir.close().await.into()));
                resume_unwind(panic)
            }
        }
    }
}
