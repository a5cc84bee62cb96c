//! Operations on files and directories inside.
//!
//! They do not use `tokio::fs`: it follows every symlink, even out of the directory, and dispatches
//! each call of an operation to the blocking pool separately. Here an operation is dispatched once
//! (a stream or a listing: once for each batch; a temporary file: a few times), and [cap-std](cap_std) resolves
//! the path beneath an open directory.
//!
//! The methods are grouped in files by topic. They share this file, and [`open`], [`path`],
//! [`partial`], [`share`] and [`unlink_on_drop`], which know nothing of futures.

mod batch;
mod bytes;
mod copy_request;
mod dir_entry;
mod open;
mod open_options;
mod partial;
mod path;
mod reader;
mod save;
mod share;
mod unlink_on_drop;
mod walk;

// In the order in which rustdoc lists their methods.
mod files;
mod write_stream;

mod populate;
mod temp_file;

mod dirs;
mod read_dir;

mod copy_from;
mod links;
mod metadata;
mod transfer;
mod tree;
mod usage;

pub use dir_entry::{DirEntry, FileType};
pub use open_options::OpenOptions;
pub use read_dir::ReadDir;

pub use self::bytes::Contents;
pub use self::copy_from::CopyFrom;
pub use self::reader::ReaderChunks;
pub use self::write_stream::WriteStream;

pub(super) use self::populate::CancelOnDrop;

use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use cap_std::fs::Dir;

use crate::blocking::oneshot::Receiver;
use crate::dir::AsyncTempDir;
use crate::owned::{OperationGuard, OwnedDir};
use crate::sys;
use crate::util::sync::Mutex;
use crate::util::{with_detail, with_hint, with_path};

impl AsyncTempDir {
    /// Runs `f` on the blocking pool, with the directory that this handle created and with `path`.
    ///
    /// Fails if the directory's path now refers to something else. Errors name `operation` and the
    /// path.
    async fn run_at<T, F>(&self, operation: &'static str, path: &Path, f: F) -> io::Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Dir, &Path) -> io::Result<T> + Send + 'static,
    {
        let result = match path::inside(self.path(), path) {
            Ok(inside) => self.run(move |dir| f(dir, &inside)).await,
            Err(error) => Err(error),
        };
        result.map_err(|error| with_path(operation, &self.path().join(path), error))
    }

    /// Runs `f` like [`run_at`](Self::run_at), with two paths.
    async fn run_between<T, F>(
        &self,
        operation: &'static str,
        from: &Path,
        to: &Path,
        f: F,
    ) -> io::Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Dir, &Path, &Path) -> io::Result<T> + Send + 'static,
    {
        let inside = |path| path::inside(self.path(), path);
        let result = match inside(from).and_then(|from| Ok((from, inside(to)?))) {
            Ok((from, to)) => self.run(move |dir| f(dir, &from, &to)).await,
            Err(error) => Err(error),
        };
        result.map_err(|error| {
            let detail = format!(" to {:?}", self.path().join(to));
            with_detail(operation, &self.path().join(from), detail, error)
        })
    }

    /// Runs `f` like [`run_at`](Self::run_at), without a path.
    async fn run<T, F>(&self, f: F) -> io::Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Arc<Dir>) -> io::Result<T> + Send + 'static,
    {
        begin(&self.owner.dir, f)?.await.flatten()
    }

    /// Starts `f` on the blocking pool, as an operation that ends once its value is received or
    /// dropped.
    ///
    /// Use it for values whose drop works in the directory. The operation ends even if the future is
    /// leaked, so the value itself must not contain it.
    fn start<T, F>(&self, f: F) -> io::Result<Started<T>>
    where
        T: Send + 'static,
        F: FnOnce(&Arc<OwnedDir>) -> T + Send + 'static,
    {
        let operation = self.owner.dir.begin_operation()?;
        let owned = Arc::clone(&operation.dir);
        let guard = SharedGuard(Arc::new(Mutex::new(Some(operation))));
        // One value, so that `f` is dropped before the guard.
        let captured = (f, guard.clone());
        let task = move || {
            let (f, guard) = captured;
            (f(&owned), guard)
        };
        let operations = &self.owner.dir.queues_here().operations;
        Ok(Started(operations.start(task, guard)?))
    }
}

/// The future of [`AsyncTempDir::start`].
struct Started<T>(Receiver<(T, SharedGuard)>);

impl<T> Future for Started<T> {
    type Output = io::Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (value, _guard) = ready!(Pin::new(&mut self.0).poll(cx))?;
        Poll::Ready(Ok(value))
    }
}

/// Starts `f` on the blocking pool, as an operation in the directory `owned`.
///
/// Whatever holds `owned` for longer than its handle would delay the removal of the directories
/// around it, and this keeps it no longer than `f` runs.
fn begin<T, F>(owned: &Arc<OwnedDir>, f: F) -> io::Result<Receiver<io::Result<T>>>
where
    T: Send + 'static,
    F: FnOnce(&Arc<Dir>) -> io::Result<T> + Send + 'static,
{
    let operation = owned.begin_operation()?;
    let task = move || f(&shared_dir(&operation.dir)?).map_err(path::explain);
    owned.queues_here().operations.start(task, ())
}

/// An operation that ends when the first of its copies is dropped.
#[derive(Clone)]
struct SharedGuard(Arc<Mutex<Option<OperationGuard>>>);

impl Drop for SharedGuard {
    fn drop(&mut self) {
        let operation = self.0.lock().take();
        drop(operation);
    }
}

/// Tells a missing directory from a missing entry of it.
fn explain_missing(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::NotFound {
        with_hint(error, "the directory itself is no longer there")
    } else {
        error
    }
}

/// Returns a descriptor of `owned`, after checking that its path still leads to it.
fn shared_dir(owned: &OwnedDir) -> io::Result<Arc<Dir>> {
    if let Some(dir) = owned.descriptor.get() {
        return match sys::check_same_dir(&owned.path, &owned.identity) {
            Ok(()) => Ok(dir),
            Err(error) => {
                owned.descriptor.clear();
                Err(explain_missing(error))
            }
        };
    }
    let dir = Arc::new(open_dir(owned)?);
    owned.descriptor.put(&dir);
    Ok(dir)
}

fn open_dir(owned: &OwnedDir) -> io::Result<Dir> {
    sys::open_same_dir(&owned.path, &owned.identity)
        .map(Dir::from_std_file)
        .map_err(explain_missing)
}
