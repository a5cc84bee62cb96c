//! The state of an owned directory: counts what needs it, and starts its removal when nothing does.

use std::io;
use std::iter;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard};

use super::{OwnedDir, WrongProcess};
use crate::blocking::pending::Pending;
use crate::cleanup::RemovalJob;
use crate::remove::Options;
use crate::sys::{self, Identity};

/// The state of a directory. Only one directory's is locked at a time.
pub(super) struct State {
    pub(super) phase: Phase,
    /// Operations at work in it, or in a directory inside.
    operations: usize,
    /// Directories inside that are still to be removed, and running creations of such directories.
    children: usize,
    /// Handles of directories inside, at any depth.
    pub(super) handles: usize,
    /// Directories inside, at any depth, that could not be removed.
    leftovers: Vec<(PathBuf, Identity)>,
}

/// The phase of a directory between its creation and its end.
pub(super) enum Phase {
    /// An owner exists.
    Held,
    /// The owner was dropped. The directory is removed as soon as no operation and no child is left,
    /// and is pending as soon as no child is.
    Dropped(Option<Pending>),
    /// The directory was closed and accepts no more operations. The function removes it, and is
    /// called as soon as none is left. `None` if it is being removed, or has been.
    Closed(Option<Box<dyn FnOnce() + Send>>),
    /// The directory is kept: this crate no longer removes it.
    Kept,
}

impl State {
    pub(super) const fn new() -> Self {
        Self {
            phase: Phase::Held,
            operations: 0,
            children: 0,
            handles: 0,
            leftovers: Vec::new(),
        }
    }
}

impl OwnedDir {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Changes what needs the directory, then starts the removal if it is due.
    ///
    /// Does nothing in a forked child, which removes nothing. A lock that another thread held
    /// during the fork is held forever there, so not even the memory can be released.
    pub(super) fn update(self: &Arc<Self>, change: impl FnOnce(&mut State)) {
        // This runs twice per operation, so it checks only the id. `try_finish` checks the rest.
        if !self.process.has_current_id() {
            return mem::forget(Arc::clone(self));
        }
        let mut state = self.state();
        change(&mut state);
        self.try_finish(state);
    }

    /// Starts the removal if it is due. This process must have the id of the directory's.
    pub(super) fn try_finish(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        let has_operations = state.operations > 0;
        let has_children = state.children > 0;
        match &mut state.phase {
            Phase::Held => {
                drop(state);
                self.changed.notify_waiters();
            }
            Phase::Dropped(pending) if !has_children => {
                let pending = pending.take().unwrap_or_else(Pending::new);
                if has_operations {
                    state.phase = Phase::Dropped(Some(pending));
                } else {
                    state.phase = Phase::Closed(None);
                    drop(state);
                    if self.process.has_current_namespace() {
                        self.remove_in_background(pending);
                    }
                }
            }
            Phase::Closed(remove) if !has_operations => {
                let remove = remove.take();
                drop(state);
                if let Some(remove) = remove
                    && self.process.has_current_namespace()
                {
                    remove();
                }
            }
            Phase::Kept if !has_operations => {
                drop(state);
                // Children may keep this, and with it the descriptor, for long.
                self.descriptor.clear();
            }
            _ => {}
        }
    }

    pub(super) fn remove_in_background(self: &Arc<Self>, pending: Pending) {
        let dir = Arc::clone(self);
        self.queues.push_removal(RemovalJob {
            path: self.path.clone(),
            remove: Box::new(move || dir.remove(Options::default())),
            guard: Box::new(Arc::clone(self)),
            pending,
        });
    }

    /// Waits until no operation works in the directory, and no child is left to be removed. After
    /// that, none can begin that changes something, because the caller owns the handle.
    ///
    /// # Errors
    ///
    /// The handle of a directory inside exists, possibly forever.
    pub(super) async fn drained(&self) -> io::Result<()> {
        loop {
            // `notify_waiters` reaches every `Notified` made before the call, so this check cannot
            // miss a change.
            let changed = self.changed.notified();
            {
                let state = self.state();
                if state.handles > 0 {
                    return Err(io::Error::new(
                        io::ErrorKind::ResourceBusy,
                        "the handle of a directory inside it is still in use",
                    ));
                }
                if state.operations == 0 && state.children == 0 {
                    return Ok(());
                }
            }
            changed.await;
        }
    }

    /// Iterates over the directories of this crate that contain this one, from the inside out.
    pub(super) fn ancestors(&self) -> impl Iterator<Item = &Arc<Self>> {
        iter::successors(self.parent.as_ref(), |around| around.dir.parent.as_ref())
            .map(|around| &around.dir)
    }

    /// Counts a handle inside, or no longer, in this directory and those that contain it.
    pub(super) fn count_handle_inside(self: &Arc<Self>, exists: bool) {
        for dir in iter::once(self).chain(self.ancestors()) {
            dir.update(|state| match exists {
                true => state.handles += 1,
                false => state.handles -= 1,
            });
        }
    }

    /// Returns whether there ever was a child.
    pub(crate) fn has_had_children(&self) -> bool {
        self.has_had_children.load(Ordering::Relaxed)
    }

    /// Returns whether there is a directory inside whose path must not change.
    pub(super) fn has_children(&self) -> bool {
        let state = self.state();
        state.children > 0 || state.handles > 0
    }

    /// Records that the removal of this directory has left something at `path`.
    pub(super) fn record_leftover(&self, path: &Path) {
        // Not for a root, which is never published and may live long.
        for dir in self.ancestors().filter(|dir| dir.lock.is_none()) {
            let leftover = (path.to_path_buf(), self.identity);
            dir.state().leftovers.push(leftover);
        }
    }

    /// Returns a directory inside that could not be removed and still exists.
    pub(super) fn leftover(&self) -> Option<PathBuf> {
        let leftovers = self.state().leftovers.clone();
        let is_there = |(path, identity): &(PathBuf, _)| match sys::check_same_dir(path, identity) {
            Ok(()) => true,
            Err(error) => error.kind() == io::ErrorKind::PermissionDenied,
        };
        let left = leftovers.into_iter().find(is_there);
        left.map(|(path, _)| path)
    }

    /// Registers an operation that works in the directory. Until it ends, neither this directory nor
    /// one that contains it is removed.
    ///
    /// # Errors
    ///
    /// This directory, or one that contains it, is closed; or this is a forked child, whose pool
    /// has no threads.
    pub(crate) fn begin_operation(self: &Arc<Self>) -> io::Result<OperationGuard> {
        if self.is_wrong_process() {
            return Err(WrongProcess.into());
        }
        let is_open = |state: &State| !matches!(state.phase, Phase::Closed(_));
        self.register(is_open).ok_or_else(|| {
            let closed = "it was closed, or a directory around it";
            io::Error::new(io::ErrorKind::NotFound, closed)
        })
    }

    /// Registers an operation that continues the work of another, which has not ended yet.
    pub(crate) fn continue_operation(self: &Arc<Self>) -> Option<OperationGuard> {
        self.register(|_| true)
    }

    /// Registers an operation from the outermost directory inwards, so that operations that are
    /// refused repeatedly do not keep the closed directory.
    fn register(self: &Arc<Self>, is_open: fn(&State) -> bool) -> Option<OperationGuard> {
        let around = match &self.parent {
            Some(guard) => Some(Box::new(guard.dir.register(is_open)?)),
            None => None,
        };
        let mut state = self.state();
        if !is_open(&state) {
            // Before `around` is dropped, which locks the state of the directory around.
            drop(state);
            return None;
        }
        state.operations += 1;
        drop(state);
        Some(OperationGuard {
            dir: Arc::clone(self),
            _around: around,
        })
    }

    /// Registers a directory that lives in this one.
    ///
    /// # Errors
    ///
    /// This is a forked child, where the lock may be held forever.
    pub(crate) fn parent_guard(self: &Arc<Self>) -> Result<ParentGuard, WrongProcess> {
        if self.is_wrong_process() {
            return Err(WrongProcess);
        }
        let mut state = self.state();
        state.children += 1;
        // The lock orders this before the removal, which reads it after the last operation.
        self.has_had_children.store(true, Ordering::Relaxed);
        Ok(ParentGuard {
            dir: Arc::clone(self),
        })
    }
}

/// Keeps a directory while an operation works in it.
pub(crate) struct OperationGuard {
    pub(crate) dir: Arc<OwnedDir>,
    /// The operation's registration in the parent directory, which waits, too. Dropped last.
    _around: Option<Box<OperationGuard>>,
}

impl Drop for OperationGuard {
    fn drop(&mut self) {
        self.dir.update(|state| state.operations -= 1);
    }
}

/// Counts as a handle inside a directory while a builder for a child, or its creation, exists: a
/// persist fails, and does not wait for what may never come.
#[derive(Debug)]
pub(crate) struct Reservation(Arc<OwnedDir>);

impl Reservation {
    fn new(dir: &Arc<OwnedDir>) -> Self {
        dir.count_handle_inside(true);
        Self(Arc::clone(dir))
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.0.count_handle_inside(false);
    }
}

/// Makes a directory the parent of one that is to be created. An error in a forked child.
#[derive(Debug)]
pub(crate) struct Reserved(Result<(Reservation, ParentGuard), WrongProcess>);

impl Reserved {
    pub(crate) fn new(dir: &Arc<OwnedDir>) -> Self {
        let guard = dir.parent_guard();
        Self(guard.map(|guard| (Reservation::new(dir), guard)))
    }

    /// Begins the creation, which is an operation in the parent.
    pub(crate) fn begin(self) -> io::Result<(Reservation, ParentGuard, OperationGuard)> {
        let (reservation, guard) = self.0?;
        let operation = guard.dir.begin_operation()?;
        Ok((reservation, guard, operation))
    }
}

/// The clone is counted like the original.
impl Clone for Reserved {
    fn clone(&self) -> Self {
        match &self.0 {
            Ok((_, guard)) => Self::new(&guard.dir),
            Err(WrongProcess) => Self(Err(WrongProcess)),
        }
    }
}

/// Keeps the parent directory while a child exists.
#[derive(Debug)]
pub(crate) struct ParentGuard {
    pub(crate) dir: Arc<OwnedDir>,
}

impl Drop for ParentGuard {
    fn drop(&mut self) {
        self.dir.update(|state| state.children -= 1);
    }
}
