//! Renames and what goes with them, as far as Windows has it.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::path::Path;

use super::Identity;

/// Renames `from` to `to`, where nothing may be.
///
/// Between the check and the rename, an empty directory may appear at `to`, which is replaced.
pub(crate) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match fs::symlink_metadata(to) {
        Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::rename(from, to),
        Err(error) => Err(error),
    }
}

/// Fails: Windows cannot exchange two entries.
pub(crate) fn exchange(_a: &Path, _b: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Calls `rename`: here it takes no right to the directory that is moved.
pub(crate) fn lend_right_to_move<T>(
    _path: &Path,
    _identity: &Identity,
    rename: impl Fn() -> io::Result<T>,
) -> io::Result<T> {
    rename()
}

/// Does nothing: access derives from the parent directory here.
pub(crate) fn set_dir_permissions(
    path: &Path,
    _identity: &Identity,
    _permissions: &Permissions,
) -> io::Result<Permissions> {
    Ok(fs::symlink_metadata(path)?.permissions())
}

/// Returns the same: there are no such rights here.
pub(crate) fn with_owner_rights(permissions: &Permissions) -> Permissions {
    permissions.clone()
}

/// Opens the file `path`. Only one that may be written can be synced here.
pub(crate) fn open_to_sync(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).open(path)
}

/// Does nothing: there is no such call for a directory.
pub(crate) fn sync_dir(_dir: &Path) -> io::Result<()> {
    Ok(())
}
