//! Creates a root that is locked before another process can consider it dead.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::lock_in;
use super::name::{RootName, Stage};
use super::root_lock::{RootLock, Run};
use crate::sys::{self, Identity};

/// The maximum number of names tried. One is lost if another process reclaims the directory in the
/// microseconds between its creation and its locking.
const MAX_TRIES: usize = 64;

/// A root that has just been created.
pub(crate) struct NewRoot {
    pub(crate) path: PathBuf,
    pub(crate) identity: Identity,
    pub(crate) lock: RootLock,
    /// The error because of which it has no lock, if it has none.
    pub(crate) unlocked: Option<io::Error>,
}

/// Creates a root of `app` in `parent`.
pub(crate) fn create_root(app: &str, parent: &Path) -> io::Result<NewRoot> {
    for _ in 0..MAX_TRIES {
        let name = RootName::fresh(app)?;
        if let Some(created) = try_create(&name, &name, parent, None)? {
            return Ok(created);
        }
    }
    Err(all_taken())
}

/// Creates a root for `run`, with the first of the `numbers` that is free.
pub(super) fn create_numbered(
    run: &Run,
    numbers: impl Iterator<Item = u32>,
) -> io::Result<NewRoot> {
    // Until it has its number, no other process knows its name.
    let new = RootName::fresh(&run.app)?;
    for number in numbers.take(MAX_TRIES) {
        let name = RootName::numbered(&run.app, number);
        if let Some(created) = try_create(&new, &name, &run.parent, Some(run))? {
            return Ok(created);
        }
    }
    Err(all_taken())
}

fn all_taken() -> io::Error {
    io::Error::new(
        io::ErrorKind::ResourceBusy,
        format!("{MAX_TRIES} in a row were taken before they were locked"),
    )
}

/// Tries one name, first in another form. Returns `None` if another process has taken it, or the new directory.
fn try_create(
    new: &RootName,
    name: &RootName,
    parent: &Path,
    run: Option<&Run>,
) -> io::Result<Option<NewRoot>> {
    let new = parent.join(new.at(Stage::New));
    let path = parent.join(name.at(Stage::Root));
    if fs::symlink_metadata(&path).is_ok() {
        return Ok(None);
    }
    // Not directly under its final name: if this process is killed before there is a lock, the
    // directory can still be told from one that is not a root.
    let identity = match sys::create_private_dir(&new, None) {
        Ok(identity) => identity,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
        // Already reclaimed, unless the parent is missing.
        Err(error) if error.kind() == io::ErrorKind::NotFound && parent.is_dir() => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let locked = lock_and_name(&new, &path, run);
    if !matches!(locked, Ok(Some(_))) {
        discard(&new);
    }
    Ok(locked?.map(|(lock, unlocked)| NewRoot {
        identity,
        lock: RootLock::new(lock, sys::hold_dir(&path).ok(), name, parent, run),
        unlocked,
        path,
    }))
}

/// Removes a directory that would otherwise remain until the next process starts.
fn discard(new: &Path) {
    let _ = fs::remove_file(lock_in(new));
    let _ = fs::remove_dir(new);
}

/// The locked file, or the error because of which there is none.
type Lock = (Option<File>, Option<io::Error>);

fn lock_and_name(new: &Path, path: &Path, run: Option<&Run>) -> io::Result<Option<Lock>> {
    let mut lock = match sys::create_lock(&lock_in(new)) {
        Ok(lock) => lock,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if let Some(run) = run {
        // By one write, before it is locked: Windows lets nothing write to a locked file.
        lock.write_all(&run.id)?;
    }
    if sys::DIRS_MAY_STAY_OPEN {
        let locked = lock_file(lock, new, run)?;
        Ok(match locked {
            Some(locked) if renamed(new, path, run)? => Some(locked),
            _ => None,
        })
    } else {
        drop(lock);
        if !renamed(new, path, run)? {
            return Ok(None);
        }
        match sys::open_lock(&lock_in(path)) {
            Ok(lock) => lock_file(lock, path, run),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn renamed(new: &Path, path: &Path, run: Option<&Run>) -> io::Result<bool> {
    let renamed = match run {
        // Other processes may give their roots the same number.
        Some(_) => sys::rename_new(new, path),
        None => fs::rename(new, path),
    };
    match renamed {
        Ok(()) => Ok(true),
        // Reclaimed, or the name has been taken since.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(_) if fs::symlink_metadata(path).is_ok() => Ok(false),
        // Another process has the lock file open to check whether it is locked.
        Err(error) if is_denied(&error) && !sys::DIRS_MAY_STAY_OPEN => Ok(false),
        Err(error) => Err(error),
    }
}

fn is_denied(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied
}

/// Locks the lock file of the directory `dir`. Returns `None` if another process reclaims it.
fn lock_file(lock: File, dir: &Path, run: Option<&Run>) -> io::Result<Option<Lock>> {
    let path = lock_in(dir);
    let locked = match run {
        Some(_) => lock.try_lock_shared(),
        None => lock.try_lock(),
    };
    match locked {
        // A process that reclaims it locks the file first, and may have removed it since.
        Ok(()) => Ok(sys::is_at(&lock, &path)?.then_some((Some(lock), None))),
        Err(TryLockError::WouldBlock) => Ok(None),
        // Where there are no locks, a directory without the file is not considered dead.
        Err(TryLockError::Error(error)) => {
            drop(lock);
            fs::remove_file(path)?;
            Ok(Some((None, Some(error))))
        }
    }
}
