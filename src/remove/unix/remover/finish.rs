//! Removes a directory when the last of its contents is gone.

use std::ffi::CStr;
use std::sync::Arc;

use rustix::fs::{AtFlags, unlinkat};
use rustix::io::{Errno, retry_on_intr};

use super::{Remover, unlink_with_rights};
use crate::remove::unix::node::Node;
use crate::remove::unix::still_open::{may_only_be_renamed, still_open};
use crate::remove::unix::walk::Work;
use crate::walk::entries::Buffer;

impl Remover<'_> {
    /// Notes that something in `dir` has ended. If it was the last, removes `dir`, and so on
    /// upwards.
    pub(super) fn end(&mut self, dir: Arc<Node>) {
        // Part of what has just ended may have been skipped.
        if self.walk.recorder.has_stopped() {
            return;
        }
        let mut ended = Some(dir);
        while let Some(dir) = ended {
            if !dir.end() || !self.remove(&dir) {
                return;
            }
            ended = Node::into_parent(dir);
        }
    }

    /// Removes the root, and before that the file that stays until nothing else is in it, unless
    /// something is.
    fn remove_root(&mut self, root: &Arc<Node>) -> Result<(), Errno> {
        let above = &self.walk.above;
        let remove = || retry_on_intr(|| unlinkat(above, &*root.name, AtFlags::REMOVEDIR));
        let stays = root.has_failed() || root.unread().is_some() || !root.still_open.is_empty();
        let Some(last) = self.walk.last().filter(|_| !stays) else {
            return remove();
        };
        let unlinked = match self.try_unlink(root, last.name) {
            Err(error) if error != Errno::NOENT => {
                (last.release)();
                self.try_unlink(root, last.name)
            }
            unlinked => unlinked,
        };
        match unlinked {
            Ok(()) => {
                self.walk.recorder.file();
                root.rereads.note_progress();
            }
            Err(Errno::NOENT) => {}
            Err(error) => self.walk.fail(root, last.name, error),
        }
        match remove() {
            // The file is still open, and some filesystems keep it until it is closed.
            Err(Errno::NOTEMPTY | Errno::EXIST) => {
                (last.release)();
                remove()
            }
            removed => removed,
        }
    }

    /// Removes `dir`, which should be empty. Returns `false` if it must be read again first.
    fn remove(&mut self, dir: &Arc<Node>) -> bool {
        if dir.parent.is_none() && self.walk.spared().is_some() {
            // It stays. Removing it would have shown whether the end of its reading was its own.
            if let Some(error) = dir.unread() {
                self.walk.fail_dir(dir, error);
            }
            return true;
        }
        let removed = match &dir.parent {
            Some(parent) => unlink_with_rights(parent, &dir.name, AtFlags::REMOVEDIR),
            None => self.remove_root(dir),
        };
        match removed {
            Ok(()) => {
                if dir.depth == 1 {
                    self.walk.hoisted().remove(&*dir.name);
                }
                self.walk.recorder.dir();
                self.walk.patience.take_back(&dir.still_open.pauses);
                if let Some(parent) = &dir.parent {
                    parent.rereads.note_progress();
                }
            }
            Err(Errno::NOENT) => {}
            // Whatever the error, its remaining contents go first. No end is guessed any more.
            Err(_) if dir.take_unsure() => {
                self.walk.end_does_not_show();
                self.read_again(dir);
                return false;
            }
            Err(error @ (Errno::NOTEMPTY | Errno::EXIST)) => {
                if let Some(error) = dir.unread() {
                    self.walk.fail_dir(dir, error);
                    return true;
                }
                if !self.may_read_again(dir, error) {
                    return true;
                }
                match Buffer::rewind(&dir.fd) {
                    Ok(()) => {
                        self.read_again(dir);
                        return false;
                    }
                    Err(error) => self.walk.fail_dir(dir, error),
                }
            }
            Err(error) => self.walk.fail_dir(dir, error),
        }
        true
    }

    /// Puts the reading of `dir` on the list, to be taken after the directories found.
    fn read_again(&mut self, dir: &Arc<Node>) {
        dir.begin(1);
        self.share_found_and(dir, Some(Work::Read(Arc::clone(dir))));
    }

    /// Returns whether reading `dir` again, which is not empty, may help. Otherwise records that.
    ///
    /// Waits for files that the filesystem keeps because they are open.
    fn may_read_again(&mut self, dir: &Arc<Node>, error: Errno) -> bool {
        let kept = dir.still_open.take();
        if kept.is_empty() {
            let rereads = &self.walk.rereads;
            if dir.has_failed() {
                // The failure is recorded, but the reading may have skipped something else.
                return dir.rereads.has_progress()
                    && dir.knows_all_failed()
                    && rereads.allow(&dir.rereads);
            }
            let allowed = rereads.allow(&dir.rereads);
            if !allowed {
                self.walk.fail_dir(dir, error);
            }
            return allowed;
        }
        let pause = self.walk.patience.pause(&dir.still_open.pauses);
        for name in &kept {
            if pause {
                self.unlink_still_open(dir, name);
            } else {
                self.walk.fail(dir, name, still_open());
            }
        }
        pause
    }

    /// Removes `name` from `dir`, unless the file is still open.
    fn unlink_still_open(&mut self, dir: &Arc<Node>, name: &CStr) {
        match self.try_unlink(dir, name) {
            Err(Errno::BUSY) => {}
            // Perhaps it only has another name now. It was counted under its first name.
            Ok(()) if may_only_be_renamed(name) => {}
            unlinked => self.unlinked(dir, name, unlinked),
        }
    }
}
