//! Records what the threads of a removal have removed, and what failed.

use std::any::Any;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use super::options::Options;
use super::{RemoveError, RemoveFailure};
use crate::util::failures::Failures;
use crate::util::progress::Progress;

/// The number of entries that a removal removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Removed {
    /// Everything other than directories: files, symlinks, sockets, pipes, devices. An open file
    /// that a FUSE filesystem keeps as `.fuse_hidden…` counts once, under its original name.
    pub files: u64,
    /// Directories, including the one that the removal was called for.
    pub dirs: u64,
}

impl Removed {
    /// Adds the numbers of another removal.
    pub(crate) fn add(&mut self, other: Self) {
        self.files += other.files;
        self.dirs += other.dirs;
    }
}

/// The end of a removal.
pub(crate) struct Outcome {
    pub(crate) result: Result<Removed, RemoveError>,
    /// The panic of `on_progress`, which is resumed in the caller in the end.
    pub(crate) panic: Option<Box<dyn Any + Send>>,
    /// Set if it stopped at [`Options::until`]. The result then contains what was removed, and the
    /// failures met, up to then.
    pub(crate) stopped: bool,
}

impl Outcome {
    /// Creates the outcome of a removal that removed nothing because of `error`.
    pub(crate) fn failed(path: &Path, error: io::Error) -> Self {
        Self::from(Err(RemoveError::whole(path, error)))
    }
}

impl From<Result<Removed, RemoveError>> for Outcome {
    fn from(result: Result<Removed, RemoveError>) -> Self {
        Self {
            result,
            panic: None,
            stopped: false,
        }
    }
}

/// The number of entries between two looks at the clock.
const CHECK_EVERY: u64 = 16;

/// Records one removal.
pub(super) struct Recorder {
    path: PathBuf,
    /// Without `on_progress`.
    options: Options,
    stopped: AtomicBool,
    removed: Counts,
    failures: Failures<RemoveFailure>,
    progress: Progress<Removed>,
}

/// Counters of what has been removed, which all threads write. The other fields, which they read, are not in
/// the same cache line.
#[derive(Default)]
#[repr(align(128))]
struct Counts {
    files: AtomicU64,
    dirs: AtomicU64,
}

impl Recorder {
    pub(super) fn new(path: &Path, mut options: Options) -> Arc<Self> {
        let on_progress = options.on_progress.take();
        Arc::new(Self {
            path: path.to_path_buf(),
            options,
            stopped: AtomicBool::new(false),
            removed: Counts::default(),
            failures: Failures::new(),
            progress: Progress::new(on_progress),
        })
    }

    #[cfg_attr(
        not(unix),
        expect(dead_code, reason = "the portable engine works alone")
    )]
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn options(&self) -> &Options {
        &self.options
    }

    /// Returns whether it is time to stop. Once `true`, it remains so.
    pub(super) fn is_stopped(&self) -> bool {
        let Some(until) = self.options.until else {
            return false;
        };
        if !self.has_stopped() && Instant::now() >= until {
            self.stopped.store(true, Ordering::Relaxed);
        }
        self.has_stopped()
    }

    /// Returns whether [`is_stopped`](Self::is_stopped) has returned `true`, so that work was left.
    pub(super) fn has_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Counts a removed file, and calls `on_progress` if that is due.
    pub(super) fn file(&self) {
        self.count(&self.removed.files);
    }

    /// Like [`file`](Self::file), for a directory.
    pub(super) fn dir(&self) {
        self.count(&self.removed.dirs);
    }

    fn count(&self, removed: &AtomicU64) {
        let before = removed.fetch_add(1, Ordering::Relaxed);
        if self.progress.is_wanted() && before.is_multiple_of(CHECK_EVERY) {
            self.progress.report(|| self.removed());
        }
    }

    /// Records that the entry at `path` remains. Calls `path` only if there is room for it.
    pub(super) fn failed(&self, path: impl FnOnce() -> PathBuf, error: impl Into<io::Error>) {
        self.failures.add(|| RemoveFailure {
            path: path(),
            error: error.into(),
        });
    }

    /// Returns the number of failures so far.
    #[cfg(any(not(unix), test))]
    pub(super) fn failures(&self) -> u64 {
        self.failures.count()
    }

    /// Ends the record. Called when no thread is at work any more.
    pub(super) fn finish(&self) -> Outcome {
        let panic = self.progress.finish(|| self.removed());
        let removed = self.removed();
        let failures = self.failures.take();
        let result = if failures.is_empty() {
            Ok(removed)
        } else {
            let failed = self.failures.count();
            Err(RemoveError {
                path: self.path.clone(),
                failures,
                failed,
                removed,
                retry: None,
            })
        };
        Outcome {
            result,
            panic,
            stopped: self.has_stopped(),
        }
    }

    fn removed(&self) -> Removed {
        Removed {
            files: self.removed.files.load(Ordering::Relaxed),
            dirs: self.removed.dirs.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    #[test]
    fn progress_is_reported_when_it_is_due() {
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let options = Options {
            on_progress: Some(Box::new(move |_| {
                _ = counted.fetch_add(1, Ordering::Relaxed)
            })),
            ..Options::default()
        };
        let recorder = Recorder::new(Path::new("x"), options);
        let remove_some = || (0..CHECK_EVERY).for_each(|_| recorder.file());
        recorder.progress.set_due(false);
        remove_some();
        assert_eq!(calls.load(Ordering::Relaxed), 0, "it is not due");
        recorder.progress.set_due(true);
        remove_some();
        assert_eq!(calls.load(Ordering::Relaxed), 1, "once");
    }
}
