//! What may be the path of something inside, as far as its text alone can tell.

use std::io::{self, ErrorKind};
use std::path::{Component, Path};

/// Refuses what cannot be a path inside, with a better reason than the system would give.
///
/// Whether a `..` or a symlink leads out shows only on disk: that is left to the resolution
/// beneath the open directory.
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
            "the path is not relative to the directory, and so leads out of it",
        );
    }
    if cfg!(windows) {
        for name in path.iter().filter(|name| *name != "." && *name != "..") {
            // What is no Unicode has none of the characters that matter.
            if let Some(reason) = windows_refuses(&name.to_string_lossy()) {
                return Err(io::Error::new(
                    ErrorKind::InvalidInput,
                    format!("Windows has no file {name:?}: {reason}"),
                ));
            }
        }
    }
    Ok(())
}

/// Replaces cap-std's word for a path that leads out by ours.
///
/// That is the only error of kind `PermissionDenied` that it makes itself; the system's have a
/// number.
pub(super) fn explain(error: io::Error) -> io::Error {
    if error.kind() == ErrorKind::PermissionDenied && error.raw_os_error().is_none() {
        io::Error::new(
            ErrorKind::PermissionDenied,
            "the path leads out of the directory",
        )
    } else {
        error
    }
}

/// Why `name` would not become a file of that name on Windows.
///
/// Given to the kernel relative to an open directory, as cap-std does, most of these work after a
/// fashion: a colon writes an alternate data stream of another file, and a dot at the end makes a
/// file that most programs cannot name and so not delete. From "Naming Files, Paths, and
/// Namespaces" in Microsoft's documentation of Win32.
fn windows_refuses(name: &str) -> Option<&'static str> {
    if name.contains(':') {
        return Some("a colon names an alternate data stream, or a drive");
    }
    if name.contains(|c: char| c < ' ' || "<>\"|?*/\\".contains(c)) {
        return Some("it has a character that is reserved");
    }
    if name.ends_with(['.', ' ']) {
        return Some("a dot or a space at the end is ignored");
    }
    let stem = name.split('.').next().unwrap_or_default();
    let stem = stem.trim_end_matches(' ').to_ascii_uppercase();
    let reserved = match stem.as_str() {
        "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$" => true,
        // Digits, the superscript ones included.
        numbered => ["COM", "LPT"].iter().any(|device| {
            numbered.strip_prefix(device).is_some_and(|number| {
                let mut chars = number.chars();
                let digit = chars.next();
                chars.next().is_none()
                    && digit.is_some_and(|c| c.is_ascii_digit() || "¹²³".contains(c))
            })
        }),
    };
    reserved.then_some("the name is that of a device")
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

    #[test]
    fn names_that_windows_would_take_for_something_else() {
        for name in [
            "NUL",
            "nul",
            "Nul.txt",
            "nul .txt",
            "con",
            "aux.tar.gz",
            "PRN",
            "COM1",
            "com9.log",
            "com0",
            "LPT¹",
            "lpt3",
            "CONIN$",
            "conout$.x",
            "a:b",
            "a::$DATA",
            "C:",
            "a.",
            "a ",
            "...",
            " ",
            "a\u{1}",
            "a*",
            "a?",
            "<",
            ">",
            "|",
            "\"",
            "a\\b",
        ] {
            assert!(windows_refuses(name).is_some(), "{name:?}");
        }
        for name in [
            "a",
            "a.b",
            ".a",
            "null",
            "nul1",
            "com",
            "com10",
            "coma",
            "lpt",
            "console",
            "a b",
            " a",
            "ä",
            "auxiliary.c",
            "x.con",
            "-",
            "$",
        ] {
            assert_eq!(windows_refuses(name), None, "{name:?}");
        }
    }
}
