//! What tells other processes that a directory is in use.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::sys::{self, Identity};

/// Held for as long as the directory is owned, its removal included.
#[derive(Debug)]
pub(crate) struct Guard {
    /// The locked file in the directory.
    lock: Mutex<Option<File>>,
    /// The directory itself, locked against programs that remove what is old.
    _dir: Option<File>,
    /// Where it is removed from.
    dead: PathBuf,
}

impl Guard {
    pub(crate) fn new(lock: Option<File>, dir: Option<File>, dead: PathBuf) -> Self {
        Self {
            lock: Mutex::new(lock),
            _dir: dir,
            dead,
        }
    }

    /// Gives the directory `path` the name of one that is being removed, and says where it is then.
    ///
    /// Its lock file goes like any other: were the process killed after that, nobody would know
    /// whose the rest is, but for this name.
    pub(super) fn retire(&self, path: &Path, identity: &Identity) -> PathBuf {
        if !sys::DIRS_MAY_STAY_OPEN {
            // An open file keeps its directory from being renamed, and from being removed.
            drop(
                self.lock
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .take(),
            );
        }
        let renamed =
            sys::check_same_dir(path, identity).and_then(|()| fs::rename(path, &self.dead));
        match renamed {
            Ok(()) => self.dead.clone(),
            // Removed from where it is, or reported.
            Err(_) => path.to_path_buf(),
        }
    }
}
