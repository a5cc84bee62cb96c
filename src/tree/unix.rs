//! Reads relative to open directories, with several threads when that pays.

use std::any::Any;
use std::ffi::{CStr, OsString};
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use cap_std::fs::Dir;
use rustix::buffer::spare_capacity;
use rustix::fd::{BorrowedFd, OwnedFd};
use rustix::fs::{FileType, Mode, Stat, fstat, openat, readlinkat};
use rustix::io::{Errno, retry_on_intr};

use super::contents::{self, Budget};
use super::{Tree, TreeEntry, TreeKind};
use crate::util::SpawnHelper;
use crate::util::first_failure::{Failure, FirstFailure};
use crate::util::sync::Mutex;
use crate::walk::batch::Batch;
use crate::walk::descriptors::DescriptorWait;
use crate::walk::file::{OpenedFile, kind, look, open_file, raw};
use crate::walk::open::FLAGS;
use crate::walk::threads::Threads;
use crate::walk::{self, At, Visitor};

/// The number of entries after which a helper is requested, if there are more.
const WORTHWHILE: usize = 64;

/// The number of bytes after which other threads get the rest of a batch.
const MANY_BYTES: usize = 1024 * 1024;

/// The number of tries while there is no free descriptor: a fifth of a second.
const DESCRIPTOR_TRIES: u32 = 20;

/// The maximum number of times that an entry may change its kind while it is being read.
const MAX_CHANGES: u32 = 16;

pub(super) fn read(
    dir: &Dir,
    budget: Budget,
    is_cancelled: Arc<AtomicBool>,
    spawn_helper: SpawnHelper,
) -> Result<Tree, Failure> {
    let open = || openat(dir, c".", FLAGS, Mode::empty());
    let root = retry_on_intr(open).map_err(|error| Failure {
        path: PathBuf::new(),
        error: error.into(),
    })?;
    let reader = Arc::new(Reader {
        first_failure: FirstFailure::new(is_cancelled),
        budget,
        descriptors: DescriptorWait::up_to(DESCRIPTOR_TRIES),
        entries: Mutex::new(Vec::new()),
    });
    let threads = Threads {
        max: None,
        spawn_helper: Some(spawn_helper),
    };
    let root = File::from(root);
    walk::tree(root, (), Arc::clone(&reader), threads, WORTHWHILE);
    reader.first_failure.take()?;
    let entries = std::mem::take(&mut *reader.entries.lock());
    Ok(Tree::new(entries))
}

/// Collects the entries that the threads of a walk read.
struct Reader {
    first_failure: FirstFailure,
    budget: Budget,
    descriptors: DescriptorWait,
    entries: Mutex<Vec<TreeEntry>>,
}

/// The outcome of an entry.
enum Outcome {
    Read(TreeKind, Option<u32>),
    Dir,
    /// It was removed since its name was read.
    Gone,
}

impl Reader {
    /// Reads entries, and ends after those that have more than `max_bytes` in all.
    fn read(
        &self,
        at: &At<'_, ()>,
        entries: &Batch,
        subdir: &mut dyn FnMut(&CStr),
        max_bytes: usize,
    ) -> usize {
        let (mut read, mut bytes, mut visited) = (Vec::new(), 0, 0);
        for (name, stored) in entries.iter() {
            if self.is_cancelled() || bytes >= max_bytes {
                break;
            }
            visited += 1;
            match self.entry(at.fd, name, stored) {
                Ok(Outcome::Read(kind, mode)) => {
                    if let TreeKind::File(contents) = &kind {
                        bytes += contents.len();
                    }
                    self.add(&mut read, at.path_of(name), kind, mode);
                }
                Ok(Outcome::Dir) => subdir(name),
                Ok(Outcome::Gone) => {}
                Err(error) => self.first_failure.failed(&|| at.path_of(name), error),
            }
        }
        self.entries.lock().append(&mut read);
        visited
    }

    /// Adds an entry, if there is room for its path.
    fn add(&self, to: &mut Vec<TreeEntry>, path: PathBuf, kind: TreeKind, mode: Option<u32>) {
        match self.budget.take(path.as_os_str().len() as u64) {
            Ok(()) => to.push(TreeEntry::found(path, kind, mode)),
            Err(error) => self.first_failure.failed(&|| path.clone(), error),
        }
    }

    fn entry(&self, dir: BorrowedFd<'_>, name: &CStr, stored: FileType) -> io::Result<Outcome> {
        let mut expected = stored;
        for _ in 0..MAX_CHANGES {
            expected = match expected {
                FileType::Directory => return Ok(Outcome::Dir),
                FileType::RegularFile => match self.descriptors.wait(|| open_file(dir, name))? {
                    OpenedFile::File(file, stat) => return self.file(&file, &stat),
                    OpenedFile::Other(kind) => kind,
                    OpenedFile::Gone => return Ok(Outcome::Gone),
                },
                FileType::Symlink => match readlinkat(dir, name, Vec::new()) {
                    Ok(target) => {
                        let target = OsString::from_vec(target.into_bytes());
                        return Ok(Outcome::Read(TreeKind::Symlink(target.into()), None));
                    }
                    Err(Errno::NOENT) => return Ok(Outcome::Gone),
                    // It is not a symlink any more.
                    Err(Errno::INVAL) => FileType::Unknown,
                    Err(error) => return Err(error.into()),
                },
                // Not opened.
                _ => match look(dir, name)? {
                    None => return Ok(Outcome::Gone),
                    Some(stat) => match special(kind(&stat)) {
                        Some(kind) => return Ok(Outcome::Read(kind, mode(&stat))),
                        None => kind(&stat),
                    },
                },
            };
        }
        Err(io::Error::other("it keeps changing its type"))
    }

    fn file(&self, file: &OwnedFd, stat: &Stat) -> io::Result<Outcome> {
        let len = u64::try_from(stat.st_size).unwrap_or(0);
        let read = |contents: &mut Vec<u8>| {
            Ok(retry_on_intr(|| {
                rustix::io::read(file, spare_capacity(contents))
            })?)
        };
        let contents = contents::read(len, &self.budget, || self.is_cancelled(), read)?;
        Ok(Outcome::Read(TreeKind::File(contents), mode(stat)))
    }
}

/// Returns the kind of an entry that is neither a file, a directory nor a symlink.
fn special(kind: FileType) -> Option<TreeKind> {
    match kind {
        FileType::RegularFile | FileType::Directory | FileType::Symlink => None,
        FileType::Fifo => Some(TreeKind::Fifo),
        FileType::Socket => Some(TreeKind::Socket),
        FileType::BlockDevice => Some(TreeKind::BlockDevice),
        FileType::CharacterDevice => Some(TreeKind::CharDevice),
        _ => Some(TreeKind::Other),
    }
}

fn mode(stat: &Stat) -> Option<u32> {
    Some(raw(stat.st_mode) & 0o7777)
}

impl Visitor for Reader {
    type Dir = ();

    fn enter(&self, parent: &At<'_, ()>, name: &CStr, opened: BorrowedFd<'_>) -> Option<()> {
        match fstat(opened) {
            Ok(stat) => {
                let path = parent.path_of(name);
                self.add(&mut self.entries.lock(), path, TreeKind::Dir, mode(&stat));
                Some(())
            }
            Err(error) => {
                self.failed(&|| parent.path_of(name), error.into());
                None
            }
        }
    }

    fn entries(&self, at: &At<'_, ()>, entries: &Batch, subdir: &mut dyn FnMut(&CStr)) {
        self.read(at, entries, subdir, usize::MAX);
    }

    fn some_entries(
        &self,
        at: &At<'_, ()>,
        entries: &Batch,
        subdir: &mut dyn FnMut(&CStr),
    ) -> usize {
        self.read(at, entries, subdir, MANY_BYTES)
    }

    fn failed(&self, path: &dyn Fn() -> PathBuf, error: io::Error) {
        // What is mounted there is not part of the directory.
        if error.kind() != io::ErrorKind::CrossesDevices {
            self.first_failure.failed(path, error);
        }
    }

    fn panicked(&self, panic: Box<dyn Any + Send>) {
        self.first_failure.panicked(panic);
    }

    fn is_cancelled(&self) -> bool {
        self.first_failure.is_over()
    }
}
