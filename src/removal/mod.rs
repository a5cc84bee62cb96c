//! The async face of the removal engine.
//!
//! [`remove_dir_all`], and the future that it shares with the handles' `close`.

mod target;

use std::fmt;
use std::future::Future;
use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::future::FusedFuture;

use crate::blocking::oneshot::{self, Receiver};
use crate::blocking::spin::Kind;
use crate::cleanup::ReportOnDrop;
use crate::owned::Owner;
use crate::remove::{Options, RemoveError, Removed};
use crate::util::resolve_entry;
use target::Target;

pub(crate) use target::for_caller;

/// Removes a directory and everything in it, temporary or not.
///
/// Like `tokio::fs::remove_dir_all` and Python's `shutil.rmtree`, but with a full report. A `path` that
/// is itself a symlink is refused, as by `rmtree`: `tokio::fs` removes the symlink, or, if a
/// separator follows, empties the directory that it leads to.
///
/// Nothing happens until the result is awaited. Then a thread of Tokio's blocking pool removes the
/// tree; beyond some fifty entries, [a few more](RemoveDirAll::max_threads) help. It follows no
/// symlink, enters no mount point, and continues past failures.
///
/// On Unix, removal works relative to open directories. A directory in the tree that its owner may
/// not read, search or write is given those rights if they are needed. A directory deeper than 64
/// levels is renamed to a random name in `path` before it is emptied; if it then cannot be removed,
/// it remains there, and the report says so.
///
/// # Errors
///
/// A [`RemoveError`] with every entry that remains. It is also an error, and nothing is touched, if
/// `path` does not exist, is a file, a symlink or a filesystem's root, is empty, contains a NUL, is
/// `.` or ends in `..`, or if the result is awaited outside a Tokio runtime.
///
/// On Unix, a directory that turns out not to be empty, because the filesystem skipped entries or
/// another process added some, is read again. While that removes something, it is repeated for two
/// seconds, or twice as long as the first pass took if that is longer. Otherwise, and after that,
/// it is repeated at most 16 times.
///
/// # Platform notes
///
/// NFS and FUSE filesystems keep a file that is removed while open, in the same directory as
/// `.nfs…` or `.fuse_hidden…`, until it is closed. A directory with such a file is retried for a
/// third of a second, or three seconds at most for all of them, then reported with the file's name
/// and the kind `ResourceBusy`.
///
/// Windows: an entry that is open in a process that does not share deletion cannot be removed. It
/// is retried for a third of a second, or three seconds at most for all of them, then reported; the
/// rest is removed. A read-only attribute is cleared. Junctions and all other reparse points are
/// removed but not entered; one with entries of its own, as placeholders of cloud files may have,
/// remains and is reported. Paths must be shorter than 32,767 characters.
///
/// # Panics
///
/// Panics after the removal has ended if the [progress function](RemoveDirAll::on_progress) did.
///
/// # Cancel safety
///
/// **Dropping the future does not stop a removal that has begun.** It continues in the background, is
/// [pending](crate::cleanup::pending) until it ends, which a `main` that returns waits for, and
/// failures go to the [failure hook](crate::cleanup::set_failure_hook). Only the end of the process
/// ([`std::process::exit`]) stops it. To be able to stop, remove the entries of a directory one after
/// the other.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// # let outer = async_tempdir::AsyncTempDir::new().await?;
/// # let old = outer.create_dir("old").await?;
/// # outer.write("old/file", "x").await?;
/// let removed = async_tempdir::remove_dir_all(&old).await?;
/// assert_eq!((removed.files, removed.dirs), (1, 1));
/// # outer.close().await?;
/// # Ok::<(), std::io::Error>(())
/// # }
/// ```
#[doc(alias = "rmtree")]
pub fn remove_dir_all(path: impl AsRef<Path>) -> RemoveDirAll {
    let given = path.as_ref();
    RemoveDirAll::new(Target::Path {
        // Made absolute now, because the current directory may change before this is awaited.
        resolved: resolve_entry(given),
        given: given.to_path_buf(),
    })
}

/// The future of a removal, which begins when this is first polled.
///
/// Returned by [`remove_dir_all`], [`AsyncTempDir::close`](crate::AsyncTempDir::close),
/// [`TempRoot::close`](crate::TempRoot::close) and [`RemoveError::retry`]. Configure it before; after
/// that, its methods have no effect.
///
/// Dropped before it is polled, that of [`remove_dir_all`] or `retry` removes nothing, and that of a `close`
/// removes in the background. Dropped later, it does not stop the removal. Awaited again after its
/// end, it waits forever.
#[must_use = "nothing is awaited: a path is not removed at all, a closed directory in the background"]
pub struct RemoveDirAll(State);

enum State {
    Configured(Target, Options),
    Begun(PathBuf, Receiver<ReportOnDrop>),
    Ended,
}

impl RemoveDirAll {
    fn new(target: Target) -> Self {
        Self(State::Configured(target, Options::default()))
    }

    /// Creates the removal of an owned directory, which is certain even if this is never awaited.
    pub(crate) fn of(mut owner: Owner) -> Self {
        owner.force_cleanup();
        Self::new(Target::Owned(owner))
    }

    fn configure(mut self, change: impl FnOnce(&mut Options)) -> Self {
        if let State::Configured(_, options) = &mut self.0 {
            change(options);
        }
        self
    }

    /// Sets the maximum number of blocking threads that work on the removal.
    ///
    /// The default is the number of processors, but at most four; 0 counts as 1. This is an upper
    /// bound: helper threads are requested only when there is enough work, and the removal does not
    /// wait for them to start. On platforms other than Unix, there is always one thread.
    pub fn max_threads(self, n: usize) -> Self {
        self.configure(|options| options.max_threads = Some(n.max(1)))
    }

    /// Registers a callback that receives what has been removed so far.
    ///
    /// `f` is called at most ten times a second, and once when the removal has succeeded or failed,
    /// but not if it was refused. It runs on a thread that removes, which waits for it. If it
    /// panics, it is not called again, the removal continues, and awaiting it panics in the end.
    pub fn on_progress(self, f: impl Fn(Removed) + Send + Sync + 'static) -> Self {
        self.configure(|options| options.on_progress = Some(Box::new(f)))
    }
}

impl RemoveError {
    /// Tries again to remove the directory, when the cause of the failure is gone.
    ///
    /// Nothing happens until the result is awaited, in a Tokio runtime. That of a `close` removes
    /// only the same directory as before, where it is by now (see [`path`](Self::path)); that of a
    /// [`remove_dir_all`], the directory that is then at the path.
    ///
    /// # Errors
    ///
    /// The same as for the first removal. The kind is `InvalidInput` if there is nothing to try
    /// again: the path was refused; the error is not about a whole directory; the directory is a root
    /// that [retains](crate::RootBuilder::retain) something, and the next process removes the rest; or
    /// the error is that of a `close`, and this is a forked child.
    ///
    /// # Cancel safety
    ///
    /// The same as for [`remove_dir_all`].
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// # async fn unmount(path: &std::path::Path) {}
    /// let dir = async_tempdir::AsyncTempDir::new().await?;
    /// if let Err(error) = dir.close().await {
    ///     for failure in error.failures() {
    ///         unmount(&failure.path).await;
    ///     }
    ///     error.retry().await?;
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// # }
    /// ```
    pub fn retry(mut self) -> RemoveDirAll {
        let path = self.path().to_path_buf();
        RemoveDirAll::new(match self.take_retry() {
            Some(retry) => Target::Again(path, retry),
            None => Target::Path {
                given: path,
                resolved: Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    "its removal cannot be tried again",
                )),
            },
        })
    }
}

impl Future for RemoveDirAll {
    type Output = Result<Removed, RemoveError>;

    /// After the end, the result is `Pending`, as that of [`Fuse`](futures::future::Fuse).
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Ended, also if this panics.
        let (path, mut receiver) = match mem::replace(&mut self.0, State::Ended) {
            State::Configured(target, options) => {
                let path = target.path().to_path_buf();
                let (sender, receiver) = oneshot::channel(Kind::of::<Self>());
                target.remove(options, sender);
                (path, receiver)
            }
            State::Begun(path, receiver) => (path, receiver),
            State::Ended => return Poll::Pending,
        };
        match Pin::new(&mut receiver).poll(cx) {
            Poll::Pending => {
                self.0 = State::Begun(path, receiver);
                Poll::Pending
            }
            Poll::Ready(Ok(result)) => Poll::Ready(result.take()),
            Poll::Ready(Err(lost)) => Poll::Ready(Err(RemoveError::whole(&path, lost))),
        }
    }
}

impl FusedFuture for RemoveDirAll {
    fn is_terminated(&self) -> bool {
        matches!(self.0, State::Ended)
    }
}

impl fmt::Debug for RemoveDirAll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("RemoveDirAll");
        match &self.0 {
            State::Configured(target, options) => debug
                .field("path", &target.path())
                .field("options", options),
            State::Begun(path, _) => debug.field("path", path),
            State::Ended => &mut debug,
        };
        debug.finish_non_exhaustive()
    }
}
