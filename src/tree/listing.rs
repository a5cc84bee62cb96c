//! The `Debug` form of a tree: an indented listing.

use std::ffi::OsStr;
use std::fmt::{self, Debug, Display, Write};

use super::entry::{TreeEntry, TreeKind};
use super::quoted::{Quoted, QuotedPath};
use super::value::Tree;

/// The maximum number of bytes of a text that is shown.
const MAX_TEXT: usize = 1024;

/// The maximum number of bytes of any other contents that are shown.
const MAX_BYTES: usize = 32;

impl Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("./")?;
        for entry in self {
            let depth = entry.path().components().count();
            // Not `file_name`: an expected path may end with `..`.
            let name = entry.path().components().next_back();
            let name = name
                .as_ref()
                .map_or(OsStr::new(""), |name| name.as_os_str());
            // Not with a width, which has 16 bits.
            let indentation = "  ".repeat(depth);
            write!(f, "\n{indentation}")?;
            head(f, Quoted(name.as_encoded_bytes()), entry)?;
            match entry.contents() {
                Some(contents) if has_lines(contents) => {
                    f.write_char(':')?;
                    for line in contents.split_inclusive(|byte| *byte == b'\n') {
                        write!(f, "\n{indentation}  {}", Quoted(line))?;
                    }
                }
                _ => write_kind(f, entry.kind())?,
            }
        }
        Ok(())
    }
}

impl Debug for TreeEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        head(f, QuotedPath(self.path()), self)?;
        write_kind(f, self.kind())
    }
}

impl Debug for TreeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dir => f.write_str("Dir"),
            Self::File(contents) => write!(f, "File({})", Shown(contents)),
            Self::Symlink(target) => write!(f, "Symlink({})", QuotedPath(target)),
            Self::Fifo => f.write_str("Fifo"),
            Self::Socket => f.write_str("Socket"),
            Self::BlockDevice => f.write_str("BlockDevice"),
            Self::CharDevice => f.write_str("CharDevice"),
            Self::Other => f.write_str("Other"),
        }
    }
}

/// Writes what follows the name in a listing.
fn write_kind(f: &mut fmt::Formatter<'_>, kind: &TreeKind) -> fmt::Result {
    match kind {
        TreeKind::Dir => f.write_char('/'),
        TreeKind::File(contents) => write!(f, ": {}", Shown(contents)),
        TreeKind::Symlink(target) => write!(f, " -> {}", QuotedPath(target)),
        TreeKind::Fifo => f.write_str(": FIFO"),
        TreeKind::Socket => f.write_str(": socket"),
        TreeKind::BlockDevice => f.write_str(": block device"),
        TreeKind::CharDevice => f.write_str(": character device"),
        TreeKind::Other => f.write_str(": neither a file nor a directory"),
    }
}

fn head(f: &mut fmt::Formatter<'_>, name: impl Display, entry: &TreeEntry) -> fmt::Result {
    name.fmt(f)?;
    match entry.is_executable() {
        true => f.write_str(" (executable)"),
        false => Ok(()),
    }
}

/// The contents of a file, on one line.
struct Shown<'c>(&'c [u8]);

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let contents = self.0;
        if is_short_text(contents) || contents.len() <= MAX_BYTES {
            return Quoted(contents).fmt(f);
        }
        let (len, checksum) = (contents.len(), fnv_1a(contents));
        write!(f, "{len} bytes, FNV-1a {checksum:032x}")
    }
}

/// Returns whether the contents are shown on several lines.
fn has_lines(contents: &[u8]) -> bool {
    let before_last = contents.split_last().map_or(contents, |(_, rest)| rest);
    before_last.contains(&b'\n') && is_short_text(contents)
}

fn is_short_text(contents: &[u8]) -> bool {
    contents.len() <= MAX_TEXT && is_text(contents)
}

/// Returns whether contents are text, which is shown line by line.
pub(super) fn is_text(contents: &[u8]) -> bool {
    let is_binary = |byte: &u8| byte.is_ascii_control() && !b"\t\n\r".contains(byte);
    !contents.iter().any(is_binary) && str::from_utf8(contents).is_ok()
}

/// The FNV-1a hash of 128 bits: enough against accidental collisions, and a few lines.
fn fnv_1a(bytes: &[u8]) -> u128 {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    bytes.iter().fold(BASIS, |hash, byte| {
        (hash ^ u128::from(*byte)).wrapping_mul(PRIME)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_specification() {
        // Landon Curt Noll's test vectors.
        assert_eq!(fnv_1a(b""), 0x6c62272e07bb014262b821756295c58d);
        assert_eq!(fnv_1a(b"a"), 0xd228cb696f1a8caf78912b704e4a8964);
        assert_eq!(fnv_1a(b"foobar"), 0x343e1662793c64bf6f0d3597ba446f18);
    }

    #[test]
    fn control_characters_are_not_text() {
        for text in ["", "a\tb\r\nc", "ä\u{202e}"] {
            assert!(is_text(text.as_bytes()), "{text:?}");
        }
        for binary in [
            &b"\0"[..],
            b"\x0b",
            b"\x0c",
            b"\x0e",
            b"\x1b",
            b"\x7f",
            b"\xff",
        ] {
            assert!(!is_text(binary), "{binary:?}");
        }
    }
}
