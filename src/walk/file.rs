//! Opens an entry that its directory lists as a regular file.

use std::ffi::CStr;
use std::io;

use rustix::fd::{BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawMode, Stat, fstat, openat, statat};
use rustix::io::{Errno, retry_on_intr};

use crate::sys::outlast_lease;

/// If it is something else by now, opening neither waits nor has an effect.
const FLAGS: OFlags = OFlags::RDONLY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// The result of opening a name.
#[allow(clippy::large_enum_variant, reason = "it is taken apart at once")]
pub(crate) enum OpenedFile {
    File(OwnedFd, Stat),
    /// It is of this kind now.
    Other(FileType),
    Gone,
}

/// Opens the regular file `name` in `parent`. Follows no symlink.
pub(crate) fn open_file(parent: BorrowedFd<'_>, name: &CStr) -> io::Result<OpenedFile> {
    let open = || retry_on_intr(|| openat(parent, name, FLAGS, Mode::empty()));
    let error = match outlast_lease(|| Ok(open()?)) {
        Ok(file) => {
            let stat = fstat(&file)?;
            return Ok(match kind(&stat) {
                FileType::RegularFile => OpenedFile::File(file, stat),
                other => OpenedFile::Other(other),
            });
        }
        Err(error) => error,
    };
    match Errno::from_io_error(&error) {
        Some(Errno::NOENT) => Ok(OpenedFile::Gone),
        Some(Errno::LOOP | Errno::MLINK) => Ok(OpenedFile::Other(FileType::Symlink)),
        // Neither sockets nor devices without a driver can be opened.
        Some(Errno::NXIO | Errno::OPNOTSUPP | Errno::NODEV) => {
            match look(parent, name)?.as_ref().map(kind) {
                // It is a file, on a filesystem that answers so.
                Some(FileType::RegularFile) => Err(error),
                Some(other) => Ok(OpenedFile::Other(other)),
                None => Ok(OpenedFile::Gone),
            }
        }
        _ => Err(error),
    }
}

/// Returns the metadata of `name` in `parent`, if that exists. Follows no symlink.
pub(crate) fn look(parent: BorrowedFd<'_>, name: &CStr) -> io::Result<Option<Stat>> {
    match retry_on_intr(|| statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)) {
        Ok(stat) => Ok(Some(stat)),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Returns what kind of file this is.
pub(crate) fn kind(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode as RawMode)
}

/// Returns a mode in a type that is the same on every system.
#[allow(
    clippy::useless_conversion,
    reason = "the widths differ between systems"
)]
pub(crate) fn raw(mode: RawMode) -> u32 {
    u32::from(mode)
}
