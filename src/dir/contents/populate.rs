//! Writing many files in one blocking-pool task.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cap_std::fs::Dir;

use super::open::{Access, open};
use super::path;
use crate::dir::AsyncTempDir;
use crate::util::{with_detail, with_path};

impl AsyncTempDir {
    /// Writes many files in one blocking-pool task.
    ///
    /// Each is written as by [`write`](Self::write), in the given order. Use it for fixtures of
    /// thousands of files.
    ///
    /// The calling task first iterates over all of `files`, so all contents are in memory then.
    ///
    /// # Errors
    ///
    /// The same as for [`write`](Self::write), for the first file that fails. The error names it
    /// and the number of files written before it; files after it are not written.
    ///
    /// # Panics
    ///
    /// Panics if `files`, or the `as_ref` of one of its items, does.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, writing ends before the next file. The files up to there are in
    /// the directory; the last of them may be incomplete.
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
        C: AsRef<[u8]> + Send + 'static,
    {
        // The caller's iterator and paths need not be `Send`.
        let files = files
            .into_iter()
            .map(|(path, contents)| (path.as_ref().to_path_buf(), contents))
            .collect();
        let cancel = CancelOnDrop::default();
        let stop = Arc::clone(&cancel.0);
        let root = self.path().to_path_buf();
        self.run(move |dir| Ok(write_all(dir, &root, files, &stop)))
            .await
            .map_err(|error| with_path("populate", self.path(), error))?
    }
}

/// Writes `files` into `dir`, whose path is `root`, until `stop` is set.
fn write_all(
    dir: &Dir,
    root: &Path,
    files: Vec<(PathBuf, impl AsRef<[u8]>)>,
    stop: &AtomicBool,
) -> io::Result<()> {
    for (written, (path, contents)) in files.into_iter().enumerate() {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let inside = path::relative(root, &path);
        write(dir, &inside, contents.as_ref()).map_err(|error| {
            let detail = match written {
                0 => " before any other file".to_owned(),
                1 => " after 1 other file".to_owned(),
                _ => format!(" after {written} other files"),
            };
            with_detail("write", &root.join(&path), detail, error)
        })?;
    }
    Ok(())
}

fn write(dir: &Dir, path: &Path, contents: &[u8]) -> io::Result<()> {
    path::check(path)?;
    // Most files are new, and a new file needs no check of its type.
    let file = match open(dir, path, Access::New) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            open(dir, path, Access::Truncate)
        }
        file => file,
    };
    file.map_err(path::explain)?.write_all(contents)
}

/// Signals that the future has ended, so that a job without a receiver ends early.
#[derive(Default)]
struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
