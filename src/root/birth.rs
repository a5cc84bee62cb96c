//! Making a root: locked before anybody can take it for dead, or made anew under another name.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::name::{RootName, Stage};
use super::{LOCK, lock_in};
use crate::owned::Guard;
use crate::sys::{self, Identity};

/// How many names are tried. One is lost when its directory is reclaimed between being made and
/// being locked, which takes somebody who looks in those microseconds.
const MAX_TRIES: u32 = 64;

/// A root that has just been made.
pub(super) struct Born {
    pub(super) path: PathBuf,
    pub(super) identity: Identity,
    pub(super) guard: Guard,
    /// Why it has no lock, if it has none.
    pub(super) unlocked: Option<io::Error>,
}

/// Makes a root of `app` in `parent`.
pub(super) fn give(app: &str, parent: &Path) -> io::Result<Born> {
    for _ in 0..MAX_TRIES {
        let name = RootName::fresh(app)?;
        if let Some(born) = attempt(&name, parent)? {
            return Ok(born);
        }
    }
    Err(io::Error::new(
        io::ErrorKind::ResourceBusy,
        format!("{MAX_TRIES} in a row were taken before they were locked"),
    ))
}

/// `None` if somebody else was faster, at the name or at the directory.
fn attempt(name: &RootName, parent: &Path) -> io::Result<Option<Born>> {
    let [new, path, dead] =
        [Stage::New, Stage::Root, Stage::Dead].map(|at| parent.join(name.at(at)));
    if fs::symlink_metadata(&path).is_ok() {
        return Ok(None);
    }
    // Not at once under its own name: who is killed before there is a lock leaves something that
    // can be told from a stranger's directory.
    let identity = match sys::create_private_dir(&new, None) {
        Ok(identity) => identity,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
        // Reclaimed already, unless it is the parent that is missing.
        Err(error) if error.kind() == io::ErrorKind::NotFound && parent.is_dir() => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    lock_and_name(&new, &path)
        .inspect(|locked| {
            if locked.is_none() {
                discard(&new);
            }
        })
        .inspect_err(|_| discard(&new))
        .map(|locked| {
            locked.map(|(lock, unlocked)| Born {
                identity,
                guard: Guard::new(lock, sys::hold_dir(&path).ok(), LOCK, dead),
                unlocked,
                path,
            })
        })
}

/// What nobody else would remove before the next process starts.
fn discard(new: &Path) {
    let _ = fs::remove_file(lock_in(new));
    let _ = fs::remove_dir(new);
}

/// The locked file, and why there is none.
type Lock = (Option<File>, Option<io::Error>);

fn lock_and_name(new: &Path, path: &Path) -> io::Result<Option<Lock>> {
    let lock = match sys::create_lock(&lock_in(new)) {
        Ok(lock) => lock,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if sys::DIRS_MAY_STAY_OPEN {
        let locked = lock_file(lock, new)?;
        Ok(match locked {
            Some(locked) if renamed(new, path)? => Some(locked),
            _ => None,
        })
    } else {
        drop(lock);
        if !renamed(new, path)? {
            return Ok(None);
        }
        match sys::open_lock(&lock_in(path)) {
            Ok(lock) => lock_file(lock, path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn renamed(new: &Path, path: &Path) -> io::Result<bool> {
    match fs::rename(new, path) {
        Ok(()) => Ok(true),
        // Reclaimed, or somebody has the name since.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(_) if fs::symlink_metadata(path).is_ok() => Ok(false),
        // Somebody has the lock file open, to see whether it is locked.
        Err(error) if is_denied(&error) && !sys::DIRS_MAY_STAY_OPEN => Ok(false),
        Err(error) => Err(error),
    }
}

fn is_denied(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied
}

/// Locks the lock file of the directory `dir`. `None` if that has been taken for dead.
fn lock_file(lock: File, dir: &Path) -> io::Result<Option<Lock>> {
    let path = lock_in(dir);
    match lock.try_lock() {
        // Who reclaims locks it first, and may have removed it since.
        Ok(()) => Ok(sys::is_at(&lock, &path)?.then_some((Some(lock), None))),
        Err(TryLockError::WouldBlock) => Ok(None),
        // Without the file, nobody takes it for dead where locks mean nothing.
        Err(TryLockError::Error(error)) => {
            drop(lock);
            fs::remove_file(path)?;
            Ok(Some((None, Some(error))))
        }
    }
}
