//! Records the directories that survive the root of a run.

use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;

use super::OwnedDir;
use crate::sys;

impl OwnedDir {
    /// Returns the root that this directory is directly in, if directories kept there survive it.
    pub(super) fn retaining_root(&self) -> Option<&Arc<Self>> {
        let parent = &self.parent.as_ref()?.dir;
        parent.retains_kept().then_some(parent)
    }

    /// Returns whether directories kept directly in this one survive it.
    pub(super) fn retains_kept(&self) -> bool {
        self.lock.as_ref().is_some_and(|lock| lock.retains())
    }

    /// Records that this directory is now at `target`, if that is directly in the root that it was in.
    pub(super) fn record_published(&self, target: &Path) {
        if let Some(root) = self.ancestors().find(|dir| dir.retains_kept())
            && let (Some(parent), Some(name)) = (target.parent(), target.file_name())
            && sys::check_same_dir(parent, &root.identity).is_ok()
        {
            root.record_kept(name);
        }
    }

    /// Records that `name` in this root is kept. Called before it counts as kept, because from then on
    /// the root may be removed.
    pub(super) fn record_kept(&self, name: &OsStr) {
        // If it is gone, so is what was in it, and another run's root may be at its path.
        if let Some(lock) = &self.lock
            && !sys::is_gone(&self.path, &self.identity)
        {
            lock.record_kept(&self.path, name);
        }
    }
}
