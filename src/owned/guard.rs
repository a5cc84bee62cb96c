//! What tells other processes that a directory is in use.

use std::ffi::CStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use cap_std::fs::Dir;

use crate::sys::{self, Identity};

/// Held for as long as the directory is owned, its removal included.
#[derive(Debug)]
pub(crate) struct Guard {
    /// The locked file in the directory; and the directory itself, locked against programs that
    /// remove what is old.
    held: Mutex<[Option<File>; 2]>,
    /// The name of the locked file in the directory.
    name: &'static CStr,
    /// Where it is removed from.
    dead: PathBuf,
}

impl Guard {
    pub(crate) fn new(
        file: Option<File>,
        dir: Option<File>,
        name: &'static CStr,
        dead: PathBuf,
    ) -> Self {
        Self {
            held: Mutex::new([file, dir]),
            name,
            dead,
        }
    }

    /// The file that tells whose the directory is, as long as anything is in that.
    pub(super) fn name(&self) -> &'static CStr {
        self.name
    }

    /// Gives the directory `path` the name of one that is being removed, and says where it is then.
    ///
    /// Were the process killed after the last file has gone, nobody would know whose the directory
    /// is, but for this name.
    pub(super) fn retire(&self, path: &Path, identity: &Identity) -> PathBuf {
        if !sys::DIRS_MAY_STAY_OPEN {
            // An open file keeps its directory from being renamed, and from being removed.
            self.release();
        }
        let renamed =
            sys::check_same_dir(path, identity).and_then(|()| fs::rename(path, &self.dead));
        match renamed {
            Ok(()) => self.dead.clone(),
            // Removed from where it is, or reported.
            Err(_) => path.to_path_buf(),
        }
    }

    /// The directory `path` stays, and nobody is to take it for a dead process's.
    ///
    /// If that fails, the next process that looks removes it.
    pub(super) fn disown(&self, path: &Path, identity: &Identity) {
        if let (Ok(dir), Ok(name)) = (sys::open_same_dir(path, identity), self.name.to_str()) {
            let _ = Dir::from_std_file(dir).remove_file(name);
        }
        self.release();
    }

    /// Nobody is to be told any more.
    pub(super) fn release(&self) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = [None, None];
    }
}
