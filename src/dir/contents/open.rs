//! Opening files, and creating missing parents.

use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf, is_separator};

use cap_std::fs::{Dir, File};

use super::open_options::OpenOptions;
use crate::sys;

/// The access with which a file is opened.
#[derive(Clone, Copy, Debug)]
pub(super) enum Access {
    Read,
    /// Write, truncating or creating the file.
    Truncate,
    /// Write to a new file.
    New,
    /// Write to a new file that is private to the owner.
    Private,
    /// Append, creating the file if needed.
    Append,
}

impl Access {
    pub(super) fn options(self) -> OpenOptions {
        let mut options = OpenOptions::new();
        match self {
            Self::Read => options.read(true),
            Self::Truncate => options.write(true).create(true).truncate(true),
            Self::New => options.write(true).create_new(true),
            Self::Private => options.write(true).create_new(true).set_mode(0o600),
            Self::Append => options.append(true).create(true),
        };
        options
    }
}

/// Opens the regular file `path` beneath `dir`; for writing, creates missing parents.
pub(super) fn open(dir: &Dir, path: &Path, access: Access) -> io::Result<File> {
    open_with(dir, path, &access.options())
}

/// Opens the regular file `path` beneath `dir`; if the file may be created, so are its parents.
pub(super) fn open_with(dir: &Dir, path: &Path, options: &OpenOptions) -> io::Result<File> {
    let checked = options.checked()?;
    let open = || {
        // A new file is regular, and needs no check.
        if options.creates_new() && !ends_in_separator(path) {
            dir.open_with(path, &checked)
        } else {
            sys::open_regular(dir, path, &checked)
        }
    };
    // No file has a path that ends in a separator: the operating system returns an error, and nothing
    // is created.
    if options.creates() && !ends_in_separator(path) {
        with_parents(dir, path, open)
    } else {
        open()
    }
}

/// Opens a file like [`open_with`], to be returned to the caller.
pub(super) fn open_to_hand_out(dir: &Dir, path: &Path, options: &OpenOptions) -> io::Result<File> {
    let file = open_with(dir, path, options)?;
    sys::hand_out(&file, options.is_append())?;
    Ok(file)
}

/// Calls `create`; if a parent of `path` is missing, creates the parents and calls it again.
///
/// Parents mostly exist, and then cost nothing.
pub(super) fn with_parents<T>(
    dir: &Dir,
    path: &Path,
    create: impl Fn() -> io::Result<T>,
) -> io::Result<T> {
    match (create(), path.parent()) {
        (Err(error), Some(parent))
            if error.kind() == ErrorKind::NotFound
                && !parent.as_os_str().is_empty()
                && !ends_in_dots(path) =>
        {
            make_dirs(dir, parent)?;
            // Even if none was missing by now: another thread or process may have created them.
            create()
        }
        (done, _) => done,
    }
}

/// Creates the directory `path` beneath `dir` and missing parents, unless they exist.
///
/// cap-std's `create_dir_all` would create `new` before it finds that `new/../..` leads out. Here a
/// `..` after a missing name is an error, as in plain path resolution, and nothing is created.
pub(super) fn make_dirs(dir: &Dir, path: &Path) -> io::Result<()> {
    // From the whole path up to the first that exists: mostly, only the last is missing.
    let mut missing = Vec::<&OsStr>::new();
    let mut above = path;
    let there = loop {
        if above.as_os_str().is_empty() {
            break above;
        }
        match dir.metadata(above) {
            Ok(metadata) if metadata.is_dir() => break above,
            Ok(_) if above == path => return Err(ErrorKind::AlreadyExists.into()),
            Ok(_) => return Err(ErrorKind::NotADirectory.into()),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                match above.components().next_back() {
                    Some(Component::Normal(name)) => missing.push(name),
                    _ => return Err(error),
                }
                above = above.parent().unwrap_or(Path::new(""));
            }
            Err(error) => return Err(error),
        }
    };
    let mut path = PathBuf::from(there);
    for name in missing.into_iter().rev() {
        path.push(name);
        match dir.create_dir(&path) {
            Ok(()) => {}
            // Another thread or process created it, or it is a dangling symlink.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                if !dir.metadata(&path).is_ok_and(|metadata| metadata.is_dir()) {
                    return Err(error);
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Returns whether `path` ends in `.` or `..`, with or without separators after it.
///
/// Such a path names nothing that could be created.
pub(super) fn ends_in_dots(path: &Path) -> bool {
    let mut bytes = path.as_os_str().as_encoded_bytes();
    while let [before @ .., last] = bytes
        && is_separator((*last).into())
    {
        bytes = before;
    }
    path.file_name().is_none()
        || bytes
            .strip_suffix(b".")
            .and_then(<[u8]>::last)
            .is_some_and(|byte| is_separator((*byte).into()))
}

/// Returns whether `path` ends in a separator, as only the path of a directory does.
pub(super) fn ends_in_separator(path: &Path) -> bool {
    let bytes = path.as_os_str().as_encoded_bytes();
    bytes
        .last()
        .is_some_and(|byte| is_separator((*byte).into()))
}

/// Returns whether only a directory can have this path, by what stands after the last name.
pub(super) fn requires_dir(path: &Path) -> bool {
    ends_in_separator(path) || ends_in_dots(path)
}

/// Returns the parent of `path` as a path that can be opened.
pub(super) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_in_dots_names_nothing_new() {
        for path in [
            ".", "..", "a/.", "a/..", "a/./", "a/..//", "a/.//", "./", "../",
        ] {
            assert!(ends_in_dots(Path::new(path)), "{path}");
        }
        for path in [
            "a", "a/", "a.", "a/b.", "./a", "a/./b", "a/.b/", "a/b../", "a//",
        ] {
            assert!(!ends_in_dots(Path::new(path)), "{path}");
        }
    }
}
