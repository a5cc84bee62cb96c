//! Opening files, and making what they are to be in.

use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf, is_separator};

use cap_std::fs::{Dir, File, OpenOptions};

use crate::sys;

/// What a file is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    /// Write, from an empty file.
    Truncate,
    /// Write, a file that was not there.
    New,
    /// Write, a file that was not there, for the owner alone.
    Private,
    /// Write at the end.
    Append,
}

impl Access {
    fn options(self) -> OpenOptions {
        let mut options = OpenOptions::new();
        match self {
            Self::Read => options.read(true),
            Self::Truncate => options.write(true).create(true).truncate(true),
            Self::New => options.write(true).create_new(true),
            Self::Private => sys::owner_only(options.write(true).create_new(true)),
            Self::Append => options.append(true).create(true),
        };
        options
    }
}

/// Opens the regular file `path` beneath `dir`; to write it, the directories it is in are made
/// if that is what is missing.
pub(super) fn open(dir: &Dir, path: &Path, access: Access) -> io::Result<File> {
    let options = access.options();
    match access {
        Access::Read => sys::open_regular(dir, path, &options),
        // What is new is regular.
        // No file has such a name: the system says so, and nothing is made.
        _ if ends_in_separator(path) => sys::open_regular(dir, path, &options),
        Access::New | Access::Private => with_parents(dir, path, || dir.open_with(path, &options)),
        Access::Truncate | Access::Append => {
            with_parents(dir, path, || sys::open_regular(dir, path, &options))
        }
    }
}

/// As [`open`], for somebody outside.
pub(super) fn open_to_hand_out(dir: &Dir, path: &Path, access: Access) -> io::Result<File> {
    let file = open(dir, path, access)?;
    sys::hand_out(&file, access == Access::Append)?;
    Ok(file)
}

/// Tries `create`, and once more with the directories made that `path` is in: they mostly exist,
/// and then cost nothing.
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
            // Even if there was nothing to make: somebody else may have been faster.
            create()
        }
        (done, _) => done,
    }
}

/// Makes the directory `path` beneath `dir` and those it is in, unless they exist.
///
/// cap-std's `create_dir_all` would make `new` before it finds that `new/../..` leads out. Here a
/// `..` behind a name that is missing is an error, as in every path that is only resolved, and
/// then nothing is made at all.
pub(super) fn make_dirs(dir: &Dir, path: &Path) -> io::Result<()> {
    // From the whole path up to the first that exists, for mostly only the last is missing.
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
            // Somebody else was faster; or it is a symlink that leads nowhere.
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

/// Whether it ends in `.` or `..`, with or without separators behind it, and so names nothing that
/// could be created.
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

/// Whether it ends as only the path of a directory does.
pub(super) fn ends_in_separator(path: &Path) -> bool {
    let bytes = path.as_os_str().as_encoded_bytes();
    bytes
        .last()
        .is_some_and(|byte| is_separator((*byte).into()))
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
