//! Renames that replace nothing, and those that exchange two entries.

use std::io;
use std::path::Path;

/// Renames `from` to `to`, where nothing may be.
///
/// Where the system or the filesystem cannot check that, an empty directory at `to` is replaced.
pub(crate) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match with_flags(from, to, Flag::NoReplace) {
        Err(error) if error.kind() == io::ErrorKind::Unsupported => std::fs::rename(from, to),
        renamed => renamed,
    }
}

/// Exchanges the entries `a` and `b`, atomically.
///
/// # Errors
///
/// `Unsupported` if the system or the filesystem cannot do that; also if one contains the other.
pub(crate) fn exchange(a: &Path, b: &Path) -> io::Result<()> {
    with_flags(a, b, Flag::Exchange)
}

enum Flag {
    NoReplace,
    Exchange,
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn with_flags(from: &Path, to: &Path, flag: Flag) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;

    let flags = match flag {
        Flag::NoReplace => RenameFlags::NOREPLACE,
        Flag::Exchange => RenameFlags::EXCHANGE,
    };
    renameat_with(CWD, from, CWD, to, flags).map_err(|error| {
        let refusals = [Errno::INVAL, Errno::NOSYS, Errno::NOTSUP, Errno::OPNOTSUPP];
        match refusals.contains(&error) {
            true => io::Error::new(io::ErrorKind::Unsupported, io::Error::from(error)),
            false => error.into(),
        }
    })
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn with_flags(_from: &Path, _to: &Path, flag: Flag) -> io::Result<()> {
    // Named, so that these systems need no other definition.
    match flag {
        Flag::NoReplace | Flag::Exchange => Err(io::ErrorKind::Unsupported.into()),
    }
}
