//! A handle with what is known of its directory, and how it can end.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_tempdir::{AsyncTempDir, Cleanup};
use fastrand::Rng;
use tokio::runtime::Handle;

use crate::manifest::{Content, Manifest};
use crate::record::{Outcome, Step, lock};
use crate::world::{Home, Task, World};

/// What a handle's drop is called in the table, by where and why it happens.
pub(crate) const ROWS: &[&str] = &[
    DROP,
    DROP_ELSEWHERE,
    DROP_ABROAD,
    DROP_ORPHAN,
    DROP_ORPHAN_ELSEWHERE,
    DROP_PANICKING,
    DROP_NEVER,
    DROP_ON_SUCCESS,
];

const DROP: &str = "drop";
const DROP_ELSEWHERE: &str = "drop: in another runtime";
const DROP_ABROAD: &str = "drop: no runtime here";
const DROP_ORPHAN: &str = "drop: no runtime here, its own is gone";
const DROP_ORPHAN_ELSEWHERE: &str = "drop: in another runtime, its own is gone";
const DROP_PANICKING: &str = "drop: by a panic";
const DROP_NEVER: &str = "drop: the policy is Never";
const DROP_ON_SUCCESS: &str = "drop: by a panic, kept by OnSuccess";

pub(crate) struct Held {
    dir: Option<AsyncTempDir>,
    manifest: Mutex<Manifest>,
    policy: Cleanup,
    world: Arc<World>,
    /// The runtime that it was created on.
    home: Arc<Home>,
    /// The directory waits for others, inside it, when this is dropped.
    has_children: bool,
    /// Operations that have begun and not come back: if their futures were dropped, the removal
    /// waits for them.
    under_way: AtomicUsize,
    /// Several tasks work in it: none touches what another has made.
    is_shared: bool,
}

impl Held {
    pub(crate) fn new(task: &Task, dir: AsyncTempDir, policy: Cleanup) -> Self {
        Self {
            dir: Some(dir),
            manifest: Mutex::default(),
            policy,
            world: Arc::clone(&task.world),
            home: Arc::clone(&task.home),
            has_children: false,
            under_way: AtomicUsize::new(0),
            is_shared: false,
        }
    }

    pub(crate) fn shared(mut self) -> Arc<Self> {
        self.is_shared = true;
        Arc::new(self)
    }

    pub(crate) fn no_longer_shared(&mut self) {
        self.is_shared = false;
    }

    /// A file that is certainly there, and that no other task uses.
    pub(crate) fn some_file(&self, rng: &mut Rng) -> Option<(PathBuf, Content)> {
        match self.is_shared {
            true => None,
            false => self.know(|known| known.some_file(rng)),
        }
    }

    pub(crate) fn dir(&self) -> &AsyncTempDir {
        self.dir.as_ref().expect("it has not ended")
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir().path()
    }

    pub(crate) fn label(&self) -> String {
        self.dir().file_name().display().to_string()
    }

    pub(crate) fn know<T>(&self, f: impl FnOnce(&mut Manifest) -> T) -> T {
        f(&mut lock(&self.manifest))
    }

    pub(crate) fn set_cleanup(&mut self, policy: Cleanup) {
        self.policy = policy;
        self.dir
            .as_mut()
            .expect("it has not ended")
            .set_cleanup(policy);
    }

    pub(crate) fn has_children(&mut self) {
        self.has_children = true;
    }

    /// What is in the directory when it is removed; or `None` if that is not known.
    pub(crate) fn exact(&self) -> Option<Manifest> {
        let manifest = lock(&self.manifest);
        (manifest.is_exact() && !self.has_children).then(|| manifest.clone())
    }

    /// As [`exact`](Self::exact), if no more than `n` operations are under way there.
    pub(crate) fn quiet(&self, n: usize) -> Option<Manifest> {
        let is_quiet = self.under_way.load(Ordering::SeqCst) <= n;
        self.exact().filter(|_| is_quiet)
    }

    /// Drops it when all tasks have ended, outside a runtime. If none is left of its own either,
    /// not even a thread of its pool, and there is nothing to wait for, then the drop removes.
    pub(crate) fn drop_alone(self) {
        let path = self.path().to_path_buf();
        let at_once = self.home.is_gone_for_good() && !self.has_children && self.quiet(0).is_some();
        let world = Arc::clone(&self.world);
        drop(self);
        if at_once && path.exists() {
            let what = format!("no runtime is left, and the drop did not remove {path:?}");
            world.record.violation(what);
        }
    }

    /// Returns the handle itself, whose drop is no longer recorded.
    pub(crate) fn into_dir(mut self) -> (AsyncTempDir, Manifest) {
        let dir = self.dir.take().expect("it has not ended");
        (dir, std::mem::take(&mut *lock(&self.manifest)))
    }

    /// Puts back what [`into_dir`](Self::into_dir) has taken out, on whichever runtime.
    pub(crate) fn again(task: &Task, dir: AsyncTempDir, manifest: Manifest) -> Self {
        let held = Self::new(task, dir, Cleanup::Always);
        held.know(|known| *known = manifest);
        // What was under way then is not known.
        held.begins();
        held
    }

    /// An operation begins. It need not come to an end.
    pub(crate) fn begins(&self) {
        self.under_way.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn has_ended(&self) {
        self.under_way.fetch_sub(1, Ordering::SeqCst);
    }

    pub(crate) fn keep(self) -> PathBuf {
        let world = Arc::clone(&self.world);
        let (dir, manifest) = self.into_dir();
        let path = dir.keep();
        world.expect(path.clone(), vec![manifest], false);
        path
    }

    fn kind_of_drop(&self) -> &'static str {
        let here = Handle::try_current().ok().map(|here| here.id());
        match (self.policy, std::thread::panicking()) {
            (Cleanup::Never, _) => DROP_NEVER,
            (Cleanup::OnSuccess, true) => DROP_ON_SUCCESS,
            (_, true) => DROP_PANICKING,
            _ => match (here, self.home.is_gone()) {
                (None, true) => DROP_ORPHAN,
                (None, false) => DROP_ABROAD,
                (Some(here), _) if here == self.home.id => DROP,
                (Some(_), true) => DROP_ORPHAN_ELSEWHERE,
                (Some(_), false) => DROP_ELSEWHERE,
            },
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some(dir) = self.dir.take() else {
            return;
        };
        let kind = self.kind_of_drop();
        let path = dir.path().to_path_buf();
        let record = &self.world.record;
        let step = record.begin(&self.home.name, kind, path.display());
        let manifest = std::mem::take(&mut *lock(&self.manifest));
        if kind == DROP_NEVER || kind == DROP_ON_SUCCESS {
            self.world.expect(path.clone(), vec![manifest], false);
        }
        drop(dir);
        step.end(Outcome::Done);
    }
}

impl Task {
    /// The value of an operation that should succeed.
    ///
    /// While its runtime shuts down, an operation may be refused.
    pub(crate) fn done<T>(&self, step: Step, result: io::Result<T>) -> Option<T> {
        match result {
            Ok(value) => {
                step.end(Outcome::Done);
                Some(value)
            }
            Err(error) => {
                self.failed(step, &error, &[]);
                None
            }
        }
    }

    /// The error of an operation that should fail like that.
    pub(crate) fn refused<T>(
        &self,
        step: Step,
        result: io::Result<T>,
        kinds: &[io::ErrorKind],
    ) -> Option<io::Error> {
        match result {
            Ok(_) => {
                step.violation("it should have been refused");
                None
            }
            Err(error) => {
                self.failed(step, &error, kinds);
                Some(error)
            }
        }
    }

    pub(crate) fn failed(&self, step: Step, error: &io::Error, kinds: &[io::ErrorKind]) {
        if kinds.contains(&error.kind()) {
            step.end(Outcome::Refused);
        } else if self.home.is_ending() && error.kind() == io::ErrorKind::Other {
            step.end(Outcome::ShutDown);
        } else {
            step.violation(format!("{error} ({:?})", error.kind()));
        }
    }
}
