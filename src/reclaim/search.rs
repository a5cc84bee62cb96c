//! Searches for dead roots and removes them.
//!
//! A root is dead if its lock is free. The process that finds this out holds the lock until nothing
//! is left of the root, so that no other process removes it at the same time.
//!
//! A root may be huge, and a runtime that shuts down waits for the current step. So a step ends
//! after a while, and the next one continues with the same root, whose lock is held meanwhile.

use std::fs::{self, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::name::{RootName, Stage};
use super::reclaimed::Reclaimed;
use super::root_lock::RootLock;
use super::{LOCK, lock_in};
use crate::cleanup;
use crate::remove::{Options, Removed};
use crate::sys::{self, Identity};
use crate::util::with_path;

/// The time that a step works on one root.
const STEP: Duration = Duration::from_millis(5);

/// If a step removes fewer entries, the next one may take twice as long. It begins with the entries
/// that could not be removed before, and must get to the others.
const MIN_REMOVED: u64 = 16;

/// A search for the dead roots of an application in a directory.
#[derive(Default)]
pub(crate) struct Search {
    parent: PathBuf,
    /// Directories still to be examined.
    found: Vec<(RootName, Stage)>,
    current: Option<DeadRoot>,
    reclaimed: Reclaimed,
}

/// A dead root that is being removed.
struct DeadRoot {
    lock: RootLock,
    path: PathBuf,
    identity: Identity,
    /// Removed by earlier steps.
    removed: Removed,
    /// The length of the next step.
    step: Duration,
}

impl Search {
    /// Lists the directories that may be roots.
    pub(crate) fn new(app: &str, parent: &Path) -> Self {
        let mut search = Self::default();
        if let Err(error) = search.find(app, parent) {
            search.found.clear();
            search.reclaimed.skip(error);
        }
        search
    }

    fn find(&mut self, app: &str, parent: &Path) -> io::Result<()> {
        self.parent = sys::safe_to_reclaim_in(parent)?;
        // All at once, because removals change the directory. Other entries are not kept.
        for entry in fs::read_dir(&self.parent)? {
            self.found.extend(RootName::parse(app, &entry?.file_name()));
        }
        Ok(())
    }

    /// Examines the next directory, or continues with the last. Returns `false` if none is left.
    pub(crate) fn step(&mut self) -> bool {
        if let Some(root) = self.current.take() {
            self.remove(root);
            return true;
        }
        let Some((name, stage)) = self.found.pop() else {
            return false;
        };
        let path = self.parent.join(name.at(stage));
        let dead = self.parent.join(name.at(Stage::Dead));
        self.try_reclaim(stage, &path, &dead);
        true
    }

    /// Ends the search, even if something is left, and records the `reason` if there is one.
    pub(crate) fn end(mut self, reason: Option<io::Error>) -> Reclaimed {
        if let Some(reason) = reason {
            self.reclaimed.skip(reason);
        }
        if let Some(root) = self.current {
            self.reclaimed.add_part(root.removed);
        }
        self.reclaimed
    }

    /// Removes the directory at `path` if it is a dead root, after renaming it to `dead`.
    fn try_reclaim(&mut self, stage: Stage, path: &Path, dead: &Path) {
        // It may be gone, not a directory, or another user's.
        let is_own =
            fs::symlink_metadata(path).is_ok_and(|data| data.is_dir() && sys::is_own(&data));
        let identity = Identity::of_path(path).ok().flatten();
        let Some(identity) = identity.filter(|_| is_own) else {
            return;
        };
        let lock_path = lock_in(path);
        // A directory that only happens to have such a name may contain anything there.
        if let Ok(data) = fs::symlink_metadata(&lock_path)
            && !(data.is_file() && sys::is_own(&data))
        {
            return;
        }
        let lock = match sys::open_lock(&lock_path) {
            Ok(lock) => lock,
            Err(error) => {
                // Not locked yet, or no longer: then it is empty. If its process is still creating
                // it, that process creates another; if it is removing it, this is the end of that.
                if stage != Stage::Root && fs::remove_dir(path).is_ok() {
                    self.reclaimed.add_empty();
                } else if error.kind() != io::ErrorKind::NotFound {
                    self.skip(&lock_path, error);
                }
                return;
            }
        };
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return,
            Err(TryLockError::Error(error)) => return self.skip(&lock_path, error),
        }
        // Before the lock was taken, another process may have removed the directory, or its own
        // process renamed it.
        let is_here = sys::is_at(&lock, &lock_path).unwrap_or(false)
            && sys::check_same_dir(path, &identity).is_ok();
        if !is_here {
            return;
        }
        let root_lock = RootLock::new(Some(lock), None, LOCK, dead.to_path_buf());
        let path = match root_lock.rename_to_dead_name(path, &identity) {
            Ok(dead) => dead.to_path_buf(),
            // The rename failed, but the lock is held.
            Err(error) if error.kind() != io::ErrorKind::NotFound && sys::DIRS_MAY_STAY_OPEN => {
                path.to_path_buf()
            }
            // Where the lock cannot be held, another process may have it by now.
            Err(_) => return,
        };
        self.remove(DeadRoot {
            lock: root_lock,
            path,
            identity,
            removed: Removed::default(),
            step: STEP,
        });
    }

    /// Works for one step on the removal of a root.
    fn remove(&mut self, mut root: DeadRoot) {
        let options = Options {
            until: Some(Instant::now() + root.step),
            ..Options::default()
        };
        let outcome = root.lock.remove(&root.path, &root.identity, options);
        let removed = match &outcome.result {
            Ok(removed) => *removed,
            Err(error) => error.removed(),
        };
        root.removed.add(removed);
        if outcome.stopped {
            if removed.files + removed.dirs < MIN_REMOVED {
                root.step *= 2;
            }
            self.current = Some(root);
            return;
        }
        match outcome.result {
            Ok(_) => self.reclaimed.add(root.removed),
            Err(error) => {
                let error = error.of_all(root.removed);
                // To the hook, too, because `reclaimed` may never be awaited.
                cleanup::report(&error);
                self.reclaimed.fail(error);
            }
        }
    }

    /// Records that it cannot be determined whether a root is dead.
    fn skip(&mut self, lock: &Path, error: io::Error) {
        self.reclaimed.skip(with_path("lock", lock, error));
    }
}
