//! What a removal does, counted while it goes on.

use std::any::Any;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{RemoveError, RemoveFailure};

/// How much a removal removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Removed {
    /// Everything that is no directory: files, symlinks, sockets, pipes, devices.
    pub files: u64,
    /// Directories, the one that the removal was asked for included.
    pub dirs: u64,
}

/// What a caller may ask of a removal.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) max_threads: Option<usize>,
    pub(crate) on_progress: Option<Box<dyn Fn(Removed) + Send + Sync>>,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("max_threads", &self.max_threads)
            .field("on_progress", &self.on_progress.is_some())
            .finish()
    }
}

/// How a removal ended.
pub(crate) struct Outcome {
    pub(crate) result: Result<Removed, RemoveError>,
    /// Of `on_progress`: its caller's, once everything else has been said.
    pub(crate) panic: Option<Box<dyn Any + Send>>,
}

impl From<Result<Removed, RemoveError>> for Outcome {
    fn from(result: Result<Removed, RemoveError>) -> Self {
        Self {
            result,
            panic: None,
        }
    }
}

/// The least time between two calls of `on_progress`.
const INTERVAL: Duration = Duration::from_millis(100);
/// How many entries go by between two looks at the clock.
const STRIDE: u64 = 64;

/// The record of one removal.
pub(super) struct Log<'a> {
    path: &'a Path,
    options: &'a Options,
    removed: Removed,
    failures: Vec<RemoveFailure>,
    failed: u64,
    last_call: Instant,
    /// Of `on_progress`. The removal goes on without it; its caller gets it in the end.
    panic: Option<Box<dyn Any + Send>>,
}

impl<'a> Log<'a> {
    pub(super) fn new(path: &'a Path, options: &'a Options) -> Self {
        Self {
            path,
            options,
            removed: Removed::default(),
            failures: Vec::new(),
            failed: 0,
            last_call: Instant::now(),
            panic: None,
        }
    }

    pub(super) fn file_removed(&mut self) {
        self.removed.files += 1;
        self.progress();
    }

    pub(super) fn dir_removed(&mut self) {
        self.removed.dirs += 1;
        self.progress();
    }

    /// Records that what is at `path` stays. The path is only asked for if there is room for it.
    pub(super) fn failed(&mut self, path: impl FnOnce() -> PathBuf, error: impl Into<io::Error>) {
        self.failed += 1;
        if self.failures.len() < RemoveError::MAX_FAILURES {
            self.failures.push(RemoveFailure {
                path: path(),
                error: error.into(),
            });
        }
    }

    /// How many failures there were so far.
    pub(super) fn failures(&self) -> u64 {
        self.failed
    }

    /// Ends the record.
    pub(super) fn finish(mut self) -> Outcome {
        self.call();
        let result = if self.failed == 0 {
            Ok(self.removed)
        } else {
            Err(RemoveError::new(
                self.path.to_path_buf(),
                self.failures,
                self.failed,
                self.removed,
            ))
        };
        Outcome {
            result,
            panic: self.panic,
        }
    }

    fn progress(&mut self) {
        if self.options.on_progress.is_some()
            && (self.removed.files + self.removed.dirs).is_multiple_of(STRIDE)
            && self.last_call.elapsed() >= INTERVAL
        {
            self.call();
            self.last_call = Instant::now();
        }
    }

    fn call(&mut self) {
        if let Some(on_progress) = &self.options.on_progress
            && self.panic.is_none()
        {
            let removed = self.removed;
            self.panic = catch_unwind(AssertUnwindSafe(|| on_progress(removed))).err();
        }
    }
}
