//! A directory that is being emptied, with its parents up to the root.

use std::collections::BTreeSet;
use std::ffi::{CStr, CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, MutexGuard, OnceLock};

use rustix::fd::OwnedFd;
use rustix::fs::Mode;
use rustix::io::Errno;

use super::rereads::OfDir;
use super::still_open::StillOpen;
use crate::util::sync::Mutex;

/// The maximum number of remaining entries remembered by name. A directory with more is not read
/// again.
const MAX_FAILED: usize = 1024;

/// An open directory of the tree. The thread that finishes the last of its contents removes it.
#[derive(Debug)]
pub(super) struct Node {
    /// `None` for the root.
    pub(super) parent: Option<Arc<Node>>,
    /// Its name in the parent.
    pub(super) name: CString,
    /// The number of directories above it, up to the root.
    pub(super) depth: usize,
    pub(super) fd: OwnedFd,
    /// The number of things that must end before it can be removed: its reading, the directories in
    /// it, and batches of names that other threads process.
    unfinished: AtomicUsize,
    /// Counts how often it was read again because it turned out not to be empty.
    pub(super) rereads: OfDir,
    /// Names in it that the filesystem keeps for open files.
    pub(super) still_open: StillOpen,
    /// Set once tried: `true` if giving its owner all rights to it succeeded.
    repaired: OnceLock<bool>,
    /// Set if its reading failed, and continued with all rights.
    read_on_with_rights: AtomicBool,
    /// Set if something in it remains, and has been recorded.
    failed: AtomicBool,
    /// The names of the entries that remain, which another reading must skip.
    failed_names: Mutex<BTreeSet<CString>>,
    /// Set if its reading came to an end that is only probably the real one.
    unsure: AtomicBool,
    /// Why its reading ended early. That is a failure only if something was left unread.
    unread: OnceLock<Errno>,
}

impl Node {
    /// Creates the node of a directory that is about to be read.
    pub(super) fn new(parent: Option<Arc<Self>>, name: CString, fd: OwnedFd) -> Arc<Self> {
        Arc::new(Self {
            depth: parent.as_ref().map_or(0, |parent| parent.depth + 1),
            parent,
            name,
            fd,
            unfinished: AtomicUsize::new(1),
            rereads: OfDir::new(),
            still_open: StillOpen::default(),
            repaired: OnceLock::new(),
            read_on_with_rights: AtomicBool::new(false),
            failed: AtomicBool::new(false),
            failed_names: Mutex::default(),
            unsure: AtomicBool::new(false),
            unread: OnceLock::new(),
        })
    }

    /// Drops the node and returns its parent. If this was the last reference, moves the parent out
    /// instead of cloning it, so that not many threads count at once in a parent of many.
    pub(super) fn into_parent(self: Arc<Self>) -> Option<Arc<Self>> {
        match Arc::try_unwrap(self) {
            Ok(node) => node.parent,
            Err(shared) => shared.parent.clone(),
        }
    }

    /// Adds to the number of things that must end before it can be removed.
    pub(super) fn begin(&self, things: usize) {
        self.unfinished.fetch_add(things, Ordering::Relaxed);
    }

    /// Notes that one thing has ended. Returns whether it was the last.
    pub(super) fn end(&self) -> bool {
        self.unfinished.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// Records that it remains, and so do all directories above it.
    pub(super) fn mark_failed(&self) {
        let mut node = self;
        while !node.failed.swap(true, Ordering::Relaxed)
            && let Some(parent) = &node.parent
        {
            parent.add_failed(&node.name);
            node = parent;
        }
    }

    /// Records that `name` in it remains, and so do it and all directories above it.
    pub(super) fn mark_failed_entry(&self, name: &CStr) {
        self.add_failed(name);
        self.mark_failed();
    }

    fn add_failed(&self, name: &CStr) {
        let mut names = self.failed_names();
        if names.len() <= MAX_FAILED {
            names.insert(name.to_owned());
        }
    }

    /// Returns whether `name` in it is known to remain.
    pub(super) fn is_failed_entry(&self, name: &CStr) -> bool {
        self.has_failed() && self.failed_names().contains(name)
    }

    /// Returns whether all entries that remain in it are known by name.
    pub(super) fn knows_all_failed(&self) -> bool {
        self.failed_names().len() <= MAX_FAILED
    }

    fn failed_names(&self) -> MutexGuard<'_, BTreeSet<CString>> {
        self.failed_names.lock()
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// Records that its reading came to an end that is only probably the real one.
    pub(super) fn mark_unsure(&self) {
        self.unsure.store(true, Ordering::Relaxed);
    }

    /// Returns whether its reading must continue for certainty, and resets that.
    pub(super) fn take_unsure(&self) -> bool {
        self.unsure.swap(false, Ordering::Relaxed)
    }

    /// Records why its reading ended early, unless a reason is already recorded.
    pub(super) fn mark_unread(&self, error: Errno) {
        _ = self.unread.set(error);
    }

    pub(super) fn unread(&self) -> Option<Errno> {
        self.unread.get().copied()
    }

    /// Gives its owner all rights to it, once; other threads that call this wait. Returns `false`
    /// if it fails.
    pub(super) fn repair(&self) -> bool {
        *self.repaired.get_or_init(|| {
            let granted = rustix::fs::fstat(&self.fd).and_then(|stat| {
                let mode = Mode::from_raw_mode(stat.st_mode) | Mode::RWXU;
                rustix::fs::fchmod(&self.fd, mode)
            });
            granted.is_ok()
        })
    }

    /// Gives its owner all rights to it, if the lack of one may be why its reading failed. Returns
    /// `true` at most once; then the next reading continues from there.
    ///
    /// Some FUSE filesystems open a directory that its owner may not search, and then return an I/O
    /// error when it is read.
    pub(super) fn repair_to_read_on(&self) -> bool {
        let lacks_rights = rustix::fs::fstat(&self.fd)
            .is_ok_and(|stat| !Mode::from_raw_mode(stat.st_mode).contains(Mode::RWXU));
        lacks_rights && !self.read_on_with_rights.swap(true, Ordering::Relaxed) && self.repair()
    }

    /// Returns its path in the tree whose root is at `root`: for a hoisted directory, its path
    /// now.
    pub(super) fn path(&self, root: &Path) -> PathBuf {
        let mut names = Vec::new();
        let mut node = self;
        while let Some(parent) = &node.parent {
            names.push(OsStr::from_bytes(node.name.to_bytes()));
            node = parent;
        }
        let mut path = root.to_path_buf();
        path.extend(names.into_iter().rev());
        path
    }
}
