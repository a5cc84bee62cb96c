//! The lock that tells other processes that a directory is in use.

use std::ffi::CStr;
use std::fs::{self, File};
use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_std::fs::Dir;

use crate::cleanup;
use crate::remove::{self, Last, Options, Outcome, RemoveError};
use crate::sys::{self, Identity};
use crate::util::sync::Mutex;

/// The lock of a directory, held as long as the directory is owned, including its removal.
pub(crate) struct RootLock {
    files: Arc<Files>,
    /// The name of the locked file in the directory.
    name: &'static CStr,
    /// The path under which the directory is removed.
    dead: PathBuf,
}

/// The locked file in the directory, and the directory itself, which is locked against programs
/// that remove old files.
type Files = Mutex<[Option<File>; 2]>;

impl RootLock {
    pub(crate) fn new(
        file: Option<File>,
        dir: Option<File>,
        name: &'static CStr,
        dead: PathBuf,
    ) -> Self {
        Self {
            files: Arc::new(Mutex::new([file, dir])),
            name,
            dead,
        }
    }

    /// Renames the directory `path` to its dead name, and returns its new path.
    ///
    /// If the process is killed after the last file has been removed, only this name identifies the
    /// directory.
    pub(crate) fn rename_to_dead_name(
        &self,
        path: &Path,
        identity: &Identity,
    ) -> io::Result<&Path> {
        if !sys::DIRS_MAY_STAY_OPEN {
            // An open file keeps its directory from being renamed, and from being removed.
            self.unlock();
        }
        sys::check_same_dir(path, identity)?;
        fs::rename(path, &self.dead)?;
        Ok(&self.dead)
    }

    /// Removes the directory at `path`, and the locked file in it last, so that the next process
    /// can remove the rest if this one is killed. Keeps the lock as long as the filesystem allows.
    pub(crate) fn remove(&self, path: &Path, identity: &Identity, options: Options) -> Outcome {
        let files = Arc::clone(&self.files);
        let options = Options {
            last: Some(Last {
                name: self.name,
                release: Box::new(move || unlock(&files)),
            }),
            ..options
        };
        remove::tree(path, Some(identity), options)
    }

    /// Keeps the directory `path`, and prevents processes from considering it dead: removes the
    /// locked file, without opening anything.
    ///
    /// If that fails, reports it, and keeps the file locked as long as this process lives.
    pub(crate) fn remove_lock_file(&self, path: &Path, identity: &Identity) {
        let [file, dir] = mem::take(&mut *self.files.lock());
        let Ok(name) = self.name.to_str() else {
            return;
        };
        let removed = match dir {
            Some(dir) => Dir::from_std_file(dir).remove_file(name),
            None => {
                sys::check_same_dir(path, identity).and_then(|()| fs::remove_file(path.join(name)))
            }
        };
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                mem::forget(file);
                cleanup::report(&RemoveError::whole(&path.join(name), error));
            }
            _ => {}
        }
    }

    /// Releases the lock.
    pub(crate) fn unlock(&self) {
        unlock(&self.files);
    }
}

fn unlock(files: &Files) {
    let files = mem::take(&mut *files.lock());
    // Closed after the mutex is unlocked, because closing may block.
    drop(files);
}
