//! Renames a directory before it is removed.

use std::fs;
use std::path::PathBuf;

use super::OwnedDir;
use crate::sys;
use crate::util::name;

impl OwnedDir {
    /// Renames the directory if something may be moved out of it during removal, and returns its
    /// path.
    ///
    /// The removal works relative to open directories, and would follow a directory inside to
    /// wherever it is moved. After the rename, moving that directory by its old path fails.
    pub(super) fn rename_aside(&self) -> PathBuf {
        let renamed = || {
            let file_name = self.path.file_name()?;
            let aside = self.path.with_file_name(name::aside(file_name).ok()?);
            sys::check_same_dir(&self.path, &self.identity).ok()?;
            fs::rename(&self.path, &aside).ok()?;
            Some(aside)
        };
        let is_needed = self.has_had_children() && !self.is_empty();
        // If that fails, the directory is removed where it is.
        let aside = is_needed.then(renamed).flatten();
        aside.unwrap_or_else(|| self.path.clone())
    }

    /// Returns whether the directory is empty, so that one system call removes it.
    fn is_empty(&self) -> bool {
        let first = fs::read_dir(&self.path).map(|mut entries| entries.next());
        matches!(first, Ok(None))
    }
}
