//! Processes a piece of work.

use std::cell::Cell;
use std::ffi::{CStr, CString};
use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;

use rustix::fd::AsFd;
use rustix::fs::FileType;
use rustix::io::Errno;

use super::batch::Batch;
use super::descriptors::DescriptorWait;
use super::entries::{Buffer, Read};
use super::helpers::Helpers;
use super::list::List;
use super::node::Node;
use super::open::{FLAGS, Opened, beneath};
use super::{At, MAX_DEPTH, Visitor};

/// The minimum number of directories found in one before these are entered and the reading
/// continues, so that a million of them are never on the list at once.
const MAX_FOUND: usize = 256;

/// The number of bytes of names that another thread gets at a time: some two hundred names of usual
/// length.
const BATCH: usize = 2 * 1024;

/// The number of tries while there is no free descriptor: a fifth of a second. Unlike a removal, a
/// walk has a caller who can try again.
const DESCRIPTOR_TRIES: u32 = 20;

/// The maximum number of times that one name may change between file and directory.
const MAX_CHANGES: u32 = 16;

/// A piece of work.
pub(super) enum Work<D> {
    /// Reads the directory of that name in this one.
    Enter(Arc<Node<D>>, CString),
    /// Continues to read the directory.
    Read(Arc<Node<D>>),
    Entries(Arc<Node<D>>, Batch),
}

/// A walk, as its threads share it.
pub(super) struct Walk<V: Visitor> {
    pub(super) visitor: Arc<V>,
    pub(super) list: List<Work<V::Dir>>,
    pub(super) helpers: Helpers,
    pub(super) descriptors: DescriptorWait,
}

impl<V: Visitor> Walk<V> {
    pub(super) fn new(visitor: Arc<V>, root: Arc<Node<V::Dir>>, helpers: Helpers) -> Self {
        Self {
            visitor,
            list: List::new(Work::Read(root)),
            helpers,
            descriptors: DescriptorWait::up_to(DESCRIPTOR_TRIES),
        }
    }
}

/// One thread at work on a walk.
pub(super) struct Walker<'w, V: Visitor> {
    pub(super) walk: &'w Walk<V>,
    pub(super) visitor: &'w V,
    pub(super) buffer: Buffer,
    pub(super) batch: Batch,
    /// Directories found in the one that is being read, but not on the list yet.
    found: Vec<CString>,
}

impl<'w, V: Visitor> Walker<'w, V> {
    pub(super) fn new(walk: &'w Walk<V>) -> Self {
        Self {
            walk,
            visitor: &walk.visitor,
            buffer: Buffer::default(),
            batch: Batch::default(),
            found: Vec::new(),
        }
    }

    /// Processes `work`. If the walk is cancelled, drops it instead: neither it nor any directory
    /// around it ends.
    pub(super) fn run(&mut self, work: Work<V::Dir>) {
        if self.visitor.is_cancelled() {
            return;
        }
        match work {
            Work::Enter(parent, name) if parent.depth + 1 >= MAX_DEPTH => {
                self.read_deep(&parent, name);
                self.end(parent);
            }
            Work::Enter(parent, name) => {
                let descriptors = &self.walk.descriptors;
                let entered = parent.with_at(|at| enter(self.visitor, at, &name, descriptors));
                match entered {
                    Ok(Some((fd, dir))) => self.read(&Node::new(Some(parent), name, fd, dir)),
                    Ok(None) => self.end(parent),
                    Err(error) => {
                        parent.with_at(|at| self.visitor.failed(&|| at.path_of(&name), error));
                        self.end(parent);
                    }
                }
            }
            Work::Read(dir) => self.read(&dir),
            Work::Entries(dir, mut batch) => {
                self.visit(&dir, &mut batch);
                self.share_found(&dir);
                self.end(dir);
            }
        }
    }

    /// Reads `dir` to its end or until enough directories in it are found.
    fn read(&mut self, dir: &Arc<Node<V::Dir>>) {
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut batch = std::mem::take(&mut self.batch);
        let found = Cell::new(0);
        let visitor = self.visitor;
        let go_on = || match found.get() >= MAX_FOUND || visitor.is_cancelled() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        };
        let read = read(&mut buffer, &mut batch, &dir.fd, go_on, |batch| {
            if self.walk.list.is_starving() {
                dir.begin(1);
                let batch = std::mem::take(batch);
                self.walk.list.add([Work::Entries(Arc::clone(dir), batch)]);
            } else {
                self.visit(dir, batch);
                if self.walk.list.is_starving() {
                    self.share_found(dir);
                }
                found.set(self.found.len());
            }
        });
        self.buffer = buffer;
        self.visit(dir, &mut batch);
        batch.clear();
        self.batch = batch;
        match read {
            // The directory is not finished when the directories found are.
            Ok(Read::Part) => {
                return self.share_found_and(dir, Some(Work::Read(Arc::clone(dir))));
            }
            Ok(Read::All | Read::Likely) => {}
            Err(error) => self.visitor.failed(&|| dir.path(), error.into()),
        }
        self.share_found(dir);
        self.end(Arc::clone(dir));
    }

    /// Passes the entries of `dir` to the visitor, and notes those to be entered.
    fn visit(&mut self, dir: &Arc<Node<V::Dir>>, batch: &mut Batch) {
        if batch.len() == 0 || self.visitor.is_cancelled() {
            return;
        }
        let found = &mut self.found;
        let mut subdir = |name: &CStr| found.push(name.to_owned());
        let visited = dir.with_at(|at| self.visitor.some_entries(at, batch, &mut subdir));
        let helpers = &self.walk.helpers;
        if visited >= batch.len() {
            return helpers.note_processed(visited, true);
        }
        // In halves, so that another thread has something to do beside this one.
        let mut rest = batch.split_off(visited);
        let half = rest.split_off(rest.len() / 2);
        let rest = [rest, half].into_iter().filter(|batch| batch.len() > 0);
        let rest: Vec<_> = rest.collect();
        dir.begin(rest.len());
        let work = rest.into_iter();
        self.walk
            .list
            .add(work.map(|batch| Work::Entries(Arc::clone(dir), batch)));
        helpers.note_slow();
    }

    /// Puts the directories that were found in `dir` on the list.
    fn share_found(&mut self, dir: &Arc<Node<V::Dir>>) {
        if !self.found.is_empty() {
            self.share_found_and(dir, None);
        }
    }

    /// Like [`share_found`](Self::share_found), with more work, which is taken after that.
    fn share_found_and(&mut self, dir: &Arc<Node<V::Dir>>, later: Option<Work<V::Dir>>) {
        let found = self.found.drain(..).rev();
        let len = found.len();
        // Before another thread can finish the last of it.
        dir.begin(len);
        let enter = found.map(|name| Work::Enter(Arc::clone(dir), name));
        self.walk.list.add(later.into_iter().chain(enter));
        self.walk.helpers.note_processed(len, len > 1);
    }

    /// Notes that something in `dir` has ended. If it was the last, leaves `dir`, and so on upwards.
    fn end(&mut self, dir: Arc<Node<V::Dir>>) {
        // Part of what has just ended may have been skipped.
        if self.visitor.is_cancelled() {
            return;
        }
        let mut ended = Some(dir);
        while let Some(dir) = ended
            && dir.end()
        {
            self.visitor.leave(&dir.dir, &|| dir.path());
            ended = Node::into_parent(dir);
        }
    }
}

/// Opens the directory `name` in `parent`, and lets the visitor enter it.
pub(super) fn enter<V: Visitor>(
    visitor: &V,
    parent: &At<'_, V::Dir>,
    name: &CStr,
    descriptors: &DescriptorWait,
) -> io::Result<Option<(File, V::Dir)>> {
    for _ in 0..MAX_CHANGES {
        match descriptors.wait(|| Opened::new(beneath(parent.fd, name, FLAGS)))? {
            Opened::Dir(fd) => {
                let dir = visitor.enter(parent, name, fd.as_fd());
                return Ok(dir.map(|dir| (fd.into(), dir)));
            }
            Opened::Gone => return Ok(None),
            Opened::NoDirectory => {
                let mut batch = Batch::default();
                batch.push(name, FileType::Unknown);
                let mut again = false;
                visitor.entries(parent, &batch, &mut |_| again = true);
                if !again {
                    return Ok(None);
                }
            }
        }
    }
    Err(io::Error::other(
        "it keeps changing between file and directory",
    ))
}

/// Reads `dir` into `batch`. Calls `full` whenever that is full, and `go_on` to ask whether to continue.
pub(super) fn read(
    buffer: &mut Buffer,
    batch: &mut Batch,
    dir: &impl AsFd,
    go_on: impl FnMut() -> ControlFlow<()>,
    mut full: impl FnMut(&mut Batch),
) -> Result<Read, Errno> {
    let each = |name: &CStr, kind| {
        if name == c"." || name == c".." {
            return;
        }
        batch.push(name, kind);
        if batch.bytes() >= BATCH {
            full(batch);
            batch.clear();
        }
    };
    buffer.read(dir, false, each, go_on)
}
