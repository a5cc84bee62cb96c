//! Ownership of a directory, which ensures that it is removed exactly once.
//!
//! A directory is needed by its handle, by operations that work in it (which continue when their
//! future is dropped) and by children inside it. [`state`] counts them, and decides after every
//! change whether to remove the directory.

mod adopt;
mod aside;
mod descriptor_cache;
mod kept;
mod outside;
mod owner;
mod policy;
mod publish;
mod removed;
mod state;

pub(crate) use adopt::AdoptRequest;
pub(crate) use outside::KeptAt;
pub(crate) use owner::{Owner, WrongProcess};
pub(crate) use policy::{End, Policy};
pub(crate) use publish::{NewPermissions, Publication};
pub(crate) use state::{OperationGuard, ParentGuard, Reservation, Reserved};

pub use policy::Cleanup;
pub use removed::{Ending, WaitForRemoval};

use std::ffi::OsStr;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::runtime::Handle;
use tokio::sync::Notify;

use crate::cleanup::RuntimeQueues;
use crate::reclaim::RootLock;
use crate::remove::{self, Options, Outcome};
use crate::sys::{Identity, Process};
use crate::util::sync::Mutex;
use descriptor_cache::DescriptorCache;
use removed::EndingCell;
use state::State;

/// A directory that this process created or adopted, and must remove.
pub(crate) struct OwnedDir {
    pub(crate) path: PathBuf,
    pub(crate) identity: Identity,
    /// The process that must remove it; a forked child has a copy of this, and must not.
    process: Process,
    /// The queues of the runtime that it was created in, or of none.
    pub(crate) queues: Arc<RuntimeQueues>,
    state: Mutex<State>,
    /// Set once there is a child. Not part of `state`, whose lock a forked child cannot take.
    has_had_children: AtomicBool,
    /// Notified of changes that may be waited for.
    changed: Notify,
    pub(crate) descriptor: DescriptorCache,
    ending: EndingCell,
    /// Keeps the parent directory on disk, if that is this crate's.
    parent: Option<ParentGuard>,
    /// Tells other processes that the directory is in use.
    lock: Option<RootLock>,
}

impl fmt::Debug for OwnedDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OwnedDir").field(&self.path).finish()
    }
}

impl OwnedDir {
    pub(crate) fn file_name(&self) -> &OsStr {
        self.path
            .file_name()
            .expect("a created directory has a name")
    }

    /// Returns whether this is a forked child's copy of its parent's directory.
    pub(crate) fn is_wrong_process(&self) -> bool {
        !self.process.is_current()
    }

    /// Returns the queues of the calling task's runtime, or else of the one used for creation.
    pub(crate) fn queues_here(&self) -> Arc<RuntimeQueues> {
        match Handle::try_current() {
            // In a forked child, no lock is taken before the operation is refused.
            _ if !self.process.has_current_id() => Arc::clone(&self.queues),
            Ok(current) if current.id() != self.queues.runtime.id() => RuntimeQueues::of(&current),
            _ => Arc::clone(&self.queues),
        }
    }

    /// Removes the directory, blocking the thread. Nothing may use its path any more.
    pub(crate) fn remove(&self, options: Options) -> Outcome {
        if self.is_wrong_process() {
            return Outcome::failed(&self.path, WrongProcess.into());
        }
        // Children may keep this, and with it the descriptor, for longer than the directory is there.
        self.descriptor.clear();
        let outcome = self.remove_now(options);
        self.set_removed(&outcome.result);
        outcome
    }

    fn remove_now(&self, options: Options) -> Outcome {
        let Some(lock) = &self.lock else {
            let path = self.rename_aside();
            let outcome = remove::tree(&path, Some(&self.identity), options);
            if outcome.result.is_err() {
                self.record_leftover(&path);
            }
            return outcome;
        };
        lock.end(&self.path, &self.identity, options)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use fork::Fork;
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    /// A forked child has a copy of each operation in its parent's queues.
    #[test]
    fn a_forked_child_that_ends_an_operation_removes_nothing() {
        let outer = tempfile::tempdir().unwrap();
        let path = outer.path().join("owned");
        let identity = crate::sys::create_private_dir(&path, None).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let queues = RuntimeQueues::of(runtime.handle());
        // Without a pool, a drop removes before it returns.
        drop(runtime);
        let owner = Owner::new(path.clone(), identity, queues, None, None);
        let operation = owner.dir.begin_operation().unwrap();
        drop(owner);
        match fork::fork().unwrap() {
            Fork::Child => {
                drop(operation);
                // Replaced, so that no checker takes the memory that it cannot release for a leak.
                let error = Command::new("true").exec();
                panic!("cannot run `true`: {error}");
            }
            Fork::Parent(child) => assert_eq!(fork::waitpid(child).unwrap(), 0),
        }
        assert!(path.exists(), "it removed nothing");
        drop(operation);
        assert!(!path.exists());
    }
}
