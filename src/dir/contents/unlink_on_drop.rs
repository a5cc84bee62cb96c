//! A file that is removed on drop unless it is kept.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_std::fs::Dir;

use super::open::{Access, open};
use crate::blocking::pending::Pending;
use crate::cleanup::{self, RemovalJob, ReportOnDrop};
use crate::owned::OwnedDir;

/// A new file and its location.
///
/// Dropping it removes the file in the background, because a dropped future cannot wait.
pub(super) struct UnlinkOnDrop {
    /// `Some` until the file is kept or removed.
    parts: Option<PathParts>,
}

struct PathParts {
    file: File,
    /// The parent directory, even if it has been renamed.
    dir: Dir,
    name: OsString,
    /// The absolute path at the time of creation.
    path: PathBuf,
    /// Not an operation in the directory, because two writes may be any time apart.
    owner: Arc<OwnedDir>,
}

impl UnlinkOnDrop {
    /// Creates the file `name` in `dir`, which is at `path` in the directory `owner`.
    pub(super) fn new(
        dir: Dir,
        path: &Path,
        name: OsString,
        access: Access,
        owner: &Arc<OwnedDir>,
    ) -> io::Result<Self> {
        let file = open(&dir, Path::new(&name), access)?.into_std();
        let path = owner.path.join(path).join(&name);
        Ok(Self {
            parts: Some(PathParts {
                file,
                dir,
                name,
                path,
                owner: Arc::clone(owner),
            }),
        })
    }

    fn parts(&self) -> &PathParts {
        self.parts.as_ref().expect("it is neither kept nor removed")
    }

    pub(super) fn file(&self) -> &File {
        &self.parts().file
    }

    pub(super) fn path(&self) -> &Path {
        &self.parts().path
    }

    /// Renames the file to `target` in its directory and keeps it; removes it if that fails.
    pub(super) fn rename(mut self, target: &Path) -> io::Result<()> {
        let parts = self.parts();
        match parts.dir.rename(&parts.name, &parts.dir, target) {
            Ok(()) => {
                self.parts = None;
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
        self.parts = None;
    }

    /// Removes the file now; call this on a thread that may block.
    pub(super) fn discard(mut self) {
        if let Some(parts) = self.parts.take() {
            let removed = cleanup::unlink(parts.dir.into_std_file(), parts.file, &parts.path);
            // The caller returns another error, so this one is reported.
            drop(ReportOnDrop::new(removed));
        }
    }
}

impl Drop for UnlinkOnDrop {
    fn drop(&mut self) {
        let Some(parts) = self.parts.take() else {
            return;
        };
        if parts.owner.is_wrong_process() {
            // A forked child's copy: the file belongs to the parent process.
            return mem::forget(parts);
        }
        let PathParts {
            file,
            dir,
            path,
            owner,
            ..
        } = parts;
        // The dropping code holds the handle or an operation, so the directory is still there.
        let operation = owner.continue_operation();
        owner.queues.push_removal(RemovalJob {
            path: path.clone(),
            // The worker also closes the file, because that may block.
            remove: Box::new(move || cleanup::unlink(dir.into_std_file(), file, &path)),
            guard: Box::new(operation),
            pending: Pending::new(),
        });
    }
}
