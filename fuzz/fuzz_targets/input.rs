//! What the bytes of an input mean.
//!
//! An input is a sequence of steps, each with a byte 0xFF behind it. Their first byte says what to
//! do, the second how the rest spells a path. So a mutation in one step leaves the others as they
//! are, and seeds can be written by hand: `lwuk`, for one, links to `../canary`.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

const END: u8 = 0xff;

/// More would say little that is new, at a hop to another thread each.
const MAX_STEPS: usize = 12;

/// Longer than a name may be, and short enough that the system takes the path with the directory's
/// before it.
const MAX_BYTES: usize = 512;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Plants a symlink with the path as its target.
    Link,
    /// Plants a FIFO.
    Fifo,
    Write,
    Read,
    ReadToString,
    Open,
    Create,
    CreateNew,
    Append,
    CreateDir,
    CreateDirAll,
    TryExists,
    Remove,
    Populate,
    WriteStream,
    /// `write_stream`, of a stream that ends in an error.
    FailStream,
    OpenWith,
    /// `rename` and the others with two paths have this one first, or second.
    RenameFrom,
    RenameTo,
    CopyFrom,
    CopyTo,
    HardLinkFrom,
    HardLinkTo,
    /// A symlink with the path as its target.
    SymlinkFrom,
    SymlinkTo,
    Metadata,
    SymlinkMetadata,
    SetPermissions,
    ReadDir,
}

const ACTS: [(u8, Act); 29] = [
    (b'l', Act::Link),
    (b'f', Act::Fifo),
    (b'w', Act::Write),
    (b'r', Act::Read),
    (b'R', Act::ReadToString),
    (b'o', Act::Open),
    (b'c', Act::Create),
    (b'n', Act::CreateNew),
    (b'a', Act::Append),
    (b'd', Act::CreateDir),
    (b'D', Act::CreateDirAll),
    (b'e', Act::TryExists),
    (b'x', Act::Remove),
    (b'p', Act::Populate),
    (b's', Act::WriteStream),
    (b'S', Act::FailStream),
    (b'O', Act::OpenWith),
    (b'm', Act::RenameFrom),
    (b'M', Act::RenameTo),
    (b'y', Act::CopyFrom),
    (b'Y', Act::CopyTo),
    (b'h', Act::HardLinkFrom),
    (b'H', Act::HardLinkTo),
    (b'k', Act::SymlinkFrom),
    (b'K', Act::SymlinkTo),
    (b't', Act::Metadata),
    (b'T', Act::SymlinkMetadata),
    (b'P', Act::SetPermissions),
    (b'q', Act::ReadDir),
];

#[derive(Clone, Copy)]
enum Spelling {
    /// The bytes are the path.
    Text,
    /// Each byte is one of [`WORDS`].
    Words,
    /// The bytes follow the canary's absolute path.
    FromCanary,
    /// The bytes follow the directory's absolute path.
    FromDirectory,
}

const SPELLINGS: [(u8, Spelling); 4] = [
    (b't', Spelling::Text),
    (b'w', Spelling::Words),
    (b'k', Spelling::FromCanary),
    (b'i', Spelling::FromDirectory),
];

/// What leads somewhere: mutations would not find it often enough.
const WORDS: [(u8, &str); 15] = [
    (b'/', ""),
    (b'.', "."),
    (b'u', ".."),
    (b'a', "a"),
    (b'b', "b"),
    (b'c', "c"),
    (b'd', "d"),
    (b'e', "e"),
    (b'f', "f"),
    (b'k', "canary"),
    (b's', "secret"),
    (b'v', "sub"),
    (b'l', "link"),
    (b'K', "../canary"),
    (b'S', "../canary/secret"),
];

/// What `byte` stands for; a byte that is nobody's letter stands for something, too.
fn pick<T: Copy>(from: &[(u8, T)], byte: u8) -> T {
    let named = from.iter().find(|(letter, _)| *letter == byte);
    named.unwrap_or(&from[usize::from(byte) % from.len()]).1
}

pub struct Step<'a> {
    pub act: Act,
    spelling: Spelling,
    bytes: &'a [u8],
}

pub fn steps(data: &[u8]) -> impl Iterator<Item = Step<'_>> {
    data.split(|byte| *byte == END)
        .filter_map(|step| match step {
            [act, spelling, bytes @ ..] => Some(Step {
                act: pick(&ACTS, *act),
                spelling: pick(&SPELLINGS, *spelling),
                bytes: &bytes[..bytes.len().min(MAX_BYTES)],
            }),
            _ => None,
        })
        .take(MAX_STEPS)
}

impl Step<'_> {
    pub fn path(&self, canary: &Path, dir: &Path) -> OsString {
        let after = |path: &Path| [path.as_os_str().as_bytes(), self.bytes].concat();
        OsString::from_vec(match self.spelling {
            Spelling::Text => self.bytes.to_vec(),
            Spelling::Words => {
                let words = self.bytes.iter().map(|byte| pick(&WORDS, *byte));
                words.collect::<Vec<_>>().join("/").into_bytes()
            }
            Spelling::FromCanary => after(canary),
            Spelling::FromDirectory => after(dir),
        })
    }
}
