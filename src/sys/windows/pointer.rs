//! An entry that leads to another one beside it: here, a file with that one's path.
//!
//! Creating a symlink requires a privilege.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::Path;

/// No path is longer, in the encoding of the file.
const MAX_LEN: u64 = 3 * 32_767;

/// Creates the entry `path`, which leads to `name` beside it.
pub(crate) fn create_pointer(path: &Path, name: &OsStr) -> io::Result<()> {
    fs::write(path, path.with_file_name(name).to_string_lossy().as_bytes())
}

/// Returns the name that the entry `path` leads to, or `None` if it is not such an entry.
pub(crate) fn read_pointer(path: &Path) -> io::Result<Option<OsString>> {
    let metadata = fs::symlink_metadata(path)?;
    if !metadata.is_file() || metadata.len() > MAX_LEN {
        return Ok(None);
    }
    let target = String::from_utf8_lossy(&fs::read(path)?).into_owned();
    let target = Path::new(&target);
    let is_beside = target.parent() == path.parent();
    Ok(target
        .file_name()
        .filter(|_| is_beside)
        .map(OsStr::to_owned))
}
