//! An entry that leads to another one beside it: here, a relative symlink.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::Path;

/// Creates the entry `path`, which leads to `name` beside it.
pub(crate) fn create_pointer(path: &Path, name: &OsStr) -> io::Result<()> {
    std::os::unix::fs::symlink(name, path)
}

/// Returns the name that the entry `path` leads to, or `None` if it is not such an entry.
pub(crate) fn read_pointer(path: &Path) -> io::Result<Option<OsString>> {
    match fs::read_link(path) {
        Ok(target) => {
            let is_beside = target.file_name() == Some(target.as_os_str());
            Ok(is_beside.then(|| target.into_os_string()))
        }
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(None),
        Err(error) => Err(error),
    }
}
