//! A file that has its name only when it is complete.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::mem;
use std::path::{Path, PathBuf, is_separator};
use std::sync::Arc;

use cap_std::fs::Dir;

use super::open::{Access, make_dirs, open};
use super::open_root;
use crate::cleanup::{Doomed, Pending, What};
use crate::name;
use crate::owned::Job;
use crate::sys;

/// How many random characters a file has in its name while it is incomplete. Nobody else names
/// files so: should one be there all the same, it is left alone.
const RANDOM_LEN: usize = 16;

/// How many symlinks in a row lead somewhere, as for Linux.
const MAX_LINKS: u32 = 40;

/// A file being written, under a random name at the top of the directory.
///
/// Dropped, it is removed in the background: a future that is dropped has no other way.
#[derive(Debug)]
pub(super) struct Partial {
    /// Always there, until it is removed.
    file: Option<File>,
    written: u64,
    /// What the file is to be called in the end.
    target: PathBuf,
    place: Option<Place>,
}

/// Where a file is that has to go unless it is completed.
#[derive(Debug)]
struct Place {
    root: Dir,
    name: String,
    hold: Job,
}

impl Partial {
    /// Makes the file, and the directories that `path` is in.
    pub(super) fn new(hold: Job, path: &Path) -> io::Result<Self> {
        let root = open_root(&hold)?;
        let target = target(&root, path)?;
        if let Some(parent) = target
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty())
        {
            make_dirs(&root, parent)?;
        }
        let name = format!(".{}.part", name::random(RANDOM_LEN)?);
        let file = open(&root, Path::new(&name), Access::New)?.into_std();
        Ok(Self {
            file: Some(file),
            written: 0,
            target,
            place: Some(Place { root, name, hold }),
        })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut file = self.file.as_ref().expect("it is not removed yet");
        file.write_all(bytes)?;
        self.written += bytes.len() as u64;
        Ok(())
    }

    /// Gives the file its name, and says how long it is.
    pub(super) fn complete(mut self) -> io::Result<u64> {
        let place = self
            .place
            .as_ref()
            .expect("it is there until it is dropped");
        match place.root.rename(&place.name, &place.root, &self.target) {
            Ok(()) => {
                self.place = None;
                Ok(self.written)
            }
            Err(error) => {
                self.discard();
                Err(error)
            }
        }
    }

    /// Removes the file at once, on a thread that may wait for the disk.
    pub(super) fn discard(mut self) {
        if let Some(place) = self.place.take() {
            self.doom(place).remove();
        }
    }

    fn doom(&mut self, place: Place) -> Doomed {
        let Place { root, name, hold } = place;
        Doomed {
            path: hold.dir().path().join(name),
            what: What::Entry(root.into_std_file()),
            // The file is closed over there, too: that may wait for the disk.
            held: Box::new((self.file.take(), hold)),
            pending: Pending::new(),
        }
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if let Some(place) = self.place.take() {
            if place.hold.dir().is_foreign() {
                // A forked child's copy: the file is its parent's, and so may be the locks.
                return mem::forget(place);
            }
            let lane = Arc::clone(place.hold.dir().lane());
            lane.push(self.doom(place));
        }
    }
}

/// The file that `path` leads to, itself no symlink: to be given its name by a rename, which would
/// replace a link and not follow it.
fn target(root: &Dir, path: &Path) -> io::Result<PathBuf> {
    let bytes = path.as_os_str().as_encoded_bytes();
    if path.file_name().is_none()
        || bytes
            .last()
            .is_some_and(|byte| is_separator((*byte).into()))
    {
        return Err(ErrorKind::IsADirectory.into());
    }
    let mut target = path.to_path_buf();
    for _ in 0..MAX_LINKS {
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
    Err(io::Error::other("too many symlinks, one after the other"))
}
