//! Renames that replace nothing, and those that exchange two entries.

use std::io;
use std::path::Path;

use rustix::fd::BorrowedFd;
use rustix::fs::{AtFlags, CWD, renameat, statat};
use rustix::io::Errno;

/// Renames `from` to `to`, where nothing may be.
///
/// Where the system or the filesystem cannot check that, an empty directory at `to` is replaced.
pub(crate) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match with_flags((CWD, from), (CWD, to), Flag::NoReplace) {
        Err(error) if error.kind() == io::ErrorKind::Unsupported => std::fs::rename(from, to),
        renamed => renamed,
    }
}

/// Like [`rename_new`], relative to open directories, for anything: a file is not replaced, unless
/// it appears meanwhile.
pub(super) fn rename_new_at(from: At<'_>, to: At<'_>) -> io::Result<()> {
    match with_flags(from, to, Flag::NoReplace) {
        Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
        renamed => return renamed,
    }
    match statat(to.0, to.1, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => Ok(renameat(from.0, from.1, to.0, to.1)?),
        Ok(_) => Err(Errno::EXIST.into()),
        Err(error) => Err(error.into()),
    }
}

/// A path and the directory that it is relative to.
type At<'a> = (BorrowedFd<'a>, &'a Path);

/// Exchanges the entries `a` and `b`, atomically.
///
/// # Errors
///
/// `Unsupported` if the system or the filesystem cannot do that; also if one contains the other.
pub(crate) fn exchange(a: &Path, b: &Path) -> io::Result<()> {
    with_flags((CWD, a), (CWD, b), Flag::Exchange)
}

enum Flag {
    NoReplace,
    Exchange,
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn with_flags(from: At<'_>, to: At<'_>, flag: Flag) -> io::Result<()> {
    use rustix::fs::{RenameFlags, renameat_with};

    let flags = match flag {
        Flag::NoReplace => RenameFlags::NOREPLACE,
        Flag::Exchange => RenameFlags::EXCHANGE,
    };
    renameat_with(from.0, from.1, to.0, to.1, flags).map_err(|error| {
        let refusals = [Errno::INVAL, Errno::NOSYS, Errno::NOTSUP, Errno::OPNOTSUPP];
        match refusals.contains(&error) {
            true => io::Error::new(io::ErrorKind::Unsupported, io::Error::from(error)),
            false => error.into(),
        }
    })
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn with_flags(_from: At<'_>, _to: At<'_>, flag: Flag) -> io::Result<()> {
    // Named, so that these systems need no other definition.
    match flag {
        Flag::NoReplace | Flag::Exchange => Err(io::ErrorKind::Unsupported.into()),
    }
}
