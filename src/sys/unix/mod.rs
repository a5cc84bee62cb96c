//! Unix: modes, device and inode numbers, descriptors.

mod identity;
mod lend;
mod lock;
mod metadata;
mod movable;
mod pointer;
mod regular;
mod rename;
mod sync;

pub(crate) use identity::Identity;
use identity::Seen;
pub(crate) use lend::lend_right_to_move;
pub(crate) use lock::{
    create_dirs, create_lock, hold_dir, is_at, is_own, lock_dir, open_lock, open_to_append,
    safe_to_reclaim_in,
};
pub(crate) use metadata::{metadata, set_permissions, symlink_metadata};
pub(crate) use movable::MovableDir;
pub(crate) use pointer::{create_pointer, read_pointer};
pub(crate) use regular::{
    check_name, duplicate, hand_out, irregular, open_regular, outlast_lease, set_mode, symlink,
};
pub(crate) use rename::{exchange, rename_new};
#[cfg(any(test, not(any(target_os = "linux", target_os = "android"))))]
pub(crate) use sync::open_to_sync;
pub(crate) use sync::sync_dir;

use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use rustix::fd::AsFd;
use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;
use rustix::path::Arg;

/// The owner's permissions: read, write, search.
const OWNER: u32 = 0o700;

/// Creates the directory `path`, which must not exist, and returns its identity. Without
/// `permissions`, it is private to the owner.
///
/// The umask clears bits of `permissions`, as with every `mkdir`; but not the owner's, because a
/// directory that its owner cannot enter is useless.
pub(crate) fn create_private_dir(
    path: &Path,
    permissions: Option<&Permissions>,
) -> io::Result<Identity> {
    let wanted = permissions.map_or(OWNER, Permissions::mode) & 0o7777;
    DirBuilder::new().mode(wanted).create(path)?;

    let finish = || {
        let made = Seen::path_uncached(path)?;
        if !made.is_dir() {
            return Err(replaced_at_once());
        }
        let missing = wanted & OWNER & !made.permissions();
        if missing != 0 {
            change_mode(CWD, path, |mode| mode | missing, Some(&made.identity))?;
        }
        Ok(made.identity)
    };
    finish().inspect_err(|_| {
        // The caller will not. If the name refers to something else by now, `rmdir` removes at most
        // an empty directory, and no file or symlink.
        let _ = fs::remove_dir(path);
    })
}

fn replaced_at_once() -> io::Error {
    io::Error::other("the directory was replaced as soon as it was created")
}

/// Opens the directory at `path` for operations relative to it. Refuses a symlink.
pub(crate) fn open_dir(path: &Path) -> io::Result<File> {
    match rustix::fs::open(path, HANDLE, Mode::empty()) {
        Ok(dir) => Ok(dir.into()),
        Err(Errno::NOTDIR | Errno::LOOP) => Err(super::replaced()),
        Err(error) => Err(error.into()),
    }
}

/// The flags for opening a directory for operations relative to it.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) const HANDLE: OFlags = OFlags::PATH // needs no permission on the directory itself
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) const HANDLE: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// Gives the owner of the directory `name` in `parent` all rights to it. Does not follow a symlink
/// of that name.
pub(crate) fn grant_owner(parent: impl AsFd, name: impl Arg) -> io::Result<()> {
    change_mode(parent, name, |mode| mode | OWNER, None)?;
    Ok(())
}

/// Sets the permissions of the directory `path`, which must be the one with this `identity`, and
/// returns those it had.
pub(crate) fn set_dir_permissions(
    path: &Path,
    identity: &Identity,
    permissions: &Permissions,
) -> io::Result<Permissions> {
    let wanted = permissions.mode() & 0o7777;
    let before = change_mode(CWD, path, |_| wanted, Some(identity))?;
    Ok(Permissions::from_mode(before))
}

/// Returns `permissions` with all rights for the owner: equal, if that has them.
pub(crate) fn with_owner_rights(permissions: &Permissions) -> Permissions {
    Permissions::from_mode(permissions.mode() | OWNER)
}

/// Changes the mode of the directory `name` in `parent`, if that is `only`, and returns the one before.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn change_mode(
    parent: impl AsFd,
    name: impl Arg,
    change: impl FnOnce(u32) -> u32,
    only: Option<&Identity>,
) -> io::Result<u32> {
    let dir = File::from(rustix::fs::openat(&parent, name, HANDLE, Mode::empty())?);
    let seen = Seen::open(&dir)?;
    if only.is_none() && seen.identity.dev != Seen::open(parent)?.identity.dev {
        // A mount point: this would change the mode of the mounted directory.
        return Err(Errno::XDEV.into());
    }
    if only.is_some_and(|only| *only != seen.identity) {
        return Err(super::replaced());
    }
    let before = seen.permissions();
    chmod_open(&dir, Permissions::from_mode(change(before)))?;
    Ok(before)
}

/// Sets the permissions of a directory that was opened with [`HANDLE`].
#[cfg(any(target_os = "linux", target_os = "android"))]
fn chmod_open(dir: &File, permissions: Permissions) -> io::Result<()> {
    use std::os::fd::AsRawFd;

    // `fchmod` refuses O_PATH descriptors, and a directory without rights opens as no other kind.
    // The link in /proc leads to the open directory itself, not to a name.
    let link = format!("/proc/self/fd/{}", dir.as_raw_fd());
    fs::set_permissions(link, permissions)
}

/// Sets the permissions of a directory that was opened with [`HANDLE`].
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn chmod_open(dir: &File, permissions: Permissions) -> io::Result<()> {
    dir.set_permissions(permissions)
}

/// Changes the mode of the directory `name` in `parent`, if that is `only`, and returns the one before.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn change_mode(
    parent: impl AsFd,
    name: impl Arg,
    change: impl FnOnce(u32) -> u32,
    only: Option<&Identity>,
) -> io::Result<u32> {
    use rustix::fs::{AtFlags, RawMode};

    let name = name.into_c_str()?;
    let stat = rustix::fs::statat(&parent, &*name, AtFlags::SYMLINK_NOFOLLOW)?;
    #[allow(clippy::unnecessary_cast, reason = "the widths differ between systems")]
    if only.is_some_and(|only| only.ino != stat.st_ino as u64) {
        return Err(super::replaced());
    }
    if only.is_none() && stat.st_dev != rustix::fs::fstat(&parent)?.st_dev {
        // A mount point: this would change the mode of the mounted directory.
        return Err(Errno::XDEV.into());
    }
    // These systems can change the mode of a name without following it. If a symlink is swapped
    // in, its own mode changes, which has no effect.
    let before = u32::from(stat.st_mode & 0o7777);
    let mode = Mode::from_raw_mode(change(before) as RawMode);
    rustix::fs::chmodat(parent, &*name, mode, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(before)
}
