//! The lock that tells other processes that a directory is in use.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, TryLockError};
use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_std::fs::Dir;

use super::name::{RootName, Stage};
use super::{LOCK, index, lock_in};
use crate::cleanup;
use crate::remove::{self, Last, Options, Outcome, RemoveError};
use crate::sys::{self, Identity};
use crate::util::sync::Mutex;

/// The lock of a directory, held as long as the directory is owned, including its removal.
pub(crate) struct RootLock {
    files: Arc<Files>,
    pub(super) name: RootName,
    /// The path under which the directory is removed.
    dead: PathBuf,
    /// Set if the root is that of a run.
    pub(super) run: Option<Run>,
    /// Names of what is kept that could not be recorded yet.
    unrecorded: Mutex<Vec<OsString>>,
}

/// One process, or several that share a root. Directories kept in the root survive it.
#[derive(Clone)]
pub(crate) struct Run {
    pub(crate) app: String,
    /// Absolute.
    pub(crate) parent: PathBuf,
    /// The content of the lock file, by which the run's other processes recognize the root.
    pub(crate) id: Vec<u8>,
    /// The number of runs whose kept directories are retained.
    pub(crate) retain: usize,
}

/// The locked file in the directory, and the directory itself, which is locked against programs
/// that remove old files.
type Files = Mutex<[Option<File>; 2]>;

impl RootLock {
    pub(super) fn new(
        file: Option<File>,
        dir: Option<File>,
        name: &RootName,
        parent: &Path,
        run: Option<&Run>,
    ) -> Self {
        Self {
            files: Arc::new(Mutex::new([file, dir])),
            dead: parent.join(name.at(Stage::Dead)),
            name: name.clone(),
            run: run.cloned(),
            unrecorded: Mutex::default(),
        }
    }

    /// Renames the directory `path` to its dead name, and returns its new path.
    ///
    /// If the process is killed after the last file has been removed, only this name identifies the
    /// directory.
    pub(super) fn rename_to_dead_name(
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
    pub(super) fn remove(&self, path: &Path, identity: &Identity, options: Options) -> Outcome {
        let files = Arc::clone(&self.files);
        let options = Options {
            last: Some(Last {
                name: LOCK,
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
        let Ok(name) = LOCK.to_str() else {
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

    /// Returns whether directories in the root that are kept survive it.
    pub(crate) fn retains(&self) -> bool {
        self.run.as_ref().is_some_and(|run| run.retain > 0)
    }

    /// Records that the entry `name` of the root `path` is kept. If that fails, reports it, and leaves it
    /// to [`record_rest`](Self::record_rest).
    pub(crate) fn record_kept(&self, path: &Path, name: &OsStr) {
        match index::record(path, name) {
            // The root is gone, and with it what was in it.
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                let message = format!("it is to be kept, but that cannot be recorded: {error}");
                let error = io::Error::new(error.kind(), message);
                cleanup::report(&RemoveError::whole(&path.join(name), error));
                self.unrecorded.lock().push(name.to_owned());
            }
            _ => {}
        }
    }

    /// Records what could not be recorded before, because the disk was full or descriptors were short.
    pub(super) fn record_rest(&self, path: &Path, identity: &Identity) -> io::Result<()> {
        let unrecorded = self.unrecorded.lock();
        unrecorded.iter().try_for_each(|name| {
            sys::check_same_dir(path, identity)?;
            index::record(path, name)
        })
    }

    /// Turns the shared lock of the root `path` into an exclusive one. Returns `false` if other processes
    /// of the run hold theirs, and this one no longer does, or if the root [stays](Self::remove_lock_file).
    pub(super) fn try_lock_alone(&self, path: &Path) -> io::Result<bool> {
        let files = self.files.lock();
        let Some(file) = &files[0] else {
            // There are no locks here, so no other process has joined.
            return Ok(true);
        };
        // The same open file, because a forked child has a copy, which must not count as a process. If
        // it is still locked, that shows below; Wine reports an error for one that it has unlocked.
        let _ = file.unlock();
        match file.try_lock() {
            Ok(()) => sys::is_at(file, &lock_in(path)),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Releases the lock.
    pub(super) fn unlock(&self) {
        unlock(&self.files);
    }
}

fn unlock(files: &Files) {
    // Closed after the mutex is unlocked, because closing may block.
    let files = mem::take(&mut *files.lock());
    for file in files.into_iter().flatten() {
        // Not only closed: a forked child may have a copy of the descriptor.
        let _ = file.unlock();
    }
}
