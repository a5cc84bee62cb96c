//! Moves a directory relative to open ones, and back.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fd::AsFd;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, statat};
use rustix::io::{Errno, retry_on_intr};

use super::lend::{is_denied, lend_to};
use super::rename::rename_new_at;
use super::{HANDLE, Identity};
use crate::sys::{not_a_dir, open_same_dir, symlink_refused};

/// A directory that is to be moved.
///
/// While it is open, no other directory gets its inode number.
pub(crate) struct MovableDir {
    path: PathBuf,
    pub(crate) identity: Identity,
    dir: File,
    parent: File,
    /// The directory that it is moved into, if not its parent.
    into: Option<File>,
}

impl MovableDir {
    /// Opens the directory at the absolute `path`, to be moved into the directory `into`, or else to
    /// another name in its parent. Does not follow a symlink.
    pub(crate) fn open(path: &Path, into: Option<(&Path, &Identity)>) -> io::Result<Self> {
        let name = name(path)?;
        let above = path.parent().unwrap_or(Path::new("/"));
        let flags = HANDLE.difference(OFlags::NOFOLLOW);
        let parent = retry_on_intr(|| rustix::fs::open(above, flags, Mode::empty()))?;
        let dir = retry_on_intr(|| rustix::fs::openat(&parent, name, HANDLE, Mode::empty()));
        let dir = match dir {
            Ok(dir) => File::from(dir),
            // The error for a symlink differs between systems.
            Err(Errno::NOTDIR | Errno::LOOP | Errno::MLINK) => {
                let stat = statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
                return Err(match FileType::from_raw_mode(stat.st_mode) {
                    FileType::Symlink => symlink_refused(),
                    _ => not_a_dir(),
                });
            }
            Err(error) => return Err(error.into()),
        };
        let into = into.map(|(path, identity)| open_same_dir(path, identity));
        Ok(Self {
            path: path.to_path_buf(),
            identity: Identity::of_open(&dir)?,
            dir,
            parent: parent.into(),
            into: into.transpose()?,
        })
    }

    /// Moves whatever is at the path by now to `new`, which must be free.
    ///
    /// A directory of this user that its owner may not write is given that right for a moment.
    pub(crate) fn rename(&self, new: &OsStr) -> io::Result<()> {
        let into = self.into.as_ref().unwrap_or(&self.parent);
        self.with_rights(|| rename(&self.parent, name(&self.path)?, into, new))
    }

    /// Moves what is at `new` to the path again, which must be free.
    pub(crate) fn rename_back(&self, new: &OsStr) -> io::Result<()> {
        let from = self.into.as_ref().unwrap_or(&self.parent);
        self.with_rights(|| rename(from, new, &self.parent, name(&self.path)?))
    }

    fn with_rights(&self, rename: impl Fn() -> io::Result<()>) -> io::Result<()> {
        match rename() {
            Err(error) if is_denied(&error) && self.into.is_some() => {
                lend_to(&self.dir, error, rename)
            }
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => Err(io::Error::new(
                io::ErrorKind::ResourceBusy,
                "a filesystem is mounted here, and is left alone",
            )),
            renamed => renamed,
        }
    }
}

fn name(path: &Path) -> Result<&OsStr, Errno> {
    path.file_name().ok_or(Errno::INVAL)
}

fn rename(from: &File, old: &OsStr, to: &File, new: &OsStr) -> io::Result<()> {
    rename_new_at((from.as_fd(), old.as_ref()), (to.as_fd(), new.as_ref()))
}
