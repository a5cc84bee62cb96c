//! An open directory, with its parents up to the root.

use std::ffi::{CString, OsStr};
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::fd::AsFd;

use super::At;

/// An open directory. The thread that finishes the last of its contents leaves it.
pub(super) struct Node<D> {
    /// `None` for the root.
    pub(super) parent: Option<Arc<Node<D>>>,
    /// Its name in the parent.
    name: CString,
    /// The number of directories above it, up to the root.
    pub(super) depth: usize,
    pub(super) fd: File,
    pub(super) dir: D,
    /// The number of things that must end before it is left: its reading, the directories in it, and
    /// batches of entries that other threads process.
    unfinished: AtomicUsize,
}

impl<D> Node<D> {
    /// Creates the node of a directory that is about to be read.
    pub(super) fn new(parent: Option<Arc<Self>>, name: CString, fd: File, dir: D) -> Arc<Self> {
        Arc::new(Self {
            depth: parent.as_ref().map_or(0, |parent| parent.depth + 1),
            parent,
            name,
            fd,
            dir,
            unfinished: AtomicUsize::new(1),
        })
    }

    /// Calls `f` with the directory as a visitor sees it.
    pub(super) fn with_at<T>(&self, f: impl FnOnce(&At<'_, D>) -> T) -> T {
        f(&At {
            dir: &self.dir,
            fd: self.fd.as_fd(),
            path: &|| self.path(),
        })
    }

    /// Drops the node and returns its parent.
    pub(super) fn into_parent(self: Arc<Self>) -> Option<Arc<Self>> {
        match Arc::try_unwrap(self) {
            Ok(node) => node.parent,
            Err(shared) => shared.parent.clone(),
        }
    }

    /// Adds to the number of things that must end before it is left.
    pub(super) fn begin(&self, things: usize) {
        self.unfinished.fetch_add(things, Ordering::Relaxed);
    }

    /// Notes that one thing has ended. Returns whether it was the last.
    pub(super) fn end(&self) -> bool {
        self.unfinished.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// Returns its path relative to the root.
    pub(super) fn path(&self) -> PathBuf {
        let mut names = Vec::new();
        let mut node = self;
        while let Some(parent) = &node.parent {
            names.push(OsStr::from_bytes(node.name.to_bytes()));
            node = parent;
        }
        names.into_iter().rev().collect()
    }
}
