//! Keeps a directory that lives in another one longer than that.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{OwnedDir, Owner};
use crate::sys;
use crate::util::name;

/// Where a directory is kept.
pub(crate) enum KeptAt {
    Path(PathBuf),
    /// Inside the directory `around`, with which it will be removed.
    Inside {
        path: PathBuf,
        around: PathBuf,
    },
}

impl Owner {
    /// Gives up the directory, which is kept. If it is inside others of this crate, it is moved beside
    /// the outermost one first, because it would be removed with that; but not out of the root of a run
    /// that retains it.
    ///
    /// Returns `None` in a forked child, which keeps nothing, and if the directory is somewhere else:
    /// at a target, from where it could not be moved back.
    pub(crate) fn keep_outside(mut self) -> Option<KeptAt> {
        if self.dir.is_wrong_process() {
            self.leave_to_parent();
            return None;
        }
        if sys::is_gone(&self.dir.path, &self.dir.identity) {
            self.release();
            return None;
        }
        let outermost = self
            .dir
            .ancestors()
            .filter(|dir| !dir.retains_kept())
            .last();
        let Some(outermost) = outermost.cloned() else {
            return Some(KeptAt::Path(self.keep()));
        };
        match move_beside(&self.dir, &outermost.path) {
            Ok(path) => {
                if let (Some(root), Some(name)) = (outermost.retaining_root(), path.file_name()) {
                    root.record_kept(name);
                }
                self.release();
                Some(KeptAt::Path(path))
            }
            Err(_) => Some(KeptAt::Inside {
                path: self.release(),
                around: outermost.path.clone(),
            }),
        }
    }
}

/// Moves `dir` beside the directory `around`, and returns its new path.
fn move_beside(dir: &Arc<OwnedDir>, around: &Path) -> io::Result<PathBuf> {
    // Until it is moved, none of the directories around it is removed.
    let _operation = dir.begin_operation()?;
    if dir.has_children() {
        return Err(io::ErrorKind::ResourceBusy.into());
    }
    sys::check_same_dir(&dir.path, &dir.identity)?;
    let rename = |path: &Path| {
        sys::lend_right_to_move(&dir.path, &dir.identity, || {
            sys::rename_new(&dir.path, path)
        })
    };
    let path = around.with_file_name(dir.file_name());
    if rename(&path).is_ok() {
        return Ok(path);
    }
    // Perhaps its name is taken: systems differ in the error for that.
    let path = around.with_file_name(name::hidden(dir.file_name(), ".kept")?);
    rename(&path)?;
    Ok(path)
}
