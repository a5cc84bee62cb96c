//! One thread's walk through the tree: depth first, without recursion.

use std::collections::HashSet;
use std::ffi::{CStr, CString, OsStr};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fd::{BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, Dir, FileType, Mode};
use rustix::io::{Errno, retry_on_intr};

use super::open::{self, Opened, is_out_of_descriptors};
use crate::name;
use crate::remove::log::Log;
use crate::sys;

/// How many directories are open at the same time. One that lies deeper is *hoisted* first:
/// renamed up to the root of the removal. So neither descriptors nor paths grow with the depth.
const MAX_DEPTH: usize = 64;

/// How often a directory is read again that was not empty after all: somebody is writing in it.
const MAX_REREADS: u32 = 16;

/// How often one name may change between file and directory under our hands.
const MAX_CHANGES: u32 = 16;

/// A directory being emptied.
pub(super) struct Level {
    entries: Dir,
    /// In the level above.
    name: CString,
    rereads: u32,
    /// Its owner has been given all rights to it.
    repaired: bool,
    /// Failures in the whole tree when it was opened: with more, it cannot become empty.
    failures_before: u64,
}

impl Level {
    pub(super) fn new(name: &[u8], dir: OwnedFd, log: &Log<'_>) -> io::Result<Self> {
        Ok(Self {
            name: CString::new(name)?,
            entries: Dir::new(dir)?,
            rereads: 0,
            repaired: false,
            failures_before: log.failures(),
        })
    }

    fn fd(&self) -> BorrowedFd<'_> {
        self.entries
            .fd()
            .expect("an open directory has a descriptor")
    }
}

pub(super) struct Walk<'w, 'l> {
    path: &'w Path,
    /// The directory around the root. Not ours: nothing changes in it but the root's own entry.
    above: OwnedFd,
    /// From the root down to the current one.
    levels: Vec<Level>,
    /// Names in the root of directories that were hoisted there and are still to be emptied.
    hoisted: Vec<CString>,
    /// The same, and those that could not be: the reading of the root may come upon them again.
    fresh: HashSet<CString>,
    log: &'w mut Log<'l>,
}

impl<'w, 'l> Walk<'w, 'l> {
    pub(super) fn new(path: &'w Path, above: OwnedFd, root: Level, log: &'w mut Log<'l>) -> Self {
        Self {
            path,
            above,
            levels: vec![root],
            hoisted: Vec::new(),
            fresh: HashSet::new(),
            log,
        }
    }

    pub(super) fn run(&mut self) {
        while let Some(level) = self.levels.last_mut() {
            match level.entries.next() {
                Some(Ok(entry)) => {
                    let name = entry.file_name();
                    let seen = self.levels.len() == 1 && self.fresh.contains(name);
                    if name != c"." && name != c".." && !seen {
                        let is_dir = entry.file_type() == FileType::Directory;
                        self.remove_entry(name, is_dir);
                    }
                }
                // The iterator ends after an error.
                Some(Err(error)) => self.log.failed(|| path_of(self.path, &self.levels), error),
                None => self.leave(),
            }
        }
    }

    /// Removes what `name` in the current level is, or begins to. `is_dir` is what the directory
    /// said; filesystems that keep no types say no.
    fn remove_entry(&mut self, name: &CStr, mut is_dir: bool) {
        for _ in 0..MAX_CHANGES {
            if is_dir {
                if self.levels.len() >= MAX_DEPTH && self.hoist(name) {
                    return;
                }
                let entered = match self.enter(name) {
                    Err(error) if is_out_of_descriptors(&error) => {
                        if self.hoist(name) {
                            return;
                        }
                        open::patiently(|| self.enter(name))
                    }
                    entered => entered,
                };
                match entered {
                    Ok(true) => return,
                    Ok(false) => is_dir = false,
                    Err(error) => return self.fail(name, error),
                }
            } else {
                match self.unlink(name, AtFlags::empty()) {
                    Ok(()) => return self.log.file_removed(),
                    Err(Errno::NOENT) => return,
                    Err(Errno::ISDIR) => is_dir = true,
                    // What POSIX says of a directory, and Linux of an immutable file.
                    Err(Errno::PERM) if self.is_dir(name) => is_dir = true,
                    Err(error) => return self.fail(name, error),
                }
            }
        }
        self.fail(
            name,
            io::Error::other("it keeps changing between file and directory"),
        );
    }

    /// Makes the directory `name` the current level; false if it is none.
    fn enter(&mut self, name: &CStr) -> io::Result<bool> {
        match open::dir(self.current().fd(), name)? {
            Opened::Dir(dir) => {
                let level = Level::new(name.to_bytes(), dir, self.log)?;
                self.levels.push(level);
                Ok(true)
            }
            // Somebody else was faster.
            Opened::Gone => Ok(true),
            Opened::NoDirectory => Ok(false),
        }
    }

    /// Moves the directory `name` from the current level up into the root, to be removed from
    /// there later. False if it has to be removed where it is.
    fn hoist(&mut self, name: &CStr) -> bool {
        if self.levels.len() < 2 {
            return false;
        }
        let Ok(fresh) = name::random(24) else {
            return false;
        };
        let fresh = CString::new(fresh).expect("random names have no NUL");
        let rename = |walk: &Self| {
            let root = walk.levels[0].fd();
            retry_on_intr(|| rustix::fs::renameat(walk.current().fd(), name, root, &fresh))
        };
        let moved = match rename(self) {
            // Its owner needs the right to write to all three: moving a directory changes its `..`.
            Err(Errno::ACCESS) => {
                let last = self.levels.len() - 1;
                let repaired = self.repair(0)
                    | self.repair(last)
                    | sys::grant_owner(self.current().fd(), name).is_ok();
                if repaired {
                    rename(self)
                } else {
                    Err(Errno::ACCESS)
                }
            }
            moved => moved,
        };
        match moved {
            Ok(()) => {
                self.fresh.insert(fresh.clone());
                self.hoisted.push(fresh);
                true
            }
            Err(error) => error == Errno::NOENT,
        }
    }

    /// The current level has no more entries: removes it, or sees why not.
    fn leave(&mut self) {
        if self.levels.len() == 1
            && let Some(name) = self.hoisted.pop()
        {
            return self.remove_entry(&name, true);
        }
        let Some(mut level) = self.levels.pop() else {
            return;
        };
        let removed = if self.levels.is_empty() {
            retry_on_intr(|| rustix::fs::unlinkat(&self.above, &*level.name, AtFlags::REMOVEDIR))
        } else {
            self.unlink(&level.name, AtFlags::REMOVEDIR)
        };
        match removed {
            Ok(()) => {
                self.fresh.remove(&level.name);
                self.log.dir_removed();
            }
            Err(Errno::NOENT) => {}
            Err(Errno::NOTEMPTY | Errno::EXIST) if self.log.failures() > level.failures_before => {
                // What is in it has been recorded.
            }
            Err(Errno::NOTEMPTY | Errno::EXIST) if level.rereads < MAX_REREADS => {
                level.rereads += 1;
                level.entries.rewind();
                self.levels.push(level);
            }
            Err(error) => {
                self.levels.push(level);
                self.log.failed(|| path_of(self.path, &self.levels), error);
                self.levels.pop();
            }
        }
    }

    /// `unlinkat` in the current level, with the right to do so.
    fn unlink(&mut self, name: &CStr, flags: AtFlags) -> Result<(), Errno> {
        let unlink =
            |walk: &Self| retry_on_intr(|| rustix::fs::unlinkat(walk.current().fd(), name, flags));
        match unlink(self) {
            Err(Errno::ACCESS) if self.repair(self.levels.len() - 1) => unlink(self),
            done => done,
        }
    }

    /// Gives the owner of a level all rights to it, once. False if that is no help.
    fn repair(&mut self, level: usize) -> bool {
        let level = &mut self.levels[level];
        if std::mem::replace(&mut level.repaired, true) {
            return false;
        }
        let granted = rustix::fs::fstat(level.fd()).and_then(|stat| {
            let mode = Mode::from_raw_mode(stat.st_mode) | Mode::RWXU;
            rustix::fs::fchmod(level.fd(), mode)
        });
        granted.is_ok()
    }

    fn is_dir(&self, name: &CStr) -> bool {
        rustix::fs::statat(self.current().fd(), name, AtFlags::SYMLINK_NOFOLLOW)
            .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
    }

    fn current(&self) -> &Level {
        self.levels.last().expect("the walk is inside the root")
    }

    fn fail(&mut self, name: &CStr, error: impl Into<io::Error>) {
        let path = || path_of(self.path, &self.levels).join(OsStr::from_bytes(name.to_bytes()));
        self.log.failed(path, error);
    }
}

/// Where the last of `levels` is. For what was hoisted that is where it lies now.
fn path_of(root: &Path, levels: &[Level]) -> PathBuf {
    let mut path = root.to_path_buf();
    path.extend(
        levels
            .iter()
            .skip(1)
            .map(|level| OsStr::from_bytes(level.name.to_bytes())),
    );
    path
}
