//! System calls that fail: whatever fails, and whenever, a removal ends, and what it says is true.
//!
//! The calls of a process of its own are made to fail by `strace`, by their number. It counts those
//! of each thread for itself, so most numbers mean the threads of the removal, and a few the start
//! of the process: a process that never begins tells nothing, and is passed over.

#![cfg(target_os = "linux")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use async_tempdir::{AsyncTempDir, RemoveError, Removed, remove_dir_all};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group};
use support::{MARK, Sandbox, current_thread, is_child};

/// How long one removal may take, with all its waiting for descriptors.
const LIMIT: Duration = Duration::from_secs(60);

/// What the other process is told: what to do, and with which directory.
const JOB: &str = "ASYNC_TEMPDIR_TEST_JOB";
const PLACE: &str = "ASYNC_TEMPDIR_TEST_PLACE";

/// Deeper than a removal goes without moving directories up.
const DEPTH: usize = 80;
/// Enough for more than one thread.
const FILES: usize = 300;

const NAMES: [(&str, Errno); 7] = [
    ("EIO", Errno::IO),
    ("EINTR", Errno::INTR),
    ("EMFILE", Errno::MFILE),
    ("ENOSPC", Errno::NOSPC),
    ("EACCES", Errno::ACCESS),
    ("EBUSY", Errno::BUSY),
    ("ENOSYS", Errno::NOSYS),
];

/// Newer architectures have no `open`.
const OPENAT: &str = "openat,?open";
/// Then it is `openat` that opens directories.
const NO_OPENAT2: &str = "openat2:error=ENOSYS";

// The process whose calls fail.

const HELPER: &str = "the_process_whose_calls_fail";

/// Does what the process is told, if that was started for it; else nothing.
#[test]
fn the_process_whose_calls_fail() {
    if !is_child(HELPER) {
        return;
    }
    let job = std::env::var(JOB).unwrap();
    let place = PathBuf::from(std::env::var_os(PLACE).unwrap());
    let runtime = current_thread();
    // On a line of its own, which the harness has begun.
    println!("\nbegun");
    runtime.block_on(async {
        match &*job {
            "remove" => tell(remove_dir_all(place).max_threads(4).await),
            "create" | "close" | "remove inside" => match AsyncTempDir::new_in(&place).await {
                Ok(dir) => {
                    match &*job {
                        "close" => build(dir.path()),
                        "remove inside" => {
                            fs::write(dir.path().join("file"), "").unwrap();
                            dir.remove("file").await.unwrap();
                        }
                        _ => {}
                    }
                    tell(dir.close().max_threads(4).await);
                }
                Err(error) => println!("not created {error}"),
            },
            job => panic!("nobody knows how to {job}"),
        }
    });
    println!("done");
}

fn tell(result: Result<Removed, RemoveError>) {
    let removed = match &result {
        Ok(removed) => *removed,
        Err(error) => error.removed(),
    };
    println!("files {}", removed.files);
    println!("dirs {}", removed.dirs);
    if let Err(error) = result {
        println!("failed {}", error.failed());
        for failure in error.failures() {
            let errno = Errno::from_io_error(&failure.error).map_or(0, Errno::raw_os_error);
            println!("failure {errno} {}", failure.path.display());
        }
    }
}

/// What that process told.
#[derive(Debug, Default)]
struct Report {
    not_created: Option<String>,
    files: u64,
    dirs: u64,
    failed: u64,
    failures: Vec<(i32, PathBuf)>,
}

impl Report {
    /// `None` if the process never began.
    fn of(output: &Output, fault: &str) -> Option<Self> {
        let stdout = String::from_utf8_lossy(&output.stdout);
        let stderr = String::from_utf8_lossy(&output.stderr);
        let mut lines = stdout.lines().skip_while(|line| *line != "begun");
        lines.next()?;
        let mut report = Self::default();
        for line in lines {
            match line.split_once(' ') {
                _ if line == "done" => {
                    assert!(
                        output.status.success(),
                        "{fault}: {}\n{stderr}",
                        output.status
                    );
                    return Some(report);
                }
                Some(("not", why)) => report.not_created = Some(why.to_owned()),
                Some(("files", n)) => report.files = n.parse().unwrap(),
                Some(("dirs", n)) => report.dirs = n.parse().unwrap(),
                Some(("failed", n)) => report.failed = n.parse().unwrap(),
                Some(("failure", rest)) => {
                    let (errno, path) = rest.split_once(' ').unwrap();
                    report.failures.push((errno.parse().unwrap(), path.into()));
                }
                _ => panic!("{fault}: not part of a report: {line:?}\n{stderr}"),
            }
        }
        panic!(
            "{fault}: it began and did not end well: {}\n{stdout}\n{stderr}",
            output.status
        );
    }
}

// Running it.

/// Whether calls can be made to fail here.
fn available() -> bool {
    static AVAILABLE: LazyLock<bool> = LazyLock::new(|| {
        let tried = strace("openat2:error=EIO").arg("true").output();
        tried.is_ok_and(|tried| tried.status.success())
    });
    if !*AVAILABLE {
        assert!(
            std::env::var_os("CI").is_none(),
            "CI is where it has to run"
        );
        eprintln!("not run, for there is no strace here, or it may not trace");
    }
    *AVAILABLE
}

/// `faults`, with a semicolon between two, are what `strace` calls injections.
fn strace(faults: &str) -> Command {
    let mut command = Command::new("strace");
    // It stops at those calls only, which makes it fast, and keeps them to itself.
    command.args(["-f", "-qq", "--seccomp-bpf", "-o", "/dev/null"]);
    let calls = faults
        .split(';')
        .map(|fault| fault.split_once(':').unwrap().0);
    command.arg("-e");
    command.arg(format!("trace={}", calls.collect::<Vec<_>>().join(",")));
    for fault in faults.split(';') {
        command.arg("-e").arg(format!("inject={fault}"));
    }
    command
}

/// Has the other process do `job` in `place`, with these faults.
fn disturbed(job: &str, place: &Path, faults: &str) -> Option<Report> {
    traced(job, place, faults, strace(faults))
}

/// As [`disturbed`], by way of a command that has those `faults` happen.
fn traced(job: &str, place: &Path, faults: &str, mut strace: Command) -> Option<Report> {
    let child = strace
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", HELPER, "--nocapture", "--test-threads=1"])
        .env(MARK, HELPER)
        .env(JOB, job)
        .env(PLACE, place)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // So that it can be killed together with what it traces.
        .process_group(0)
        .spawn()
        .unwrap();
    let group = Pid::from_child(&child);
    let (sender, ended) = mpsc::channel();
    let waiting = std::thread::spawn(move || _ = sender.send(child.wait_with_output()));
    let output = match ended.recv_timeout(LIMIT) {
        Ok(output) => output.unwrap(),
        Err(RecvTimeoutError::Disconnected) => panic!("{faults}: nobody waits for it"),
        Err(RecvTimeoutError::Timeout) => {
            _ = kill_process_group(group, Signal::KILL);
            panic!("{faults}: it hangs");
        }
    };
    waiting.join().unwrap();
    Report::of(&output, faults)
}

// Trees.

/// Everything below a directory: what it is, and what is in it.
type Snapshot = BTreeMap<PathBuf, (u32, Vec<u8>)>;

fn snapshot(dir: &Path) -> Snapshot {
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
fn count(path: &Path) -> Removed {
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
fn leaves(dir: &Path) -> u64 {
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
fn build(dir: &Path) {
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

// The rules.

/// One tree, and the removal of it.
struct Case {
    sandbox: Sandbox,
    tree: PathBuf,
    before: Removed,
    others: Snapshot,
}

impl Case {
    fn new(build: impl FnOnce(&Path)) -> Self {
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
    fn run(self, faults: &str) -> Option<u64> {
        let report = disturbed("remove", &self.tree, faults);
        let failed = report.map(|report| {
            self.check(&report, faults);
            report.failed
        });
        self.end(faults);
        failed
    }

    fn check(&self, report: &Report, faults: &str) {
        let left = count(&self.tree);
        let removed = (report.files, report.dirs);
        let gone = (self.before.files - left.files, self.before.dirs - left.dirs);
        assert_eq!(removed, gone, "{faults}: what is counted is what is gone");
        check_failures(&self.tree, report, faults);
    }

    /// The directory around one that is created and closed.
    fn empty() -> Self {
        Self::new(|_| {})
    }

    /// As `check`, for a directory that was created in the tree, got `entries` (itself included),
    /// and was closed.
    fn check_closed(&self, entries: Removed, report: &Report, faults: &str) {
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
    fn end(self, faults: &str) {
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
fn check_failures(tree: &Path, report: &Report, faults: &str) {
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
    // Of more than are listed, nobody knows which they are.
    if all && tree.exists() {
        for path in snapshot(tree).into_keys() {
            let told = |(_, failure): &(i32, PathBuf)| {
                failure.starts_with(&path) || path.starts_with(failure)
            };
            assert!(
                report.failures.iter().any(told),
                "{faults}: {path:?} stays, and nobody is told: {:?}",
                report.failures
            );
        }
    }
}

/// Lets `call` fail with each of `errors` at each of `whens`, one after the other. At least one in
/// three has to begin, of what is meant for the removal's threads and not for the start.
fn scan(calls: &[&str], errors: &[&str], whens: &[&str]) -> Vec<(String, u64)> {
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
fn some_failed(results: &[(String, u64)]) {
    assert!(
        results.iter().any(|(_, failed)| *failed > 0),
        "nothing failed: {results:?}"
    );
}

fn none_failed(results: &[(String, u64)]) {
    for (faults, failed) in results {
        assert_eq!(*failed, 0, "{faults}: that is no reason to leave anything");
    }
}

#[test]
fn what_cannot_be_unlinked_is_reported() {
    if !available() {
        return;
    }
    let once = ["1", "2", "3", "5", "20", "90", "250"];
    some_failed(&scan(&["unlinkat"], &["EIO", "EACCES"], &once));
    let often = ["1+3", "3+3", "4+50", "1+", "60+"];
    some_failed(&scan(&["unlinkat"], &["EIO", "EBUSY", "EACCES"], &often));
}

#[test]
fn what_cannot_be_opened_is_reported() {
    if !available() {
        return;
    }
    let once = ["1", "2", "3", "5", "8", "13", "40", "70"];
    let often = ["1+3", "2+3", "4+20", "1+", "3+", "20+"];
    let errors = ["EIO", "EACCES"];
    some_failed(&scan(&["openat2"], &errors, &once));
    some_failed(&scan(&["openat2"], &errors, &often));
    // Where that is missing. From the first on, the process would not start.
    some_failed(&scan(&[OPENAT], &errors, &once));
    some_failed(&scan(&[OPENAT], &errors, &["4+3", "12+", "30+"]));
}

#[test]
fn what_cannot_be_read_is_reported() {
    if !available() {
        return;
    }
    let whens = [
        "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "20", "50", "100", "1+3", "2+3", "3+3",
        "2+2", "1+", "5+",
    ];
    some_failed(&scan(&["getdents64"], &["EIO", "EACCES"], &whens));
}

/// Some FUSE filesystems answer so if a right is missing that was not needed to open the directory.
#[test]
fn a_reading_that_fails_for_want_of_rights_goes_on_with_them() {
    if !available() {
        return;
    }
    for (mode, when, failures) in [(0o500, "1", 0), (0o700, "1", 1), (0o500, "1+", 1)] {
        let case = Case::new(|dir| {
            fs::write(dir.join("file"), "").unwrap();
            fs::set_permissions(dir, fs::Permissions::from_mode(mode)).unwrap();
        });
        let failed = case.run(&format!("getdents64:error=EIO:when={when}"));
        assert_eq!(failed, Some(failures), "mode {mode:o}, call {when}");
    }
}

#[test]
fn what_cannot_be_moved_is_removed_where_it_is() {
    if !available() {
        return;
    }
    let calls = ["renameat,renameat2,rename"];
    let errors = ["EIO", "EMFILE", "ENOSPC", "EACCES", "EBUSY"];
    none_failed(&scan(&calls, &errors, &["1", "2", "1+2", "1+"]));
}

#[test]
fn an_interrupted_call_is_made_again() {
    if !available() {
        return;
    }
    let calls = [
        "unlinkat",
        "openat2",
        OPENAT,
        "getdents64",
        "renameat,renameat2,rename",
    ];
    // Never for good: it would be made for good.
    let whens = [
        "1", "2", "3", "4", "5", "9", "33", "1+2", "2+2", "1+3", "5+3",
    ];
    none_failed(&scan(&calls, &["EINTR"], &whens));
}

#[test]
fn without_descriptors_for_a_moment_it_waits() {
    if !available() {
        return;
    }
    let whens = ["1", "2", "3", "5", "10", "60", "1+2", "2+3", "5+3"];
    none_failed(&scan(&["openat2"], &["EMFILE"], &whens));
    none_failed(&scan(
        &[OPENAT],
        &["EMFILE"],
        &["1", "2", "3", "5", "10", "60", "12+3"],
    ));
}

#[test]
fn without_descriptors_for_good_it_gives_up() {
    if !available() {
        return;
    }
    // It waits for two seconds with each of the directories that it cannot open.
    for when in ["1+", "2+"] {
        let faults = format!("openat2:error=EMFILE:when={when}");
        let failed = Case::new(support::fill).run(&faults);
        assert!(
            failed.is_some_and(|failed| failed > 0),
            "{faults}: {failed:?}"
        );
    }
}

/// What NFS servers do when reading and unlinking interleave: every reading ends early.
#[test]
fn a_directory_is_read_again_as_long_as_that_helps() {
    if !available() {
        return;
    }
    // What two calls read of names this long is less than a seventeenth of them.
    let long = "x".repeat(250);
    let build = |dir: &Path| {
        for n in 0..6_000 {
            fs::write(dir.join(format!("{n:05}{long}")), "").unwrap();
        }
    };
    let case = Case::new(build);
    // Every second call of each thread says that there is nothing more.
    let faults = "getdents64:retval=0:when=2+2";
    let report = disturbed("remove", &case.tree, faults).expect("nothing hinders its start");
    assert_eq!(
        report.failed, 0,
        "each reading removed something: {report:?}"
    );
    assert_eq!(report.files, 6_000);
    case.end(faults);

    // Also if something stays: what is told of is all that stays.
    let faults = format!("{faults};unlinkat:error=EIO:when=3");
    let failed = Case::new(build).run(&faults).unwrap();
    assert!((1..=4).contains(&failed), "{failed} of four threads' third");
}

/// Adds a file to `dir` as soon as the last one is removed, until told to stop. Returns how many.
fn add_one_by_one(dir: &Path, stop: &AtomicBool) -> u32 {
    let mut added = 0;
    while !stop.load(Ordering::Relaxed) {
        let path = dir.join(added.to_string());
        fs::write(&path, "").unwrap();
        added += 1;
        while path.exists() && !stop.load(Ordering::Relaxed) {
            std::thread::yield_now();
        }
    }
    added
}

#[test]
fn a_neighbour_that_never_stops_is_reported() {
    if !available() {
        return;
    }
    // Before the directory is said not to be empty, the neighbour has that long to add something.
    // It may be late a few times: that is a rereading in vain.
    let faults = "unlinkat:error=ENOTEMPTY:delay_enter=20000";
    let enough = (0..5).any(|_| {
        let case = Case::new(|_| {});
        let stop = AtomicBool::new(false);
        let (report, added) = std::thread::scope(|scope| {
            let neighbour = scope.spawn(|| add_one_by_one(&case.tree, &stop));
            let mut strace = strace(faults);
            // No call but the removal of the directory itself.
            strace.args(["-P", "tree"]);
            let report = traced("remove", &case.tree, faults, strace);
            stop.store(true, Ordering::Relaxed);
            (report, neighbour.join().unwrap())
        });
        let report = report.expect("nothing hinders its start");
        let not_empty = (Errno::NOTEMPTY.raw_os_error(), case.tree.clone());
        assert_eq!(report.failures, [not_empty]);
        case.end(faults);
        added > 40
    });
    assert!(enough, "it is read again as long as that removes something");
}

/// On NFS, a file that is open stays under such a name, which cannot be unlinked.
#[test]
fn a_name_that_nfs_keeps_is_waited_for() {
    if !available() {
        return;
    }
    const KEPT: &str = ".nfs000000000133d2a300000001";
    let busy = |when: &str| {
        let case = Case::new(|dir| {
            fs::create_dir(dir.join("sub")).unwrap();
            fs::write(dir.join("sub").join(KEPT), "").unwrap();
        });
        let faults = format!("unlinkat:error=EBUSY:when={when}");
        let mut strace = strace(&faults);
        // No other call counts.
        strace.args(["-P", KEPT]);
        let report = traced("remove", &case.tree, &faults, strace);
        (case, report.expect("nothing hinders its start"), faults)
    };
    let (case, report, faults) = busy("1..5");
    assert_eq!((report.files, report.dirs, report.failed), (1, 2, 0));
    case.end(&faults);

    let (case, report, faults) = busy("1+");
    let kept = case.tree.join("sub").join(KEPT);
    assert_eq!(report.failures, [(0, kept)], "the name, and why");
    case.end(&faults);
}

#[test]
fn faults_of_all_kinds_at_once() {
    if !available() {
        return;
    }
    let mut failed = 0;
    for step in [3, 5, 7, 11, 17, 31, 61] {
        for first in [1, 2, 4, 6] {
            let faults = format!(
                "unlinkat:error=EBUSY:when={first}+{step};openat2:error=EIO:when={}+{step};\
                 getdents64:error=ENOSPC:when={}+{step};renameat,renameat2:error=EMFILE:when=1+2",
                first + 1,
                first + 2
            );
            failed += Case::new(build).run(&faults).unwrap_or(0);
        }
    }
    assert!(failed > 0, "nothing failed");
}

#[test]
fn closing_is_removing() {
    if !available() {
        return;
    }
    let model = Case::new(build);
    let entries = model.before;
    model.end("none");
    for faults in [
        // Older kernels, and the filters of older containers; without it, a process of 32 bits does
        // not even start unless it is told that there is no such call.
        "statx:error=ENOSYS",
        #[cfg(target_pointer_width = "64")]
        "statx:error=EPERM",
        "unlinkat:error=EIO:when=1",
        "unlinkat:error=EINTR:when=1+2",
        "unlinkat:error=EBUSY:when=5+40",
        "openat2:error=EIO:when=2",
        "openat2:error=EIO:when=1+",
        "openat2:error=EMFILE:when=1+2",
        "openat2:error=EINTR:when=1+2",
        "getdents64:error=EIO:when=3+3",
        "renameat,renameat2:error=EIO:when=1+",
    ] {
        let case = Case::empty();
        let report = disturbed("close", &case.tree, faults).expect("nothing hinders its start");
        assert_eq!(report.not_created, None, "{faults}");
        case.check_closed(entries, &report, faults);
        if faults.contains("EINTR") || faults.contains("statx") {
            assert_eq!(report.failed, 0, "{faults}");
        }
        case.end(faults);
    }
}

#[test]
fn a_single_entry_is_removed_although_interrupted() {
    if !available() {
        return;
    }
    let case = Case::empty();
    let faults = "unlinkat:error=EINTR:when=1+2";
    let report = disturbed("remove inside", &case.tree, faults).expect("nothing hinders its start");
    let mut entries = Removed::default();
    entries.dirs = 1;
    case.check_closed(entries, &report, faults);
    case.end(faults);
}

#[test]
fn what_cannot_be_created_is_not_there() {
    if !available() {
        return;
    }
    let mut entries = Removed::default();
    entries.dirs = 1;
    let mut refused = 0;
    for call in ["?mkdir,mkdirat", "statx", "unlinkat"] {
        for error in ["ENOSPC", "EIO", "EINTR", "EMFILE", "EACCES"] {
            for when in ["1", "2", "1+"] {
                let mut faults = format!("{call}:error={error}:when={when}");
                // What is asked where `statx` is believed to be missing.
                if call == "statx" {
                    faults.push_str(";?newfstatat:error=EIO:when=1+2");
                }
                if error == "EINTR" && when == "1+" {
                    continue;
                }
                let case = Case::empty();
                if let Some(report) = disturbed("create", &case.tree, &faults) {
                    case.check_closed(entries, &report, &faults);
                    refused += u32::from(report.not_created.is_some());
                }
                case.end(&faults);
            }
        }
    }
    assert!(refused > 0, "nothing was refused");
}
