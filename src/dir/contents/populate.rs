//! Writing many files at once.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Contents;
use super::share::{Failure, Share};
use crate::blocking::spawn;
use crate::dir::AsyncTempDir;
use crate::util::{processors, with_detail, with_path};

/// The maximum number of threads that write.
const MAX_THREADS: usize = 4;

impl AsyncTempDir {
    /// Writes many files in one blocking-pool task.
    ///
    /// Each is written as by [`write`](Self::write), in the given order. From 200 files on, up to three
    /// more threads of the pool help, and the order is only kept within each directory; if paths of
    /// different directories then lead to one file, it has the contents given for one of them.
    ///
    /// The calling task first iterates over all of `files`, so all contents are in memory then. The
    /// same array can be compared with a [`tree`](Self::tree).
    ///
    /// # Errors
    ///
    /// The same as for [`write`](Self::write), for the first file, in the given order, that fails. The
    /// error names it and the number of files before it, which are written; those
    /// after it are not, or if threads help, some may be.
    ///
    /// # Panics
    ///
    /// Panics if `files`, or an owner of [contents](Contents::from_owner), does.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, each thread stops before its next file. The files up to there are in
    /// the directory; the last of each thread may be incomplete.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let dir = async_tempdir::AsyncTempDir::new().await?;
    /// dir.populate([
    ///     ("Cargo.toml", "[package]\nname = \"fixture\"\n"),
    ///     ("src/lib.rs", "mod a;\n"),
    ///     ("src/a.rs", ""),
    /// ])
    /// .await?;
    /// assert!(dir.try_exists("src/a.rs").await?);
    /// dir.populate((0..1_000).map(|n| (format!("data/{n}"), n.to_string())))
    ///     .await?;
    /// # dir.close().await?;
    /// # Ok::<(), std::io::Error>(())
    /// # }
    /// ```
    pub async fn populate<I, P, C>(&self, files: I) -> io::Result<()>
    where
        I: IntoIterator<Item = (P, C)>,
        P: AsRef<Path>,
        C: Into<Contents>,
    {
        // The caller's iterator and paths need not be `Send`.
        let files = files
            .into_iter()
            .map(|(path, contents)| (path.as_ref().to_path_buf(), contents.into()))
            .collect();
        let cancel = CancelOnDrop::default();
        let is_cancelled = Arc::clone(&cancel.0);
        let root = self.path().to_path_buf();
        let runtime = self.owner.dir.queues_here().runtime.clone();
        self.run(move |dir| {
            let share = Share::new(dir, root.clone(), files, is_cancelled);
            let request_help = |help| spawn::request_help(&runtime, help);
            let written = share.write_all(processors().min(MAX_THREADS), request_help);
            Ok(written.map_err(|failure| failure.within(&root)))
        })
        .await
        .map_err(|error| with_path("populate", self.path(), error))?
    }
}

impl Failure {
    /// Returns the error of `populate` in the directory `root`.
    fn within(self, root: &Path) -> io::Error {
        let detail = match self.position {
            0 => " before any other file".to_owned(),
            1 => " after 1 other file".to_owned(),
            written => format!(" after {written} other files"),
        };
        with_detail("write", &root.join(self.path), detail, self.error)
    }
}

/// Signals that the future has ended, so that a job without a receiver ends early.
#[derive(Default)]
pub(in crate::dir) struct CancelOnDrop(pub(in crate::dir) Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
