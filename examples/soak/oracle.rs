//! What must be true whenever nobody is at work.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use async_tempdir::{TempRoot, cleanup};
use tokio::runtime::Builder;

use crate::manifest::list;
use crate::record::Record;
use crate::world::{APPS, Places, World};

/// How much more memory may be resident in the last third of the rounds than in the first. What is
/// lost of a few hundred thousand directories is more than that; what an allocator does with the
/// arenas of so many threads is less.
const MAX_GROWTH_KIB: u64 = 24 << 10;

/// Fewer rounds say nothing about growth: the first ones are a warm-up.
const MIN_ROUNDS: usize = 12;

/// How long threads and descriptors may take to go, once nothing needs them any more.
const GRACE: Duration = Duration::from_secs(10);

/// What is wanted to be the same after every round.
#[derive(Debug)]
pub(crate) struct Oracle {
    before: Process,
    neighbours: BTreeMap<PathBuf, Entry>,
    failures: u64,
    resident: Vec<u64>,
}

/// What a process has, as far as the system tells.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Process {
    descriptors: Option<usize>,
    threads: Option<usize>,
}

impl Process {
    fn now() -> Self {
        let count = |path| fs::read_dir(path).ok().map(Iterator::count);
        Self {
            // One of them is for reading this.
            descriptors: count("/proc/self/fd").map(|n| n - 1),
            threads: count("/proc/self/task"),
        }
    }
}

/// Something that nobody may touch.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    content: Option<Vec<u8>>,
    link: Option<PathBuf>,
    mode: u32,
    /// Of a directory, it tells that something was made in it and removed again.
    modified: Option<std::time::SystemTime>,
}

const SIBLING: &str = "sibling";

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
        let neighbours = [&places.outside, &places.work.join(SIBLING)];
        for neighbour in neighbours {
            fs::create_dir_all(neighbour.join("dir/below"))?;
            for file in ["file", "dir/file", "dir/below/file"] {
                fs::write(neighbour.join(file), file)?;
            }
            #[cfg(unix)]
            std::os::unix::fs::symlink("dir", neighbour.join("link"))?;
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::Permissions::from_mode(0o500);
            fs::set_permissions(places.outside.join("dir/below"), mode)?;
        }
        Ok(Self {
            before: Process::now(),
            neighbours: look_at(neighbours)?,
            failures: cleanup::failures(),
            resident: Vec::new(),
        })
    }

    /// Looks whether everything is as it must be, when every handle has gone and
    /// [`cleanup::idle`] has returned.
    pub(crate) fn check(&mut self, world: &World) {
        let record = &world.record;
        let (places, expected) = (&world.places, world.take_expected());

        self.look_at_neighbours(record, places);

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
        // Only now has whoever wrote through a file of Tokio's ended.
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
        self.take_back(record, places);
        self.await_process(record);
        self.resident.extend(resident_kib());
    }

    /// What killed processes have left must be gone after the next start of each application.
    fn take_back(&self, record: &Record, places: &Places) {
        let runtime = Builder::new_current_thread().build().expect("a runtime");
        for app in APPS {
            let result = runtime.block_on(async {
                let root = TempRoot::open_in(app, &places.roots).await?;
                let reclaimed = root.reclaimed().await;
                if reclaimed.failed_roots() > 0 || reclaimed.refused().is_some() {
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
            record.violation(format!("not taken back: {path:?}"));
        }
    }

    fn look_at_neighbours(&self, record: &Record, places: &Places) {
        let neighbours = look_at([&places.outside, &places.work.join(SIBLING)]);
        match neighbours {
            Ok(now) if now == self.neighbours => {}
            Ok(now) => {
                let changed =
                    |(path, entry): &(&PathBuf, &Entry)| self.neighbours.get(*path) != Some(*entry);
                let changed: Vec<_> = now.iter().filter(changed).collect();
                let gone = self
                    .neighbours
                    .keys()
                    .filter(|path| !now.contains_key(*path));
                let gone: Vec<_> = gone.collect();
                record.violation(format!("touched: {changed:?}, gone: {gone:?}"));
            }
            Err(error) => record.violation(format!("a neighbour is gone: {error}")),
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

    /// Compares the last third of the rounds with the first.
    pub(crate) fn check_memory(&self, record: &Record) -> String {
        let rounds = self.resident.len();
        if rounds < MIN_ROUNDS {
            return format!("resident memory: {:?} KiB, not judged", self.resident);
        }
        let median = |rounds: &[u64]| {
            let mut rounds = rounds.to_vec();
            rounds.sort_unstable();
            rounds[rounds.len() / 2]
        };
        let first = median(&self.resident[..rounds / 3]);
        let last = median(&self.resident[rounds - rounds / 3..]);
        if last > first + MAX_GROWTH_KIB {
            record.violation(format!("resident memory grows: {:?} KiB", self.resident));
        }
        format!("resident memory: {first} KiB in the first third of the rounds, {last} in the last")
    }

    /// What this system does not say.
    pub(crate) fn blind(&self) -> Option<&'static str> {
        (self.before.threads.is_none() || resident_kib().is_none())
            .then_some("without /proc: descriptors, threads and memory are not counted here")
    }
}

/// Looks whether nothing is left but what is expected, at the very moment when
/// [`cleanup::idle`] has returned.
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

fn look_at(roots: [&PathBuf; 2]) -> io::Result<BTreeMap<PathBuf, Entry>> {
    let mut found = BTreeMap::new();
    for root in roots {
        let below = list(root).map_err(io::Error::other)?;
        let below = below.into_iter().map(|path| root.join(path));
        for path in below.chain([root.clone()]) {
            let data = path.symlink_metadata()?;
            #[cfg(unix)]
            let mode = std::os::unix::fs::MetadataExt::mode(&data);
            #[cfg(not(unix))]
            let mode = u32::from(data.permissions().readonly());
            let entry = Entry {
                content: data.is_file().then(|| fs::read(&path)).transpose()?,
                link: data
                    .is_symlink()
                    .then(|| fs::read_link(&path))
                    .transpose()?,
                mode,
                modified: data.modified().ok(),
            };
            found.insert(path, entry);
        }
    }
    Ok(found)
}

fn resident_kib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}
