//! Shares the writing of many files among threads, by directory.

use std::any::Any;
use std::collections::HashMap;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Condvar, PoisonError, RwLock};

use cap_std::fs::Dir;

use super::Contents;
use super::open::{Access, open};
use super::path;
use crate::util::sync::Mutex;

/// The number of files from which other threads help; fewer are soon written.
const MIN_SHARED: usize = 200;

/// A file to write: its position, its path as given, and its contents.
type File = (usize, PathBuf, Contents);

/// Files to write into one directory, by parent, and what has become of them.
pub(super) struct Share {
    dir: Arc<Dir>,
    /// The path of `dir`.
    root: PathBuf,
    groups: Vec<Mutex<Vec<File>>>,
    /// The next group that no thread has taken.
    next: AtomicUsize,
    is_cancelled: Arc<AtomicBool>,
    /// The position of the first file that failed, or more than any.
    first_failed: AtomicUsize,
    failure: Mutex<Option<Failure>>,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
    /// Held by the thread that writes to an existing file, which may be the one that another thread
    /// is writing by another name.
    exclusive: RwLock<()>,
}

/// The first file that failed, in the given order.
pub(super) struct Failure {
    pub(super) position: usize,
    pub(super) path: PathBuf,
    pub(super) error: io::Error,
}

impl Share {
    /// Shares out `files`, which are written until `is_cancelled` is set.
    pub(super) fn new(
        dir: &Arc<Dir>,
        root: PathBuf,
        files: Vec<(PathBuf, Contents)>,
        is_cancelled: Arc<AtomicBool>,
    ) -> Self {
        let is_shared = files.len() >= MIN_SHARED;
        let parent_of = |path: &Path| -> PathBuf {
            let inside = path::relative(&root, path);
            let above = inside.parent().unwrap_or(Path::new("")).components();
            above.filter(|part| *part != Component::CurDir).collect()
        };
        let mut groups = Vec::<Vec<File>>::new();
        let mut group_of = HashMap::new();
        for (position, (path, contents)) in files.into_iter().enumerate() {
            // Otherwise one group: all files are written in the given order.
            let parent = is_shared.then(|| parent_of(&path));
            let group = *group_of.entry(parent).or_insert(groups.len());
            if group == groups.len() {
                groups.push(Vec::new());
            }
            groups[group].push((position, path, contents));
        }
        Self {
            dir: Arc::clone(dir),
            root,
            groups: groups.into_iter().map(Mutex::new).collect(),
            next: AtomicUsize::new(0),
            is_cancelled,
            first_failed: AtomicUsize::new(usize::MAX),
            failure: Mutex::new(None),
            panic: Mutex::new(None),
            exclusive: RwLock::new(()),
        }
    }

    /// Writes all files, with the help of threads that `request_help` requests. The first file that
    /// fails in the given order is the error; all before it are written then.
    ///
    /// # Panics
    ///
    /// Panics if `as_ref` of some contents does.
    pub(super) fn write_all(
        self,
        max_threads: usize,
        request_help: impl Fn(Box<dyn FnOnce() + Send>),
    ) -> Result<(), Failure> {
        let helpers = max_threads.min(self.groups.len()).saturating_sub(1);
        let share = Arc::new(self);
        let helping = Arc::new(Helping::new(&share));
        for _ in 0..helpers {
            let helping = Arc::clone(&helping);
            request_help(Box::new(move || helping.help()));
        }
        share.work();
        helping.end();
        if let Some(panic) = share.panic.lock().take() {
            resume_unwind(panic);
        }
        let failure = share.failure.lock().take();
        failure.map_or(Ok(()), Err)
    }

    /// Writes one group after the other, until each is taken.
    fn work(&self) {
        let work = || {
            while let Some(group) = self.groups.get(self.next.fetch_add(1, Relaxed)) {
                self.write_group(std::mem::take(&mut *group.lock()));
            }
        };
        if let Err(panic) = catch_unwind(AssertUnwindSafe(work)) {
            self.is_cancelled.store(true, Relaxed);
            let mut first = self.panic.lock();
            match &*first {
                None => *first = Some(panic),
                // Only one can be passed on. A panic of the other's drop must not end this thread.
                Some(_) => {
                    let dropped = catch_unwind(AssertUnwindSafe(|| drop(panic)));
                    dropped.unwrap_or_else(std::mem::forget);
                }
            }
        }
    }

    fn write_group(&self, files: Vec<File>) {
        for (position, path, contents) in files {
            if self.is_cancelled.load(Relaxed) || position > self.first_failed.load(Relaxed) {
                return;
            }
            let Err(error) = self.write(&path, contents.as_ref()) else {
                continue;
            };
            self.first_failed.fetch_min(position, Relaxed);
            let mut failure = self.failure.lock();
            if failure
                .as_ref()
                .is_none_or(|first| position < first.position)
            {
                *failure = Some(Failure {
                    position,
                    path,
                    error,
                });
            }
            return;
        }
    }

    fn write(&self, path: &Path, contents: &[u8]) -> io::Result<()> {
        let path = path::relative(&self.root, path);
        path::check(&path)?;
        {
            let _shared = self
                .exclusive
                .read()
                .unwrap_or_else(PoisonError::into_inner);
            // Most files are new, and a new file needs no check of its type.
            match open(&self.dir, &path, Access::New) {
                Ok(mut file) => return file.write_all(contents),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(path::explain(error)),
            }
        }
        let _exclusive = self
            .exclusive
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let file = open(&self.dir, &path, Access::Truncate);
        file.map_err(path::explain)?.write_all(contents)
    }
}

/// The helpers of a [`Share`]. One that starts after the end finds nothing, and keeps nothing open.
struct Helping {
    state: Mutex<HelpingState>,
    left: Condvar,
}

struct HelpingState {
    share: Option<Arc<Share>>,
    helpers: usize,
}

impl Helping {
    fn new(share: &Arc<Share>) -> Self {
        Self {
            state: Mutex::new(HelpingState {
                share: Some(Arc::clone(share)),
                helpers: 0,
            }),
            left: Condvar::new(),
        }
    }

    fn help(&self) {
        let share = {
            let mut state = self.state.lock();
            let Some(share) = state.share.clone() else {
                return;
            };
            state.helpers += 1;
            share
        };
        share.work();
        drop(share);
        self.state.lock().helpers -= 1;
        self.left.notify_one();
    }

    /// Waits until no thread helps any more.
    fn end(&self) {
        let mut state = self.state.lock();
        state.share = None;
        while state.helpers > 0 {
            state = self
                .left
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}
