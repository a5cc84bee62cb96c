//! Keeps a directory's descriptor from one operation to the next.

use std::fs::File;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::sys;
use crate::util::sync::Mutex;

/// The maximum number of directories in the process that keep a descriptor: the first ones used, so
/// that thousands of directories do not cost thousands of descriptors.
///
/// It is 0 where an open directory can neither be renamed nor removed.
const MAX_CACHED: usize = if sys::DIRS_MAY_STAY_OPEN { 16 } else { 0 };

/// The number of directories that keep a descriptor now.
static CACHED: AtomicUsize = AtomicUsize::new(0);

/// Holds the descriptor between two operations.
///
/// Opening and closing the directory is a third of what writing a small file costs more than with
/// `tokio::fs`; checking that the path still leads to the directory costs less.
#[derive(Default)]
pub(crate) struct DescriptorCache(Mutex<Option<(File, Permit)>>);

impl DescriptorCache {
    /// Takes the descriptor, if it is there.
    pub(crate) fn take(&self) -> Option<File> {
        let cached = self.0.lock().take();
        cached.map(|(file, _permit)| file)
    }

    /// Keeps `file` for the next operation, or closes it if too many are kept.
    pub(crate) fn put(&self, file: File) {
        let Some(permit) = Permit::try_acquire() else {
            return;
        };
        let before = self.0.lock().replace((file, permit));
        // The descriptor of an operation that ended at the same time, closed after the lock is
        // released.
        drop(before);
    }
}

/// A permit for one of [`MAX_CACHED`] descriptors.
///
/// Not Tokio's semaphore, which has a lock: if another thread holds that during a fork, it is held
/// forever in the child.
struct Permit(());

impl Permit {
    fn try_acquire() -> Option<Self> {
        let relaxed = Ordering::Relaxed;
        // Not `<`, which never holds where the maximum is 0; it is never exceeded.
        let take = |cached: usize| (cached != MAX_CACHED).then_some(cached + 1);
        let taken = CACHED.fetch_update(relaxed, relaxed, take);
        taken.ok().map(|_| Self(()))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        CACHED.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(all(test, not(windows)))]
mod tests {
    use super::*;

    #[test]
    fn a_few_descriptors_are_kept_and_no_more() {
        let null = || File::open("/dev/null").unwrap();
        let all: Vec<DescriptorCache> = (0..MAX_CACHED + 10)
            .map(|_| DescriptorCache::default())
            .collect();
        for cache in &all {
            cache.put(null());
            cache.put(null());
        }
        let full = all.iter().filter(|cache| cache.take().is_some()).count();
        assert!((1..=MAX_CACHED).contains(&full), "{full}");
        // Their permits have been returned.
        all[MAX_CACHED + 9].put(null());
        assert!(all[MAX_CACHED + 9].take().is_some());
    }
}
