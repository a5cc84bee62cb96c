//! Keeps a directory's descriptor from one job to the next.

use std::fs::File;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::sys;

/// The maximum number of directories in the process that keep a descriptor: the first ones used, so
/// that thousands of directories do not cost thousands of descriptors.
///
/// It is 0 where an open directory can neither be renamed nor removed.
const MAX_KEPT: usize = if sys::DIRS_MAY_STAY_OPEN { 16 } else { 0 };

/// The number of directories that keep a descriptor now.
static KEPT: AtomicUsize = AtomicUsize::new(0);

/// The place of the descriptor between two jobs.
///
/// Opening and closing the directory is a third of what writing a small file costs more than with
/// `tokio::fs`; checking that the path still leads to the directory costs less.
#[derive(Debug, Default)]
pub(crate) struct Kept(Mutex<Option<OpenDir>>);

/// An open directory and the permit to keep it.
#[derive(Debug)]
struct OpenDir {
    file: File,
    _seat: Seat,
}

impl Kept {
    /// Takes the descriptor, if it is there.
    pub(crate) fn take(&self) -> Option<File> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        kept.map(|dir| dir.file)
    }

    /// Keeps `file` for the next job, or closes it if too many are kept.
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
        // The descriptor of a job that ended at the same time, closed after the lock is released.
        drop(before);
    }
}

/// A permit for one of [`MAX_KEPT`] descriptors.
#[derive(Debug)]
struct Seat(());

impl Seat {
    fn take() -> Option<Self> {
        KEPT.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |kept| {
            // Not `<`, which never holds where the maximum is 0; it is never exceeded.
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
