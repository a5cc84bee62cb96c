//! Entries that are neither files, directories nor symlinks.

use std::io;

use rustix::fs::FileType;

/// Returns the error for an entry of this kind, which is never opened.
pub(super) fn refused(kind: FileType) -> io::Error {
    let what = match kind {
        FileType::Fifo => "a FIFO",
        FileType::Socket => "a socket",
        FileType::BlockDevice | FileType::CharacterDevice => "a device",
        _ => "something unknown",
    };
    io::Error::new(
        io::ErrorKind::InvalidInput,
        format!("it is {what}, no regular file"),
    )
}
