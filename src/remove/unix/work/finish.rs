//! Removing a directory when the last of what was in it has gone.

use std::sync::Arc;

use rustix::fs::AtFlags;
use rustix::io::{Errno, retry_on_intr};

use super::{Worker, unlink_with_rights};
use crate::remove::unix::entries::Buffer;
use crate::remove::unix::node::Node;
use crate::remove::unix::removal::Work;

/// How often a directory is read again that was not empty after all: somebody is writing in it.
const MAX_REREADS: u32 = 16;

impl Worker<'_> {
    /// Something in `dir` has ended. If it was the last, removes `dir`, and so on upwards.
    pub(super) fn end(&mut self, dir: Arc<Node>) {
        let mut ended = Some(dir);
        while let Some(dir) = ended {
            if !dir.end() || !self.remove(&dir) {
                return;
            }
            ended = Node::into_parent(dir);
        }
    }

    /// Removes from the root what was to stay until nothing else is in it, unless something is.
    fn remove_last(&mut self, root: &Arc<Node>) {
        if let Some(last) = self.removal.last()
            && !root.has_failed()
        {
            match self.try_unlink(root, last) {
                Ok(()) => self.tally.file(),
                Err(Errno::NOENT) => {}
                Err(error) => self.removal.fail(root, last, error),
            }
        }
    }

    /// Removes `dir`, which should be empty. False if it has to be read again first.
    fn remove(&mut self, dir: &Arc<Node>) -> bool {
        let removed = match dir.parent() {
            Some(parent) => unlink_with_rights(parent, dir.name(), AtFlags::REMOVEDIR),
            None => {
                self.remove_last(dir);
                retry_on_intr(|| {
                    rustix::fs::unlinkat(&self.removal.above, &**dir.name(), AtFlags::REMOVEDIR)
                })
            }
        };
        match removed {
            Ok(()) => {
                if dir.depth() == 1 {
                    self.removal.hoisted().remove(&**dir.name());
                }
                self.tally.dir();
            }
            Err(Errno::NOENT) => {}
            // Whatever keeps it: what is in it goes first. It will not be guessed again.
            Err(error) if error != Errno::NOENT && dir.take_unsure() => {
                self.removal.end_does_not_show();
                dir.begin(1);
                self.removal.list.add([Work::Read(Arc::clone(dir))]);
                return false;
            }
            Err(Errno::NOTEMPTY | Errno::EXIST) if dir.has_failed() || dir.unread().is_some() => {
                // What is in it has been recorded, unless the reading did not come to it.
                if let Some(error) = dir.unread() {
                    self.removal.fail_dir(dir, error);
                }
            }
            Err(Errno::NOTEMPTY | Errno::EXIST) if dir.may_reread(MAX_REREADS) => {
                match Buffer::rewind(dir.fd()) {
                    Ok(()) => {
                        dir.begin(1);
                        self.removal.list.add([Work::Read(Arc::clone(dir))]);
                        return false;
                    }
                    Err(error) => self.removal.fail_dir(dir, error),
                }
            }
            Err(error) => self.removal.fail_dir(dir, error),
        }
        true
    }
}
