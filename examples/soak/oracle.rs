//! What must be true whenever no task is at work.

mod memory;
mod neighbours;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use async_tempdir::{TempRoot, cleanup};
use tokio::runtime::Builder;

use crate::record::Record;
use crate::world::{APPS, Places, World};
use memory::{Memory, resident_kib};
use neighbours::{Neighbours, SIBLING};

/// How long threads and descriptors may take to go, once nothing needs them any more.
const GRACE: Duration = Duration::from_secs(10);

/// What is wanted to be the same after every round.
#[derive(Debug)]
pub(crate) struct Oracle {
    before: Process,
    neighbours: Neighbours,
    failures: u64,
    memory: Memory,
}

/// What a process has, as far as the system tells.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Process {
    descriptors: Option<usize>,
    threads: Option<usize>,
}

impl Process {
    fn now() -> Self {
        let count = |path| {
            let entries = of_proc(path, |path| fs::read_dir(path))?;
            Some(entries.count())
        };
        Self {
            // One of them is for reading this.
            descriptors: count("/proc/self/fd").map(|n| n - 1),
            threads: of_proc("/proc/self/task", |path| fs::read_dir(path))
                .map(|tasks| tasks.flatten().filter(is_counted).count()),
        }
    }
}

/// Whether a thread has to end with the work. That which watches background removal stays for ten
/// seconds.
fn is_counted(task: &fs::DirEntry) -> bool {
    // The system cuts names after 15 bytes.
    fs::read_to_string(task.path().join("comm"))
        .is_ok_and(|name| name.trim_end() != &"async-tempdir-watchdog"[..15])
}

/// What is read at `path` below /proc. Under Wine, that would tell of Wine.
fn of_proc<T>(path: &str, read: impl FnOnce(&str) -> io::Result<T>) -> Option<T> {
    cfg!(target_os = "linux").then(|| read(path).ok())?
}

impl Oracle {
    /// Makes the places to work in and their neighbours.
    pub(crate) fn new(places: &Places) -> io::Result<Self> {
        for place in [
            &places.work,
            &places.roots,
            &places.published,
            &places.outside,
        ] {
            fs::create_dir(place)?;
        }
        Ok(Self {
            before: Process::now(),
            neighbours: Neighbours::new(places)?,
            failures: cleanup::failures(),
            memory: Memory::default(),
        })
    }

    /// Looks whether everything is as it must be, when every handle has gone and
    /// [`cleanup::idle`] has returned.
    pub(crate) fn check(&mut self, world: &World) {
        let record = &world.record;
        let (places, expected) = (&world.places, world.take_expected());

        self.neighbours.check(record);

        let failures = cleanup::failures();
        if failures != self.failures {
            record.violation(format!("{} failures", failures - self.failures));
            self.failures = failures;
        }
        let count = |n: &std::sync::atomic::AtomicU64| n.load(std::sync::atomic::Ordering::SeqCst);
        let (provoked, panicked) = (count(&world.provoked), count(&world.panicked));
        if provoked != panicked {
            record.violation(format!("{provoked} panics provoked, {panicked} observed"));
        }

        self.await_process(record);
        // Only now have all writes through Tokio's files ended.
        for (path, expected) in expected {
            let found = match path.symlink_metadata() {
                Err(_) if expected.or_nothing => continue,
                Err(error) => Err(format!("{error}")),
                Ok(_) => {
                    let checks = expected.one_of.iter().map(|manifest| manifest.check(&path));
                    checks
                        .reduce(|one, other| one.or(other))
                        .unwrap_or_else(|| Err("it was not to be here".into()))
                }
            };
            if let Err(what) = found {
                record.violation(format!("what is at {path:?}: {what}"));
            }
            if let Err(error) = fs::remove_dir_all(&path)
                && error.kind() != io::ErrorKind::NotFound
            {
                record.violation(format!("{path:?} cannot be removed: {error}"));
            }
        }
        self.check_reclaiming(record, places);
        self.await_process(record);
        self.memory.note();
    }

    /// Leaves the places to the process that made them, for removal.
    pub(crate) fn end(self) -> io::Result<()> {
        self.neighbours.end()
    }

    /// What killed processes have left must be gone after the next start of each application.
    fn check_reclaiming(&self, record: &Record, places: &Places) {
        let runtime = Builder::new_current_thread().build().expect("a runtime");
        for app in APPS {
            let result = runtime.block_on(async {
                // With a number, to reclaim those that have one, too, and what was kept in them.
                let builder = TempRoot::builder(app).parent(&places.roots).retain(0);
                let root = builder.open().await?;
                let reclaimed = root.reclaimed().await;
                if reclaimed.failed_roots() > 0 || reclaimed.skipped_reason().is_some() {
                    record.violation(format!("{app}: {reclaimed:?}"));
                }
                root.close().await?;
                Ok::<_, io::Error>(())
            });
            if let Err(error) = result {
                record.violation(format!("{app}: {error}"));
            }
        }
        drop(runtime);
        for path in entries(&places.roots) {
            record.violation(format!("left after the next start: {path:?}"));
        }
    }

    /// Threads of pools that were shut down in the background end when they are done.
    fn await_process(&self, record: &Record) {
        if !record.is_clean() {
            // It may well be in vain.
            return;
        }
        let deadline = Instant::now() + GRACE;
        loop {
            let now = Process::now();
            if now == self.before {
                return;
            }
            if Instant::now() > deadline {
                let open = fs::read_dir("/proc/self/fd").map(|dir| {
                    let target = |entry: io::Result<fs::DirEntry>| fs::read_link(entry?.path());
                    dir.filter_map(|entry| target(entry).ok())
                        .collect::<Vec<_>>()
                });
                let before = &self.before;
                record.violation(format!("{now:?}, but it was {before:?}; open: {open:?}"));
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    pub(crate) fn check_memory(&self, record: &Record) -> String {
        self.memory.check(record)
    }

    /// What this system does not say.
    pub(crate) fn blind(&self) -> Option<&'static str> {
        (self.before.threads.is_none() || resident_kib().is_none())
            .then_some("without /proc: descriptors, threads and memory are not counted here")
    }
}

/// Looks whether nothing is left but what is expected, at the very moment when
/// [`cleanup::idle`] has returned.
///
/// Where processes are killed in their roots, that is for the next one's start to say. In `tmp`,
/// where none is, a root that is left is a broken promise, even one that the next start would remove.
pub(crate) fn check_left(world: &World) {
    let (record, places) = (&world.record, &world.places);
    let pending = cleanup::pending();
    let names = [&places.work, &places.tmp, &places.published].map(|place| entries(place));
    if pending != 0 {
        record.violation(format!("{pending} pending after `idle`"));
    }
    for path in names.into_iter().flatten() {
        if !world.is_expected(&path) && !path.ends_with(SIBLING) {
            record.violation(format!("left behind: {path:?}"));
        }
    }
}

fn entries(place: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(place).map(|entries| entries.flatten().map(|entry| entry.path()));
    // A place that is gone is a violation, too: something is missing where it should be listed.
    entries.map_or_else(|_| vec![place.to_path_buf()], Iterator::collect)
}
