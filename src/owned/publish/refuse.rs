//! Targets that a directory does not replace.

use std::fs;
use std::io;
use std::path::Path;

use crate::sys::{self, Identity};
use crate::util::with_hint;

/// Returns the identity of the directory at `target`, which the one at `path` may replace, or `None` if
/// nothing is there.
///
/// # Errors
///
/// Something else is there, or a directory that has to stay.
pub(super) fn check_target(
    target: &Path,
    path: &Path,
    identity: &Identity,
) -> io::Result<Option<Identity>> {
    check_not_inside(target, identity)?;
    match check_existing(target, path, identity) {
        Ok(found) => Ok(Some(found)),
        // Also if it vanishes meanwhile.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn check_existing(target: &Path, path: &Path, identity: &Identity) -> io::Result<Identity> {
    let metadata = fs::symlink_metadata(target)?;
    if metadata.is_symlink() {
        let hint = "to have it lead to a new directory, rename a new symlink over it";
        return Err(with_hint(no_directory("a symlink"), hint));
    }
    if !metadata.is_dir() {
        return Err(no_directory("not a directory"));
    }
    let Some(found) = Identity::of_path(target)? else {
        return Err(no_directory("not a plain directory"));
    };
    if found == *identity {
        return Err(invalid("the target is the directory itself"));
    }
    if contains(&found, path) {
        return Err(invalid("the target contains the directory"));
    }
    let parent = target.parent().map(fs::canonicalize).transpose()?;
    let parent = parent
        .map(|parent| Identity::of_path(&parent))
        .transpose()?;
    match parent.flatten() {
        Some(parent) if !found.shares_filesystem(&parent) => Err(mount_point()),
        _ => Ok(found),
    }
}

/// Fails if `target` is a path inside the directory with this `identity`.
pub(super) fn check_not_inside(target: &Path, identity: &Identity) -> io::Result<()> {
    match contains(identity, target) {
        true => Err(invalid("the target is inside the directory")),
        false => Ok(()),
    }
}

/// Returns whether the directory with this `identity` contains the entry `path`, at any depth.
fn contains(identity: &Identity, path: &Path) -> bool {
    let parent = path.parent().map(fs::canonicalize);
    matches!(parent, Some(Ok(parent)) if sys::is_around(identity, &parent))
}

/// Returns the error for a target that is something else.
pub(super) fn no_directory(what: &str) -> io::Error {
    let message = format!("the target is {what}");
    io::Error::new(io::ErrorKind::NotADirectory, message)
}

/// Returns the error for a target that a filesystem is mounted at.
pub(super) fn mount_point() -> io::Error {
    io::Error::new(
        io::ErrorKind::ResourceBusy,
        "the target is a mount point, or the root of a subvolume",
    )
}

fn invalid(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}
