//! A file that has its name only when it is complete.

use std::ffi::OsString;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_std::fs::Dir;

use super::open::{Access, ends_in_dots, ends_in_separator, make_dirs};
use super::provisional::Provisional;
use super::{open_root, path};
use crate::name;
use crate::owned::OwnedDir;
use crate::sys;

/// How many random characters a file has in its name while it is incomplete. Nobody else names
/// files so: should one be there all the same, it is left alone.
const RANDOM_LEN: usize = 16;

/// How many symlinks in a row lead somewhere, as for Linux.
const MAX_LINKS: u32 = 40;

/// A file being written, under a random name next to where it is to be.
///
/// There, and not elsewhere in the directory, because a rename cannot leave a filesystem, and one
/// may be mounted inside. Dropped, it is removed in the background.
#[derive(Debug)]
pub(super) struct Partial {
    file: Provisional,
    written: u64,
    /// What it is to be called in the end.
    name: OsString,
}

impl Partial {
    /// Makes the file, and the directories that `path` is in.
    pub(super) fn new(owner: &Arc<OwnedDir>, path: &Path) -> io::Result<Self> {
        let root = open_root(owner)?;
        let target = target(&root, path)?;
        let name = target.file_name().ok_or(ErrorKind::IsADirectory)?;
        let parent = parent(&target);
        if target == path {
            // Not those of a link's target: no other method makes them either.
            make_dirs(&root, parent)?;
        }
        let parent_dir = root.open_dir(parent)?;
        let part = format!(".{}.part", name::random(RANDOM_LEN)?);
        Ok(Self {
            file: Provisional::new(parent_dir, parent, part, Access::New, owner)?,
            written: 0,
            name: name.to_owned(),
        })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.file().write_all(bytes)?;
        self.written += bytes.len() as u64;
        Ok(())
    }

    /// Gives the file its name, and says how long it is.
    pub(super) fn complete(self) -> io::Result<u64> {
        self.file.rename(Path::new(&self.name))?;
        Ok(self.written)
    }

    /// Removes the file at once, on a thread that may wait for the disk.
    pub(super) fn discard(self) {
        self.file.discard();
    }
}

/// The directory that `path` is in.
fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// The file that `path` leads to, itself no symlink: it is to be given its name by a rename, which
/// would replace a link and not follow it.
fn target(root: &Dir, path: &Path) -> io::Result<PathBuf> {
    let mut target = path.to_path_buf();
    for _ in 0..MAX_LINKS {
        path::check(&target)?;
        // Only of a directory, and that is what the error is, if there is nothing worse to say.
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
                // An absolute one replaces the whole, and is refused in the next round.
                target.pop();
                target.push(link);
            }
            Ok(metadata) if metadata.is_file() => return Ok(target),
            Ok(metadata) => return Err(sys::irregular(metadata.file_type())),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(target),
            Err(error) => return Err(error),
        }
    }
    // What the system says of a loop.
    root.metadata(&target)?;
    Err(io::Error::other("too many symlinks, one after the other"))
}
