//! The owner of a directory, which is dropped, closed, kept or persisted once.

use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::sync::Notify;

use super::descriptor_cache::DescriptorCache;
use super::policy::{Cleanup, End, Policy};
use super::removed::{Ending, EndingCell};
use super::state::{Phase, State};
use super::{OwnedDir, ParentGuard};
use crate::blocking::pending::Pending;
use crate::cleanup::RuntimeQueues;
use crate::reclaim::RootLock;
use crate::sys::{Identity, Process};
use crate::util::sync::Mutex;

/// The right and the duty to remove a directory. Every handle holds one.
pub(crate) struct Owner {
    pub(crate) dir: Arc<OwnedDir>,
    on_drop: OnDrop,
    /// Set while a handle holds it, and the directories around count it as held.
    is_held: bool,
}

/// Determines what dropping an [`Owner`] does.
#[derive(Clone, Copy)]
enum OnDrop {
    /// Applies the policy.
    Policy(Policy),
    /// Removes the directory, even if the handles of directories inside exist.
    Close,
    /// Nothing, because the owner was already used.
    Nothing,
}

impl Owner {
    /// Takes charge of the directory `path`, which was just created as `identity`.
    pub(crate) fn new(
        path: PathBuf,
        identity: Identity,
        queues: Arc<RuntimeQueues>,
        parent: Option<ParentGuard>,
        lock: Option<RootLock>,
    ) -> Self {
        Self {
            dir: Arc::new(OwnedDir {
                path,
                identity,
                process: Process::current(),
                queues,
                state: Mutex::new(State::new()),
                has_had_children: AtomicBool::new(false),
                changed: Notify::new(),
                descriptor: DescriptorCache::default(),
                ending: EndingCell::default(),
                parent,
                lock,
            }),
            on_drop: OnDrop::Policy(Policy::default()),
            is_held: false,
        }
    }

    /// Gives the owner to a handle, and applies `policy` from now on.
    ///
    /// If a creation is cancelled, this is never called, and the directory is removed.
    pub(crate) fn arm(&mut self, policy: Policy) {
        self.on_drop = OnDrop::Policy(policy);
        self.set_held(true);
    }

    /// Sets whether the directories around count the directory as held.
    pub(crate) fn set_held(&mut self, is_held: bool) {
        if self.is_held == is_held {
            return;
        }
        self.is_held = is_held;
        if let Some(parent) = &self.dir.parent {
            parent.dir.count_handle_inside(is_held);
        }
    }

    pub(crate) fn set_cleanup(&mut self, cleanup: Cleanup) {
        if let OnDrop::Policy(policy) = &mut self.on_drop {
            policy.code = cleanup;
        }
    }

    /// Makes the drop remove the directory, regardless of the policy and of what is inside.
    pub(crate) fn force_cleanup(&mut self) {
        self.on_drop = OnDrop::Close;
    }

    /// Returns whether the policy keeps the directory at this end. Announces it, unless the code
    /// keeps it in any case.
    pub(crate) fn should_keep(&self, end: End) -> bool {
        let OnDrop::Policy(policy) = self.on_drop else {
            return false;
        };
        let is_kept = policy.keeps(end);
        if is_kept && policy.announces() {
            let is_inside = self.dir.parent.is_some() && self.dir.retaining_root().is_none();
            announce(&self.dir.path, is_inside);
        }
        is_kept
    }

    /// Gives up the directory, which is kept.
    pub(crate) fn keep(self) -> PathBuf {
        self.record_kept();
        self.release()
    }

    /// Gives up the directory without recording it as kept: it may have been moved.
    pub(super) fn release(mut self) -> PathBuf {
        self.enter(Phase::Kept);
        self.dir.path.clone()
    }

    /// Records that the directory is kept, so that it survives the root of the run that it is in.
    fn record_kept(&self) {
        if let Some(root) = self.dir.retaining_root()
            && !self.dir.is_wrong_process()
        {
            root.record_kept(self.dir.file_name());
        }
    }

    /// Leaves the removal to `remove`, which is called as soon as no operation works in the directory.
    /// From now on, none begins.
    pub(crate) fn close(mut self, remove: impl FnOnce() + Send + 'static) {
        debug_assert!(
            !self.dir.is_wrong_process(),
            "a forked child closes nothing"
        );
        self.enter(Phase::Closed(Some(Box::new(remove))));
    }

    fn enter(&mut self, phase: Phase) {
        if self.dir.is_wrong_process() {
            return self.leave_to_parent();
        }
        self.enter_here(phase);
    }

    /// Like [`enter`](Self::enter), in the process that owns the directory.
    fn enter_here(&mut self, phase: Phase) {
        self.on_drop = OnDrop::Nothing;
        self.set_held(false);
        if let Phase::Kept = phase {
            self.dir.set_ending(|| Ending::Kept);
        }
        let mut state = self.dir.state();
        state.phase = phase;
        self.dir.try_finish(state);
    }

    /// Gives up a forked child's copy, which has no effect.
    pub(super) fn leave_to_parent(&mut self) {
        self.on_drop = OnDrop::Nothing;
        // For the same reason as in `update`.
        mem::forget(Arc::clone(&self.dir));
    }

    /// Waits until nothing changes the directory any more, so that it can be published.
    ///
    /// # Errors
    ///
    /// The handle of a directory inside exists; or this is a forked child, where nothing would ever
    /// end.
    pub(crate) async fn drained(&self) -> io::Result<()> {
        if self.dir.is_wrong_process() {
            return Err(WrongProcess.into());
        }
        self.dir.drained().await
    }
}

/// The error for a forked child that would use, remove or move a directory of its parent.
#[derive(Debug)]
pub(crate) struct WrongProcess;

impl WrongProcess {
    /// Returns the error with a kind other than `Other`.
    pub(crate) fn with_kind(kind: io::ErrorKind) -> io::Error {
        let message = "the directory belongs to the process this one was forked from";
        io::Error::new(kind, message)
    }
}

impl From<WrongProcess> for io::Error {
    fn from(_: WrongProcess) -> Self {
        WrongProcess::with_kind(io::ErrorKind::Other)
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        let phase = match self.on_drop {
            OnDrop::Nothing => return,
            _ if self.dir.is_wrong_process() => return self.leave_to_parent(),
            OnDrop::Close => {
                let (dir, pending) = (Arc::clone(&self.dir), Pending::new());
                Phase::Closed(Some(Box::new(move || dir.remove_in_background(pending))))
            }
            OnDrop::Policy(_) if self.should_keep(end_of_drop()) => {
                self.record_kept();
                if let Some(lock) = &self.dir.lock {
                    lock.remove_lock_file(&self.dir.path, &self.dir.identity);
                }
                Phase::Kept
            }
            OnDrop::Policy(_) => Phase::Dropped(None),
        };
        self.enter_here(phase);
    }
}

fn end_of_drop() -> End {
    match std::thread::panicking() {
        true => End::Panicked,
        false => End::Dropped,
    }
}

/// Prints where a directory is kept because of a policy. Uses `eprint!`, because test runners
/// capture that and show it with the test that failed.
fn announce(path: &Path, is_inside: bool) {
    let until = if is_inside {
        " (until the one that it is in is removed)"
    } else {
        ""
    };
    // One string, so that it is one write, and output of other threads does not come between.
    let line = format!("temporary directory kept: {}{until}\n", path.display());
    // `eprint!` panics if stderr is closed, and a second panic would abort the process.
    let _ = std::panic::catch_unwind(|| eprint!("{line}"));
}
