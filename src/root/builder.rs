//! Configuration of a root.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::TempRoot;
use super::reclaiming::Reclaiming;
use crate::blocking::spawn;
use crate::cleanup::RuntimeQueues;
use crate::dir::{Parent, create_run_parent};
use crate::owned::{Cleanup, Owner, Policy};
use crate::reclaim::{self, Run, Search};
use crate::util::absolute_parent;

/// Configures and [`open`](Self::open)s a root for temporary directories.
///
/// Returned by [`TempRoot::builder`].
///
/// # Examples
///
/// A nightly job that retains its last three results:
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// # let outer = async_tempdir::AsyncTempDir::new().await?;
/// # let parent = outer.path();
/// use async_tempdir::TempRoot;
///
/// for night in 1..=5 {
///     let root = TempRoot::builder("job").parent(parent).retain(3).open().await?;
///     assert_eq!(root.path(), parent.join(format!("job-{night}")));
///     let result = root.temp_dir().await?;
///     result.write("report.txt", format!("night {night}")).await?;
///     result.keep();
///     root.close().await?; // removes everything else
/// }
/// assert!(!parent.join("job-2").exists());
/// assert!(parent.join("job-3").exists()); // and 4, and 5
/// # outer.close().await?;
/// # Ok::<(), std::io::Error>(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is opened until `open` is awaited"]
pub struct RootBuilder {
    app: String,
    parent: Option<PathBuf>,
    retain: Option<usize>,
}

impl TempRoot {
    /// Creates a builder for a root of `app`.
    pub fn builder(app: impl AsRef<str>) -> RootBuilder {
        RootBuilder {
            app: app.as_ref().to_owned(),
            parent: None,
            retain: None,
        }
    }
}

impl RootBuilder {
    /// Sets the parent directory, which must exist.
    ///
    /// The default is the directory named by the environment variable
    /// [`ASYNC_TEMPDIR_ROOT`](Cleanup#the-environment-sets-a-root), which is created if it is missing, or
    /// else [`std::env::temp_dir`].
    pub fn parent(mut self, parent: impl AsRef<Path>) -> Self {
        self.parent = Some(parent.as_ref().into());
        self
    }

    /// Numbers the roots, and retains the directories kept in the last `runs` of them.
    ///
    /// By default, names are random, and nothing is retained. With this, the root is `<app>-<n>`, where
    /// `<n>` is one more than the greatest number in use. `<app>-current` leads to it: a symlink, or on
    /// Windows a file with its path.
    ///
    /// A directory that is made directly in the root and then kept, by its [policy](Cleanup), by
    /// [`keep`](crate::AsyncTempDir::keep) or by a [`PersistError`](crate::PersistError), survives the end
    /// of the root, as does one that is [persisted](crate::AsyncTempDir::persist) to a path in the root.
    /// Everything else in the root is removed. If nothing was kept, the root is removed, and the link with
    /// it. A directory that was in use when its process was killed was not kept.
    ///
    /// The last `runs` roots in which something was kept remain. Older ones are removed when the next root
    /// is opened, and when one ends in which something was kept. With 0, a kept directory is removed with
    /// its root.
    ///
    /// # Security
    ///
    /// Numbers can be guessed: other users who may write to the parent can occupy some, which are then
    /// skipped. A process that may read the parent can delay the opening or the end of a root by a second,
    /// once in a process, with a lock on the parent. (A parent that is itself a root has such a lock.)
    pub fn retain(mut self, runs: usize) -> Self {
        self.retain = Some(runs);
        self
    }

    /// Creates the root and starts reclaiming those of dead processes.
    ///
    /// Only roots of the same application are reclaimed, and numbered ones only if this one is numbered,
    /// too. This does not wait for reclamation; [`TempRoot::reclaimed`] and
    /// [`cleanup::idle`](crate::cleanup::idle) do. It runs on one blocking thread, a few milliseconds at a
    /// time, so that other work gets its turn. When the runtime shuts down, remaining roots, or parts of
    /// one, are left to the next process.
    ///
    /// # Errors
    ///
    /// Each error names the operation and the parent directory.
    ///
    /// - `InvalidInput`: the application's name is empty, longer than
    ///   [`MAX_APP`](TempRoot::MAX_APP), or contains a path separator or a NUL; or the environment
    ///   variable [`ASYNC_TEMPDIR_CLEANUP`](Cleanup#the-environment-keeps-more) is not a policy.
    /// - `ResourceBusy`: 64 new roots in a row were taken by other processes before they were
    ///   locked.
    /// - Any error of [`Builder::create`](crate::Builder::create) about a directory that cannot be
    ///   created, and any error that the operating system returns for the lock file.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, no root is left, and nothing is reclaimed.
    pub async fn open(self) -> io::Result<TempRoot> {
        let mut parent = Parent::of(self.parent.clone());
        let opened = self.try_open(&mut parent).await;
        opened.map_err(|error| parent.explain("open a root for temporary directories in", error))
    }

    async fn try_open(self, parent: &mut Parent) -> io::Result<TempRoot> {
        // First, because errors name its path. Made plain, also if it was absolute.
        let path = absolute_parent(parent.resolve()?)?;
        let creates_parent = parent.is_for_roots();
        let app = self.app;
        reclaim::check_app(&app)?;
        let environment = Policy::new(Cleanup::Always)?;
        let runtime = spawn::current()?;
        let queues = RuntimeQueues::of(&runtime);
        let (run, policy) = match self.retain {
            None => (None, environment),
            Some(retain) => {
                let run = Run {
                    app: app.clone(),
                    parent: path.clone(),
                    id: reclaim::new_id()?,
                    retain,
                };
                // The environment keeps the directories in it instead.
                (Some(run), Policy::default())
            }
        };
        let create = {
            let (app, path, run) = (app.clone(), path.clone(), run.clone());
            let queues = Arc::clone(&queues);
            move || {
                if creates_parent {
                    create_run_parent(&path)?;
                }
                let created = match run {
                    Some(run) => run.open()?,
                    None => reclaim::create_root(&app, &path)?,
                };
                let lock = Some(created.lock);
                let owner = Owner::new(created.path, created.identity, queues, None, lock);
                io::Result::Ok((owner, created.unlocked))
            }
        };
        let (mut owner, unlocked) = queues.operations.run(create).await??;
        owner.arm(policy);
        let find = move || match run {
            Some(run) => Search::of_runs(&run),
            None => Search::new(&app, &path),
        };
        let reclaiming = match unlocked {
            None => Reclaiming::begin(&runtime, find),
            Some(error) => Reclaiming::skipped(error),
        };
        Ok(TempRoot { owner, reclaiming })
    }
}
