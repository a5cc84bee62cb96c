//! Opens the root that the processes of a run share.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, TryLockError};
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::candidate::Candidate;
use super::create::{NewRoot, create_numbered};
use super::link;
use super::name::{MAX_NUMBER, RootName, Stage};
use super::root_lock::{RootLock, Run};
use crate::sys;
use crate::util::name;

/// The maximum time to wait for a process that holds the exclusive lock of this run's root, to find out
/// whether anything in it was kept.
const MAX_WAIT: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(1);

/// Returns a random id for a new run.
pub(crate) fn new_id() -> io::Result<Vec<u8>> {
    Ok(name::random(20)?.into_bytes())
}

impl Run {
    /// Joins the run if its root exists, or else creates one, with a number above all others.
    pub(crate) fn open(&self) -> io::Result<NewRoot> {
        let _lock = sys::lock_dir(&self.parent);
        let mut roots = BTreeMap::new();
        let mut taken = HashSet::new();
        let mut last = 0;
        for entry in fs::read_dir(&self.parent)? {
            let entry = entry?;
            if let Some((name, stage)) = RootName::parse(&self.app, &entry.file_name())
                && let Some(number) = name.number()
            {
                taken.insert(number);
                // Other users must not determine the order of the runs.
                if entry
                    .metadata()
                    .is_ok_and(|data| data.is_dir() && sys::is_own(&data))
                {
                    last = last.max(number);
                }
                if stage == Stage::Root {
                    roots.insert(number, name);
                }
            }
        }
        let joined = roots.values().rev().find_map(|name| self.join(name));
        let root = match joined {
            Some(root) => root,
            None => {
                // If the greatest number is taken, they begin again.
                let numbers = (last + 1..=MAX_NUMBER).chain(1..last);
                create_numbered(self, numbers.filter(|number| !taken.contains(number)))?
            }
        };
        // No code depends on it, and the filesystem may have no symlinks.
        let _ = link::set(&self.parent, &self.app, &root.lock.name);
        Ok(root)
    }

    /// Joins the run if its root is `name`.
    fn join(&self, name: &RootName) -> Option<NewRoot> {
        let path = self.parent.join(name.at(Stage::Root));
        let mut found = Candidate::open(&path).ok()??;
        if !found.is_of_run(&self.id) || !lock_shared(&found, &path) {
            return None;
        }
        if !found.is_still_at(&path) {
            return None;
        }
        let dir = sys::hold_dir(&path).ok();
        Some(NewRoot {
            identity: found.identity,
            lock: RootLock::new(Some(found.lock), dir, name, &self.parent, Some(self)),
            unlocked: None,
            path,
        })
    }
}

fn lock_shared(found: &Candidate, path: &Path) -> bool {
    let give_up = Instant::now() + MAX_WAIT;
    loop {
        match found.lock.try_lock_shared() {
            Ok(()) => return true,
            Err(TryLockError::WouldBlock)
                if Instant::now() < give_up && found.is_still_at(path) =>
            {
                thread::sleep(PAUSE);
            }
            Err(_) => return false,
        }
    }
}
