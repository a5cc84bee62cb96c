//! A file that is removed again unless it is kept.

use std::fs::File;
use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_std::fs::Dir;

use super::open::{Access, open};
use crate::cleanup::{Doomed, Pending, Verdict, What};
use crate::owned::OwnedDir;

/// A new file, and where it is.
///
/// Dropped, it is removed in the background: a future that is dropped has no other way.
#[derive(Debug)]
pub(super) struct Provisional {
    /// Always there, until it is kept or removed.
    place: Option<Place>,
}

#[derive(Debug)]
struct Place {
    file: File,
    /// The directory that the file is in, wherever that is by now.
    dir: Dir,
    name: String,
    /// The whole path, as it was.
    path: PathBuf,
    /// Not a job in it: the file may rest for ever.
    owner: Arc<OwnedDir>,
}

impl Provisional {
    /// Makes the file `name` in `dir`, which is at `path` in the directory `owner`.
    pub(super) fn new(
        dir: Dir,
        path: &Path,
        name: String,
        access: Access,
        owner: &Arc<OwnedDir>,
    ) -> io::Result<Self> {
        let file = open(&dir, Path::new(&name), access)?.into_std();
        let path = owner.path().join(path).join(&name);
        Ok(Self {
            place: Some(Place {
                file,
                dir,
                name,
                path,
                owner: Arc::clone(owner),
            }),
        })
    }

    fn place(&self) -> &Place {
        self.place.as_ref().expect("it is neither kept nor removed")
    }

    pub(super) fn file(&self) -> &File {
        &self.place().file
    }

    pub(super) fn path(&self) -> &Path {
        &self.place().path
    }

    /// Gives the file the name `target` in its directory, and keeps it. Should that fail, it is
    /// removed.
    pub(super) fn rename(mut self, target: &Path) -> io::Result<()> {
        let place = self.place();
        match place.dir.rename(&place.name, &place.dir, target) {
            Ok(()) => {
                self.place = None;
                Ok(())
            }
            Err(error) => {
                self.discard();
                Err(error)
            }
        }
    }

    /// Keeps it as it is.
    pub(super) fn keep(mut self) {
        self.place = None;
    }

    /// Removes the file at once, on a thread that may wait for the disk.
    pub(super) fn discard(mut self) {
        if let Some(place) = self.place.take() {
            let entry = What::Entry {
                above: place.dir.into_std_file(),
                file: place.file,
            };
            let removed = entry.remove(&place.path);
            // Somebody waits, but for another error than this.
            drop(Verdict::new(removed));
        }
    }
}

impl Drop for Provisional {
    fn drop(&mut self) {
        let Some(place) = self.place.take() else {
            return;
        };
        if place.owner.is_foreign() {
            // A forked child's copy: the file is its parent's.
            return mem::forget(place);
        }
        let Place {
            file,
            dir,
            path,
            owner,
            ..
        } = place;
        // What drops it has the handle, or a job: so nothing has removed the directory yet.
        let job = owner.next_job();
        owner.lane().push(Doomed {
            path,
            // The file is closed over there, too: that may wait for the disk.
            what: What::Entry {
                above: dir.into_std_file(),
                file,
            },
            held: Box::new(job),
            pending: Pending::new(),
        });
    }
}
