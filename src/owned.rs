//! Ownership of a directory, which ensures that it is removed exactly once.
//!
//! A directory is needed by its handle, by blocking jobs that work in it (which continue when their
//! future is dropped) and by children inside it. [`life`] counts them, and decides after every
//! change whether to remove the directory.

mod aside;
mod claim;
mod guard;
mod kept;
mod life;

pub(crate) use claim::{Claim, foreign};
pub(crate) use guard::Guard;
pub(crate) use life::{Child, Job};

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use tokio::runtime::Handle;
use tokio::sync::Notify;

use crate::cleanup::Lane;
use crate::remove::{self, Options, Outcome};
use crate::sys::{Identity, Process};
use kept::Kept;
use life::Life;

/// A directory that this process created and must remove.
#[derive(Debug)]
pub(crate) struct OwnedDir {
    path: PathBuf,
    identity: Identity,
    /// The process that must remove it; a forked child has a copy of this, and must not.
    process: Process,
    lane: Arc<Lane>,
    life: Mutex<Life>,
    /// Set once there is a child. Not part of `life`, whose lock a forked child cannot take.
    has_had_children: AtomicBool,
    /// Notified of changes that may be waited for.
    changed: Notify,
    kept: Kept,
    /// Keeps the parent directory on disk, if that is this crate's.
    parent: Option<Child>,
    /// Tells other processes that the directory is in use.
    guard: Option<Guard>,
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

    /// Returns whether this is a forked child's copy of its parent's directory.
    pub(crate) fn is_foreign(&self) -> bool {
        !self.process.is_current()
    }

    pub(crate) fn lane(&self) -> &Arc<Lane> {
        &self.lane
    }

    /// Returns the lane of the calling task's runtime, or else of the one used for creation.
    pub(crate) fn lane_here(&self) -> Arc<Lane> {
        match Handle::try_current() {
            Ok(current) if current.id() != self.lane.runtime().id() => Lane::of(&current),
            _ => Arc::clone(&self.lane),
        }
    }

    /// Removes the directory, blocking the thread. Nothing may use its path any more.
    pub(crate) fn remove(&self, options: Options) -> Outcome {
        let Some(guard) = &self.guard else {
            let path = self.step_aside();
            let outcome = remove::tree(&path, Some(&self.identity), options);
            if outcome.result.is_err() {
                self.record_leftover(&path);
            }
            return outcome;
        };
        let path = match guard.retire(&self.path, &self.identity) {
            Ok(dead) => dead,
            // It is removed where it is, or an error is reported.
            Err(_) => &self.path,
        };
        let outcome = guard.remove(path, &self.identity, options);
        // Any process may now try to remove what is left.
        guard.release();
        outcome
    }

    /// Returns the place of the directory's descriptor between two jobs.
    pub(crate) fn kept(&self) -> &Kept {
        &self.kept
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use fork::Fork;
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    /// A forked child has a copy of each job in its parent's queues.
    #[test]
    fn a_forked_child_that_drops_a_job_removes_nothing() {
        let outer = tempfile::tempdir().unwrap();
        let path = outer.path().join("owned");
        let identity = crate::sys::create_private_dir(&path, None).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let lane = Lane::of(runtime.handle());
        // Without a pool, a drop removes before it returns.
        drop(runtime);
        let claim = Claim::new(path.clone(), identity, lane, None, None);
        let job = claim.dir().job().unwrap();
        drop(claim);
        match fork::fork().unwrap() {
            Fork::Child => {
                drop(job);
                // What it cannot release is no leak for a checker to find when it exits.
                let error = Command::new("true").exec();
                panic!("cannot run `true`: {error}");
            }
            Fork::Parent(child) => assert_eq!(fork::waitpid(child).unwrap(), 0),
        }
        assert!(path.exists(), "it removed nothing");
        drop(job);
        assert!(!path.exists());
    }
}
