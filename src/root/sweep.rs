//! Looking for what dead processes left, and removing it.
//!
//! A root is dead when its lock is free. The one who finds that out holds the lock until nothing
//! is left of the root, so that nobody else does the same.

use std::fs::{self, TryLockError};
use std::io;
use std::path::Path;

use super::LOCK;
use super::name::{RootName, Stage};
use super::reclaimed::Reclaimed;
use crate::cleanup;
use crate::remove::{self, Options, RemoveError};
use crate::sys::{self, Identity};

/// Removes the dead roots of `app` in `parent`.
pub(super) fn sweep(app: &str, parent: &Path) -> Reclaimed {
    let mut reclaimed = Reclaimed::default();
    if let Err(error) = sweep_into(&mut reclaimed, app, parent) {
        reclaimed.refuse(error);
    }
    reclaimed
}

fn sweep_into(reclaimed: &mut Reclaimed, app: &str, parent: &Path) -> io::Result<()> {
    let parent = sys::safe_to_sweep(parent)?;
    // All at once: the directory changes while this goes on. Other entries are not kept.
    let mut found = Vec::new();
    for entry in fs::read_dir(&parent)? {
        found.extend(RootName::parse(app, &entry?.file_name()));
    }
    for (name, stage) in found {
        look_at(reclaimed, &name, stage, &parent)?;
    }
    Ok(())
}

/// Removes the root if it is one, and dead.
///
/// # Errors
///
/// There are no locks here, so nothing can be said of any root.
fn look_at(
    reclaimed: &mut Reclaimed,
    name: &RootName,
    stage: Stage,
    parent: &Path,
) -> io::Result<()> {
    let path = parent.join(name.at(stage));
    // Gone meanwhile, no directory, or somebody else's.
    let is_own = fs::symlink_metadata(&path).is_ok_and(|data| data.is_dir() && sys::is_own(&data));
    let Some(identity) = Identity::of_path(&path).ok().flatten().filter(|_| is_own) else {
        return Ok(());
    };
    let lock_path = path.join(LOCK);
    // A stranger to us, whose directory happens to have such a name, may have anything there.
    if let Ok(data) = fs::symlink_metadata(&lock_path)
        && !(data.is_file() && sys::is_own(&data))
    {
        return Ok(());
    }
    let lock = match sys::open_lock(&lock_path) {
        Ok(lock) => lock,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            match stage {
                // Not one of ours, whatever it is called.
                Stage::Root => {}
                // Still to be locked, or its maker is dead. If it is not, it makes another.
                Stage::New => {
                    if fs::remove_dir(&path).is_ok() {
                        reclaimed.add_empty();
                    }
                }
                Stage::Dead => take(reclaimed, &path, &path, &identity),
            }
            return Ok(());
        }
        Err(error) => {
            fail(reclaimed, RemoveError::whole(&lock_path, error));
            return Ok(());
        }
    };
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(()),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    // Somebody may have been faster, or its maker have named it, between the look and the lock.
    if sys::is_at(&lock, &lock_path).unwrap_or(false) {
        // An open file keeps its directory from being renamed there. Others may come between: then
        // it is theirs.
        let lock = Some(lock).filter(|_| sys::DIRS_MAY_STAY_OPEN);
        take(
            reclaimed,
            &path,
            &parent.join(name.at(Stage::Dead)),
            &identity,
        );
        drop(lock);
    }
    Ok(())
}

/// Removes the root at `path`, of which nobody is left, as `dead`: who is killed meanwhile leaves it
/// under a name that says so, lock file or none.
fn take(reclaimed: &mut Reclaimed, path: &Path, dead: &Path, identity: &Identity) {
    // When its lock file has gone, this says that somebody is at work on it.
    let Ok(lock) = sys::lock_dir(path) else {
        return;
    };
    if sys::check_same_dir(path, identity).is_err() {
        return;
    }
    match fs::rename(path, dead) {
        Ok(()) => match remove::tree(dead, Some(identity), Options::default()).result {
            Ok(removed) => reclaimed.add(removed),
            Err(error) => fail(reclaimed, error),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => fail(reclaimed, RemoveError::whole(path, error)),
    }
    drop(lock);
}

/// For who asks, and for who never does.
fn fail(reclaimed: &mut Reclaimed, error: RemoveError) {
    cleanup::report(&error);
    reclaimed.fail(error);
}
