//! Targets that a directory does not replace.

use std::fs;
use std::io;
use std::path::Path;

use crate::sys::Identity;
use crate::util::with_hint;

/// Returns whether there is a directory at `target` that the one at `path` may replace, or nothing.
///
/// # Errors
///
/// Something else is there, or a directory that has to stay.
pub(super) fn check_target(target: &Path, path: &Path, identity: &Identity) -> io::Result<bool> {
    check_not_inside(target, identity)?;
    let metadata = match fs::symlink_metadata(target) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
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
    let around = target.parent().map(fs::canonicalize).transpose()?;
    let around = around
        .map(|around| Identity::of_path(&around))
        .transpose()?;
    if around
        .flatten()
        .is_some_and(|around| !found.shares_filesystem(&around))
    {
        return Err(mount_point());
    }
    Ok(true)
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
    let Some(Ok(parent)) = path.parent().map(fs::canonicalize) else {
        return false;
    };
    let is_it =
        |around: &Path| matches!(Identity::of_path(around), Ok(Some(found)) if found == *identity);
    parent.ancestors().any(is_it)
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
