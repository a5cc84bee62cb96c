//! Moves a directory, and back.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Identity;
use super::rename::rename_new;
use crate::sys::{check_same_dir, not_a_dir, symlink_refused};

/// A directory that is to be moved.
pub(crate) struct MovableDir {
    path: PathBuf,
    pub(crate) identity: Identity,
    /// The directory that it is moved into.
    into: PathBuf,
}

impl MovableDir {
    /// Finds the directory at the absolute `path`, to be moved into the directory `into`, or else to
    /// another name in its parent. Does not follow a link or junction.
    pub(crate) fn open(path: &Path, into: Option<(&Path, &Identity)>) -> io::Result<Self> {
        let Some(identity) = Identity::of_path(path)? else {
            return Err(match fs::symlink_metadata(path)?.is_file() {
                true => not_a_dir(),
                false => symlink_refused(),
            });
        };
        let into = match into {
            Some((into, identity)) => {
                check_same_dir(into, identity)?;
                into
            }
            None => path.parent().unwrap_or(path),
        };
        Ok(Self {
            path: path.to_path_buf(),
            identity,
            into: into.to_path_buf(),
        })
    }

    /// Moves whatever is at the path by now to `new`, which must be free.
    pub(crate) fn rename(&self, new: &OsStr) -> io::Result<()> {
        rename_new(&self.path, &self.into.join(new))
    }

    /// Moves what is at `new` to the path again, which must be free.
    pub(crate) fn rename_back(&self, new: &OsStr) -> io::Result<()> {
        rename_new(&self.into.join(new), &self.path)
    }
}
