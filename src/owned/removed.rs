//! Tells how a directory ended, also without its handle.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};

use super::OwnedDir;
use crate::remove::{RemoveError, Removed};
use crate::sys::Process;
use crate::util::sync::Mutex;

/// The end of a directory: the output of [`WaitForRemoval`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending {
    /// The directory was removed, or no longer existed.
    Removed,
    /// The directory, or one that contains it, could not be removed completely.
    #[non_exhaustive]
    NotRemoved {
        /// The number of failures: see [`RemoveError::failed`].
        failed: u64,
        /// The message of the [`RemoveError`], which names the first of them.
        message: String,
    },
    /// The directory was kept, by [`keep`](crate::AsyncTempDir::keep) or a
    /// [policy](crate::Cleanup).
    Kept,
    /// The directory was [persisted](crate::AsyncTempDir::persist), or has
    /// [replaced](crate::AsyncTempDir::replace) another, and is at this path.
    Persisted(PathBuf),
    /// This is a forked child, which does not learn what becomes of its parent's directory.
    WrongProcess,
}

impl Ending {
    fn of(removed: &Result<Removed, RemoveError>) -> Self {
        match removed {
            Ok(_) => Self::Removed,
            Err(error) => Self::NotRemoved {
                failed: error.failed(),
                message: error.to_string(),
            },
        }
    }
}

/// The ending of one directory, once it is known.
#[derive(Default)]
struct Cell(Mutex<CellState>);

#[derive(Default)]
struct CellState {
    ending: Option<Ending>,
    /// The wakers of the futures that wait, by the number of the future.
    wakers: BTreeMap<u64, Waker>,
}

impl Cell {
    fn set(&self, ending: Ending) {
        let mut state = self.0.lock();
        state.ending.get_or_insert(ending);
        let wakers = mem::take(&mut state.wakers);
        drop(state);
        for (_, waker) in wakers {
            // A waker is foreign code and may panic. The others are woken all the same.
            let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
        }
    }

    /// Returns the ending, or has future `number` woken when there is one.
    fn poll(&self, number: u64, waker: &Waker) -> Option<Ending> {
        let waker = waker.clone();
        let mut state = self.0.lock();
        if state.ending.is_some() {
            return state.ending.clone();
        }
        let before = state.wakers.insert(number, waker);
        // A waker is foreign code, and may own another such future.
        drop(state);
        drop(before);
        None
    }

    fn forget(&self, number: u64) {
        let waker = self.0.lock().wakers.remove(&number);
        drop(waker);
    }
}

/// Holds the ending for futures that wait for it. Made when there may be one.
#[derive(Default)]
pub(super) struct EndingCell(OnceLock<Arc<Cell>>);

impl EndingCell {
    fn get(&self) -> Arc<Cell> {
        Arc::clone(self.0.get_or_init(Arc::default))
    }

    /// Sets the ending, unless it is set or nothing can wait for it.
    pub(super) fn set(&self, ending: impl FnOnce() -> Ending) {
        if let Some(cell) = self.0.get() {
            cell.set(ending());
        }
    }
}

impl Drop for EndingCell {
    fn drop(&mut self) {
        // It is set, unless the removal has panicked.
        self.set(|| Ending::NotRemoved {
            failed: 1,
            message: String::from("the removal panicked"),
        });
    }
}

impl OwnedDir {
    /// Records how the removal has ended.
    pub(super) fn set_removed(&self, removed: &Result<Removed, RemoveError>) {
        self.set_ending(|| Ending::of(removed));
    }

    /// Records how the directory has ended.
    pub(super) fn set_ending(&self, ending: impl FnOnce() -> Ending) {
        if self.has_had_children() {
            // The handle of a directory inside may ask later.
            self.ending.get();
        }
        self.ending.set(ending);
    }

    /// Returns a future that waits for the end of the directory.
    pub(crate) fn wait_for_removal(&self) -> WaitForRemoval {
        let is_wrong_process = self.is_wrong_process();
        let cells = match is_wrong_process {
            // Another thread may have been making the cell when this process was forked.
            true => Vec::new(),
            false => [self.ending.get()]
                .into_iter()
                .chain(self.ancestors().map(|dir| dir.ending.get()))
                .collect(),
        };
        WaitForRemoval::new(self.process, cells)
    }
}

/// Waits for the end of one directory; returned by
/// [`AsyncTempDir::removed`](crate::AsyncTempDir::removed).
///
/// It is independent of the handle, needs no runtime, and may be cloned, sent to another thread, and
/// awaited again after its end.
///
/// # Cancel safety
///
/// Dropping the future only ends the wait.
#[must_use = "nothing is waited for until this is awaited"]
pub struct WaitForRemoval {
    /// The process that owns the directory. In a forked child, no lock may be taken: another thread
    /// may have held it during the fork.
    process: Process,
    /// The ending of the directory, then those of the directories that contain it.
    cells: Vec<Arc<Cell>>,
    /// Unique in the process.
    number: u64,
}

impl WaitForRemoval {
    fn new(process: Process, cells: Vec<Arc<Cell>>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self {
            process,
            cells,
            number: NEXT.fetch_add(1, Ordering::Relaxed),
        }
    }

    fn forget(&self) {
        self.cells.iter().for_each(|cell| cell.forget(self.number));
    }
}

impl Future for WaitForRemoval {
    type Output = Ending;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ending> {
        if !self.process.is_current() {
            return Poll::Ready(Ending::WrongProcess);
        }
        for (level, cell) in self.cells.iter().enumerate() {
            match cell.poll(self.number, cx.waker()) {
                // This directory is still to be removed, or has an ending of its own.
                Some(Ending::Kept | Ending::Persisted(_)) if level > 0 => {}
                Some(ending) => {
                    self.forget();
                    return Poll::Ready(ending);
                }
                None => {}
            }
        }
        Poll::Pending
    }
}

impl Clone for WaitForRemoval {
    fn clone(&self) -> Self {
        Self::new(self.process, self.cells.clone())
    }
}

impl Drop for WaitForRemoval {
    fn drop(&mut self) {
        if self.process.is_current() {
            self.forget();
        } else {
            mem::forget(mem::take(&mut self.cells));
        }
    }
}

impl fmt::Debug for WaitForRemoval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitForRemoval").finish_non_exhaustive()
    }
}
