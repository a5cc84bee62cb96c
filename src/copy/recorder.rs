//! Records what the threads of a copy have copied, and what failed.

use std::any::Any;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, RwLock};

use super::options::{Filter, Options};
use super::{CopyError, CopyFailure, CopySide};
use crate::util::failures::Failures;
use crate::util::progress::Progress;
use crate::util::sync::Mutex;

/// The numbers of entries and bytes that a copy copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Copied {
    /// Regular files, including those that are hard links.
    pub files: u64,
    /// Those of the files that are hard links to the source's.
    pub hard_links: u64,
    /// Directories, without the one that was copied into.
    pub dirs: u64,
    /// Symlinks.
    pub symlinks: u64,
    /// The length of the files, including holes, without that of hard links.
    pub bytes: u64,
    /// Those of the bytes that the filesystem shares with the source's files until one of them is
    /// changed. A filesystem may share others without saying so.
    pub cloned: u64,
}

impl Copied {
    pub(super) fn add(&mut self, other: Self) {
        self.files += other.files;
        self.hard_links += other.hard_links;
        self.dirs += other.dirs;
        self.symlinks += other.symlinks;
        self.bytes += other.bytes;
        self.cloned += other.cloned;
    }
}

/// Why an entry could not be copied.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) side: CopySide,
    pub(super) error: io::Error,
}

/// Adds to an error on which side it happened.
pub(super) trait OnSide<T> {
    fn on(self, side: CopySide) -> Result<T, Failure>;
}

impl<T, E: Into<io::Error>> OnSide<T> for Result<T, E> {
    fn on(self, side: CopySide) -> Result<T, Failure> {
        self.map_err(|error| Failure {
            side,
            error: error.into(),
        })
    }
}

/// Records one copy.
pub(super) struct Recorder {
    pub(super) source: PathBuf,
    pub(super) destination: PathBuf,
    /// Without `on_progress` and `filter`.
    pub(super) options: Options,
    /// Dropped when the copying ends, although a late helper may still hold this.
    filter: RwLock<Option<Filter>>,
    copied: Mutex<Copied>,
    failures: Failures<CopyFailure>,
    progress: Progress<Copied>,
    /// The panic of the filter, which ends the copying and is resumed in the caller.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

impl Recorder {
    pub(super) fn new(source: &Path, destination: &Path, mut options: Options) -> Arc<Self> {
        Arc::new(Self {
            source: source.to_path_buf(),
            destination: destination.to_path_buf(),
            progress: Progress::new(options.on_progress.take()),
            filter: RwLock::new(options.filter.take()),
            options,
            copied: Mutex::new(Copied::default()),
            failures: Failures::new(),
            panic: Mutex::new(None),
        })
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.options.is_cancelled.load(Ordering::Relaxed)
    }

    /// Returns whether the entry at `path`, relative to the source, is to be copied. Calls `path` only
    /// if there is a filter.
    pub(super) fn accepts<P: AsRef<Path>>(&self, path: impl FnOnce() -> P) -> bool {
        let filter = self.filter.read().unwrap_or_else(PoisonError::into_inner);
        let filter = filter.as_ref();
        filter.is_none_or(|filter| filter(path().as_ref()))
    }

    /// Adds what was copied, and calls `on_progress` if that is due.
    pub(super) fn add(&self, copied: &mut Copied) {
        let sum = {
            let mut sum = self.copied.lock();
            sum.add(std::mem::take(copied));
            *sum
        };
        self.progress.report(|| sum);
    }

    /// Records that the entry at `path`, relative to the source, was not copied. Calls `path` only if
    /// there is room for it.
    pub(super) fn failed(&self, path: impl FnOnce() -> PathBuf, failure: Failure) {
        self.failures.add(|| {
            let inside = path();
            CopyFailure {
                path: match inside.as_os_str().is_empty() {
                    // `join` would add a separator.
                    true => self.source.clone(),
                    false => self.source.join(inside),
                },
                side: failure.side,
                error: failure.error,
            }
        });
    }

    /// Records a panic, which ends the copying.
    #[cfg(unix)]
    pub(super) fn panicked(&self, panic: Box<dyn Any + Send>) {
        self.panic.lock().get_or_insert(panic);
        self.options.is_cancelled.store(true, Ordering::Relaxed);
    }

    /// Ends the record. Called when no thread is at work any more.
    pub(super) fn finish(&self) -> (Result<Copied, CopyError>, Option<Box<dyn Any + Send>>) {
        let copied = *self.copied.lock();
        let of_progress = self.progress.finish(|| copied);
        let panic = self.panic.lock().take().or(of_progress);
        let mut filter = self.filter.write().unwrap_or_else(PoisonError::into_inner);
        drop(filter.take());
        let failures = self.failures.take();
        let result = match failures.is_empty() {
            true => Ok(copied),
            false => Err(CopyError {
                source: self.source.as_path().into(),
                destination: self.destination.as_path().into(),
                failures,
                failed: self.failures.count(),
                copied,
            }),
        };
        (result, panic)
    }
}
