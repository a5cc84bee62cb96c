//! Tests of the walk without a runtime.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use rustix::fs::{CWD, FileType, Mode, OFlags, mkdirat, openat};

use super::*;
use crate::util::sync::Mutex;

/// Records everything.
#[derive(Default)]
struct Recording {
    /// The path of each directory that was left, and of each other entry, with its kind.
    seen: Mutex<BTreeMap<PathBuf, FileType>>,
    failures: Mutex<Vec<(PathBuf, io::Error)>>,
    /// Directories entered and not yet left, and those of them that are suspended.
    open: AtomicUsize,
    suspended: AtomicUsize,
    max_open: AtomicUsize,
    cancelled: AtomicBool,
    /// Called with the path of each directory that is entered.
    on_enter: Option<OnEnter>,
}

type OnEnter = Box<dyn Fn(&Path) + Send + Sync>;

struct Dir {
    path: PathBuf,
    suspended: bool,
}

impl Dir {
    fn new(path: PathBuf) -> Self {
        Self {
            path,
            suspended: false,
        }
    }
}

impl Visitor for Recording {
    type Dir = Dir;

    fn enter(&self, parent: &At<'_, Dir>, name: &CStr, opened: BorrowedFd<'_>) -> Option<Dir> {
        let kind = rustix::fs::fstat(opened).unwrap().st_mode;
        assert_eq!(FileType::from_raw_mode(kind), FileType::Directory);
        assert!(!parent.dir.suspended);
        let path = parent.path_of(name);
        assert_eq!(path, parent.dir.path.join(path.file_name().unwrap()));
        if name == c"skipped" {
            return None;
        }
        if let Some(on_enter) = &self.on_enter {
            on_enter(&path);
        }
        let open = self.open.fetch_add(1, Ordering::Relaxed) + 1;
        let open = open - self.suspended.load(Ordering::Relaxed).min(open);
        self.max_open.fetch_max(open, Ordering::Relaxed);
        Some(Dir::new(path))
    }

    fn entries(&self, at: &At<'_, Dir>, entries: &Batch, subdir: &mut dyn FnMut(&CStr)) {
        assert!(!at.dir.suspended);
        for (name, kind) in entries.iter() {
            if kind == FileType::Directory {
                subdir(name);
            } else {
                let path = at.path_of(name);
                let before = self.seen.lock().insert(path, kind);
                assert!(before.is_none(), "each once");
            }
        }
    }

    fn leave(&self, dir: &Dir, path: &dyn Fn() -> PathBuf) {
        assert!(!dir.suspended);
        assert_eq!(path(), dir.path);
        self.open.fetch_sub(1, Ordering::Relaxed);
        let mut seen = self.seen.lock();
        let before = seen.insert(dir.path.clone(), FileType::Directory);
        assert!(before.is_none(), "each once");
    }

    fn failed(&self, path: &dyn Fn() -> PathBuf, error: io::Error) {
        self.failures.lock().push((path(), error));
    }

    fn panicked(&self, panic: Box<dyn Any + Send>) {
        let error = panic.downcast_ref::<String>().cloned();
        self.failed(&PathBuf::new, io::Error::other(error.unwrap_or_default()));
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    fn suspend(&self, dir: &mut Dir) {
        assert!(!std::mem::replace(&mut dir.suspended, true));
        self.suspended.fetch_add(1, Ordering::Relaxed);
    }

    fn reopen(&self, dir: &mut Dir, below: &Dir) {
        assert!(std::mem::replace(&mut dir.suspended, false));
        assert!(!below.suspended);
        assert_eq!(below.path.parent(), Some(&*dir.path));
        self.suspended.fetch_sub(1, Ordering::Relaxed);
    }
}

fn helpers() -> Threads {
    Threads {
        max: Some(4),
        spawn_helper: Some(Arc::new(|help| drop(thread::spawn(help)))),
    }
}

/// Walks through `root` with `threads`.
fn walk_with(root: &Path, recording: Recording, threads: Threads) -> Arc<Recording> {
    let recording = Arc::new(recording);
    recording.open.store(1, Ordering::Relaxed);
    let dir = Dir::new(PathBuf::new());
    let root = File::open(root).unwrap();
    tree(root, dir, Arc::clone(&recording), threads, 1);
    recording
}

/// Returns what is in `root`, after a walk by one thread and one by several found the same.
fn walk(root: &Path) -> BTreeMap<PathBuf, FileType> {
    let [one, several] = [Threads::default(), helpers()].map(|threads| {
        let recording = walk_with(root, Recording::default(), threads);
        assert!(recording.failures.lock().is_empty());
        assert_eq!(recording.open.load(Ordering::Relaxed), 0);
        std::mem::take(&mut *recording.seen.lock())
    });
    assert_eq!(one, several);
    one
}

/// Creates a chain of `depth` directories named `d`, with what `each` creates in each.
fn chain(root: &Path, depth: usize, each: impl Fn(&File)) {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let mut level = File::open(root).unwrap();
    for _ in 0..depth {
        each(&level);
        mkdirat(&level, "d", Mode::RWXU).unwrap();
        level = openat(&level, "d", flags, Mode::empty()).unwrap().into();
    }
    each(&level);
}

#[test]
fn everything_is_visited_once() {
    let root = tempfile::tempdir().unwrap();
    let mut expected = BTreeMap::from([(PathBuf::new(), FileType::Directory)]);
    for dir in ["a", "a/b", "a/b/c", "d", "e", "e/f", "e/f/g"] {
        fs::create_dir(root.path().join(dir)).unwrap();
        expected.insert(dir.into(), FileType::Directory);
    }
    for dir in ["", "a", "a/b/c", "e/f/g"] {
        for file in 0..200 {
            let path = Path::new(dir).join(file.to_string());
            fs::write(root.path().join(&path), "").unwrap();
            expected.insert(path, FileType::RegularFile);
        }
        let path = Path::new(dir).join("link");
        symlink("..", root.path().join(&path)).unwrap();
        expected.insert(path, FileType::Symlink);
    }
    fs::create_dir_all(root.path().join("e/skipped/what")).unwrap();
    assert_eq!(walk(root.path()), expected);
}

#[test]
fn a_directory_of_many_is_read_in_parts() {
    let root = tempfile::tempdir().unwrap();
    for n in 0..1_000 {
        fs::create_dir(root.path().join(format!("a directory {n}"))).unwrap();
    }
    assert_eq!(walk(root.path()).len(), 1_001);
}

#[test]
fn a_deep_tree_needs_few_descriptors() {
    let root = tempfile::tempdir().unwrap();
    // A comb: some teeth are visited before the rest of the chain, some after it.
    chain(root.path(), 150, |level| {
        for tooth in ["a", "e", "z"] {
            mkdirat(level, tooth, Mode::RWXU).unwrap();
            let file = Path::new(tooth).join("file");
            openat(level, &file, OFlags::CREATE, Mode::RWXU).unwrap();
        }
    });
    assert_eq!(walk(root.path()).len(), 151 * 7);
    let recording = walk_with(root.path(), Recording::default(), Threads::default());
    let max_open = recording.max_open.load(Ordering::Relaxed);
    assert!(max_open < MAX_DEPTH + 20, "{max_open} open at once");
}

/// Deeper than paths can be long and than descriptors there are by default.
#[test]
fn a_chain_of_a_thousand_directories() {
    let outer = tempfile::tempdir().unwrap();
    let root = outer.path().join("root");
    mkdirat(CWD, &root, Mode::RWXU).unwrap();
    chain(&root, 1_000, |_| {});
    let recording = walk_with(&root, Recording::default(), helpers());
    assert!(recording.failures.lock().is_empty());
    assert_eq!(recording.seen.lock().len(), 1_001);
    let options = crate::remove::Options::default();
    assert!(crate::remove::tree(&root, None, options).result.is_ok());
}

#[test]
fn a_directory_that_is_moved_out_is_not_the_way_to_another() {
    let outer = tempfile::tempdir().unwrap();
    let root = outer.path().join("root");
    let elsewhere = outer.path().join("elsewhere");
    fs::create_dir(&root).unwrap();
    fs::create_dir(&elsewhere).unwrap();
    fs::create_dir(elsewhere.join("canary")).unwrap();
    chain(&root, 100, |level| {
        mkdirat(level, "tooth", Mode::RWXU).unwrap();
    });
    // Whatever the order in which the filesystem lists them, some come after the chain.
    for depth in 0..100 {
        let level = root.join(PathBuf::from_iter(vec!["d"; depth]));
        fs::create_dir(level.join("another tooth")).unwrap();
    }
    // When the lowest is entered, the one at depth 60 is suspended. Its child goes elsewhere.
    let moved = PathBuf::from_iter(["d"; 61]);
    let lowest = PathBuf::from_iter(["d"; 100]);
    let from = root.join(&moved);
    let on_enter = move |path: &Path| {
        assert_ne!(path.file_name().unwrap(), "canary");
        if path == lowest {
            fs::rename(&from, elsewhere.join("d")).unwrap();
        }
    };
    let recording = Recording {
        on_enter: Some(Box::new(on_enter)),
        ..Recording::default()
    };
    let recording = walk_with(&root, recording, Threads::default());
    assert_eq!(recording.open.load(Ordering::Relaxed), 0, "all are left");
    let failures = recording.failures.lock();
    match &failures[..] {
        // Unless the chain came last in each directory.
        [] => assert_eq!(recording.seen.lock().len(), 302),
        [(path, error)] => {
            assert_eq!(*path, moved.parent().unwrap());
            assert!(error.to_string().contains("moved"), "{error}");
        }
        more => panic!("one failure is enough: {more:?}"),
    }
}

#[test]
fn what_is_replaced_before_it_is_entered_is_not_followed() {
    let outer = tempfile::tempdir().unwrap();
    let root = outer.path().join("root");
    fs::create_dir_all(outer.path().join("outside/canary")).unwrap();
    for name in ["a", "b"] {
        fs::create_dir_all(root.join(name)).unwrap();
    }
    let replaced = root.clone();
    let on_enter = move |path: &Path| {
        let other = if path == Path::new("a") { "b" } else { "a" };
        if fs::remove_dir(replaced.join(other)).is_ok() {
            symlink("../outside", replaced.join(other)).unwrap();
        }
    };
    let recording = Recording {
        on_enter: Some(Box::new(on_enter)),
        ..Recording::default()
    };
    let recording = walk_with(&root, recording, Threads::default());
    assert!(recording.failures.lock().is_empty());
    let seen = Vec::from_iter(recording.seen.lock().values().copied());
    let kinds = [FileType::Directory, FileType::Directory, FileType::Unknown];
    assert!(kinds.iter().all(|kind| seen.contains(kind)), "{seen:?}");
    assert_eq!(seen.len(), 3, "nothing outside");
}

#[test]
fn a_cancelled_walk_ends() {
    let root = tempfile::tempdir().unwrap();
    for n in 0..100 {
        fs::create_dir(root.path().join(n.to_string())).unwrap();
    }
    for threads in [Threads::default(), helpers()] {
        let recording = Recording {
            cancelled: AtomicBool::new(true),
            ..Recording::default()
        };
        let recording = walk_with(root.path(), recording, threads);
        assert!(recording.seen.lock().is_empty());
    }
}

#[test]
fn a_panic_ends_neither_the_other_threads_nor_the_walk() {
    let root = tempfile::tempdir().unwrap();
    for name in ["a", "b", "c"] {
        fs::create_dir_all(root.path().join(name).join("below")).unwrap();
    }
    let on_enter = |path: &Path| assert_ne!(path, Path::new("b"), "on purpose");
    for threads in [Threads::default(), helpers()] {
        let recording = Recording {
            on_enter: Some(Box::new(on_enter)),
            ..Recording::default()
        };
        let recording = walk_with(root.path(), recording, threads);
        let failures = recording.failures.lock();
        assert_eq!(failures.len(), 1);
        assert!(failures[0].1.to_string().contains("on purpose"));
        assert_eq!(recording.seen.lock().len(), 4);
    }
}

#[test]
fn several_threads_work_at_once() {
    let root = tempfile::tempdir().unwrap();
    for name in ["a", "b"] {
        fs::create_dir(root.path().join(name)).unwrap();
    }
    let both = Barrier::new(2);
    let on_enter = move |_: &Path| _ = both.wait();
    let recording = Recording {
        on_enter: Some(Box::new(on_enter)),
        ..Recording::default()
    };
    // Only met if each has a thread.
    walk_with(root.path(), recording, helpers());
}
