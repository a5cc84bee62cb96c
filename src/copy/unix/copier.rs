//! Copies what a walk of the source finds.

use std::any::Any;
use std::ffi::CStr;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fd::{AsFd, BorrowedFd};
use rustix::fs::{AtFlags, FileType, Stat};
use rustix::io::{Errno, retry_on_intr};

use super::contents::Contents;
use super::destination::Destination;
use super::kind::refused;
use super::methods::Methods;
use crate::copy::CopySide::{Destination as To, Source};
use crate::copy::recorder::{Failure, OnSide, Recorder};
use crate::copy::{Copied, into_itself};
use crate::util::sync::Mutex;
use crate::walk::batch::Batch;
use crate::walk::file::{OpenedFile, kind, look, open_file, raw};
use crate::walk::{At, Visitor};

/// The maximum number of times that an entry may change its kind while it is being copied.
const MAX_CHANGES: u32 = 16;

/// The number of bytes after which other threads get the rest of a batch.
const MANY_BYTES: u64 = 1024 * 1024;

/// The number of entries between two additions to the record.
const RECORD_EVERY: u64 = 64;

/// A copy, as its threads share it.
pub(super) struct Copier {
    recorder: Arc<Recorder>,
    /// The directory that is copied into.
    root: Stat,
    methods: Methods,
    /// Clear once links turned out to be impossible.
    links: AtomicBool,
    /// Buffers that no thread uses.
    buffers: Mutex<Vec<Vec<u8>>>,
}

/// The outcome of an entry.
enum Outcome {
    /// It was copied, or has vanished.
    Done,
    /// It is of this kind now.
    Now(FileType),
}

impl Copier {
    pub(super) fn new(recorder: Arc<Recorder>, root: Stat) -> Self {
        Self {
            links: AtomicBool::new(recorder.options.hard_links),
            recorder,
            root,
            methods: Methods::default(),
            buffers: Mutex::new(Vec::new()),
        }
    }

    /// Copies entries, and ends after those that have more than `max_bytes` in all.
    fn copy(
        &self,
        at: &At<'_, Destination>,
        entries: &Batch,
        subdir: &mut dyn FnMut(&CStr),
        max_bytes: u64,
    ) -> usize {
        let mut worker = Worker {
            copier: self,
            at,
            buffer: self.buffers.lock().pop().unwrap_or_default(),
            copied: Copied::default(),
            bytes: 0,
        };
        let mut visited = 0;
        for (name, kind) in entries.iter() {
            if self.is_cancelled() || worker.bytes >= max_bytes {
                break;
            }
            visited += 1;
            if !self.recorder.accepts(|| at.path_of(name)) {
                continue;
            }
            match worker.copy(name, kind) {
                Ok(true) => subdir(name),
                Ok(false) => {}
                Err(failure) => self.recorder.failed(|| at.path_of(name), failure),
            }
            if worker.copied.files >= RECORD_EVERY {
                self.recorder.add(&mut worker.copied);
            }
        }
        self.recorder.add(&mut worker.copied);
        self.buffers.lock().push(worker.buffer);
        visited
    }
}

impl Visitor for Copier {
    type Dir = Destination;

    fn enter(
        &self,
        parent: &At<'_, Destination>,
        name: &CStr,
        opened: BorrowedFd<'_>,
    ) -> Option<Destination> {
        let enter = || {
            let stat = rustix::fs::fstat(opened).on(Source)?;
            // It has been moved here, or is mounted here.
            if (stat.st_dev, stat.st_ino) == (self.root.st_dev, self.root.st_ino) {
                return Err(into_itself()).on(Source);
            }
            let mode = raw(stat.st_mode);
            parent.dir.enter(name, mode).on(To)
        };
        match enter() {
            Ok(dir) => {
                self.recorder.add(&mut Copied {
                    dirs: 1,
                    ..Copied::default()
                });
                Some(dir)
            }
            Err(failure) => {
                self.recorder.failed(|| parent.path_of(name), failure);
                None
            }
        }
    }

    fn entries(&self, at: &At<'_, Destination>, entries: &Batch, subdir: &mut dyn FnMut(&CStr)) {
        self.copy(at, entries, subdir, u64::MAX);
    }

    fn some_entries(
        &self,
        at: &At<'_, Destination>,
        entries: &Batch,
        subdir: &mut dyn FnMut(&CStr),
    ) -> usize {
        self.copy(at, entries, subdir, MANY_BYTES)
    }

    fn leave(&self, dir: &Destination, path: &dyn Fn() -> PathBuf) {
        if let Err(failure) = dir.leave().on(To) {
            self.recorder.failed(path, failure);
        }
    }

    fn failed(&self, path: &dyn Fn() -> PathBuf, error: io::Error) {
        let failure = Failure {
            side: Source,
            error,
        };
        self.recorder.failed(path, failure);
    }

    fn panicked(&self, panic: Box<dyn Any + Send>) {
        self.recorder.panicked(panic);
    }

    fn is_cancelled(&self) -> bool {
        self.recorder.is_cancelled()
    }

    fn suspend(&self, dir: &mut Destination) {
        dir.suspend();
    }

    fn reopen(&self, dir: &mut Destination, below: &Destination) {
        dir.reopen(below);
    }
}

/// Copies some entries of a directory.
struct Worker<'c> {
    copier: &'c Copier,
    at: &'c At<'c, Destination>,
    buffer: Vec<u8>,
    /// The counts that have not been recorded yet.
    copied: Copied,
    /// The length of the files so far.
    bytes: u64,
}

impl Worker<'_> {
    /// Copies the entry `name`, unless it is a directory: then returns `true`.
    fn copy(&mut self, name: &CStr, kind: FileType) -> Result<bool, Failure> {
        let mut kind = kind;
        for _ in 0..MAX_CHANGES {
            let outcome = match kind {
                FileType::Directory => return Ok(true),
                FileType::RegularFile => self.file(name)?,
                FileType::Symlink => self.symlink(name)?,
                FileType::Unknown => self.look(name)?,
                other => return Err(refused(other)).on(Source),
            };
            match outcome {
                Outcome::Done => return Ok(false),
                Outcome::Now(now) => kind = now,
            }
        }
        Err(io::Error::other("it keeps changing its type")).on(Source)
    }

    fn look(&self, name: &CStr) -> Result<Outcome, Failure> {
        Ok(match look(self.at.fd, name).on(Source)? {
            Some(stat) => Outcome::Now(kind(&stat)),
            None => Outcome::Done,
        })
    }

    fn symlink(&mut self, name: &CStr) -> Result<Outcome, Failure> {
        let target = match rustix::fs::readlinkat(self.at.fd, name, Vec::new()) {
            Ok(target) => target,
            Err(Errno::NOENT) => return Ok(Outcome::Done),
            // It is no symlink any more.
            Err(Errno::INVAL) => return self.look(name),
            Err(error) => return Err(error).on(Source),
        };
        let to = self.at.dir.fd().on(To)?;
        let create = || Ok(retry_on_intr(|| rustix::fs::symlinkat(&*target, to, name))?);
        self.at.dir.replacing(name, create).on(To)?;
        self.copied.symlinks += 1;
        Ok(Outcome::Done)
    }

    fn file(&mut self, name: &CStr) -> Result<Outcome, Failure> {
        if self.copier.links.load(Ordering::Relaxed) && self.link(name)? {
            return Ok(Outcome::Done);
        }
        let (source, stat) = match open_file(self.at.fd, name).on(Source)? {
            OpenedFile::File(source, stat) => (source, stat),
            OpenedFile::Other(kind) => return Ok(Outcome::Now(kind)),
            OpenedFile::Gone => return Ok(Outcome::Done),
        };
        let mode = raw(stat.st_mode);
        let to = self.at.dir.create_file(name, mode).on(To)?;
        let mut contents = Contents {
            recorder: &self.copier.recorder,
            methods: &self.copier.methods,
            buffer: &mut self.buffer,
            copied: &mut self.copied,
        };
        if let Err(failure) = contents.copy(source.as_fd(), to.as_fd(), &stat) {
            self.at.dir.remove_file(name);
            return Err(failure);
        }
        self.copied.files += 1;
        self.bytes += u64::try_from(stat.st_size).unwrap_or(0);
        Ok(Outcome::Done)
    }

    /// Makes a hard link to the file `name`. Returns `false` if it must be copied.
    fn link(&mut self, name: &CStr) -> Result<bool, Failure> {
        // A symlink, or anything else that has taken the file's place, must not be linked to.
        let is_file = look(self.at.fd, name)
            .is_ok_and(|stat| stat.is_some_and(|stat| kind(&stat) == FileType::RegularFile));
        if !is_file {
            return Ok(false);
        }
        let link = |to: BorrowedFd<'_>, new: &CStr| {
            rustix::fs::linkat(self.at.fd, name, to, new, AtFlags::empty())
        };
        match self.at.dir.link(name, link) {
            Ok(()) => {
                self.copied.files += 1;
                self.copied.hard_links += 1;
                Ok(true)
            }
            Err(error) => {
                let error = Errno::from_io_error(&error);
                // Neither will another link be possible.
                if let Some(Errno::XDEV | Errno::OPNOTSUPP | Errno::NOSYS) = error {
                    self.copier.links.store(false, Ordering::Relaxed);
                }
                Ok(false)
            }
        }
    }
}
