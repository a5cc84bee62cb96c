//! Remembers which ways of copying the filesystems of a copy do not have.

use rustix::fd::BorrowedFd;
use rustix::io::Errno;

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) use linux::Methods;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) use other::Methods;

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    use rustix::io::retry_on_intr;

    /// From this size on, a file is cloned. Below it, `copy_file_range` is faster, and shares the bytes
    /// as well on a filesystem that can.
    const CLONE: u64 = 16 * 1024;

    /// The number of refusals, for reasons that may be those of one file, after which a way is not tried
    /// any more.
    const MAX_REFUSED: u32 = 16;

    /// The number of times that each way was refused.
    #[derive(Debug, Default)]
    pub(in super::super) struct Methods {
        clone: AtomicU32,
        in_kernel: AtomicU32,
    }

    impl Methods {
        /// Makes the new file `to` share the `len` bytes of `source`, if it can.
        pub(in super::super) fn clone(
            &self,
            source: BorrowedFd<'_>,
            to: BorrowedFd<'_>,
            len: u64,
        ) -> bool {
            // Android's system call filters kill a process for some calls.
            if len < CLONE || !may(&self.clone) || cfg!(target_os = "android") {
                return false;
            }
            clone(source, to)
                .inspect_err(|error| refused(&self.clone, *error))
                .is_ok()
        }

        /// Copies at most `len` bytes from where the files are. Returns `None` if it cannot, and an error
        /// if nothing else can either.
        pub(in super::super) fn copy_in_kernel(
            &self,
            source: BorrowedFd<'_>,
            to: BorrowedFd<'_>,
            len: u64,
        ) -> Option<Result<usize, Errno>> {
            if !may(&self.in_kernel) || cfg!(target_os = "android") {
                return None;
            }
            let len = usize::try_from(len).unwrap_or(usize::MAX);
            let copy = || rustix::fs::copy_file_range(source, None, to, None, len);
            match retry_on_intr(copy) {
                Ok(copied) => Some(Ok(copied)),
                Err(error @ (Errno::NOSPC | Errno::DQUOT | Errno::FBIG)) => Some(Err(error)),
                Err(error) => {
                    refused(&self.in_kernel, error);
                    None
                }
            }
        }
    }

    #[cfg(not(any(target_arch = "sparc", target_arch = "sparc64")))]
    fn clone(source: BorrowedFd<'_>, to: BorrowedFd<'_>) -> Result<(), Errno> {
        retry_on_intr(|| rustix::fs::ioctl_ficlone(to, source))
    }

    #[cfg(any(target_arch = "sparc", target_arch = "sparc64"))]
    fn clone(_source: BorrowedFd<'_>, _to: BorrowedFd<'_>) -> Result<(), Errno> {
        Err(Errno::NOTTY)
    }

    fn may(way: &AtomicU32) -> bool {
        way.load(Ordering::Relaxed) < MAX_REFUSED
    }

    fn refused(way: &AtomicU32, error: Errno) {
        let refusals = match error {
            // They do not have it, or not between the two.
            Errno::XDEV | Errno::OPNOTSUPP | Errno::NOTTY | Errno::NOSYS => MAX_REFUSED,
            _ => 1,
        };
        // Two threads that are refused at once may try once more.
        way.store(
            way.load(Ordering::Relaxed).saturating_add(refusals),
            Ordering::Relaxed,
        );
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod other {
    use super::*;

    /// There is no other way than through a buffer.
    #[derive(Debug, Default)]
    pub(in super::super) struct Methods {}

    impl Methods {
        pub(in super::super) fn clone(
            &self,
            _source: BorrowedFd<'_>,
            _to: BorrowedFd<'_>,
            _len: u64,
        ) -> bool {
            false
        }

        pub(in super::super) fn copy_in_kernel(
            &self,
            _source: BorrowedFd<'_>,
            _to: BorrowedFd<'_>,
            _len: u64,
        ) -> Option<Result<usize, Errno>> {
            None
        }
    }
}
