//! Reads a subtree depth-first on one thread, with a bounded number of its directories open.

use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use rustix::fd::AsFd;
use rustix::fs::{Mode, openat};
use rustix::io::retry_on_intr;

use super::batch::NameBatch;
use super::descriptors::{DescriptorWait, is_out_of_descriptors};
use super::node::Node;
use super::open::FLAGS;
use super::walker::{self, Walk, Walker};
use super::{At, Visitor};
use crate::sys::Identity;

/// The number of directories, up to the current one, that stay open.
const OPEN: usize = 16;

/// A directory of the subtree that has been read.
struct Level<D> {
    name: CString,
    /// `None` while it is suspended, and if it could not be reopened.
    fd: Option<File>,
    /// Known once it has been suspended.
    identity: Option<Identity>,
    dir: D,
    /// The subdirectories that are still to be entered. None if it could not be reopened.
    subdirs: NameBatch,
}

/// The directories from `base` down to the current one.
struct Levels<'w, V: Visitor> {
    walk: &'w Walk<V>,
    base: &'w Node<V::Dir>,
    below: Vec<Level<V::Dir>>,
}

impl<V: Visitor> Walker<'_, V> {
    /// Reads the directory `name` in `base` and everything below it.
    pub(super) fn read_deep(&mut self, base: &Node<V::Dir>, name: CString) {
        let mut levels = Levels {
            walk: self.walk,
            base,
            below: Vec::new(),
        };
        let mut next = Some(name);
        loop {
            if self.visitor.is_cancelled() {
                return;
            }
            match next.take() {
                Some(name) => {
                    if levels.enter(name) {
                        self.read_last(&mut levels);
                    }
                }
                None => levels.leave(),
            }
            match levels.below.last_mut() {
                Some(level) => next = level.subdirs.pop(),
                None => return,
            }
        }
    }

    /// Reads the last of `levels`.
    fn read_last(&mut self, levels: &mut Levels<'_, V>) {
        let visitor = self.visitor;
        let go_on = || match visitor.is_cancelled() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        };
        let (buffer, batch) = (&mut self.buffer, &mut self.batch);
        let subdirs = levels.with_last(|at| {
            let mut subdirs = NameBatch::default();
            let mut visit = |batch: &_| {
                visitor.entries(at, batch, &mut |name| subdirs.push(name));
            };
            let read = walker::read(buffer, batch, &at.fd, go_on, |batch| visit(batch));
            visit(batch);
            batch.clear();
            if let Err(error) = read {
                visitor.failed(at.path, error.into());
            }
            subdirs
        });
        let last = levels.below.last_mut().expect("it has just been entered");
        last.subdirs = subdirs;
    }
}

impl<V: Visitor> Levels<'_, V> {
    /// Opens the directory `name` in the last one, which becomes the last.
    fn enter(&mut self, name: CString) -> bool {
        if let Some(first) = self.below.len().checked_sub(OPEN) {
            self.suspend(first);
        }
        let (walk, visitor) = (self.walk, &*self.walk.visitor);
        let enter = |levels: &Self, descriptors: &DescriptorWait| {
            levels.with_last(|at| walker::enter(visitor, at, &name, descriptors))
        };
        let entered = match enter(self, &DescriptorWait::up_to(0)) {
            Err(error) if is_out_of_descriptors(&error) => {
                // Its own parents may hold the descriptors that it needs.
                (0..self.below.len().saturating_sub(1)).for_each(|level| self.suspend(level));
                enter(self, &walk.descriptors)
            }
            entered => entered,
        };
        match entered {
            Ok(Some((fd, dir))) => {
                self.below.push(Level {
                    name,
                    fd: Some(fd),
                    identity: None,
                    dir,
                    subdirs: NameBatch::default(),
                });
                true
            }
            Ok(None) => false,
            Err(error) => {
                self.with_last(|at| visitor.failed(&|| at.path_of(&name), error));
                false
            }
        }
    }

    /// Closes a directory. One whose identity is unknown stays open.
    fn suspend(&mut self, level: usize) {
        let level = &mut self.below[level];
        if let Some(fd) = &level.fd
            && let Ok(identity) = Identity::of_open(fd)
        {
            level.identity = Some(identity);
            level.fd = None;
            self.walk.visitor.suspend(&mut level.dir);
        }
    }

    /// Leaves the last directory, and reopens the one above it.
    fn leave(&mut self) {
        let Some(last) = self.below.pop() else { return };
        let visitor = &self.walk.visitor;
        if let Some(above) = self.below.last_mut()
            && let Some(identity) = above.identity
            && above.fd.is_none()
        {
            visitor.reopen(&mut above.dir, &last.dir);
            // Otherwise, it was given up with the one below it.
            if let Some(fd) = &last.fd {
                let open = || open_parent(fd, &identity);
                match self.walk.descriptors.wait(open) {
                    Ok(parent) => above.fd = Some(parent),
                    Err(error) => self.lose(error),
                }
            }
        }
        let path = || self.path().join(OsStr::from_bytes(last.name.to_bytes()));
        visitor.leave(&last.dir, &path);
    }

    /// Gives up the last directory, which cannot be reopened, and with it all that are suspended.
    fn lose(&mut self, error: io::Error) {
        let mut lost = false;
        for level in self.below.iter_mut().rev() {
            if level.fd.is_some() {
                break;
            }
            lost |= level.subdirs.pop().is_some();
            level.subdirs = NameBatch::default();
        }
        if lost {
            self.walk.visitor.failed(&|| self.path(), error);
        }
    }

    /// Calls `f` with the last directory as a visitor sees it.
    fn with_last<T>(&self, f: impl FnOnce(&At<'_, V::Dir>) -> T) -> T {
        let Some(last) = self.below.last() else {
            return self.base.with_at(f);
        };
        let fd = last.fd.as_ref().expect("the last one is open");
        f(&At {
            dir: &last.dir,
            fd: fd.as_fd(),
            path: &|| self.path(),
        })
    }

    /// Returns the path of the last directory, relative to the root of the walk.
    fn path(&self) -> PathBuf {
        let mut path = self.base.path();
        let names = self.below.iter().map(|level| level.name.to_bytes());
        path.extend(names.map(OsStr::from_bytes));
        path
    }
}

/// Opens the parent of `dir`, provided that it has this `identity`.
fn open_parent(dir: &File, identity: &Identity) -> io::Result<File> {
    let parent = retry_on_intr(|| openat(dir, c"..", FLAGS, Mode::empty()))?;
    let parent = File::from(parent);
    match Identity::of_open(&parent)? == *identity {
        true => Ok(parent),
        false => Err(io::Error::other(
            "a directory below it was moved while the tree was read",
        )),
    }
}
