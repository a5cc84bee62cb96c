//! Operations on files and directories inside.
//!
//! They do not use `tokio::fs`: it follows every symlink, even out of the directory, and dispatches
//! each call of an operation to the blocking pool separately. Here an operation is dispatched once
//! (a stream: once for each batch; a temporary file: a few times), and [cap-std](cap_std) resolves
//! the path beneath an open directory.
//!
//! The methods are grouped in files by topic. They share this file, and [`open`], [`path`],
//! [`partial`] and [`provisional`], which know nothing of futures.

mod batch;
mod dirs;
mod files;
mod open;
mod partial;
mod path;
mod populate;
mod provisional;
mod stream;
mod temp_file;

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use cap_std::fs::Dir;

use crate::AsyncTempDir;
use crate::error::located;
use crate::owned::{Job, OwnedDir};
use crate::pool;
use crate::reply;
use crate::sys;

impl AsyncTempDir {
    /// Runs `job` on the blocking pool, in the directory that this handle created.
    ///
    /// Fails if its path now refers to something else. Errors name `operation` and the path.
    async fn inside<T, F>(&self, operation: &'static str, path: &Path, job: F) -> io::Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Dir, &Path) -> io::Result<T> + Send + 'static,
    {
        let result = match path::check(path) {
            Ok(()) => {
                let path = path.to_path_buf();
                self.within(move |dir| job(dir, &path)).await
            }
            Err(error) => Err(error),
        };
        result.map_err(|error| located(operation, &self.path().join(path), error))
    }

    /// Runs `job` like [`inside`](Self::inside), without checking or naming a path.
    async fn within<T, F>(&self, job: F) -> io::Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Dir) -> io::Result<T> + Send + 'static,
    {
        let hold = self.job()?;
        reply::run(&self.lane(), move || {
            let root = match hold.dir().kept().take() {
                Some(root) => check_root(hold.dir(), root)?,
                None => open_root(hold.dir())?,
            };
            let result = job(&root).map_err(path::explain);
            hold.dir().kept().put(root.into_std_file());
            result
        })
        .await
        .flatten()
    }

    /// Starts `operation` in a job that ends once its value is received or dropped.
    ///
    /// It runs on the blocking pool. Use it for values whose drop works in the directory. The job
    /// ends even if the future is leaked, so the value itself must hold none.
    fn start<T, F>(&self, operation: F) -> io::Result<impl Future<Output = io::Result<T>>>
    where
        T: Send + 'static,
        F: FnOnce(&Arc<OwnedDir>) -> T + Send + 'static,
    {
        let job = self.job()?;
        let owner = Arc::clone(job.dir());
        let job = SharedJob(Arc::new(Mutex::new(Some(job))));
        let (reply, waiting) = reply::channel();
        // One value, so that the operation's captures are dropped before the job.
        let work = (operation, job.clone());
        self.lane()
            .errands()
            .offer(move || {
                reply.answer_if_awaited(move || {
                    let (operation, job) = work;
                    (operation(&owner), job)
                });
                drop(job);
            })
            .map_err(|_refused| pool::unavailable())?;
        Ok(async {
            let (value, job) = waiting.await?;
            drop(job);
            Ok(value)
        })
    }
}

/// A job that ends when the first of its copies is dropped.
#[derive(Clone)]
struct SharedJob(Arc<Mutex<Option<Job>>>);

impl Drop for SharedJob {
    fn drop(&mut self) {
        let job = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(job);
    }
}

/// Checks that the path of `dir` still leads to it, and returns `root`, its descriptor.
fn check_root(dir: &OwnedDir, root: File) -> io::Result<Dir> {
    sys::check_same_dir(dir.path(), dir.identity())?;
    Ok(Dir::from_std_file(root))
}

fn open_root(dir: &OwnedDir) -> io::Result<Dir> {
    sys::open_same_dir(dir.path(), dir.identity()).map(Dir::from_std_file)
}
