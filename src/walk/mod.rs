//! Reads a tree of directories, relative to open descriptors, with several threads when that pays.
//!
//! The threads process a [list](list) of work: directories to [read](entries) and [batches](batch) of
//! entries for the [`Visitor`]. Each directory is a [`node`] that counts what in it is unfinished, and
//! stays open until that is zero. From [`MAX_DEPTH`] on, a subtree is read by [one thread](deep), which
//! closes the directories above the one that it reads and returns to them through `..`.
//!
//! So neither memory nor the number of descriptors grows with the tree, except for the names of the
//! subdirectories that a directory below that depth still has to enter.
//!
//! No symlink is followed, no mount point entered and nothing changed. Removal uses the parts.

pub(crate) mod batch;
mod deep;
pub(crate) mod descriptors;
pub(crate) mod entries;
pub(crate) mod file;
pub(crate) mod helpers;
pub(crate) mod list;
mod node;
pub(crate) mod open;
#[cfg(test)]
mod tests;
pub(crate) mod threads;
mod walker;

use std::any::Any;
use std::ffi::{CStr, CString, OsStr};
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;

use rustix::fd::BorrowedFd;

use batch::Batch;
use node::Node;
use threads::{Threads, work_off};
use walker::{Walk, Walker};

/// The depth from which on one thread reads a subtree. With four threads, at most some two hundred
/// directories are open at once, and as many that a visitor opens beside them.
const MAX_DEPTH: usize = 32;

/// What a walk finds is told to a visitor, by several threads at once.
///
/// For each directory: [`enter`](Self::enter), then any number of [`entries`](Self::entries), then what
/// is below, in any order, then [`leave`](Self::leave).
pub(crate) trait Visitor: Send + Sync + 'static {
    /// What the visitor keeps for a directory until it is left: the descriptor of its copy, for example.
    type Dir: Send + Sync;

    /// Called with each subdirectory that has been opened, before it is read. `None` skips it.
    fn enter(
        &self,
        parent: &At<'_, Self::Dir>,
        name: &CStr,
        opened: BorrowedFd<'_>,
    ) -> Option<Self::Dir>;

    /// Called with some entries of a directory. Calls `subdir` with each that is to be entered.
    ///
    /// A name that turns out not to be a directory when it is entered comes here again, with the kind
    /// `Unknown`.
    fn entries(&self, at: &At<'_, Self::Dir>, entries: &Batch, subdir: &mut dyn FnMut(&CStr));

    /// Like [`entries`](Self::entries), but may end before the last entry if the first ones take long.
    /// Returns the number of those visited, at least one. Other threads get the rest.
    fn some_entries(
        &self,
        at: &At<'_, Self::Dir>,
        entries: &Batch,
        subdir: &mut dyn FnMut(&CStr),
    ) -> usize {
        self.entries(at, entries, subdir);
        entries.len()
    }

    /// Called when everything below a directory has been visited, or has failed. Not after
    /// [`is_cancelled`](Self::is_cancelled) or a panic.
    fn leave(&self, dir: &Self::Dir, path: &dyn Fn() -> PathBuf) {
        let _ = (dir, path);
    }

    /// Called when a directory cannot be entered, or read to its end. The kind is `CrossesDevices` for a
    /// mount point. What has vanished is not a failure.
    fn failed(&self, path: &dyn Fn() -> PathBuf, error: io::Error);

    /// Called with what a method of this trait has panicked with.
    fn panicked(&self, panic: Box<dyn Any + Send>);

    /// Returns whether to stop. Asked for every directory and every batch.
    fn is_cancelled(&self) -> bool;

    /// Called when a directory is closed to be [reopened](Self::reopen) later, so that `dir` holds no
    /// descriptor meanwhile.
    fn suspend(&self, dir: &mut Self::Dir) {
        let _ = dir;
    }

    /// Called before the directory is left, or anything else is done with it, after it was suspended.
    /// `below` is of a subdirectory that is about to be dropped, and is not suspended.
    fn reopen(&self, dir: &mut Self::Dir, below: &Self::Dir) {
        let _ = (dir, below);
    }
}

/// A directory that is being visited.
pub(crate) struct At<'a, D> {
    /// Its descriptor.
    pub(crate) fd: BorrowedFd<'a>,
    /// What the visitor keeps for it.
    #[allow(dead_code, reason = "not every visitor keeps something")]
    pub(crate) dir: &'a D,
    path: &'a dyn Fn() -> PathBuf,
}

impl<D> At<'_, D> {
    /// Puts together the path of an entry, relative to the root of the walk.
    pub(crate) fn path_of(&self, name: &CStr) -> PathBuf {
        (self.path)().join(OsStr::from_bytes(name.to_bytes()))
    }
}

/// Visits everything in the directory `root`, for which the visitor keeps `dir`, and leaves it.
///
/// A helper is requested after `worthwhile` entries, if there are more.
pub(crate) fn tree<V: Visitor>(
    root: File,
    dir: V::Dir,
    visitor: Arc<V>,
    threads: Threads,
    worthwhile: usize,
) {
    let root = Node::new(None, CString::default(), root, dir);
    threads.work(
        worthwhile,
        |helpers| Walk::new(visitor, root, helpers),
        work,
    );
}

fn work<V: Visitor>(walk: &Walk<V>) {
    let step = |walker: &mut Walker<'_, V>, work| walker.run(work);
    work_off(&walk.list, Walker::new(walk), step, |walker, panic| {
        walk.visitor.panicked(panic);
        // A new one, without the state of the old one.
        *walker = Walker::new(walk);
    });
}
