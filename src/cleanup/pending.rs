//! How much there is still to remove, and waiting until it is nothing.

use std::panic::catch_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

static PENDING: AtomicUsize = AtomicUsize::new(0);
static NONE_LEFT: Notify = Notify::const_new();

/// One removal that somebody may wait for with [`idle`]; over when dropped.
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
        if PENDING.fetch_sub(1, Ordering::SeqCst) == 1 {
            // Those are others' wakers; and this may be dropped by a panic.
            let _ = catch_unwind(|| NONE_LEFT.notify_waiters());
        }
    }
}

/// How much is still to be done in the background, in directories.
///
/// Counted are directories whose handle was dropped, until their removal has ended, well or not,
/// and operations whose future was dropped while they were under way (a creation, a write, a
/// [`close`](crate::AsyncTempDir::close)), until they have ended; and a
/// [`TempRoot`](crate::TempRoot)'s search for what the dead left. Not counted is a directory whose
/// handle is gone but which waits for a [child](crate::AsyncTempDir::temp_dir) that somebody still
/// holds.
///
/// The number is a gauge for metrics and for backpressure: a server that drops directories
/// faster than its disk deletes them can wait when it grows too large.
pub fn pending() -> usize {
    PENDING.load(Ordering::SeqCst)
}

/// Waits until nothing is left to remove in the background: until [`pending`] is 0.
///
/// The last line before [`std::process::exit`] (a `main` that returns does not need it), and the
/// line between dropping a directory and expecting it to be gone. What could not be removed does not keep it waiting: see
/// [`failures`](super::failures) and [`set_failure_hook`](super::set_failure_hook).
///
/// It waits for the whole process. While other tasks go on dropping directories it may wait long;
/// to wait for one directory, [`close`](crate::AsyncTempDir::close) that one.
///
/// # Cancel safety
///
/// Dropping the future ends the waiting and nothing else.
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
    loop {
        let none_left = NONE_LEFT.notified();
        // `notify_waiters` reaches every `Notified` made before it is called, polled or not, so
        // looking now cannot miss the moment.
        if pending() == 0 {
            return;
        }
        none_left.await;
    }
}
