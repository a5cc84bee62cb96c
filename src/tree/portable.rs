//! Reads with cap-std, for Windows and other platforms that are not Unix.

use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cap_std::fs::{Dir, DirEntry, OpenOptions};

use super::contents::{self, Budget};
use super::{Tree, TreeEntry, TreeKind};
use crate::sys;
use crate::util::SpawnHelper;
use crate::util::first_failure::Failure;

pub(super) fn read(
    dir: &Dir,
    budget: Budget,
    is_cancelled: Arc<AtomicBool>,
    _spawn_helper: SpawnHelper,
) -> Result<Tree, Failure> {
    let mut reader = Reader {
        dir,
        is_cancelled,
        budget,
        entries: Vec::new(),
        unread: vec![PathBuf::new()],
    };
    while !reader.is_cancelled()
        && let Some(path) = reader.unread.pop()
    {
        reader.list(&path)?;
    }
    Ok(Tree::new(reader.entries))
}

struct Reader<'d> {
    dir: &'d Dir,
    is_cancelled: Arc<AtomicBool>,
    budget: Budget,
    entries: Vec<TreeEntry>,
    /// Directories.
    unread: Vec<PathBuf>,
}

impl Reader<'_> {
    fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Ordering::Relaxed)
    }

    /// Reads the entries of the directory `path`.
    fn list(&mut self, path: &Path) -> Result<(), Failure> {
        let failure = |path: &Path, error| Failure {
            path: path.to_path_buf(),
            error,
        };
        let entries = match self.dir.read_dir(Path::new(".").join(path)) {
            // Removed or replaced since its name was read.
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                return Ok(());
            }
            entries => entries.map_err(|error| failure(path, error))?,
        };
        for entry in entries {
            if self.is_cancelled() {
                break;
            }
            let entry = entry.map_err(|error| failure(path, error))?;
            let path = path.join(entry.file_name());
            let room = self.budget.take(path.as_os_str().len() as u64);
            match room.and_then(|()| self.entry(&entry, &path)) {
                Ok(kind) => {
                    if let TreeKind::Dir = kind {
                        self.unread.push(path.clone());
                    }
                    self.entries.push(TreeEntry::found(path, kind, None));
                }
                // Removed since its name was read.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(failure(&path, error)),
            }
        }
        Ok(())
    }

    fn entry(&self, entry: &DirEntry, path: &Path) -> io::Result<TreeKind> {
        // Not of a symlink's target.
        let metadata = entry.metadata()?;
        Ok(if metadata.is_dir() {
            TreeKind::Dir
        } else if metadata.is_symlink() {
            TreeKind::Symlink(self.dir.read_link_contents(path)?)
        } else if metadata.is_file() {
            TreeKind::File(self.file(path)?)
        } else {
            TreeKind::Other
        })
    }

    fn file(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut file = sys::open_regular(self.dir, path, OpenOptions::new().read(true))?;
        let len = file.metadata()?.len();
        let read = |contents: &mut Vec<u8>| {
            let room = contents.capacity() - contents.len();
            Read::take(&mut file, room as u64).read_to_end(contents)
        };
        contents::read(len, &self.budget, || self.is_cancelled(), read)
    }
}
