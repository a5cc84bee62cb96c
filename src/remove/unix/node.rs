//! A directory that is being emptied, and its way up to the root.

use std::collections::BTreeSet;
use std::ffi::{CStr, CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::Mode;
use rustix::io::Errno;

use super::kept::Kept;
use super::rereads::OfDir;

/// How many entries that stay are remembered by name. A directory with more is not read again.
const MAX_FAILED: usize = 1024;

/// An open directory of the tree. It is removed by whoever finishes the last of what is in it.
#[derive(Debug)]
pub(super) struct Node {
    /// `None` for the root.
    parent: Option<Arc<Node>>,
    /// In the parent.
    name: CString,
    /// How many directories are above it, up to the root.
    depth: usize,
    fd: OwnedFd,
    /// What has to end before it can be removed: its reading, the directories in it, and batches
    /// of names in other threads' hands.
    unfinished: AtomicUsize,
    /// How often it was read again, not being empty after all.
    pub(super) rereads: OfDir,
    /// Names in it that the filesystem keeps for open files.
    pub(super) kept: Kept,
    /// Its owner has been given all rights to it.
    repaired: OnceLock<bool>,
    /// Its reading failed, and went on with all rights.
    read_on_with_rights: AtomicBool,
    /// Something in it stays, and has been recorded.
    failed: AtomicBool,
    /// The names of that: another reading is to pass them over.
    failed_names: Mutex<BTreeSet<CString>>,
    /// Its reading came to what is only likely to be its end.
    unsure: AtomicBool,
    /// Why its reading ended early. That is a failure only if something was left unread.
    unread: OnceLock<Errno>,
}

impl Node {
    /// A directory that is about to be read.
    pub(super) fn new(parent: Option<Arc<Self>>, name: CString, fd: OwnedFd) -> Arc<Self> {
        Arc::new(Self {
            depth: parent.as_ref().map_or(0, |parent| parent.depth + 1),
            parent,
            name,
            fd,
            unfinished: AtomicUsize::new(1),
            rereads: OfDir::new(),
            kept: Kept::default(),
            repaired: OnceLock::new(),
            read_on_with_rights: AtomicBool::new(false),
            failed: AtomicBool::new(false),
            failed_names: Mutex::default(),
            unsure: AtomicBool::new(false),
            unread: OnceLock::new(),
        })
    }

    pub(super) fn parent(&self) -> Option<&Arc<Self>> {
        self.parent.as_ref()
    }

    /// Lets go of it, and has a hold of its parent. Unless somebody else has it still, that hold is
    /// its own: many threads would else count at once in a parent of many.
    pub(super) fn into_parent(self: Arc<Self>) -> Option<Arc<Self>> {
        match Arc::try_unwrap(self) {
            Ok(node) => node.parent,
            Err(shared) => shared.parent.clone(),
        }
    }

    pub(super) fn name(&self) -> &CString {
        &self.name
    }

    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// As many things more have to end before it can be removed.
    pub(super) fn begin(&self, things: usize) {
        self.unfinished.fetch_add(things, Ordering::Relaxed);
    }

    /// Something has ended. True if it was the last.
    pub(super) fn end(&self) -> bool {
        self.unfinished.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// Records that it stays, and so all above it do.
    pub(super) fn mark_failed(&self) {
        let mut node = self;
        while !node.failed.swap(true, Ordering::Relaxed)
            && let Some(parent) = &node.parent
        {
            parent.add_failed(&node.name);
            node = parent;
        }
    }

    /// Records that `name` in it stays, and so it and all above it do.
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

    /// Whether it is known that `name` in it stays.
    pub(super) fn is_failed_entry(&self, name: &CStr) -> bool {
        self.has_failed() && self.failed_names().contains(name)
    }

    /// Whether all that stays in it is known by name.
    pub(super) fn knows_all_failed(&self) -> bool {
        self.failed_names().len() <= MAX_FAILED
    }

    fn failed_names(&self) -> MutexGuard<'_, BTreeSet<CString>> {
        self.failed_names
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// Its reading came to what is only likely to be its end.
    pub(super) fn mark_unsure(&self) {
        self.unsure.store(true, Ordering::Relaxed);
    }

    /// Whether its reading should go on for certainty, after which it is certain.
    pub(super) fn take_unsure(&self) -> bool {
        self.unsure.swap(false, Ordering::Relaxed)
    }

    /// Keeps why its reading ended early; of several, the first.
    pub(super) fn mark_unread(&self, error: Errno) {
        _ = self.unread.set(error);
    }

    pub(super) fn unread(&self) -> Option<Errno> {
        self.unread.get().copied()
    }

    /// Gives its owner all rights to it, once; whoever else wants that waits for it. False if it
    /// cannot be done.
    pub(super) fn repair(&self) -> bool {
        *self.repaired.get_or_init(|| {
            let granted = rustix::fs::fstat(&self.fd).and_then(|stat| {
                let mode = Mode::from_raw_mode(stat.st_mode) | Mode::RWXU;
                rustix::fs::fchmod(&self.fd, mode)
            });
            granted.is_ok()
        })
    }

    /// Gives its owner all rights to it, if the lack of one may be why its reading failed. True at
    /// most once: then the next reading goes on from there.
    ///
    /// Some FUSE filesystems open a directory that its owner may not search, and answer its reading
    /// with an I/O error.
    pub(super) fn repair_to_read_on(&self) -> bool {
        let lacks_rights = rustix::fs::fstat(&self.fd)
            .is_ok_and(|stat| !Mode::from_raw_mode(stat.st_mode).contains(Mode::RWXU));
        lacks_rights && !self.read_on_with_rights.swap(true, Ordering::Relaxed) && self.repair()
    }

    /// Where it is, in the tree whose root is at `root`. For what was hoisted that is where it lies
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
