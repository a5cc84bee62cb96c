//! What tells other processes that a directory is in use.

use std::ffi::CStr;
use std::fs::{self, File};
use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use cap_std::fs::Dir;

use crate::cleanup;
use crate::remove::{self, Last, Options, Outcome, RemoveError};
use crate::sys::{self, Identity};

/// Held for as long as the directory is owned, its removal included.
#[derive(Debug)]
pub(crate) struct Guard {
    held: Arc<Held>,
    /// The name of the locked file in the directory.
    name: &'static CStr,
    /// Where it is removed from.
    dead: PathBuf,
}

/// The locked file in the directory; and the directory itself, locked against programs that remove
/// what is old.
#[derive(Debug)]
struct Held(Mutex<[Option<File>; 2]>);

impl Held {
    fn take(&self) -> [Option<File>; 2] {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Guard {
    pub(crate) fn new(
        file: Option<File>,
        dir: Option<File>,
        name: &'static CStr,
        dead: PathBuf,
    ) -> Self {
        Self {
            held: Arc::new(Held(Mutex::new([file, dir]))),
            name,
            dead,
        }
    }

    /// Gives the directory `path` the name of one that is being removed, and returns where that is.
    ///
    /// Were the process killed after the last file has gone, nothing but this name would tell
    /// whose the directory is.
    pub(crate) fn retire(&self, path: &Path, identity: &Identity) -> io::Result<&Path> {
        if !sys::DIRS_MAY_STAY_OPEN {
            // An open file keeps its directory from being renamed, and from being removed.
            self.release();
        }
        sys::check_same_dir(path, identity)?;
        fs::rename(path, &self.dead)?;
        Ok(&self.dead)
    }

    /// Removes the directory, which is at `path`, and last of all the locked file in it: a process
    /// that is killed meanwhile leaves the rest to the next. The lock is kept as long as the
    /// filesystem allows.
    pub(crate) fn remove(&self, path: &Path, identity: &Identity, options: Options) -> Outcome {
        let held = Arc::clone(&self.held);
        let options = Options {
            last: Some(Last {
                name: self.name,
                release: Box::new(move || drop(held.take())),
            }),
            ..options
        };
        remove::tree(path, Some(identity), options)
    }

    /// The directory `path` stays, and no process is to take it for a dead one's: removes the
    /// locked file, without opening anything.
    ///
    /// If that fails, it stays locked for as long as this process lives, which is reported.
    pub(super) fn disown(&self, path: &Path, identity: &Identity) {
        let [file, dir] = self.held.take();
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

    /// Nothing is to be told any more.
    pub(super) fn release(&self) {
        drop(self.held.take());
    }
}
