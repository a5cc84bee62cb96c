//! Puts one directory in the place of another.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{beside, refuse};
use crate::sys::{self, Identity};

/// The maximum number of tries while other processes create, replace and remove the target.
const MAX_TRIES: u32 = 64;

/// A directory that was replaced.
pub(super) struct Replaced {
    /// Its path by now.
    pub(super) path: PathBuf,
    pub(super) identity: Identity,
}

/// Moves the directory at `from` to `target`, in the place of a directory that may be there, which
/// gets the path `from`. Removes with `discard` what another process has replaced meanwhile.
///
/// # Errors
///
/// Nothing is moved.
pub(super) fn replace(
    from: &Path,
    identity: &Identity,
    target: &Path,
    discard: &dyn Fn(Replaced),
) -> io::Result<Option<Replaced>> {
    for _ in 0..MAX_TRIES {
        let Some(found) = refuse::check_target(target, from, identity)? else {
            match sys::rename_new(from, target) {
                Ok(()) => return Ok(None),
                // It has appeared, and may be gone again.
                Err(error) if is_taken(&error) || fs::symlink_metadata(target).is_ok() => continue,
                Err(error) => return Err(error),
            }
        };
        let old = match exchange(from, target, &found) {
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                replace_aside(from, target, discard)
            }
            done => done,
        };
        match old {
            Ok(Some(old)) => return Ok(Some(old)),
            Ok(None) => {}
            // It has vanished, or the directory itself is gone.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::symlink_metadata(from)?;
            }
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                return Err(refuse::mount_point());
            }
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(
        io::ErrorKind::ResourceBusy,
        "other processes keep creating and removing the target",
    ))
}

/// Exchanges both, atomically.
///
/// Returns `None` if another directory has taken the place meanwhile, and could not be moved.
fn exchange(from: &Path, target: &Path, found: &Identity) -> io::Result<Option<Replaced>> {
    match sys::lend_right_to_move(target, found, || sys::exchange(from, target)) {
        Err(error)
            if error.kind() == io::ErrorKind::PermissionDenied && sys::is_gone(target, found) =>
        {
            return Ok(None);
        }
        exchanged => exchanged?,
    }
    // The target may have been replaced since it was checked.
    let there = match Identity::of_path(from) {
        // Removed since: that is what its removal will find, too.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Some(*found)),
        there => there,
    };
    match there {
        Ok(Some(identity)) => Ok(Some(Replaced {
            path: from.to_path_buf(),
            identity,
        })),
        other => {
            sys::exchange(from, target).map_err(|error| {
                let message = format!("it is at the target, and could not be moved back: {error}");
                io::Error::new(error.kind(), message)
            })?;
            Err(no_directory(other))
        }
    }
}

/// Returns the error for what turned out to be something else than a directory.
fn no_directory(found: io::Result<Option<Identity>>) -> io::Error {
    found
        .err()
        .unwrap_or_else(|| refuse::no_directory("not a directory"))
}

/// Does the same by three renames: the old directory aside, the new one in, the old one to the path
/// `from`. Between the first two, there is nothing at `target`.
///
/// Returns `None` if another directory has taken the place meanwhile.
fn replace_aside(
    from: &Path,
    target: &Path,
    discard: &dyn Fn(Replaced),
) -> io::Result<Option<Replaced>> {
    let aside = beside(target, ".replaced")?;
    fs::rename(target, &aside)?;
    let identity = match Identity::of_path(&aside) {
        Ok(Some(identity)) => identity,
        other => return Err(back(&aside, target, no_directory(other))),
    };
    let mut tries = 1;
    while let Err(error) = sys::rename_new(from, target) {
        match fs::symlink_metadata(target) {
            Ok(appeared) if appeared.is_dir() => {
                discard(Replaced {
                    path: aside,
                    identity,
                });
                return Ok(None);
            }
            // What was in the way is gone again.
            Err(_) if is_taken(&error) && tries < MAX_TRIES => tries += 1,
            _ => return Err(back(&aside, target, error)),
        }
    }
    // If that fails, it stays where it is.
    let moved = sys::lend_right_to_move(&aside, &identity, || sys::rename_new(&aside, from));
    let path = match moved {
        Ok(()) => from.to_path_buf(),
        Err(_) => aside,
    };
    Ok(Some(Replaced { path, identity }))
}

/// Returns whether a rename has failed because something has the name.
fn is_taken(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::AlreadyExists
            | io::ErrorKind::DirectoryNotEmpty
            | io::ErrorKind::NotADirectory
    )
}

/// Moves `aside` back to `target` after `error`, which is returned.
fn back(aside: &Path, target: &Path, error: io::Error) -> io::Error {
    match sys::rename_new(aside, target) {
        Ok(()) => error,
        Err(second) => io::Error::new(
            error.kind(),
            format!(
                "{error}; what was there is at {aside:?}, and could not be moved back: {second}"
            ),
        ),
    }
}
