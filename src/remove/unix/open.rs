//! Opens a directory of the tree, with the rights to read it.
//!
//! This follows no symlink and does not leave the filesystem.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};
use rustix::path::Arg;

use crate::sys;

/// The number of tries, `PAUSE` apart, while there is no free descriptor: two seconds in all, in
/// which other threads may close theirs.
const MAX_TRIES: u32 = 200;
const PAUSE: Duration = Duration::from_millis(10);

/// The tries that a removal has left. After waiting in vain, it does not wait again until it has
/// got a descriptor, so that a tree of a thousand directories does not take a thousand times as
/// long to fail.
#[derive(Debug)]
pub(super) struct DescriptorWait(AtomicU32);

impl Default for DescriptorWait {
    fn default() -> Self {
        Self(AtomicU32::new(MAX_TRIES))
    }
}

impl DescriptorWait {
    /// Calls `open` until there is a free descriptor, for a bounded time.
    pub(super) fn wait<T>(&self, mut open: impl FnMut() -> io::Result<T>) -> io::Result<T> {
        loop {
            match open() {
                Err(error) if is_out_of_descriptors(&error) => {
                    let left = self.0.load(Ordering::Relaxed);
                    if left == 0 {
                        return Err(error);
                    }
                    // Two threads that wait at once may wait a little longer.
                    self.0.store(left - 1, Ordering::Relaxed);
                    thread::sleep(PAUSE);
                }
                opened => {
                    self.0.store(MAX_TRIES, Ordering::Relaxed);
                    return opened;
                }
            }
        }
    }
}

pub(super) fn is_out_of_descriptors(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::MFILE | Errno::NFILE)
    )
}

/// The result of opening a name.
pub(super) enum Opened {
    Dir(OwnedFd),
    /// A file, or a symlink.
    NoDirectory,
    Gone,
}

const FLAGS: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// Opens the directory `name` in `parent`, if necessary after giving its owner all rights to it.
///
/// # Errors
///
/// `CrossesDevices` for a mount point, which is not opened; any other error of the system.
pub(super) fn dir(parent: impl AsFd, name: impl Arg + Copy) -> io::Result<Opened> {
    let opened = match beneath(parent.as_fd(), name) {
        Err(Errno::ACCESS) => match sys::grant_owner(&parent, name) {
            Ok(()) => beneath(parent.as_fd(), name),
            Err(error) if is_out_of_descriptors(&error) => return Err(error),
            // The rights cannot be changed: the error of the open is more helpful.
            Err(_) => Err(Errno::ACCESS),
        },
        opened => opened,
    };
    match opened {
        Ok(dir) => Ok(Opened::Dir(dir)),
        Err(Errno::NOENT) => Ok(Opened::Gone),
        // The error of O_NOFOLLOW for a symlink differs between systems; with O_DIRECTORY, it is
        // ENOTDIR on Linux, EMLINK on FreeBSD, ELOOP on others.
        Err(Errno::NOTDIR | Errno::LOOP | Errno::MLINK) => Ok(Opened::NoDirectory),
        Err(Errno::XDEV) => Err(io::Error::new(
            io::ErrorKind::CrossesDevices,
            "a filesystem is mounted here, and is left alone",
        )),
        Err(error) => Err(error.into()),
    }
}

/// Opens `name`; fails with `EXDEV` if that leads to another mounted filesystem.
fn beneath(parent: BorrowedFd<'_>, name: impl Arg + Copy) -> Result<OwnedFd, Errno> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Some(opened) = without_crossing(parent, name) {
        return opened;
    }
    let dir = retry_on_intr(|| rustix::fs::openat(parent, name, FLAGS, Mode::empty()))?;
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
) -> Option<Result<OwnedFd, Errno>> {
    use rustix::fs::ResolveFlags;
    use std::sync::atomic::{AtomicBool, Ordering};

    static MISSING: AtomicBool = AtomicBool::new(cfg!(target_os = "android"));
    if MISSING.load(Ordering::Relaxed) {
        return None;
    }
    let open = || rustix::fs::openat2(parent, name, FLAGS, Mode::empty(), ResolveFlags::NO_XDEV);
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
