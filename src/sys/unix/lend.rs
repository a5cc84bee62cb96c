//! Lends a directory the right that it needs to be moved.

use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use rustix::io::Errno;

use super::{Identity, chmod_open, is_own};
use crate::sys::open_same_dir;

/// The owner's right to write, which a directory must have to be moved into another: its `..`
/// changes.
const OWNER_WRITES: u32 = 0o200;

/// Calls `rename`, which moves the directory `path` into another one.
///
/// If it is a directory of this user that its owner may not write, it is given that right for a
/// moment.
pub(crate) fn lend_right_to_move<T>(
    path: &Path,
    identity: &Identity,
    rename: impl Fn() -> io::Result<T>,
) -> io::Result<T> {
    match rename() {
        Err(error) if is_denied(&error) => match open_same_dir(path, identity) {
            Ok(dir) => lend_to(&dir, error, rename),
            Err(_) => Err(error),
        },
        renamed => renamed,
    }
}

/// Calls `rename` again after `error`, with the right to the open directory `dir`, if that is this
/// user's.
pub(super) fn lend_to<T>(
    dir: &File,
    error: io::Error,
    rename: impl Fn() -> io::Result<T>,
) -> io::Result<T> {
    let metadata = dir.metadata()?;
    let mode = metadata.mode() & 0o7777;
    let set = |mode| chmod_open(dir, Permissions::from_mode(mode));
    // If it has it, another thread or process may have lent it just now.
    let lacks_right = mode & OWNER_WRITES == 0;
    if !is_own(&metadata) || lacks_right && set(mode | OWNER_WRITES).is_err() {
        return Err(error);
    }
    let renamed = rename();
    if lacks_right {
        // If that fails, the right stays: the outcome of the rename must not be lost.
        _ = set(mode);
    }
    renamed
}

/// Returns whether a rename has failed for a lack of rights.
pub(super) fn is_denied(error: &io::Error) -> bool {
    Errno::from_io_error(error) == Some(Errno::ACCESS)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::fs;

    use super::*;

    #[test]
    fn what_another_thread_has_just_lent_is_used() {
        let outer = tempfile::tempdir().unwrap();
        let path = outer.path().join("dir");
        fs::create_dir(&path).unwrap();
        let set = |mode| fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        set(0o555);
        let identity = Identity::of_path(&path).unwrap().unwrap();
        let is_lent = Cell::new(false);
        let moved = lend_right_to_move(&path, &identity, || {
            if is_lent.replace(true) {
                return Ok(());
            }
            set(0o755);
            Err(Errno::ACCESS.into())
        });
        moved.unwrap();
        let mode = fs::metadata(&path).unwrap().mode() & 0o777;
        assert_eq!(mode, 0o755, "that thread takes it back");
    }
}
