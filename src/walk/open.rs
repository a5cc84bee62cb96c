//! Opens a directory of the tree.
//!
//! This follows no symlink and does not leave the filesystem.

use std::io;

use rustix::fd::{BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};
use rustix::path::Arg;

/// The result of opening a name.
pub(crate) enum Opened {
    Dir(OwnedFd),
    /// A file, or a symlink.
    NoDirectory,
    Gone,
}

/// The flags for opening a directory to be read.
pub(crate) const FLAGS: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

impl Opened {
    /// Tells what the result of [`beneath`] means.
    ///
    /// # Errors
    ///
    /// `CrossesDevices` for a mount point, which is not opened; any other error of the system.
    pub(crate) fn new(opened: Result<OwnedFd, Errno>) -> io::Result<Self> {
        match opened {
            Ok(dir) => Ok(Self::Dir(dir)),
            Err(Errno::NOENT) => Ok(Self::Gone),
            // The error of O_NOFOLLOW for a symlink differs between systems; with O_DIRECTORY, it is
            // ENOTDIR on Linux, EMLINK on FreeBSD, ELOOP on others.
            Err(Errno::NOTDIR | Errno::LOOP | Errno::MLINK) => Ok(Self::NoDirectory),
            Err(Errno::XDEV) => Err(io::Error::new(
                io::ErrorKind::CrossesDevices,
                "a filesystem is mounted here, and is left alone",
            )),
            Err(error) => Err(error.into()),
        }
    }
}

/// Opens `name`; fails with `EXDEV` if that leads to another mounted filesystem.
pub(crate) fn beneath(
    parent: BorrowedFd<'_>,
    name: impl Arg + Copy,
    flags: OFlags,
) -> Result<OwnedFd, Errno> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Some(opened) = without_crossing(parent, name, flags) {
        return opened;
    }
    let dir = retry_on_intr(|| rustix::fs::openat(parent, name, flags, Mode::empty()))?;
    // Detects every mount except a bind mount of the same filesystem.
    if rustix::fs::fstat(&dir)?.st_dev == rustix::fs::fstat(parent)?.st_dev {
        Ok(dir)
    } else {
        Err(Errno::XDEV)
    }
}

/// Opens `name` so that the kernel does not cross a mount point. Returns `None` where this is not
/// possible: before Linux 5.6, and under system call filters that do not know `openat2`.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn without_crossing(
    parent: BorrowedFd<'_>,
    name: impl Arg + Copy,
    flags: OFlags,
) -> Option<Result<OwnedFd, Errno>> {
    use rustix::fs::ResolveFlags;
    use std::sync::atomic::{AtomicBool, Ordering};

    static MISSING: AtomicBool = AtomicBool::new(cfg!(target_os = "android"));
    if MISSING.load(Ordering::Relaxed) {
        return None;
    }
    let open = || rustix::fs::openat2(parent, name, flags, Mode::empty(), ResolveFlags::NO_XDEV);
    match retry_on_intr(open) {
        Err(Errno::NOSYS) => {
            MISSING.store(true, Ordering::Relaxed);
            None
        }
        // Some system call filters return this for every unknown call, but it may also be the
        // filesystem's error for this one.
        Err(Errno::PERM) => None,
        opened => Some(opened),
    }
}
