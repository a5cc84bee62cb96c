//! Processes a piece of work.

mod finish;

use std::ffi::{CStr, CString};
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;

use rustix::fs::{AtFlags, FileType};
use rustix::io::{Errno, retry_on_intr};

use super::node::Node;
use super::open;
use super::still_open::is_still_open_name;
use super::walk::{Walk, Work};
use crate::sys;
use crate::util::name;
use crate::walk::batch::NameBatch;
use crate::walk::descriptors::is_out_of_descriptors;
use crate::walk::entries::{Buffer, Read};
use crate::walk::open::Opened;

/// The depth from which on a directory is *hoisted* first, that is, renamed into the root of the
/// removal. So neither the number of descriptors nor the length of paths grows with the depth.
const MAX_DEPTH: usize = 64;

/// The minimum number of directories found in one before these are emptied and the reading
/// continues, so that a million of them are never on the list at once.
const MAX_FOUND: usize = 256;

/// The number of bytes of names that another thread gets at a time: some two hundred names of usual
/// length. With far fewer, the threads contend more often; with far more, one has none in the end.
const BATCH: usize = 2 * 1024;

/// The longest name that Linux allows, and most filesystems.
const MAX_NAME: usize = 255;

/// The maximum number of times that one name may change between file and directory during its removal.
const MAX_CHANGES: u32 = 16;

/// One thread at work on a removal.
pub(super) struct Remover<'r> {
    walk: &'r Walk,
    buffer: Buffer,
    /// Directories found in the one that is being read, but not on the list yet.
    found: Vec<CString>,
}

impl<'r> Remover<'r> {
    pub(super) fn new(walk: &'r Walk) -> Self {
        Self {
            walk,
            buffer: Buffer::default(),
            found: Vec::new(),
        }
    }

    /// Processes `work`. If the removal has stopped, drops it instead: neither it nor any directory
    /// around it ends.
    pub(super) fn run(&mut self, work: Work) {
        if self.walk.recorder.is_stopped() {
            return;
        }
        match work {
            Work::Enter(parent, name) => self.enter(&parent, name),
            Work::Read(dir) => self.read(&dir),
            Work::Unlink(dir, batch) => {
                for name in batch.names() {
                    self.unlink(&dir, name);
                }
                self.share_found(&dir);
                self.end(dir);
            }
        }
    }

    /// Empties the directory `name` in `parent`, or removes the entry if it is not a directory.
    fn enter(&mut self, parent: &Arc<Node>, name: CString) {
        let mut repaired = false;
        for _ in 0..MAX_CHANGES {
            let opened = match open::dir(&parent.fd, &*name) {
                Err(error) if is_out_of_descriptors(&error) => {
                    // Its own parents may hold the descriptors that it needs.
                    if self.hoist(parent, &name) {
                        return self.end(Arc::clone(parent));
                    }
                    self.walk.descriptors.wait(|| open::dir(&parent.fd, &*name))
                }
                opened => opened,
            };
            match opened {
                Ok(Opened::Dir(fd)) => {
                    let dir = Node::new(Some(Arc::clone(parent)), name, fd);
                    return self.read(&dir);
                }
                // Another process or thread has removed it.
                Ok(Opened::Gone) => return self.end(Arc::clone(parent)),
                Ok(Opened::NoDirectory) => match self.try_unlink(parent, &name) {
                    Ok(()) => {
                        self.walk.recorder.file();
                        parent.rereads.note_progress();
                        return self.end(Arc::clone(parent));
                    }
                    Err(Errno::NOENT) => return self.end(Arc::clone(parent)),
                    Err(Errno::ISDIR) => {}
                    Err(Errno::PERM) if is_dir(parent, &name) => {}
                    Err(error) => {
                        self.walk.fail(parent, &name, error);
                        return self.end(Arc::clone(parent));
                    }
                },
                // Its parent could be read, but perhaps not searched.
                Err(error)
                    if error.kind() == io::ErrorKind::PermissionDenied
                        && !std::mem::replace(&mut repaired, true)
                        && parent.repair() => {}
                Err(error) => {
                    // An unreadable directory can still be removed if it is empty.
                    match unlink_with_rights(parent, &name, AtFlags::REMOVEDIR) {
                        Ok(()) => {
                            self.walk.recorder.dir();
                            parent.rereads.note_progress();
                        }
                        Err(Errno::NOENT) => {}
                        Err(_) => self.walk.fail(parent, &name, error),
                    }
                    return self.end(Arc::clone(parent));
                }
            }
        }
        let changes = io::Error::other("it keeps changing between file and directory");
        self.walk.fail(parent, &name, changes);
        self.end(Arc::clone(parent));
    }

    /// Removes the entries of `dir`, or puts them on the list.
    fn read(&mut self, dir: &Arc<Node>) {
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut batch = NameBatch::default();
        let found = std::cell::Cell::new(0);
        let recorder = &self.walk.recorder;
        let read = buffer.read(
            &dir.fd,
            self.walk.may_guess_end_of(dir),
            |name, kind| {
                let own = name == c"." || name == c"..";
                if own || self.walk.is_special(dir, name) || dir.is_failed_entry(name) {
                    return;
                }
                if kind == FileType::Directory {
                    self.found(dir, name);
                } else if is_still_open_name(name) {
                    // Not now, because it may reappear under another name again and again.
                    dir.still_open.add(name);
                } else if !batch.0.is_empty() || self.walk.list.is_starving() {
                    if batch.0.is_empty() {
                        batch.0.reserve_exact(BATCH + MAX_NAME);
                    }
                    batch.push(name);
                    if batch.0.len() >= BATCH {
                        self.hand_over(dir, std::mem::take(&mut batch));
                    }
                } else {
                    self.unlink(dir, name);
                    self.walk.helpers.note_processed(1, true);
                }
                found.set(self.found.len());
            },
            || {
                if found.get() >= MAX_FOUND || recorder.has_stopped() {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            },
        );
        self.buffer = buffer;
        for name in batch.names() {
            self.unlink(dir, name);
        }
        match read {
            Ok(Read::Part) => {
                // The directory is not finished when the directories found are.
                return self.share_found_and(dir, Some(Work::Read(Arc::clone(dir))));
            }
            Ok(Read::All) => {}
            Ok(Read::Likely) => dir.mark_unsure(),
            Err(_) if dir.repair_to_read_on() => {
                return self.share_found_and(dir, Some(Work::Read(Arc::clone(dir))));
            }
            // This may have been its end; removing it will show whether something is left.
            Err(error) => dir.mark_unread(error),
        }
        self.share_found(dir);
        self.end(Arc::clone(dir));
    }

    /// Notes the directory `name` in `dir`.
    fn found(&mut self, dir: &Arc<Node>, name: &CStr) {
        if dir.parent.is_none() && self.walk.hoisted().contains(name) {
            return;
        }
        if dir.depth + 1 >= MAX_DEPTH && self.hoist(dir, name) {
            return;
        }
        self.found.push(name.to_owned());
        if self.walk.list.is_starving() {
            self.share_found(dir);
        }
    }

    /// Puts the directories that were found in `dir` on the list.
    fn share_found(&mut self, dir: &Arc<Node>) {
        if !self.found.is_empty() {
            self.share_found_and(dir, None);
        }
    }

    /// Like [`share_found`](Self::share_found), with more work, which is taken after that.
    fn share_found_and(&mut self, dir: &Arc<Node>, later: Option<Work>) {
        let found = self.found.drain(..).rev();
        let len = found.len();
        // Before another thread can finish the last of it.
        dir.begin(len);
        let enter = found.map(|name| Work::Enter(Arc::clone(dir), name));
        self.walk.list.add(later.into_iter().chain(enter));
        self.walk.helpers.note_processed(len, len > 1);
    }

    fn hand_over(&mut self, dir: &Arc<Node>, batch: NameBatch) {
        dir.begin(1);
        self.walk.list.add([Work::Unlink(Arc::clone(dir), batch)]);
    }

    /// Removes `name` in `dir`, which was not read as a directory. Where a filesystem stores no
    /// types, that is true of every entry.
    fn unlink(&mut self, dir: &Arc<Node>, name: &CStr) {
        if !self.walk.recorder.is_stopped() {
            let unlinked = self.try_unlink(dir, name);
            self.unlinked(dir, name, unlinked);
        }
    }

    /// Records the result of unlinking `name` in `dir`.
    fn unlinked(&mut self, dir: &Arc<Node>, name: &CStr, unlinked: Result<(), Errno>) {
        match unlinked {
            Ok(()) => {
                self.walk.recorder.file();
                dir.rereads.note_progress();
            }
            Err(Errno::NOENT) => {}
            Err(Errno::ISDIR) => self.found(dir, name),
            // The error of POSIX for a directory, and of Linux for an immutable file.
            Err(Errno::PERM) if is_dir(dir, name) => self.found(dir, name),
            Err(error) => self.walk.fail(dir, name, error),
        }
    }

    fn try_unlink(&self, dir: &Node, name: &CStr) -> Result<(), Errno> {
        unlink_with_rights(dir, name, AtFlags::empty())
    }

    /// Moves the directory `name` from `dir` up into the root, to be removed from there. Returns
    /// `false` if it must be removed where it is.
    fn hoist(&mut self, dir: &Node, name: &CStr) -> bool {
        let root = &self.walk.root;
        if dir.depth == 0 {
            return false;
        }
        let Ok(fresh) = name::random(24) else {
            return false;
        };
        let fresh = CString::new(fresh).expect("random names have no NUL");
        // Before reading the root can find it.
        self.walk.hoisted().insert(fresh.clone());
        let rename = || retry_on_intr(|| rustix::fs::renameat(&dir.fd, name, &root.fd, &*fresh));
        let moved = match rename() {
            // The owner must be able to write to all three: moving a directory changes its `..`.
            Err(Errno::ACCESS) => {
                // These two first: if a filesystem is mounted on the third, it must not be changed,
                // and the rename reports that once it has the rights.
                let _ = root.repair() | dir.repair();
                match rename() {
                    Err(Errno::ACCESS) if sys::grant_owner(&dir.fd, name).is_ok() => rename(),
                    moved => moved,
                }
            }
            moved => moved,
        };
        if moved.is_ok() {
            dir.rereads.note_progress();
            root.begin(1);
            // After the rest of this chain of directories, which are all open.
            let later = Work::Enter(Arc::clone(root), fresh);
            self.walk.list.add_for_later(later);
            return true;
        }
        self.walk.hoisted().remove(&fresh);
        moved == Err(Errno::NOENT)
    }
}

/// Calls `unlinkat`, if necessary after giving the owner the rights to do so.
fn unlink_with_rights(dir: &Node, name: &CStr, flags: AtFlags) -> Result<(), Errno> {
    let unlink = || retry_on_intr(|| rustix::fs::unlinkat(&dir.fd, name, flags));
    match unlink() {
        // Tried again even if another thread has repaired it since.
        Err(Errno::ACCESS) => {
            dir.repair();
            unlink()
        }
        done => done,
    }
}

fn is_dir(dir: &Node, name: &CStr) -> bool {
    rustix::fs::statat(&dir.fd, name, AtFlags::SYMLINK_NOFOLLOW)
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
}
