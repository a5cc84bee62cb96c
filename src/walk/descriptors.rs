//! Waits for a free file descriptor.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use rustix::io::Errno;

/// The number of tries of a removal, `PAUSE` apart, while there is no free descriptor: two seconds in
/// all, in which other threads may close theirs.
const MAX_TRIES: u32 = 200;
const PAUSE: Duration = Duration::from_millis(10);

/// The tries that a walk has left. After waiting in vain, it does not wait again until it has
/// got a descriptor, so that a tree of a thousand directories does not take a thousand times as
/// long to fail.
#[derive(Debug)]
pub(crate) struct DescriptorWait {
    left: AtomicU32,
    max: u32,
}

impl Default for DescriptorWait {
    fn default() -> Self {
        Self::up_to(MAX_TRIES)
    }
}

impl DescriptorWait {
    /// Limits the number of tries after the first.
    pub(crate) const fn up_to(tries: u32) -> Self {
        Self {
            left: AtomicU32::new(tries),
            max: tries,
        }
    }

    /// Calls `open` until there is a free descriptor, for a bounded time.
    pub(crate) fn wait<T>(&self, mut open: impl FnMut() -> io::Result<T>) -> io::Result<T> {
        loop {
            match open() {
                Err(error) if is_out_of_descriptors(&error) => {
                    let left = self.left.load(Ordering::Relaxed);
                    if left == 0 {
                        return Err(error);
                    }
                    // Two threads that wait at once may wait a little longer.
                    self.left.store(left - 1, Ordering::Relaxed);
                    thread::sleep(PAUSE);
                }
                opened => {
                    self.left.store(self.max, Ordering::Relaxed);
                    return opened;
                }
            }
        }
    }
}

pub(crate) fn is_out_of_descriptors(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::MFILE | Errno::NFILE)
    )
}
