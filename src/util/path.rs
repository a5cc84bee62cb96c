//! Makes paths absolute, before the current directory changes.

use std::io;
use std::path::{Path, PathBuf};

/// Makes the path of a parent directory absolute. As for `tempfile`, an empty one is the current
/// directory: so the parent of a relative file name is.
pub(crate) fn absolute_parent(parent: &Path) -> io::Result<PathBuf> {
    match parent.as_os_str().is_empty() {
        true => std::path::absolute("."),
        false => std::path::absolute(parent),
    }
}

/// Makes the path absolute.
///
/// # Errors
///
/// The path is empty or contains a NUL.
pub(crate) fn absolute_checked(path: &Path) -> io::Result<PathBuf> {
    if path.as_os_str().is_empty() {
        return invalid("the path is empty");
    }
    if path.as_os_str().as_encoded_bytes().contains(&0) {
        return invalid("the path has a NUL");
    }
    std::path::absolute(path)
}

/// Returns the absolute path of the directory entry that `path` names: not of what a symlink of that
/// name leads to.
///
/// # Errors
///
/// The path is empty, contains a NUL, is `/` or `.`, or ends in `..`.
pub(crate) fn resolve_entry(path: &Path) -> io::Result<PathBuf> {
    let absolute = absolute_checked(path)?;
    match (path.file_name(), absolute.parent(), absolute.file_name()) {
        // Joined again without a trailing slash, which would follow a symlink.
        (Some(_), Some(parent), Some(name)) => Ok(parent.join(name)),
        _ => invalid("refusing `/`, `.` or a path that ends in `..`"),
    }
}

fn invalid(message: &'static str) -> io::Result<PathBuf> {
    Err(io::Error::new(io::ErrorKind::InvalidInput, message))
}
