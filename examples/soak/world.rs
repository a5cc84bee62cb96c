//! What all tasks of a soak share.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use fastrand::Rng;
use tokio::runtime::Id;

use crate::held::Held;
use crate::manifest::Manifest;
use crate::record::{Record, Step, lock};

/// Where the soak works. Everything is in one directory, beside what must stay untouched.
#[derive(Debug)]
pub(crate) struct Places {
    /// Directories are made here.
    pub(crate) work: PathBuf,
    /// And roots here, of processes that are killed, too.
    pub(crate) roots: PathBuf,
    /// And here is what was published.
    pub(crate) published: PathBuf,
    /// And this is the process's directory for temporary files: for directories and roots, too.
    pub(crate) tmp: PathBuf,
    /// Symlinks lead here.
    pub(crate) outside: PathBuf,
}

impl Places {
    pub(crate) fn new(sandbox: &Path) -> Self {
        let place = |name| sandbox.join(name);
        Self {
            work: place("work"),
            roots: place("roots"),
            published: place("published"),
            tmp: place("tmp"),
            outside: place("outside"),
        }
    }
}

/// What is to be at a path that was kept or published.
#[derive(Debug, Default)]
pub(crate) struct Expected {
    pub(crate) one_of: Vec<Manifest>,
    /// The publishing was cancelled, or has not ended yet.
    pub(crate) or_nothing: bool,
}

/// The application names of the roots: few, so that many are at the same.
pub(crate) const APPS: [&str; 2] = ["soak-a", "soak-b"];

/// How many panics of a round have a directory kept, each of which says so on stderr.
const KEPT_BY_PANICS: u32 = 1;

pub(crate) struct World {
    pub(crate) places: Places,
    pub(crate) record: Arc<Record>,
    /// No session begins any more.
    pub(crate) is_over: AtomicBool,
    /// Tasks that exist: each may have handles.
    pub(crate) live: AtomicUsize,
    pub(crate) provoked: AtomicU64,
    pub(crate) panicked: AtomicU64,
    expected: Mutex<BTreeMap<PathBuf, Expected>>,
    /// Handles that go from one runtime to another.
    exchange: Mutex<Vec<Held>>,
    /// To a thread that is in no runtime.
    abroad: Mutex<Option<mpsc::Sender<Held>>>,
    tickets: AtomicU32,
    names: AtomicU64,
    turns: AtomicUsize,
}

impl World {
    pub(crate) fn new(places: Places, record: Arc<Record>) -> Arc<Self> {
        Arc::new(Self {
            places,
            record,
            is_over: AtomicBool::new(false),
            live: AtomicUsize::new(0),
            provoked: AtomicU64::new(0),
            panicked: AtomicU64::new(0),
            expected: Mutex::default(),
            exchange: Mutex::default(),
            abroad: Mutex::default(),
            tickets: AtomicU32::new(0),
            names: AtomicU64::new(0),
            turns: AtomicUsize::new(0),
        })
    }

    pub(crate) fn begin_round(&self, abroad: mpsc::Sender<Held>) {
        self.record.begin_round();
        self.is_over.store(false, Ordering::SeqCst);
        self.tickets.store(KEPT_BY_PANICS, Ordering::SeqCst);
        *lock(&self.abroad) = Some(abroad);
    }

    /// Tells all threads to end.
    pub(crate) fn end_round(&self) {
        self.is_over.store(true, Ordering::SeqCst);
    }

    /// Ends the sending abroad.
    pub(crate) fn close_border(&self) {
        drop(lock(&self.abroad).take());
    }

    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }

    /// A name that is used once.
    pub(crate) fn name(&self, kind: &str) -> String {
        format!("{kind}-{}", self.names.fetch_add(1, Ordering::Relaxed))
    }

    /// What number of its kind something is.
    pub(crate) fn turn(&self) -> usize {
        self.turns.fetch_add(1, Ordering::Relaxed)
    }

    /// The right to have a panic keep a directory.
    pub(crate) fn ticket(&self) -> bool {
        let taken = self
            .tickets
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            });
        taken.is_ok()
    }

    pub(crate) fn expect(&self, path: PathBuf, one_of: Vec<Manifest>, or_nothing: bool) {
        let expected = Expected { one_of, or_nothing };
        lock(&self.expected).insert(path, expected);
    }

    pub(crate) fn is_expected(&self, path: &Path) -> bool {
        lock(&self.expected).contains_key(path)
    }

    pub(crate) fn take_expected(&self) -> BTreeMap<PathBuf, Expected> {
        std::mem::take(&mut lock(&self.expected))
    }

    /// Leaves `held` for any task to take.
    pub(crate) fn give(&self, held: Held) {
        lock(&self.exchange).push(held);
    }

    pub(crate) fn take(&self, rng: &mut Rng) -> Option<Held> {
        let mut exchange = lock(&self.exchange);
        if exchange.is_empty() {
            return None;
        }
        let n = rng.usize(..exchange.len());
        Some(exchange.swap_remove(n))
    }

    /// Sends `held` to the thread without a runtime; back if that has gone.
    pub(crate) fn send_abroad(&self, held: Held) -> Option<Held> {
        match &*lock(&self.abroad) {
            Some(abroad) => abroad.send(held).err().map(|refused| refused.0),
            None => Some(held),
        }
    }

    /// Panics on purpose.
    pub(crate) fn provoke(&self) -> ! {
        self.provoked.fetch_add(1, Ordering::SeqCst);
        std::panic::panic_any(Provoked)
    }
}

/// What a panic on purpose carries.
#[derive(Debug)]
pub(crate) struct Provoked;

/// A runtime, from within and from without.
#[derive(Debug)]
pub(crate) struct Home {
    pub(crate) name: String,
    pub(crate) id: Id,
    is_ending: AtomicBool,
    is_gone: AtomicBool,
    is_gone_for_good: AtomicBool,
}

impl Home {
    pub(crate) fn new(name: String, id: Id) -> Arc<Self> {
        Arc::new(Self {
            name,
            id,
            is_ending: AtomicBool::new(false),
            is_gone: AtomicBool::new(false),
            is_gone_for_good: AtomicBool::new(false),
        })
    }

    /// From now on, operations on it may be refused.
    pub(crate) fn ends(&self) {
        self.is_ending.store(true, Ordering::SeqCst);
    }

    /// From now on, they are. `for_good` says that no thread of it is left.
    pub(crate) fn goes(&self, for_good: bool) {
        self.is_gone.store(true, Ordering::SeqCst);
        self.is_gone_for_good.store(for_good, Ordering::SeqCst);
    }

    pub(crate) fn is_ending(&self) -> bool {
        self.is_ending.load(Ordering::SeqCst)
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.is_gone.load(Ordering::SeqCst)
    }

    pub(crate) fn is_gone_for_good(&self) -> bool {
        self.is_gone_for_good.load(Ordering::SeqCst)
    }
}

/// A task, as far as it knows itself.
pub(crate) struct Task {
    pub(crate) world: Arc<World>,
    pub(crate) home: Arc<Home>,
    pub(crate) rng: Rng,
    pub(crate) name: String,
}

impl Task {
    pub(crate) fn begin(&self, name: &'static str, what: impl std::fmt::Display) -> Step {
        self.world.record.begin(&self.name, name, what)
    }

    /// Another one on the same runtime.
    pub(crate) fn fork(&mut self, n: usize) -> Self {
        Self {
            world: Arc::clone(&self.world),
            home: Arc::clone(&self.home),
            rng: self.rng.fork(),
            name: format!("{}.{n}", self.name),
        }
    }
}

/// Counts a task for as long as it exists. Made before anything else of the task, so that it goes
/// after everything else.
pub(crate) struct Live(Arc<World>);

impl Live {
    pub(crate) fn new(world: &Arc<World>) -> Self {
        world.live.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(world))
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.0.live.fetch_sub(1, Ordering::SeqCst);
    }
}
