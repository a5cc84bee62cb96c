//! Searches for dead roots and removes them.
//!
//! A root is dead if its lock is free. The process that finds this out holds the lock until nothing
//! is left of the root, so that no other process removes it at the same time.
//!
//! A root may be huge, and a runtime that shuts down waits for the current step. So a step ends
//! after a while, and the next one continues with the same root, whose lock is held meanwhile.

use std::fs::{self, TryLockError};
use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::candidate::Candidate;
use super::name::{RootName, Stage};
use super::reclaimed::Reclaimed;
use super::root_lock::{RootLock, Run};
use super::{index, link, lock_in};
use crate::cleanup;
use crate::remove::{self, Options, RemoveError, Removed, Spared};
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
    app: String,
    parent: PathBuf,
    /// Directories still to be examined, the last one first.
    found: Vec<(RootName, Stage)>,
    /// The number of runs whose kept directories are still to be retained.
    retain: usize,
    /// The id of the run that searches, if it retains what is kept.
    id: Option<Vec<u8>>,
    /// Set once a root of that run has been counted.
    is_counted: bool,
    /// The root of the run that has just ended, in which something was kept.
    ended: Option<RootName>,
    current: Option<DeadRoot>,
    reclaimed: Reclaimed,
}

/// A dead root that is being removed.
struct DeadRoot {
    lock: RootLock,
    path: PathBuf,
    identity: Identity,
    /// The entries that stay.
    spared: Option<Arc<Spared>>,
    /// Removed by earlier steps.
    removed: Removed,
    /// The length of the next step.
    step: Duration,
}

impl Search {
    /// Lists the directories that may be roots of `app`, except those of runs.
    pub(crate) fn new(app: &str, parent: &Path) -> Self {
        Self::of(app, parent, |name| name.number().is_none())
    }

    /// Lists the directories that may be roots of the application of `run`, which uses one of them.
    pub(crate) fn of_runs(run: &Run) -> Self {
        let mut search = Self::of(&run.app, &run.parent, |_| true);
        search.found.sort_by_key(|(name, _)| name.number());
        search.retain = run.retain;
        search.id = (run.retain > 0).then(|| run.id.clone());
        search
    }

    /// Like [`of_runs`](Self::of_runs), after the end of `run`, which has kept something in `own`.
    pub(super) fn of_other_runs(run: &Run, own: &RootName) -> Self {
        let mut search = Self::of_runs(run);
        search.ended = Some(own.clone());
        search
    }

    fn of(app: &str, parent: &Path, is_wanted: impl Fn(&RootName) -> bool) -> Self {
        let mut search = Self {
            app: app.to_owned(),
            ..Self::default()
        };
        if let Err(error) = search.find(app, parent) {
            search.found.clear();
            search.reclaimed.skip(error);
        }
        search.found.retain(|(name, _)| is_wanted(name));
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
        self.try_reclaim(&name, stage);
        true
    }

    /// Completes the search on the calling thread.
    pub(crate) fn finish(mut self) -> Reclaimed {
        while self.step() {}
        self.end(None)
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

    /// Removes the root `name` if it is dead. Of one in which something was kept, removes only the rest,
    /// as long as few enough newer ones did so, too.
    fn try_reclaim(&mut self, name: &RootName, stage: Stage) {
        if self.ended.as_ref() == Some(name) {
            // What was kept a moment ago stays until the next run, even if there are newer ones.
            return self.count(true);
        }
        let path = self.parent.join(name.at(stage));
        let Some(mut found) = self.open(&path, stage) else {
            return;
        };
        // Without a lock on the parent, processes of a run that start at once have several.
        let is_of_this_run = self.id.as_ref().is_some_and(|id| found.is_of_run(id));
        match found.lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                // In use, or examined by another process that searches at the same time. It counts, so
                // that all of them retain the same roots.
                if stage == Stage::Root && matches!(index::kept(&path), Ok(Some(_))) {
                    self.count(is_of_this_run);
                }
                return;
            }
            Err(TryLockError::Error(error)) => return self.skip(&lock_in(&path), error),
        }
        if !found.is_still_at(&path) {
            return;
        }
        let identity = found.identity;
        let lock = RootLock::new(Some(found.lock), None, name, &self.parent, None);
        let spared = match stage == Stage::Root && (self.retain > 0 || is_of_this_run) {
            true => match index::kept(&path) {
                Ok(spared) => spared,
                Err(error) => return self.fail(RemoveError::whole(&path, error)),
            },
            false => None,
        };
        let path = if spared.is_some() {
            self.count(is_of_this_run);
            path
        } else {
            match lock.rename_to_dead_name(&path, &identity) {
                Ok(dead) => {
                    self.clear_link(name);
                    dead.to_path_buf()
                }
                // The rename failed, but the lock is held.
                Err(error)
                    if error.kind() != io::ErrorKind::NotFound && sys::DIRS_MAY_STAY_OPEN =>
                {
                    path
                }
                // Where the lock cannot be held, another process may have it by now.
                Err(_) => return,
            }
        };
        self.remove(DeadRoot {
            lock,
            path,
            identity,
            spared: spared.map(Arc::new),
            removed: Removed::default(),
            step: STEP,
        });
    }

    /// Counts a root in which something was kept among the last runs; the first one only of this run's.
    fn count(&mut self, is_of_this_run: bool) {
        if !is_of_this_run || !mem::replace(&mut self.is_counted, true) {
            self.retain = self.retain.saturating_sub(1);
        }
    }

    /// Removes the link to the root `name`, which is being removed, if it leads there.
    fn clear_link(&self, name: &RootName) {
        if name.number().is_some() && link::leads_to(&self.parent, &self.app, name) {
            let _lock = sys::lock_dir(&self.parent);
            link::clear(&self.parent, &self.app, name);
        }
    }

    /// Opens the directory at `path`, if it may be a root.
    fn open(&mut self, path: &Path, stage: Stage) -> Option<Candidate> {
        match Candidate::open(path) {
            Ok(found) => return found,
            // Not locked yet, or no longer: then it is empty. If its process is still creating it, that
            // process creates another; if it is removing it, this is the end of that.
            Err(_) if stage != Stage::Root && fs::remove_dir(path).is_ok() => {
                self.reclaimed.add_empty();
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                self.skip(&lock_in(path), error);
            }
            Err(_) => {}
        }
        None
    }

    /// Works for one step on the removal of a root.
    fn remove(&mut self, mut root: DeadRoot) {
        let options = Options {
            until: Some(Instant::now() + root.step),
            ..Options::default()
        };
        let outcome = match &root.spared {
            None => root.lock.remove(&root.path, &root.identity, options),
            Some(spared) => {
                let spared = Some(Arc::clone(spared));
                let options = Options { spared, ..options };
                remove::tree(&root.path, Some(&root.identity), options)
            }
        };
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
        // It may stay, and a process of its run may join it.
        root.lock.unlock();
        match outcome.result {
            Ok(_) if root.spared.is_some() => self.reclaimed.add_part(root.removed),
            Ok(_) => self.reclaimed.add(root.removed),
            Err(error) => self.fail(error.of_all(root.removed)),
        }
    }

    /// Records a root that could not be removed.
    fn fail(&mut self, error: RemoveError) {
        // To the hook, too, because `reclaimed` may never be awaited.
        cleanup::report(&error);
        self.reclaimed.fail(error);
    }

    /// Records that it cannot be determined whether a root is dead.
    fn skip(&mut self, lock: &Path, error: io::Error) {
        self.reclaimed.skip(with_path("lock", lock, error));
    }
}
