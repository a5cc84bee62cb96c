//! Locks. File owners are not checked, because a user's temporary directory is that user's.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::{Identity, open_itself};

pub(crate) fn is_own(_metadata: &Metadata) -> bool {
    true
}

/// Accepts every directory: access lists are not checked.
pub(crate) fn safe_to_reclaim_in(dir: &Path) -> io::Result<PathBuf> {
    Ok(dir.to_path_buf())
}

/// Creates the lock file `path`, which must not exist.
pub(crate) fn create_lock(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .open(path)
}

/// Opens what may be a lock file.
pub(crate) fn open_lock(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open(path)
}

/// Opens the file `path` to append to it. Creates it if it is missing.
pub(crate) fn open_to_append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

/// Returns whether the open file is the one at `path`.
pub(crate) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    match open_itself(path) {
        Ok(there) => Ok(Identity::of_open(&there)? == Identity::of_open(file)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Always fails: Windows has no use for such a lock.
pub(crate) fn hold_dir(_path: &Path) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Not a lock: a directory cannot be locked here.
#[must_use]
pub(crate) struct DirLock;

pub(crate) fn lock_dir(_path: &Path) -> DirLock {
    DirLock
}

/// Creates the directory `path` and its parents if they are missing.
pub(crate) fn create_dirs(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}
