//! A file that is removed on drop unless it is kept.

use std::fs::File;
use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_std::fs::Dir;

use super::open::{Access, open};
use crate::cleanup::{Doomed, Pending, Verdict, What};
use crate::owned::OwnedDir;

/// A new file and its location.
///
/// Dropping it removes the file in the background, because a dropped future cannot wait.
#[derive(Debug)]
pub(super) struct Provisional {
    /// `Some` until the file is kept or removed.
    place: Option<Place>,
}

#[derive(Debug)]
struct Place {
    file: File,
    /// The parent directory, even if it has been renamed.
    dir: Dir,
    name: String,
    /// The absolute path at the time of creation.
    path: PathBuf,
    /// Not a job in the directory, because the file may rest forever between two writes.
    owner: Arc<OwnedDir>,
}

impl Provisional {
    /// Creates the file `name` in `dir`, which is at `path` in the directory `owner`.
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

    /// Renames the file to `target` in its directory and keeps it; removes it if that fails.
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

    /// Keeps the file as it is.
    pub(super) fn keep(mut self) {
        self.place = None;
    }

    /// Removes the file now; call this on a thread that may block.
    pub(super) fn discard(mut self) {
        if let Some(place) = self.place.take() {
            let entry = What::Entry {
                above: place.dir.into_std_file(),
                file: place.file,
            };
            let removed = entry.remove(&place.path);
            // The caller returns another error, so this one is reported.
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
            // A forked child's copy: the file belongs to the parent process.
            return mem::forget(place);
        }
        let Place {
            file,
            dir,
            path,
            owner,
            ..
        } = place;
        // The dropping code holds the handle or a job, so the directory has not been removed yet.
        let job = owner.next_job();
        owner.lane().push(Doomed {
            path,
            // The worker also closes the file, because that may block.
            what: What::Entry {
                above: dir.into_std_file(),
                file,
            },
            held: Box::new(job),
            pending: Pending::new(),
        });
    }
}
