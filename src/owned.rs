//! Who must remove a directory, exactly once.
//!
//! A directory is wanted by its handle, by blocking jobs that work in it (which go on when their
//! future is dropped) and by children that live inside it. [`Life`] counts them, and one function,
//! [`OwnedDir::settle`], decides after every change whether it is time to remove.

mod claim;
mod guard;
mod kept;

pub(crate) use claim::{Claim, foreign};
pub(crate) use guard::Guard;

use std::ffi::OsStr;
use std::mem;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::Handle;

use crate::cleanup::{Doomed, Lane, Pending, What};
use crate::remove::{self, Options, Outcome};
use crate::sys::Identity;
use kept::Kept;

/// A directory that this process created and has to remove.
#[derive(Debug)]
pub(crate) struct OwnedDir {
    path: PathBuf,
    identity: Identity,
    /// A forked child has a copy of this, but not the duty.
    process: u32,
    lane: Arc<Lane>,
    life: Mutex<Life>,
    kept: Kept,
    /// Keeps the directory around this one on disk.
    parent: Option<Child>,
    /// Tells other processes that it is in use.
    guard: Option<Guard>,
}

#[derive(Debug)]
struct Life {
    fate: Fate,
    jobs: usize,
    /// Directories inside that are still to be removed, and creations of such under way.
    children: usize,
    /// Those of them that somebody has the handle of.
    held_children: usize,
}

enum Fate {
    /// There is a handle.
    Held,
    /// The handle was dropped: to be removed as soon as no job and no child is left. Pending from
    /// when no child is.
    Dropped(Option<Pending>),
    /// The handle was closed or is being persisted: what that means is done as soon as no job is
    /// left, and no child either if there is a flag to say so.
    Awaiting(Box<dyn FnOnce() + Send>, Children),
    /// Being removed, removed, or somebody else's by now.
    Over,
}

/// Whether something waits for the directories inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Children {
    Awaited,
    Ignored,
}

impl std::fmt::Debug for Fate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Held => "Held",
            Self::Dropped(_) => "Dropped",
            Self::Awaiting(..) => "Awaiting",
            Self::Over => "Over",
        })
    }
}

impl OwnedDir {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn file_name(&self) -> &OsStr {
        self.path
            .file_name()
            .expect("a created directory has a name")
    }

    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Whether this is a forked child's copy of its parent's directory.
    pub(crate) fn is_foreign(&self) -> bool {
        self.process != process::id()
    }

    pub(crate) fn lane(&self) -> &Arc<Lane> {
        &self.lane
    }

    /// That of the calling task's runtime, or else that of the creation's.
    pub(crate) fn lane_here(&self) -> Arc<Lane> {
        match Handle::try_current() {
            Ok(current) if current.id() != self.lane.runtime().id() => Lane::of(&current),
            _ => Arc::clone(&self.lane),
        }
    }

    /// Removes the directory, blocking the thread. Nobody looks for it at its path any more.
    pub(crate) fn remove(&self, options: Options) -> Outcome {
        let Some(guard) = &self.guard else {
            return remove::tree(&self.path, Some(&self.identity), options);
        };
        let path = match guard.retire(&self.path, &self.identity) {
            Ok(dead) => dead,
            // Removed from where it is, or reported.
            Err(_) => &self.path,
        };
        let outcome = guard.remove(path, &self.identity, options);
        // Whatever is left is anybody's to try again.
        guard.release();
        outcome
    }

    /// Where the directory's descriptor is between two jobs.
    pub(crate) fn kept(&self) -> &Kept {
        &self.kept
    }

    /// Registers a job that is going to work in the directory. Until it ends, nothing removes it.
    pub(crate) fn job(self: &Arc<Self>) -> Job {
        self.life().jobs += 1;
        Job(Arc::clone(self))
    }

    /// Registers a directory that lives in this one.
    pub(crate) fn child(self: &Arc<Self>) -> Child {
        self.life().children += 1;
        Child(Arc::clone(self))
    }

    fn life(&self) -> MutexGuard<'_, Life> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the removal if it is due. Whoever takes the fate away does it; nobody else can.
    fn settle(self: &Arc<Self>, mut life: MutexGuard<'_, Life>) {
        let no_jobs = life.jobs == 0;
        let no_children = life.children == 0;
        match &mut life.fate {
            Fate::Dropped(pending) if no_children => {
                let pending = pending.take().unwrap_or_else(Pending::new);
                if !no_jobs {
                    life.fate = Fate::Dropped(Some(pending));
                    return;
                }
                life.fate = Fate::Over;
                drop(life);
                let dir = Arc::clone(self);
                self.lane.push(Doomed {
                    path: self.path.clone(),
                    what: What::Owned(Box::new(move || dir.remove(Options::default()))),
                    held: Box::new(Arc::clone(self)),
                    pending,
                });
            }
            Fate::Awaiting(_, children)
                if no_jobs && (no_children || *children == Children::Ignored) =>
            {
                // What is called has the claim, and so the handle's part.
                let fate = mem::replace(&mut life.fate, Fate::Held);
                drop(life);
                if let Fate::Awaiting(act, _) = fate {
                    act();
                }
            }
            _ => {}
        }
    }
}

/// A job at work in a directory.
#[derive(Debug)]
pub(crate) struct Job(Arc<OwnedDir>);

impl Job {
    pub(crate) fn dir(&self) -> &OwnedDir {
        &self.0
    }

    /// Another job in the same directory.
    pub(crate) fn again(&self) -> Self {
        self.0.job()
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        let mut life = self.0.life();
        life.jobs -= 1;
        self.0.settle(life);
    }
}

/// A directory's hold on the one around it.
#[derive(Debug)]
pub(crate) struct Child(Arc<OwnedDir>);

impl Child {
    /// The directory around.
    pub(crate) fn dir(&self) -> &OwnedDir {
        &self.0
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.0.is_foreign() {
            // As with a claim: see there.
            mem::forget(Arc::clone(&self.0));
            return;
        }
        let mut life = self.0.life();
        life.children -= 1;
        self.0.settle(life);
    }
}
