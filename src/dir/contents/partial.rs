//! A file that gets its final name only when it is complete.

use std::ffi::OsString;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_std::fs::Dir;

use super::open::{Access, ends_in_dots, ends_in_separator, make_dirs, parent};
use super::unlink_on_drop::UnlinkOnDrop;
use super::{open_dir, path};
use crate::owned::OwnedDir;
use crate::sys;
use crate::util::name;

/// The number of random characters in the name of an incomplete file.
///
/// With so many, no other file has the name; if one does, it is left untouched.
const RANDOM_LEN: usize = 16;

/// The maximum number of symlinks in a row that are followed, as on Linux.
const MAX_LINKS: u32 = 40;

/// A file being written, under a random name in the same directory as its target.
///
/// It must be in the same directory because a rename cannot cross filesystems, and one may be
/// mounted inside. Dropping it removes the file in the background.
pub(super) struct Partial {
    file: UnlinkOnDrop,
    written: u64,
    /// The final name.
    name: OsString,
}

impl Partial {
    /// Creates the file and missing parents of `path`.
    pub(super) fn new(owner: &Arc<OwnedDir>, path: &Path) -> io::Result<Self> {
        let root = open_dir(owner)?;
        let target = target(&root, path)?;
        let name = target.file_name().ok_or(ErrorKind::IsADirectory)?;
        let parent = parent(&target);
        if target == path {
            // Not for the target of a symlink: no other method creates parents there either.
            make_dirs(&root, parent)?;
        }
        let parent_dir = root.open_dir(parent)?;
        let part = format!(".{}.part", name::random(RANDOM_LEN)?);
        Ok(Self {
            file: UnlinkOnDrop::new(parent_dir, parent, part.into(), Access::New, owner)?,
            written: 0,
            name: name.to_owned(),
        })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.file().write_all(bytes)?;
        self.written += bytes.len() as u64;
        Ok(())
    }

    /// Returns the number of bytes written so far.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// Gives the file its final name and returns its length.
    pub(super) fn complete(self) -> io::Result<u64> {
        self.file.rename(Path::new(&self.name))?;
        Ok(self.written)
    }

    /// Removes the file now; call this on a thread that may block.
    pub(super) fn discard(self) {
        self.file.discard();
    }
}

/// Returns the path that `path` leads to, with a symlink as last component followed.
///
/// The file gets its final name by a rename, which would replace a symlink instead of following it.
fn target(root: &Dir, path: &Path) -> io::Result<PathBuf> {
    let mut target = path.to_path_buf();
    for _ in 0..MAX_LINKS {
        path::check(&target)?;
        // Only a directory has such a path; that is the error unless `metadata` returns another.
        if ends_in_dots(&target) {
            root.metadata(&target)?;
            return Err(ErrorKind::IsADirectory.into());
        }
        if ends_in_separator(&target) {
            root.metadata(parent(&target))?;
            return Err(ErrorKind::IsADirectory.into());
        }
        match root.symlink_metadata(&target) {
            Ok(metadata) if metadata.is_symlink() => {
                let link = root.read_link_contents(&target)?;
                // An absolute target replaces the whole path; the next round refuses it.
                target.pop();
                target.push(link);
            }
            Ok(metadata) if metadata.is_file() => return Ok(target),
            Ok(metadata) => return Err(sys::irregular(metadata.file_type())),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(target),
            Err(error) => return Err(error),
        }
    }
    // Returns the operating system's error for a loop.
    root.metadata(&target)?;
    Err(io::Error::other("too many symlinks, one after the other"))
}
