//! A directory's descriptor, kept from one job to the next.

use std::fs::File;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::sys;

/// How many directories of the process keep a descriptor. The first to be worked in do; thousands
/// of directories must not cost thousands of descriptors.
///
/// None do where an open directory can neither be renamed nor removed.
const MAX_KEPT: usize = if sys::DIRS_MAY_STAY_OPEN { 16 } else { 0 };

/// How many do now.
static KEPT: AtomicUsize = AtomicUsize::new(0);

/// Where the descriptor waits for the next job.
///
/// To open a directory and close it again is a third of what a small file costs beyond what
/// `tokio::fs` spends on it; to see that the path still leads to it is not.
#[derive(Debug, Default)]
pub(crate) struct Kept(Mutex<Option<OpenDir>>);

/// An open directory, and the right to keep it.
#[derive(Debug)]
struct OpenDir {
    file: File,
    _seat: Seat,
}

impl Kept {
    /// Takes the descriptor out, if it is there.
    pub(crate) fn take(&self) -> Option<File> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        kept.map(|dir| dir.file)
    }

    /// Keeps `file` for the next job, or closes it if that would be one too many.
    pub(crate) fn put(&self, file: File) {
        let Some(seat) = Seat::take() else {
            return;
        };
        let dir = OpenDir { file, _seat: seat };
        let before = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .replace(dir);
        // Another job's, which ended at the same time: closed with the lock released.
        drop(before);
    }
}

/// One of the [`MAX_KEPT`].
#[derive(Debug)]
struct Seat(());

impl Seat {
    fn take() -> Option<Self> {
        KEPT.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |kept| {
            // It never is more, and where none is kept, less is nothing.
            (kept != MAX_KEPT).then_some(kept + 1)
        })
        .ok()
        .map(|_| Self(()))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        KEPT.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(all(test, not(windows)))]
mod tests {
    use super::*;

    #[test]
    fn a_few_descriptors_are_kept_and_no_more() {
        let null = || File::open("/dev/null").unwrap();
        let all: Vec<Kept> = (0..MAX_KEPT + 10).map(|_| Kept::default()).collect();
        for kept in &all {
            kept.put(null());
            kept.put(null());
        }
        let full = all.iter().filter(|kept| kept.take().is_some()).count();
        assert!((1..=MAX_KEPT).contains(&full), "{full}");
        // Those have been given back.
        all[MAX_KEPT + 9].put(null());
        assert!(all[MAX_KEPT + 9].take().is_some());
    }
}
