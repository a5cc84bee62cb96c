//! System calls that create, identify and open directories and files. They block. No other module
//! outside `remove` distinguishes platforms.

mod process;
mod sync;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;
#[cfg(any(windows, test))]
mod windows_names;

pub(crate) use process::Process;
pub(crate) use sync::{sync_dir, sync_tree};
#[cfg(unix)]
pub(crate) use unix::{
    Identity, MovableDir, create_dirs, create_lock, create_pointer, create_private_dir, duplicate,
    exchange, hand_out, hold_dir, irregular, is_at, is_own, lend_right_to_move, lock_dir, metadata,
    open_dir, open_lock, open_regular, open_to_append, read_pointer, rename_new,
    safe_to_reclaim_in, set_dir_permissions, set_mode, set_permissions, symlink, symlink_metadata,
    with_owner_rights,
};
#[cfg(windows)]
pub(crate) use windows::{
    Identity, MovableDir, create_dirs, create_lock, create_pointer, create_private_dir, duplicate,
    exchange, hand_out, hold_dir, irregular, is_at, is_own, lend_right_to_move, lock_dir, metadata,
    open_dir, open_lock, open_regular, open_to_append, read_pointer, rename_new,
    safe_to_reclaim_in, set_dir_permissions, set_mode, set_permissions, symlink, symlink_metadata,
    with_owner_rights,
};

#[cfg(unix)]
pub(crate) use unix::{HANDLE, check_name, grant_owner, outlast_lease};
#[cfg(windows)]
pub(crate) use windows::{check_name, clear_read_only, is_reparse_point};

use std::fs::{self, File, Permissions};
use std::io;
use std::path::Path;

/// Tells that an open directory can be renamed and removed.
pub(crate) const DIRS_MAY_STAY_OPEN: bool = cfg!(unix);

/// Opens the directory at `path`, provided that it is still the one with this `identity`.
pub(crate) fn open_same_dir(path: &Path, identity: &Identity) -> io::Result<File> {
    let dir = open_dir(path)?;
    if Identity::of_open(&dir)? == *identity {
        Ok(dir)
    } else {
        Err(replaced())
    }
}

/// Fails unless `path` is the directory with this `identity`. Does not follow a symlink.
pub(crate) fn check_same_dir(path: &Path, identity: &Identity) -> io::Result<()> {
    if Identity::of_path(path)?.as_ref() == Some(identity) {
        Ok(())
    } else {
        Err(replaced())
    }
}

/// Returns whether the directory with this `identity` is certainly no longer at `path`.
pub(crate) fn is_gone(path: &Path, identity: &Identity) -> bool {
    match Identity::of_path(path) {
        Ok(found) => found.as_ref() != Some(identity),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

/// Returns whether the directory with this `identity` is at `path` or contains it.
pub(crate) fn is_around(identity: &Identity, path: &Path) -> bool {
    let is_there = |path| matches!(Identity::of_path(path), Ok(Some(found)) if found == *identity);
    path.ancestors().any(is_there)
}

/// Returns the error for a symlink where a directory is expected.
pub(crate) fn symlink_refused() -> io::Error {
    io::Error::new(
        io::ErrorKind::NotADirectory,
        "it is a symlink, and those are not followed",
    )
}

/// Returns the error for anything else where a directory is expected.
pub(crate) fn not_a_dir() -> io::Error {
    io::Error::new(io::ErrorKind::NotADirectory, "it is not a directory")
}

/// Returns the error for a path that no longer refers to what was created there.
pub(crate) fn replaced() -> io::Error {
    io::Error::other(
        "this is not the directory that was created under this name: it was replaced, and is left alone",
    )
}

/// Returns the permissions that `mkdir` gives a directory beside `probe`: 0777 less the umask, unless
/// an access control list of the parent decides. Creates and removes `probe` to see.
pub(crate) fn default_permissions(probe: &Path) -> io::Result<Permissions> {
    fs::create_dir(probe)?;
    let metadata = fs::symlink_metadata(probe);
    fs::remove_dir(probe)?;
    Ok(metadata?.permissions())
}
