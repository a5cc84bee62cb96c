//! A directory that may be a root.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use super::lock_in;
use crate::sys::{self, Identity};

/// A real directory of this user, with a lock file of the same user.
pub(super) struct Candidate {
    pub(super) identity: Identity,
    /// Open, and not locked.
    pub(super) lock: File,
}

impl Candidate {
    /// Returns `None` for anything that is not a root.
    ///
    /// # Errors
    ///
    /// The lock file cannot be opened, possibly because there is none.
    pub(super) fn open(path: &Path) -> io::Result<Option<Self>> {
        // It may be gone, not a directory, or another user's.
        let is_own =
            fs::symlink_metadata(path).is_ok_and(|data| data.is_dir() && sys::is_own(&data));
        let identity = Identity::of_path(path).ok().flatten();
        let Some(identity) = identity.filter(|_| is_own) else {
            return Ok(None);
        };
        let lock_path = lock_in(path);
        // A directory that only happens to have such a name may contain anything there.
        if let Ok(data) = fs::symlink_metadata(&lock_path)
            && !(data.is_file() && sys::is_own(&data))
        {
            return Ok(None);
        }
        let lock = sys::open_lock(&lock_path)?;
        Ok(Some(Self { identity, lock }))
    }

    /// Returns whether both are still at `path`. To be called with the lock: until it is taken, another
    /// process may remove the directory, or its own process rename it.
    pub(super) fn is_still_at(&self, path: &Path) -> bool {
        sys::is_at(&self.lock, &lock_in(path)).unwrap_or(false)
            && sys::check_same_dir(path, &self.identity).is_ok()
    }

    /// Returns whether the lock file, which was not read before, has the `id` of a run.
    pub(super) fn is_of_run(&mut self, id: &[u8]) -> bool {
        let mut found = Vec::new();
        let read = (&mut self.lock)
            .take(id.len() as u64 + 1)
            .read_to_end(&mut found);
        read.is_ok() && found == id
    }
}
