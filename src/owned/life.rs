//! Counts what needs a directory, and starts its removal when nothing does.

use std::io;
use std::iter;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};

use super::OwnedDir;
use crate::cleanup::{Doomed, Pending, What};
use crate::remove::Options;
use crate::sys::{self, Identity};

/// Counts what needs a directory. Only one directory's is locked at a time.
#[derive(Debug)]
pub(super) struct Life {
    pub(super) phase: Phase,
    /// Jobs at work in it, or in a directory inside.
    jobs: usize,
    /// Directories inside that are still to be removed, and running creations of such directories.
    children: usize,
    /// Handles of directories inside, at any depth.
    pub(super) held: usize,
    /// Directories inside, at any depth, that could not be removed.
    leftovers: Vec<(PathBuf, Identity)>,
}

/// The phase of a directory between its creation and its end.
pub(super) enum Phase {
    /// A claim exists.
    Held,
    /// The claim was dropped. The directory is removed as soon as no job and no child is left, and
    /// is pending as soon as no child is.
    Dropped(Option<Pending>),
    /// The directory was closed and accepts no more jobs. The function removes it, and is called as
    /// soon as no job is left. `None` if it is being removed, or has been.
    Closed(Option<Box<dyn FnOnce() + Send>>),
    /// The directory stays: this crate no longer removes it.
    Over,
}

impl std::fmt::Debug for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Held => "Held",
            Self::Dropped(_) => "Dropped",
            Self::Closed(_) => "Closed",
            Self::Over => "Over",
        })
    }
}

impl Life {
    pub(super) const fn new() -> Self {
        Self {
            phase: Phase::Held,
            jobs: 0,
            children: 0,
            held: 0,
            leftovers: Vec::new(),
        }
    }
}

impl OwnedDir {
    pub(super) fn life(&self) -> MutexGuard<'_, Life> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what needs the directory, then starts the removal if it is due.
    ///
    /// Does nothing in a forked child, which removes nothing. A lock that another thread held
    /// during the fork is held forever there, so not even the memory can be released.
    pub(super) fn update(self: &Arc<Self>, change: impl FnOnce(&mut Life)) {
        // This runs twice per operation, so it checks only the id. `settle` checks the rest.
        if !self.process.has_current_id() {
            return mem::forget(Arc::clone(self));
        }
        let mut life = self.life();
        change(&mut life);
        self.settle(life);
    }

    /// Starts the removal if it is due. This process must have the id of the directory's.
    pub(super) fn settle(self: &Arc<Self>, mut life: MutexGuard<'_, Life>) {
        let has_jobs = life.jobs > 0;
        let has_children = life.children > 0;
        match &mut life.phase {
            Phase::Held => {
                drop(life);
                self.changed.notify_waiters();
            }
            Phase::Dropped(pending) if !has_children => {
                let pending = pending.take().unwrap_or_else(Pending::new);
                if has_jobs {
                    life.phase = Phase::Dropped(Some(pending));
                } else {
                    life.phase = Phase::Closed(None);
                    drop(life);
                    if self.process.has_current_namespace() {
                        self.remove_in_background(pending);
                    }
                }
            }
            Phase::Closed(remove) if !has_jobs => {
                let remove = remove.take();
                drop(life);
                if let Some(remove) = remove
                    && self.process.has_current_namespace()
                {
                    remove();
                }
            }
            _ => {}
        }
    }

    pub(super) fn remove_in_background(self: &Arc<Self>, pending: Pending) {
        let dir = Arc::clone(self);
        self.lane.push(Doomed {
            path: self.path.clone(),
            what: What::Owned(Box::new(move || dir.remove(Options::default()))),
            held: Box::new(Arc::clone(self)),
            pending,
        });
    }

    /// Waits until no job works in the directory, and no child is left to be removed. After that,
    /// none can begin, because the caller owns the handle.
    ///
    /// # Errors
    ///
    /// The handle of a directory inside exists, possibly forever.
    pub(super) async fn drained(&self) -> io::Result<()> {
        loop {
            // `notify_waiters` reaches every `Notified` made before the call, so this check cannot
            // miss a change.
            let changed = self.changed.notified();
            {
                let life = self.life();
                if life.held > 0 {
                    return Err(io::Error::new(
                        io::ErrorKind::ResourceBusy,
                        "the handle of a directory inside it is still in use",
                    ));
                }
                if life.jobs == 0 && life.children == 0 {
                    return Ok(());
                }
            }
            changed.await;
        }
    }

    /// Iterates over the directories of this crate that contain this one, from the inside out.
    pub(super) fn ancestors(&self) -> impl Iterator<Item = &Arc<Self>> {
        iter::successors(self.parent.as_ref(), |around| around.0.parent.as_ref())
            .map(|around| &around.0)
    }

    /// Returns whether there ever was a child.
    pub(crate) fn has_had_children(&self) -> bool {
        self.has_had_children.load(Ordering::Relaxed)
    }

    /// Records that the removal of this directory has left something at `path`.
    pub(super) fn record_leftover(&self, path: &Path) {
        // Not for a root, which is never published and may live long.
        for dir in self.ancestors().filter(|dir| dir.guard.is_none()) {
            let leftover = (path.to_path_buf(), self.identity);
            dir.life().leftovers.push(leftover);
        }
    }

    /// Returns a directory inside that could not be removed and still exists.
    pub(super) fn leftover(&self) -> Option<PathBuf> {
        let leftovers = self.life().leftovers.clone();
        let is_there = |(path, identity): &(PathBuf, _)| match sys::check_same_dir(path, identity) {
            Ok(()) => true,
            Err(error) => error.kind() == io::ErrorKind::PermissionDenied,
        };
        let left = leftovers.into_iter().find(is_there);
        left.map(|(path, _)| path)
    }

    /// Registers a job that works in the directory. Until the job ends, neither this directory nor
    /// one that contains it is removed.
    ///
    /// # Errors
    ///
    /// This directory, or one that contains it, is closed; or this is a forked child, whose pool
    /// has no threads.
    pub(crate) fn job(self: &Arc<Self>) -> io::Result<Job> {
        if self.is_foreign() {
            return Err(super::foreign());
        }
        let is_open = |life: &Life| !matches!(life.phase, Phase::Closed(_));
        self.register(is_open).ok_or_else(|| {
            let closed = "it was closed, or a directory around it";
            io::Error::new(io::ErrorKind::NotFound, closed)
        })
    }

    /// Registers a job that continues the work of another, which has not ended yet.
    pub(crate) fn next_job(self: &Arc<Self>) -> Option<Job> {
        self.register(|_| true)
    }

    /// Registers a job from the outermost directory inwards, so that operations that are refused
    /// repeatedly do not keep the closed directory.
    fn register(self: &Arc<Self>, is_open: fn(&Life) -> bool) -> Option<Job> {
        let around = match &self.parent {
            Some(child) => Some(Box::new(child.0.register(is_open)?)),
            None => None,
        };
        let mut life = self.life();
        is_open(&life).then(|| {
            life.jobs += 1;
            Job {
                dir: Arc::clone(self),
                _around: around,
            }
        })
    }

    /// Registers a directory that lives in this one.
    pub(crate) fn child(self: &Arc<Self>) -> Child {
        let mut life = self.life();
        life.children += 1;
        // The lock orders this before the removal, which reads it after the last job.
        self.has_had_children.store(true, Ordering::Relaxed);
        Child(Arc::clone(self))
    }
}

/// A job at work in a directory.
#[derive(Debug)]
pub(crate) struct Job {
    dir: Arc<OwnedDir>,
    /// The job's registration in the parent directory, which waits, too. Dropped last.
    _around: Option<Box<Job>>,
}

impl Job {
    pub(crate) fn dir(&self) -> &Arc<OwnedDir> {
        &self.dir
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.dir.update(|life| life.jobs -= 1);
    }
}

/// Keeps the parent directory while a child exists.
#[derive(Debug)]
pub(crate) struct Child(pub(super) Arc<OwnedDir>);

impl Child {
    /// Returns the parent directory.
    pub(crate) fn dir(&self) -> &Arc<OwnedDir> {
        &self.0
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.0.update(|life| life.children -= 1);
    }
}
