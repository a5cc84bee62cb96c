//! Metadata, permissions and symlinks beneath an open directory.

use std::ffi::OsStr;
use std::fs::{Metadata, Permissions};
use std::io;
use std::path::Path;

use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};

/// Without this flag, no directory opens.
const BACKUP_SEMANTICS: u32 = 0x0200_0000;
/// With this flag, a link opens as itself.
const OPEN_REPARSE_POINT: u32 = 0x0020_0000;

/// Returns the metadata of `path` beneath `dir`. Follows symlinks, except out of `dir`.
pub(crate) fn metadata(dir: &Dir, _root: &Path, path: &Path) -> io::Result<Metadata> {
    opened(dir, path, BACKUP_SEMANTICS)
}

/// Returns the metadata of the entry `name` in `dir`. Does not follow a symlink.
pub(crate) fn symlink_metadata(dir: &Dir, _root: &Path, name: &OsStr) -> io::Result<Metadata> {
    opened(dir, Path::new(name), BACKUP_SEMANTICS | OPEN_REPARSE_POINT)
}

fn opened(dir: &Dir, path: &Path, flags: u32) -> io::Result<Metadata> {
    let mut options = OpenOptions::new();
    // No access to the contents, so that a file that another process has open is no obstacle.
    options.access_mode(0).custom_flags(flags);
    dir.open_with(path, &options)?.into_std().metadata()
}

/// Sets the permissions of `path` beneath `dir`. Follows symlinks, except out of `dir`.
pub(crate) fn set_permissions(dir: &Dir, path: &Path, permissions: Permissions) -> io::Result<()> {
    // The call itself changes a symlink instead of following it.
    let target = dir.canonicalize(path)?;
    dir.set_permissions(target, cap_std::fs::Permissions::from_std(permissions))
}

/// Creates the symlink `link` beneath `dir`, with `original` as its target. The target decides
/// whether it is one to a directory; a missing target counts as a file.
pub(crate) fn symlink(dir: &Dir, original: &Path, link: &Path) -> io::Result<()> {
    let target = link.parent().unwrap_or(Path::new("")).join(original);
    match dir.metadata(target) {
        Ok(metadata) if metadata.is_dir() => dir.symlink_dir(original, link),
        _ => dir.symlink_file(original, link),
    }
}
