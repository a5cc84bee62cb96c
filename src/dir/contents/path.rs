//! Checks of a path inside that need only its text.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};

use crate::sys;

/// Returns `path` relative to the directory `root`, if it begins with that. This compares texts: other
/// paths may lead there as well.
pub(super) fn relative<'p>(root: &Path, path: &'p Path) -> Cow<'p, Path> {
    let Ok(rest) = path.strip_prefix(root) else {
        return Cow::Borrowed(path);
    };
    if rest.as_os_str().is_empty() {
        return Cow::Borrowed(Path::new("."));
    }
    // The separators and dots at the end, which `strip_prefix` loses: only a directory's path has
    // them.
    let kept = path.components().as_path().as_os_str().len();
    match str::from_utf8(&path.as_os_str().as_encoded_bytes()[kept..]) {
        Ok(end) if !end.is_empty() => {
            let mut whole = rest.as_os_str().to_owned();
            whole.push(end);
            Cow::Owned(whole.into())
        }
        _ => Cow::Borrowed(rest),
    }
}

/// Refuses paths that cannot be inside, with a better reason than the operating system's.
///
/// Whether a `..` or a symlink leads out shows only on disk, so path resolution beneath the open
/// directory checks that.
pub(super) fn check(path: &Path) -> io::Result<()> {
    let refuse = |kind, message| Err(io::Error::new(kind, message));
    if path.as_os_str().is_empty() {
        return refuse(ErrorKind::InvalidInput, "the path is empty");
    }
    if path.as_os_str().as_encoded_bytes().contains(&0) {
        return refuse(ErrorKind::InvalidInput, "the path has a NUL");
    }
    if let Some(Component::Prefix(_) | Component::RootDir) = path.components().next() {
        return refuse(
            ErrorKind::PermissionDenied,
            "the path leads out of the directory: it is absolute, and begins with another path",
        );
    }
    path.components().try_for_each(|component| match component {
        Component::Normal(name) => sys::check_name(name),
        _ => Ok(()),
    })
}

/// Returns `path` relative to the directory `root`, if it can be inside.
pub(super) fn inside(root: &Path, path: &Path) -> io::Result<PathBuf> {
    let path = relative(root, path);
    check(&path)?;
    Ok(path.into_owned())
}

/// Refuses the target of a symlink that would lead out of a directory from `depth` levels below it.
///
/// This counts names only: a symlink in the target may still lead elsewhere, which shows when the
/// target is used.
pub(super) fn check_target(target: &Path, depth: usize) -> io::Result<()> {
    let up = |depth: usize, component| match component {
        Component::CurDir => Some(depth),
        Component::ParentDir => depth.checked_sub(1),
        Component::Normal(_) => Some(depth + 1),
        Component::Prefix(_) | Component::RootDir => None,
    };
    match target.components().try_fold(depth, up) {
        Some(_) => Ok(()),
        None => Err(io::Error::new(ErrorKind::PermissionDenied, TargetLeadsOut)),
    }
}

#[derive(Debug)]
struct TargetLeadsOut;

impl fmt::Display for TargetLeadsOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the target leads out of the directory: it must be relative to the directory that \
             the symlink is in, and stay inside",
        )
    }
}

impl Error for TargetLeadsOut {}

/// Replaces cap-std's message for a path that leads out by ours.
///
/// It is the only `PermissionDenied` error that cap-std makes itself; the operating system's errors
/// have a code.
pub(super) fn explain(error: io::Error) -> io::Error {
    let is_ours = error
        .get_ref()
        .is_some_and(|inner| inner.is::<TargetLeadsOut>());
    if error.kind() == ErrorKind::PermissionDenied && error.raw_os_error().is_none() && !is_ours {
        io::Error::new(
            ErrorKind::PermissionDenied,
            "the path leads out of the directory",
        )
    } else {
        error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_to_be_relative_and_one_that_a_system_call_takes() {
        for inside in [
            "a", "a/b", "./a", "a/", "a/./b", "..", "a/../b", "ä", "a b", "-",
        ] {
            assert!(check(Path::new(inside)).is_ok(), "{inside}");
        }
        for (path, kind) in [
            ("", ErrorKind::InvalidInput),
            ("a\0b", ErrorKind::InvalidInput),
            ("\0", ErrorKind::InvalidInput),
            ("/", ErrorKind::PermissionDenied),
            ("/a", ErrorKind::PermissionDenied),
            ("//a", ErrorKind::PermissionDenied),
        ] {
            assert_eq!(check(Path::new(path)).unwrap_err().kind(), kind, "{path:?}");
        }
    }

    #[test]
    fn a_target_may_lead_up_as_far_as_the_directory() {
        for (target, depth) in [
            ("a", 0),
            (".", 0),
            ("a/..", 0),
            ("a/../b/./..", 0),
            ("..", 1),
            ("../..", 2),
            ("../a/../../b", 2),
        ] {
            assert!(check_target(Path::new(target), depth).is_ok(), "{target}");
        }
        for (target, depth) in [
            ("..", 0),
            ("a/../..", 0),
            ("../..", 1),
            ("../../a", 1),
            ("../a/../..", 1),
            ("/", 9),
            ("/a", 9),
        ] {
            let error = check_target(Path::new(target), depth).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{target}");
            assert!(explain(error).to_string().contains("the target"));
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_path_that_begins_with_the_directory_is_relative_to_it() {
        let root = Path::new("/tmp/tmpXY");
        for (path, expected) in [
            ("/tmp/tmpXY/a", "a"),
            ("/tmp//tmpXY/a/b", "a/b"),
            ("/tmp/tmpXY/a/", "a/"),
            ("/tmp/tmpXY/a/.", "a/."),
            ("/tmp/tmpXY/a//", "a//"),
            ("/tmp/tmpXY/a/./", "a/./"),
            ("/tmp/tmpXY/a/.//", "a/.//"),
            ("/tmp/tmpXY//./a/./b", "a/./b"),
            ("/tmp/tmpXY/./.", "."),
            ("/tmp/tmpXY/a/..", "a/.."),
            ("/tmp/tmpXY", "."),
            ("/tmp/tmpXY/", "."),
            ("/tmp/tmpXY/.", "."),
            ("/tmp/tmpXY/../x", "../x"),
            // These are elsewhere, or relative already.
            ("/tmp/tmpXYZ/a", "/tmp/tmpXYZ/a"),
            ("/tmp", "/tmp"),
            ("tmp/tmpXY/a", "tmp/tmpXY/a"),
            ("a", "a"),
            ("", ""),
        ] {
            let relative = relative(root, Path::new(path));
            assert_eq!(relative.as_os_str(), expected, "{path}");
        }
    }

    #[cfg(windows)]
    #[test]
    fn a_path_that_begins_with_the_directory_is_relative_to_it() {
        let root = Path::new(r"C:\tmp\tmpXY");
        for (path, expected) in [
            (r"C:\tmp\tmpXY\a", "a"),
            (r"C:/tmp/tmpXY/a/b", "a/b"),
            (r"C:\tmp\tmpXY\a\", r"a\"),
            (r"C:\tmp\tmpXY\a\.", r"a\."),
            (r"C:\tmp\tmpXY", "."),
            (r"C:\tmp\tmpXYZ\a", r"C:\tmp\tmpXYZ\a"),
            (r"\tmp\tmpXY\a", r"\tmp\tmpXY\a"),
        ] {
            let relative = relative(root, Path::new(path));
            assert_eq!(relative.as_os_str(), expected, "{path}");
        }
    }

    #[cfg(windows)]
    #[test]
    fn drives_shares_and_namespaces_are_not_relative() {
        for path in [
            r"C:\a",
            "C:a",
            "C:",
            r"\a",
            r"\\server\share\a",
            r"\\?\C:\a",
            r"\\.\NUL",
            r"\??\C:\a",
        ] {
            let error = check(Path::new(path)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{path}");
        }
        for path in [r"a\NUL", r"NUL\a", "a/b:c", r"a.\b"] {
            let error = check(Path::new(path)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{path}");
        }
    }
}
