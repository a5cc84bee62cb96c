//! Renames a directory before it is removed.

use std::fs;
use std::path::PathBuf;

use super::OwnedDir;
use crate::name;
use crate::sys;

impl OwnedDir {
    /// Gives the directory another name if something may be moved out of it while it is being
    /// removed, and returns where it is then.
    ///
    /// The removal works through open directories, and so would follow a directory inside to
    /// wherever it is renamed. Under another name, a rename by the path known so far fails.
    pub(super) fn step_aside(&self) -> PathBuf {
        let renamed = || {
            let file_name = self.path.file_name()?;
            let aside = self.path.with_file_name(name::aside(file_name).ok()?);
            sys::check_same_dir(&self.path, &self.identity).ok()?;
            fs::rename(&self.path, &aside).ok()?;
            Some(aside)
        };
        let is_needed = self.has_had_children() && !self.is_empty();
        // If that fails, it is removed from where it is.
        let aside = is_needed.then(renamed).flatten();
        aside.unwrap_or_else(|| self.path.clone())
    }

    /// Returns whether it is empty, so that one system call removes it.
    fn is_empty(&self) -> bool {
        let first = fs::read_dir(&self.path).map(|mut entries| entries.next());
        matches!(first, Ok(None))
    }
}
