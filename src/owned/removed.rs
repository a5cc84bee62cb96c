//! Tells how a directory ended, also without its handle.

use std::fmt;
use std::future::{Future, pending};
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use futures::future::select_all;
use tokio::sync::Notify;
use tokio::task::unconstrained;

use super::OwnedDir;
use crate::remove::{RemoveError, Removed};
use crate::sys::Process;

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
    /// The directory was [persisted](crate::AsyncTempDir::persist), and is at this path.
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
///
/// Not Tokio's `SetOnce`, with which a [`Builder`](crate::Builder) would not be unwind safe.
#[derive(Default)]
struct Cell {
    ending: OnceLock<Ending>,
    is_set: Notify,
}

impl Cell {
    fn set(&self, ending: Ending) {
        if self.ending.set(ending).is_ok() {
            self.is_set.notify_waiters();
        }
    }

    async fn wait(&self) -> Ending {
        loop {
            // `notify_waiters` reaches every `Notified` made before the call.
            let is_set = self.is_set.notified();
            if let Some(ending) = self.ending.get() {
                return ending.clone();
            }
            is_set.await;
        }
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
            // A waker is foreign code and may panic.
            let _ = catch_unwind(AssertUnwindSafe(|| cell.set(ending())));
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
        if self.has_had_children() {
            // The handle of a directory inside may ask later.
            self.ending.get();
        }
        self.ending.set(|| Ending::of(removed));
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
        WaitForRemoval {
            process: self.process,
            cells,
            waiting: None,
        }
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
    waiting: Option<Pin<Box<dyn Future<Output = Ending> + Send + Sync>>>,
}

async fn wait(cells: Vec<Arc<Cell>>) -> Ending {
    let waits = cells.into_iter().enumerate().map(|(level, cell)| {
        Box::pin(async move {
            let ending = cell.wait().await;
            if level > 0 && matches!(ending, Ending::Kept | Ending::Persisted(_)) {
                // This directory is still to be removed, or has an ending of its own.
                pending::<()>().await;
            }
            ending
        })
    });
    // The first that is ready: its own, if that is.
    select_all(waits).await.0
}

impl Future for WaitForRemoval {
    type Output = Ending;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ending> {
        if !self.process.is_current() {
            return Poll::Ready(Ending::WrongProcess);
        }
        let this = &mut *self;
        // Unconstrained, because the caller may be in an executor other than Tokio's.
        let waiting = this
            .waiting
            .get_or_insert_with(|| Box::pin(unconstrained(wait(this.cells.clone()))));
        let ending = ready!(waiting.as_mut().poll(cx));
        this.waiting = None;
        Poll::Ready(ending)
    }
}

impl Clone for WaitForRemoval {
    fn clone(&self) -> Self {
        Self {
            process: self.process,
            cells: self.cells.clone(),
            waiting: None,
        }
    }
}

impl Drop for WaitForRemoval {
    fn drop(&mut self) {
        if !self.process.is_current() {
            mem::forget((self.waiting.take(), mem::take(&mut self.cells)));
        }
    }
}

impl fmt::Debug for WaitForRemoval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitForRemoval").finish_non_exhaustive()
    }
}
