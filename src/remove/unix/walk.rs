//! The state that all threads of a removal share, and the pieces of work that they exchange.

use std::collections::BTreeSet;
use std::ffi::{CStr, CString, OsStr};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, MutexGuard};

use rustix::fd::OwnedFd;

use super::node::Node;
use super::rereads::Rereads;
use crate::remove::patience::Patience;
use crate::remove::recorder::Recorder;
use crate::remove::{Last, Spared};
use crate::util::sync::Mutex;
use crate::walk::batch::NameBatch;
use crate::walk::descriptors::DescriptorWait;
use crate::walk::helpers::Helpers;
use crate::walk::list::List;

/// A piece of work.
#[derive(Debug)]
pub(super) enum Work {
    /// Empties and removes the directory of that name in this one.
    Enter(Arc<Node>, CString),
    /// Continues to read the directory.
    Read(Arc<Node>),
    /// Removes these names, none of which is likely to be that of a directory.
    Unlink(Arc<Node>, NameBatch),
}

/// A removal, as its threads share it.
pub(super) struct Walk {
    pub(super) list: List<Work>,
    pub(super) helpers: Helpers,
    pub(super) recorder: Arc<Recorder>,
    pub(super) root: Arc<Node>,
    /// The parent of the root. Nothing in it changes except the root's own entry.
    pub(super) above: OwnedFd,
    pub(super) descriptors: DescriptorWait,
    pub(super) rereads: Rereads,
    /// The pauses left for open files that the filesystem keeps.
    pub(super) patience: Patience,
    /// Set while every apparent end of a directory was its real end.
    end_shows: AtomicBool,
    /// Names in the root of directories that were hoisted there. Reading the root may find them,
    /// but they are already on the list.
    hoisted: Mutex<BTreeSet<CString>>,
}

impl Walk {
    pub(super) fn new(
        above: OwnedFd,
        root: Arc<Node>,
        recorder: Arc<Recorder>,
        helpers: Helpers,
    ) -> Self {
        Self {
            list: List::new(Work::Read(Arc::clone(&root))),
            helpers,
            recorder,
            root,
            above,
            descriptors: DescriptorWait::default(),
            rereads: Rereads::default(),
            patience: Patience::default(),
            end_shows: AtomicBool::new(true),
            hoisted: Mutex::default(),
        }
    }

    pub(super) fn hoisted(&self) -> MutexGuard<'_, BTreeSet<CString>> {
        self.hoisted.lock()
    }

    /// Returns whether an apparent end of `dir` may be taken for its real end. Not if it contains a
    /// file that stays, at least until nothing else is left.
    pub(super) fn may_guess_end_of(&self, dir: &Node) -> bool {
        let is_special = self.last().is_some() || self.spared().is_some();
        self.end_shows.load(Ordering::Relaxed) && !(dir.parent.is_none() && is_special)
    }

    /// Records that an apparent end was not the real one, so that it is no longer trusted.
    pub(super) fn end_does_not_show(&self) {
        self.end_shows.store(false, Ordering::Relaxed);
    }

    /// Returns the file to be removed from the root when nothing else is left in it.
    pub(super) fn last(&self) -> Option<&Last> {
        self.recorder.options().last.as_ref()
    }

    /// Returns the entries of the root that stay, and with them the root.
    pub(super) fn spared(&self) -> Option<&Spared> {
        self.recorder.options().spared.as_deref()
    }

    /// Returns whether `name` in `dir` is not removed with the others.
    pub(super) fn is_special(&self, dir: &Node, name: &CStr) -> bool {
        let is_last = || self.last().is_some_and(|last| last.name == name);
        let is_spared = || {
            self.spared()
                .is_some_and(|spared| spared.contains(name.to_bytes()))
        };
        dir.parent.is_none() && (is_last() || is_spared())
    }

    /// Records that `name` in `dir` remains.
    pub(super) fn fail(&self, dir: &Node, name: &CStr, error: impl Into<io::Error>) {
        let path = || self.path(dir).join(OsStr::from_bytes(name.to_bytes()));
        dir.mark_failed_entry(name);
        self.recorder.failed(path, error);
    }

    /// Records that `dir` remains.
    pub(super) fn fail_dir(&self, dir: &Node, error: impl Into<io::Error>) {
        dir.mark_failed();
        self.recorder.failed(|| self.path(dir), error);
    }

    pub(super) fn path(&self, dir: &Node) -> PathBuf {
        dir.path(self.recorder.path())
    }
}
