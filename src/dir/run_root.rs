//! The root of this process's run, which the environment sets.

use std::io;
use std::path::PathBuf;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};

use super::run_variables::create_run_parent;
use crate::cleanup::{self, RuntimeQueues};
use crate::owned::{OperationGuard, OwnedDir, Owner, ParentGuard};
use crate::reclaim::{Run, Search};
use crate::remove::RemoveError;
use crate::sys;
use crate::util::sync::Mutex;

/// The root in use, in which the next directory is made, too.
static OPEN: Mutex<Option<Open>> = Mutex::new(None);

struct Open {
    parent: PathBuf,
    dir: Weak<OwnedDir>,
}

/// Registers a directory that is about to be created in the root, and opens the root if it is not open.
/// The root lives as long as any directory is registered. Blocks.
pub(super) fn join(run: &Run) -> io::Result<(ParentGuard, OperationGuard)> {
    if is_forked() {
        return register(&open(run)?.dir);
    }
    let mut current = OPEN.lock();
    let before = current.as_ref().filter(|open| open.parent == run.parent);
    if let Some(joined) = before.and_then(Open::join) {
        return Ok(joined);
    }
    // Once in a process, even if it opens the root again for each of its tests.
    let reclaims = before.is_none();
    let owner = open(run)?;
    let joined = register(&owner.dir)?;
    *current = Some(Open {
        parent: run.parent.clone(),
        dir: Arc::downgrade(&owner.dir),
    });
    drop(current);
    // From now on, it ends with the last directory in it.
    drop(owner);
    if reclaims {
        reclaim(run);
    }
    Ok(joined)
}

/// Reclaims dead runs. Not in the background, where a process that lives for milliseconds would not
/// get to it.
fn reclaim(run: &Run) {
    let reclaimed = Search::of_runs(run).finish();
    // Other failures have been reported.
    if let Some(reason) = reclaimed.into_skipped_reason() {
        let message = format!("dead runs are not reclaimed: {reason}");
        let error = io::Error::new(reason.kind(), message);
        cleanup::report(&RemoveError::whole(&run.parent, error));
    }
}

impl Open {
    /// Returns `None` if the root has ended, or another process has removed it.
    fn join(&self) -> Option<(ParentGuard, OperationGuard)> {
        let dir = self.dir.upgrade()?;
        // First, because the end of a registration may end the root, and call foreign code.
        sys::check_same_dir(&dir.path, &dir.identity).ok()?;
        register(&dir).ok()
    }
}

fn register(dir: &Arc<OwnedDir>) -> io::Result<(ParentGuard, OperationGuard)> {
    let guard = dir.parent_guard()?;
    let operation = dir.begin_operation()?;
    Ok((guard, operation))
}

/// Opens the root. It belongs to no runtime, because the last directory in it may be any runtime's.
fn open(run: &Run) -> io::Result<Owner> {
    let queues = RuntimeQueues::of_none()?;
    create_run_parent(&run.parent)?;
    let root = run.open()?;
    let lock = Some(root.lock);
    Ok(Owner::new(root.path, root.identity, queues, None, lock))
}

/// Returns whether this process was forked from one that uses [`OPEN`], whose lock may then be held
/// forever. It opens the root anew for each directory.
fn is_forked() -> bool {
    static PROCESS: AtomicU32 = AtomicU32::new(0);
    let id = process::id();
    let before = PROCESS.compare_exchange(0, id, Ordering::Relaxed, Ordering::Relaxed);
    before.is_err_and(|first| first != id)
}
