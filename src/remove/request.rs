//! The public face: a removal that is asked for, then awaited.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::runtime::Handle;

use super::{Cause, Helpers, Options, Outcome, RemoveError, Removed, tree};
use crate::cleanup::Verdict;
use crate::pool;
use crate::reply::{self, Reply, Waiting};

/// Removes the directory `path` and everything in it, temporary or not: Python's `shutil.rmtree`,
/// and what `tokio::fs::remove_dir_all` does, with a full report.
///
/// Nothing happens until the result is awaited. Then a thread of Tokio's blocking pool removes
/// relative to open directories, and with more than some fifty entries [a few
/// more](RemoveDirAll::max_threads) help. No symlink is followed, no mount point entered, and
/// no failure ends it: the rest is removed all the same. A directory in the tree that its owner
/// may not read, search or write gets those rights first (Unix). Deeper than 64 levels, a directory
/// is renamed to a random name in `path` before it is emptied; if it then cannot be removed, it
/// stays there, and the report says so.
///
/// # Errors
///
/// A [`RemoveError`] with every entry that stays. Refused, with nothing touched, are: a path where
/// nothing is, a file, a symlink, an empty path or one with a NUL, a filesystem's root, `.`, a path
/// that ends in `..`, and any call outside a Tokio runtime.
///
/// A directory that is not empty after all, because the filesystem skipped entries or a neighbour
/// added some, is read again: as long as that removes something, for two seconds or twice the time
/// that its first reading took, and then or otherwise 16 times.
///
/// # Platform notes
///
/// NFS and FUSE filesystems keep a file that is removed while it is open, in the same directory as
/// `.nfs…` or `.fuse_hidden…`, until it is closed. A directory with such a file is tried again for a
/// third of a second, and for three seconds at most where there are many, then reported with the
/// file's name and the kind `ResourceBusy`.
///
/// Windows: what somebody has open, without having allowed its deletion, cannot be removed. It is
/// tried again for a third of a second, and for three seconds at most where there is much of it,
/// then reported, and the rest is removed. The read-only attribute is taken from what is to go.
/// Junctions, and reparse points of any other kind, are removed and not entered: one that has
/// entries of its own, as placeholders of files in a cloud may, stays and is reported. The paths
/// have to stay below 32,767 characters.
///
/// # Panics
///
/// If the [progress function](RemoveDirAll::on_progress) did, after the removal has ended.
///
/// # Cancel safety
///
/// Dropping the future does not stop a removal that has begun. It goes on in the background, is
/// [pending](crate::cleanup::pending) until it ends, and what then fails goes to the
/// [failure hook](crate::cleanup::set_failure_hook).
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
pub fn remove_dir_all(path: impl AsRef<Path>) -> RemoveDirAll {
    let given = path.as_ref();
    // Absolute at once: the current directory may be another by the time it is awaited.
    let target = Named {
        resolved: resolve(given),
        given: given.to_path_buf(),
    };
    RemoveDirAll::new(Box::new(target))
}

/// What a removal is to be begun on, once it is awaited.
///
/// Dropped unbegun, it does what dropping it means.
pub(crate) trait Target: Send {
    fn path(&self) -> &Path;
    fn begin(self: Box<Self>, options: Options, reply: Reply<Verdict>);
}

/// A removal, to be configured and awaited. Made by [`remove_dir_all`] and
/// [`AsyncTempDir::close`](crate::AsyncTempDir::close).
#[must_use = "nothing is awaited: a path is not removed at all, a closed directory in the background"]
pub struct RemoveDirAll {
    target: Box<dyn Target>,
    options: Options,
}

impl RemoveDirAll {
    pub(crate) fn new(target: Box<dyn Target>) -> Self {
        Self {
            target,
            options: Options::default(),
        }
    }

    /// Lets at most `n` threads of the blocking pool work on the removal; 0 counts as 1. Unless
    /// told otherwise, it is as many as the machine has processors, and at most four.
    ///
    /// It is a limit, not a wish: others are only sent for when there is enough to do, and nobody
    /// waits for them. On platforms that are not Unix there is one.
    pub fn max_threads(mut self, n: usize) -> Self {
        self.options.max_threads = Some(n.max(1));
        self
    }

    /// Has `f` called with what has been removed so far: at most ten times a second, and once when
    /// the removal has ended, well or not.
    ///
    /// It runs on the thread that removes, which waits for it. If it panics it is not called
    /// again, the removal goes on, and awaiting it panics in the end.
    pub fn on_progress(mut self, f: impl Fn(Removed) + Send + Sync + 'static) -> Self {
        self.options.on_progress = Some(Box::new(f));
        self
    }
}

impl fmt::Debug for RemoveDirAll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoveDirAll")
            .field("path", &self.target.path())
            .field("options", &self.options)
            .finish()
    }
}

impl IntoFuture for RemoveDirAll {
    type Output = Result<Removed, RemoveError>;
    type IntoFuture = Removal;

    fn into_future(self) -> Removal {
        Removal(Progress::Asked(Some(self)))
    }
}

/// The future of a [`RemoveDirAll`]. It begins when first polled; dropping it later does not stop
/// the removal. Never polled, one of [`remove_dir_all`] removes nothing, and one of
/// [`close`](crate::AsyncTempDir::close) removes in the background when it is dropped.
#[must_use = "futures do nothing unless awaited"]
pub struct Removal(Progress);

enum Progress {
    Asked(Option<RemoveDirAll>),
    Begun(PathBuf, Waiting<Verdict>),
}

impl Future for Removal {
    type Output = Result<Removed, RemoveError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Progress::Asked(request) = &mut self.0 {
            let RemoveDirAll { target, options } = request.take().expect("a removal is begun once");
            let (reply, waiting) = reply::channel();
            let path = target.path().to_path_buf();
            target.begin(options, reply);
            self.0 = Progress::Begun(path, waiting);
        }
        match &mut self.0 {
            Progress::Begun(path, waiting) => {
                let verdict = ready!(Pin::new(waiting).poll(cx));
                Poll::Ready(match verdict {
                    Ok(verdict) => verdict.take(),
                    Err(lost) => Err(RemoveError::whole(path, lost.into())),
                })
            }
            Progress::Asked(_) => unreachable!("it has just begun"),
        }
    }
}

impl fmt::Debug for Removal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Removal")
            .field(match &self.0 {
                Progress::Asked(_) => &"not begun",
                Progress::Begun(..) => &"begun",
            })
            .finish()
    }
}

/// A directory that somebody named.
struct Named {
    given: PathBuf,
    resolved: io::Result<PathBuf>,
}

impl Target for Named {
    fn path(&self) -> &Path {
        &self.given
    }

    fn begin(self: Box<Self>, options: Options, reply: Reply<Verdict>) {
        let Self { given, resolved } = *self;
        let (path, runtime) = match (resolved, Handle::try_current()) {
            (Ok(path), Ok(runtime)) => (path, runtime),
            (Err(error), _) => {
                return reply.answer(|| {
                    Verdict::new(Outcome::from(Err(RemoveError::whole(&given, error))))
                });
            }
            (_, Err(error)) => {
                let error = io::Error::other(error);
                return reply.answer(|| {
                    Verdict::new(Outcome::from(Err(RemoveError::whole(&given, error))))
                });
            }
        };
        let options = Options {
            helpers: Some(helpers(&runtime)),
            cause: Cause::current(),
            ..options
        };
        pool::run(&runtime, move |_| {
            reply.answer(|| Verdict::new(remove_named(&path, options)));
        });
    }
}

/// Further threads of `runtime`'s blocking pool. If that takes no more work, there are none.
pub(crate) fn helpers(runtime: &Handle) -> Helpers {
    let runtime = runtime.clone();
    Box::new(move |help| {
        // Not `pool::offer`: help that comes too late is not to be forced on anybody, and what is
        // dropped with it is nothing of ours. The system may give no thread: that is a panic.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(runtime.spawn_blocking(help))));
    })
}

fn remove_named(path: &Path, options: Options) -> Outcome {
    let refuse = |error| Outcome::from(Err(RemoveError::whole(path, error)));
    match std::fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_symlink() => refuse(io::Error::new(
            io::ErrorKind::NotADirectory,
            "it is a symlink, and those are not followed",
        )),
        Ok(metadata) if !metadata.is_dir() => refuse(io::Error::new(
            io::ErrorKind::NotADirectory,
            "it is no directory",
        )),
        Ok(_) => tree(path, None, options),
        Err(error) => refuse(error),
    }
}

/// The absolute path of the directory entry that `path` names.
fn resolve(path: &Path) -> io::Result<PathBuf> {
    let invalid = |message| Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    if path.as_os_str().is_empty() {
        return invalid("the path is empty");
    }
    if path.as_os_str().as_encoded_bytes().contains(&0) {
        return invalid("the path has a NUL");
    }
    let absolute = std::path::absolute(path)?;
    match (path.file_name(), absolute.parent(), absolute.file_name()) {
        // Put together anew, without a slash at its end, which would follow a symlink.
        (Some(_), Some(parent), Some(name)) => Ok(parent.join(name)),
        _ => invalid("it names no entry of a directory that could be removed"),
    }
}
