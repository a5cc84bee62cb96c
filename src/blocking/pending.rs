//! Counts unfinished background operations, and waits until there are none.

use std::panic::catch_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

static PENDING: AtomicUsize = AtomicUsize::new(0);
static NONE_LEFT: Notify = Notify::const_new();
/// The futures that wait for [`NONE_LEFT`].
static WAITING: AtomicUsize = AtomicUsize::new(0);

/// Counts as one unfinished operation, which [`idle`] waits for, until it is dropped.
#[derive(Debug)]
pub(crate) struct Pending(());

impl Pending {
    pub(crate) fn new() -> Self {
        PENDING.fetch_add(1, Ordering::SeqCst);
        Self(())
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        // Without need, the lock in `NONE_LEFT` is not taken: in a forked child, it may be held forever.
        if PENDING.fetch_sub(1, Ordering::SeqCst) == 1 && WAITING.load(Ordering::SeqCst) > 0 {
            // A waker is foreign code and may panic; this drop may already be part of a panic.
            let _ = catch_unwind(|| NONE_LEFT.notify_waiters());
        }
    }
}

/// Returns the number of unfinished background operations.
///
/// It counts:
///
/// - directories whose handle was dropped, until their removal has succeeded or failed;
/// - operations whose future was dropped while they were running (a creation, a write, a
///   [`close`](crate::AsyncTempDir::close)), until they end;
/// - searches of a [`TempRoot`](crate::TempRoot) for roots of dead processes.
///
/// It does not count a dropped directory as long as the handle of a
/// [child](crate::AsyncTempDir::temp_dir) exists.
///
/// Use it as a gauge for metrics and for backpressure: a server that drops directories faster than
/// its disk deletes them can wait when the number grows too large.
pub fn pending() -> usize {
    PENDING.load(Ordering::SeqCst)
}

/// Waits until all background cleanup has finished, that is, until [`pending`] is 0.
///
/// Await this before [`std::process::exit`] (a `main` that returns does not need it), or before
/// asserting that a dropped directory is gone. It does not wait for
///
/// - handles that still exist, in other tasks for instance, nor for a directory around them;
/// - a [`close`](crate::AsyncTempDir::close) that another task is awaiting: await that task;
/// - removals that have failed: see [`failures`](crate::cleanup::failures) and
///   [`set_failure_hook`](crate::cleanup::set_failure_hook).
///
/// This covers the whole process, and can take long while other tasks keep dropping directories.
/// To wait for one directory, [`close`](crate::AsyncTempDir::close) it, or if other code drops it,
/// await its [`removed`](crate::AsyncTempDir::removed).
///
/// # Cancel safety
///
/// Dropping the future only ends the wait.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// use async_tempdir::{AsyncTempDir, cleanup};
///
/// let dir = AsyncTempDir::new().await?;
/// let path = dir.path().to_path_buf();
/// drop(dir);
/// cleanup::idle().await;
/// assert!(!path.exists());
/// # Ok::<(), std::io::Error>(())
/// # }
/// ```
pub async fn idle() {
    struct Waiting;

    impl Drop for Waiting {
        fn drop(&mut self) {
            WAITING.fetch_sub(1, Ordering::SeqCst);
        }
    }

    // Before the check of `pending`, so that the last operation either sees this or is seen.
    WAITING.fetch_add(1, Ordering::SeqCst);
    let _waiting = Waiting;
    loop {
        let none_left = NONE_LEFT.notified();
        // `notify_waiters` reaches every `Notified` made before the call, polled or not, so this
        // check cannot miss it.
        if pending() == 0 {
            return;
        }
        none_left.await;
    }
}
