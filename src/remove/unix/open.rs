//! Opening a directory of the tree: itself, on this filesystem, and readable.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};
use rustix::path::Arg;

use crate::sys;

/// How often something is tried that needs a descriptor when there is none, `PAUSE` apart: two
/// seconds in all, for others to close theirs.
const MAX_TRIES: u32 = 200;
const PAUSE: Duration = Duration::from_millis(10);

/// What is left of a removal's readiness to wait. Once it has waited in vain it does not wait again
/// until it has got a descriptor: a tree of a thousand directories does not take a thousand times
/// as long to fail.
#[derive(Debug)]
pub(super) struct DescriptorWait(AtomicU32);

impl Default for DescriptorWait {
    fn default() -> Self {
        Self(AtomicU32::new(MAX_TRIES))
    }
}

impl DescriptorWait {
    /// Calls `open` until there is a descriptor for it, for a bounded time.
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

/// What a name turned out to be.
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
/// `CrossesDevices` for a mount point, which is not opened; others from the system.
pub(super) fn dir(parent: impl AsFd, name: impl Arg + Copy) -> io::Result<Opened> {
    let opened = match beneath(parent.as_fd(), name) {
        Err(Errno::ACCESS) => match sys::grant_owner(&parent, name) {
            Ok(()) => beneath(parent.as_fd(), name),
            Err(error) if is_out_of_descriptors(&error) => return Err(error),
            // Not ours to repair: what the open said says more.
            Err(_) => Err(Errno::ACCESS),
        },
        opened => opened,
    };
    match opened {
        Ok(dir) => Ok(Opened::Dir(dir)),
        Err(Errno::NOENT) => Ok(Opened::Gone),
        // What O_NOFOLLOW says to a symlink differs between systems; with O_DIRECTORY, Linux says
        // ENOTDIR, FreeBSD EMLINK, others ELOOP.
        Err(Errno::NOTDIR | Errno::LOOP | Errno::MLINK) => Ok(Opened::NoDirectory),
        Err(Errno::XDEV) => Err(io::Error::new(
            io::ErrorKind::CrossesDevices,
            "a filesystem is mounted here, and is left alone",
        )),
        Err(error) => Err(error.into()),
    }
}

/// Opens `name` unless that leads to another mounted filesystem: then the error is `EXDEV`.
fn beneath(parent: BorrowedFd<'_>, name: impl Arg + Copy) -> Result<OwnedFd, Errno> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Some(opened) = without_crossing(parent, name) {
        return opened;
    }
    let dir = retry_on_intr(|| rustix::fs::openat(parent, name, FLAGS, Mode::empty()))?;
    // Finds every mount but a bind mount of the same filesystem.
    if rustix::fs::fstat(&dir)?.st_dev == rustix::fs::fstat(parent)?.st_dev {
        Ok(dir)
    } else {
        Err(Errno::XDEV)
    }
}

/// Asks the kernel not to cross a mount point. `None` where it cannot be asked: before Linux 5.6,
/// and under filters for system calls that do not know `openat2`.
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
        // Some filters for system calls say so of all that they do not know; but it may also be
        // the filesystem's answer to this call.
        Err(Errno::PERM) => None,
        opened => Some(opened),
    }
}
