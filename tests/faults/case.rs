//! A tree whose removal is disturbed, and what has to be true then.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

use async_tempdir::{RemoveError, Removed, remove_dir_all};
use rustix::io::Errno;

use crate::process::{Report, disturbed};
use crate::support::{self, Sandbox, current_thread};

/// Deeper than a removal goes without moving directories up.
pub(crate) const DEPTH: usize = 80;
/// Enough for more than one thread.
pub(crate) const FILES: usize = 300;

pub(crate) const NAMES: [(&str, Errno); 7] = [
    ("EIO", Errno::IO),
    ("EINTR", Errno::INTR),
    ("EMFILE", Errno::MFILE),
    ("ENOSPC", Errno::NOSPC),
    ("EACCES", Errno::ACCESS),
    ("EBUSY", Errno::BUSY),
    ("ENOSYS", Errno::NOSYS),
];

/// Newer architectures have no `open`.
pub(crate) const OPENAT: &str = "openat,?open";
/// Then it is `openat` that opens directories.
pub(crate) const NO_OPENAT2: &str = "openat2:error=ENOSYS";

/// Everything below a directory: what it is, and what is in it.
pub(crate) type Snapshot = BTreeMap<PathBuf, (u32, Vec<u8>)>;

pub(crate) fn snapshot(dir: &Path) -> Snapshot {
    let mut snapshot = Snapshot::new();
    let mut dirs = vec![dir.to_path_buf()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let metadata = path.symlink_metadata().unwrap();
            let content = if metadata.is_file() {
                fs::read(&path).unwrap()
            } else {
                Vec::new()
            };
            if metadata.is_dir() {
                dirs.push(path.clone());
            }
            snapshot.insert(path, (metadata.mode(), content));
        }
    }
    snapshot
}

/// How many entries there are at `path`, itself included.
pub(crate) fn count(path: &Path) -> Removed {
    let mut count = Removed::default();
    let mut paths = vec![path.to_path_buf()];
    while let Some(path) = paths.pop() {
        match path.symlink_metadata() {
            Ok(metadata) if metadata.is_dir() => {
                count.dirs += 1;
                paths.extend(
                    fs::read_dir(path)
                        .unwrap()
                        .map(|entry| entry.unwrap().path()),
                );
            }
            Ok(_) => count.files += 1,
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::NotFound),
        }
    }
    count
}

/// How many entries there are with nothing in them.
pub(crate) fn leaves(dir: &Path) -> u64 {
    if !dir.exists() {
        return 0;
    }
    let entries = snapshot(dir);
    let around = |path: &PathBuf| path.parent().map(Path::to_path_buf);
    let full = entries.keys().filter_map(around).collect::<BTreeSet<_>>();
    let empty = entries.keys().filter(|path| !full.contains(*path)).count();
    empty.max(1) as u64
}

/// A broad directory, a deep one, and some with a little of each.
pub(crate) fn build(dir: &Path) {
    support::fill(dir);
    fs::create_dir(dir.join("broad")).unwrap();
    for i in 0..FILES {
        fs::write(dir.join("broad").join(i.to_string()), "").unwrap();
    }
    let mut deep = dir.to_path_buf();
    for level in 0..DEPTH {
        deep.push("d");
        fs::create_dir(&deep).unwrap();
        if level % 8 == 0 {
            fs::create_dir(deep.join("empty")).unwrap();
            fs::write(deep.join("file"), "").unwrap();
        }
    }
    symlink("../sibling", dir.join("outside")).unwrap();
    symlink(".", dir.join("broad/itself")).unwrap();
}

/// The numbers of files and directories that [`build`] creates, with the directory itself.
pub(crate) const BUILT: (u64, u64) = (
    (11 + FILES + DEPTH / 8 + 2) as u64,
    (4 + 1 + DEPTH + DEPTH / 8) as u64,
);

/// One tree, and the removal of it.
pub(crate) struct Case {
    pub(crate) sandbox: Sandbox,
    pub(crate) tree: PathBuf,
    pub(crate) before: Removed,
    pub(crate) others: Snapshot,
}

impl Case {
    pub(crate) fn new(build: impl FnOnce(&Path)) -> Self {
        let sandbox = Sandbox::new_in(&support::in_memory());
        let tree = sandbox.join("tree");
        fs::create_dir(&tree).unwrap();
        build(&tree);
        Self {
            before: count(&tree),
            others: snapshot(&sandbox.join("sibling")),
            tree,
            sandbox,
        }
    }

    /// Removes it while `faults` happen. `None` if that did not begin, else how many failures
    /// there were.
    pub(crate) fn run(self, faults: &str) -> Option<u64> {
        let report = disturbed("remove", &self.tree, faults);
        let failed = report.map(|report| {
            self.check(&report, faults);
            report.failed
        });
        self.end(faults);
        failed
    }

    pub(crate) fn check(&self, report: &Report, faults: &str) {
        let left = count(&self.tree);
        let removed = (report.files, report.dirs);
        let gone = (self.before.files - left.files, self.before.dirs - left.dirs);
        assert_eq!(removed, gone, "{faults}: what is counted is what is gone");
        check_failures(&self.tree, report, faults);
    }

    /// The directory around one that is created and closed.
    pub(crate) fn empty() -> Self {
        Self::new(|_| {})
    }

    /// As `check`, for a directory that was created in the tree, got `entries` (itself included),
    /// and was closed.
    pub(crate) fn check_closed(&self, entries: Removed, report: &Report, faults: &str) {
        let left = fs::read_dir(&self.tree).unwrap();
        let left = left.map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
        if let Some(error) = &report.not_created {
            assert!(left.is_empty(), "{faults}: {error}, but there is {left:?}");
            return;
        }
        assert!(left.len() <= 1, "{faults}: one was created");
        let closed = left.first().cloned();
        let closed = closed.unwrap_or_else(|| self.tree.join("what was removed"));
        check_failures(&closed, report, faults);
        let left = count(&closed);
        let all = (report.files + left.files, report.dirs + left.dirs);
        let expected = (entries.files, entries.dirs);
        assert_eq!(all, expected, "{faults}: what is counted is what is gone");
    }

    /// What was left can be removed once calls do not fail any more.
    pub(crate) fn end(self, faults: &str) {
        let others = snapshot(&self.sandbox.join("sibling"));
        assert!(others == self.others, "{faults}: nothing else is touched");
        if self.tree.exists() {
            let again = current_thread().block_on(remove_dir_all(&self.tree).into_future());
            again.unwrap_or_else(|error| panic!("{faults}: the second time: {error}"));
        }
        self.sandbox.check();
    }
}

/// Whether what `report` says of failures is true of `tree` as it is now.
pub(crate) fn check_failures(tree: &Path, report: &Report, faults: &str) {
    let listed = report.failures.len();
    let all = report.failed == listed as u64;
    assert!(
        all || (listed == RemoveError::MAX_FAILURES && report.failed > listed as u64),
        "{faults}: {listed} of {} failures are listed",
        report.failed
    );
    assert_eq!(
        tree.exists(),
        listed > 0,
        "{faults}: a removal fails if and only if something stays"
    );
    for (errno, path) in &report.failures {
        assert!(
            path.starts_with(tree) && path.symlink_metadata().is_ok(),
            "{faults}: {path:?} is said to stay, and is gone"
        );
        let said = NAMES
            .iter()
            .find(|(_, known)| known.raw_os_error() == *errno);
        assert!(
            said.is_some_and(|(name, _)| faults.contains(name)),
            "{faults}: error {errno} is what the system said of {path:?}"
        );
    }
    // Also beyond those that are listed.
    if faults.starts_with("unlinkat") && !faults.contains(';') {
        let leaves = leaves(tree);
        assert!(
            report.failed >= leaves,
            "{faults}: {leaves} could not be unlinked, {} are counted",
            report.failed
        );
    }
    // Failures beyond those listed are only counted.
    if all && tree.exists() {
        for path in snapshot(tree).into_keys() {
            let told = |(_, failure): &(i32, PathBuf)| {
                failure.starts_with(&path) || path.starts_with(failure)
            };
            assert!(
                report.failures.iter().any(told),
                "{faults}: {path:?} stays, and is not reported: {:?}",
                report.failures
            );
        }
    }
}

/// Lets `call` fail with each of `errors` at each of `whens`, one after the other. At least one in
/// three has to begin, of what is meant for the removal's threads and not for the start.
pub(crate) fn scan(calls: &[&str], errors: &[&str], whens: &[&str]) -> Vec<(String, u64)> {
    let mut results = Vec::new();
    let mut tried = 0;
    for call in calls {
        for error in errors {
            for when in whens {
                let mut faults = format!("{call}:error={error}:when={when}");
                if *call == OPENAT {
                    faults = format!("{NO_OPENAT2};{faults}");
                }
                tried += 1;
                if let Some(failed) = Case::new(build).run(&faults) {
                    results.push((faults, failed));
                }
            }
        }
    }
    assert!(
        results.len() * 3 >= tried,
        "only {} of {tried} processes began",
        results.len()
    );
    results
}

/// That faults which matter did happen.
pub(crate) fn some_failed(results: &[(String, u64)]) {
    assert!(
        results.iter().any(|(_, failed)| *failed > 0),
        "nothing failed: {results:?}"
    );
}

pub(crate) fn none_failed(results: &[(String, u64)]) {
    for (faults, failed) in results {
        assert_eq!(*failed, 0, "{faults}: that is no reason to leave anything");
    }
}
