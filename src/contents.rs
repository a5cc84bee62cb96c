//! Files and directories inside.
//!
//! Not `tokio::fs`: it resolves a path through whatever symlinks it finds, also out of the
//! directory, and an operation of several calls would be several hops to the blocking pool. An
//! operation here is one hop (a stream: one for each batch), in which [cap-std](cap_std) resolves
//! the path beneath an open directory.
//!
//! The methods stand in files by what they are about; what they share, and [`open`], [`path`],
//! [`partial`] and [`provisional`], which know nothing of futures, is behind them.

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
    /// Runs `operation` on the blocking pool, in the directory that this handle created, wherever
    /// its name leads by now.
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

    /// As [`inside`](Self::inside), for whoever checks paths and names errors on their own.
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

    /// Begins `operation` on the blocking pool, in a job that ends once its value was received, or
    /// dropped because nothing receives it: for a value whose drop has work to do in the directory.
    ///
    /// The job ends also if the future is leaked. So the value itself must hold none.
    fn start<T, F>(&self, operation: F) -> io::Result<impl Future<Output = io::Result<T>>>
    where
        T: Send + 'static,
        F: FnOnce(&Arc<OwnedDir>) -> T + Send + 'static,
    {
        let job = self.job()?;
        let owner = Arc::clone(job.dir());
        let job = SharedJob(Arc::new(Mutex::new(Some(job))));
        let (reply, waiting) = reply::channel();
        // One value, so that what is in the operation is dropped first.
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

/// Sees that the path of `dir` still leads to it; `root` is that.
fn check_root(dir: &OwnedDir, root: File) -> io::Result<Dir> {
    sys::check_same_dir(dir.path(), dir.identity())?;
    Ok(Dir::from_std_file(root))
}

fn open_root(dir: &OwnedDir) -> io::Result<Dir> {
    sys::open_same_dir(dir.path(), dir.identity()).map(Dir::from_std_file)
}
