//! Keeps a directory's descriptor for its operations.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cap_std::fs::Dir;

use crate::sys;
use crate::util::sync::Mutex;

/// The maximum number of directories in the process that keep a descriptor: the first ones used, so
/// that thousands of directories do not cost thousands of descriptors.
///
/// It is 0 where an open directory can neither be renamed nor removed.
const MAX_CACHED: usize = if sys::DIRS_MAY_STAY_OPEN { 16 } else { 0 };

/// The number of directories that keep a descriptor now.
static CACHED: AtomicUsize = AtomicUsize::new(0);

/// Holds the descriptor, which operations share.
///
/// Opening and closing the directory is a third of what writing a small file costs more than with
/// `tokio::fs`; checking that the path still leads to the directory costs less.
#[derive(Default)]
pub(crate) struct DescriptorCache(Mutex<Option<(Arc<Dir>, Permit)>>);

impl DescriptorCache {
    /// Returns the descriptor, if it is there.
    pub(crate) fn get(&self) -> Option<Arc<Dir>> {
        let cached = self.0.lock();
        cached.as_ref().map(|(dir, _permit)| Arc::clone(dir))
    }

    /// Keeps `dir` for later operations, unless one is kept already, or too many are.
    pub(crate) fn put(&self, dir: &Arc<Dir>) {
        let mut cached = self.0.lock();
        if cached.is_none() {
            *cached = Permit::try_acquire().map(|permit| (Arc::clone(dir), permit));
        }
    }

    /// No longer keeps the descriptor.
    pub(crate) fn clear(&self) {
        let cached = self.0.lock().take();
        // Possibly closed here, after the lock is released.
        drop(cached);
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
        let open = || Dir::open_ambient_dir("/", cap_std::ambient_authority()).unwrap();
        let dir = Arc::new(open());
        let all: Vec<DescriptorCache> = (0..MAX_CACHED + 10)
            .map(|_| DescriptorCache::default())
            .collect();
        for cache in &all {
            cache.put(&dir);
            cache.put(&dir);
        }
        let kept = || all.iter().filter(|cache| cache.get().is_some()).count();
        assert!((1..=MAX_CACHED).contains(&kept()), "{}", kept());
        assert_eq!(Arc::strong_count(&dir), 1 + kept());
        // Their permits are returned.
        all.iter().for_each(DescriptorCache::clear);
        assert_eq!(Arc::strong_count(&dir), 1);
        all[MAX_CACHED + 9].put(&dir);
        assert!(all[MAX_CACHED + 9].get().is_some());
    }
}
