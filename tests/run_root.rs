//! `ASYNC_TEMPDIR_ROOT` and `ASYNC_TEMPDIR_RETAIN`: the roots of runs. Each run is a process of its own.

mod support;

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
#[cfg(unix)]
use std::time::{Duration, Instant};

use async_tempdir::{AsyncTempDir, Builder, Cleanup, TempRoot, cleanup};
use support::{LOCK, Running, Sandbox, current_thread, fill, is_child, multi_thread, times};

const ROOT: &str = "ASYNC_TEMPDIR_ROOT";
const RETAIN: &str = "ASYNC_TEMPDIR_RETAIN";
const RUN_ID: &str = "NEXTEST_RUN_ID";

/// What a process does that was started for a test.
const ROLE: &str = "ASYNC_TEMPDIR_TEST_ROLE";

const INDEX: &str = ".async-tempdir.kept";

/// The command that plays `role`, with the variable set to `root`.
fn player(role: &str, root: &Path) -> Command {
    player_through(&[], role, root)
}

fn player_through(through: &[&str], role: &str, root: &Path) -> Command {
    let mut command = support::this_test("plays_its_role", through);
    command.env(ROOT, root).env(ROLE, role);
    command
}

/// Runs the command to its end, and returns the paths that it tells.
#[track_caller]
fn run(command: &mut Command) -> Vec<PathBuf> {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let [stdout, stderr] =
        [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
    assert!(output.status.success(), "{stdout}\n{stderr}");
    stdout.lines().filter_map(told).collect()
}

fn tell(path: &Path) {
    println!("\npath {}", path.display());
}

fn told(line: &str) -> Option<PathBuf> {
    line.strip_prefix("path ").map(PathBuf::from)
}

/// A run that has made a directory, and goes on until it is told to end, or killed.
struct Held {
    process: Running,
    stdout: BufReader<ChildStdout>,
    dir: PathBuf,
}

impl Held {
    fn start(command: &mut Command) -> Self {
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = Running(child.stderr(Stdio::null()).spawn().unwrap());
        let mut stdout = BufReader::new(process.0.stdout.take().unwrap());
        let dir = Self::path(&mut stdout);
        Self {
            process,
            stdout,
            dir,
        }
    }

    fn path(stdout: &mut impl BufRead) -> PathBuf {
        let path = stdout.lines().find_map(|line| told(&line.unwrap()));
        path.expect("it tells a path")
    }

    /// The root of the run.
    fn root(&self) -> &Path {
        self.dir.parent().unwrap()
    }

    fn kill(mut self) {
        self.process.0.kill().unwrap();
        self.process.0.wait().unwrap();
    }

    /// Ends it as it would end by itself.
    fn end(mut self) {
        let child: &mut Child = &mut self.process.0;
        drop(child.stdin.take());
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        assert!(child.wait().unwrap().success(), "{rest}");
    }
}

/// The names in `dir`, sorted.
fn names(dir: &Path) -> Vec<OsString> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    names
}

/// Where the link of the run's root leads to.
fn current(parent: &Path) -> PathBuf {
    let link = parent.join("run_root-current");
    match cfg!(windows) {
        true => PathBuf::from(fs::read_to_string(link).unwrap()),
        false => parent.join(fs::read_link(link).unwrap()),
    }
}

/// Asserts that only `kept` is left in the root of a run.
#[track_caller]
fn check_emptied(root: &Path, kept: &[PathBuf]) {
    let mut expected: Vec<_> = kept.iter().map(|path| path.file_name().unwrap()).collect();
    expected.extend([LOCK, INDEX].map(OsStr::new));
    expected.sort();
    assert_eq!(names(root), expected, "{root:?}");
    for path in kept {
        assert_eq!(path.parent(), Some(root));
        assert!(path.join("a/b/1").exists(), "{path:?} is whole");
    }
}

fn filled(builder: Builder) -> AsyncTempDir {
    let dir = builder.create_blocking().unwrap();
    fill(dir.path());
    dir
}

/// Keeps one of three directories, and tells its path.
fn keep() {
    let [one, two, three] = [(); 3].map(|()| filled(Builder::new()));
    tell(&two.keep());
    drop((one, three));
}

fn wait_for_the_end() {
    io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

#[test]
fn plays_its_role() {
    if !is_child("plays_its_role") {
        return;
    }
    match env::var(ROLE).unwrap().as_str() {
        "once" => {
            let dir = filled(Builder::new());
            tell(dir.path());
            drop(dir);
        }
        "often" => (0..15).for_each(|_| tell(filled(Builder::new()).path())),
        "keep" => keep(),
        "hold" => {
            let dir = filled(Builder::new());
            tell(dir.path());
            wait_for_the_end();
            assert!(
                dir.path().join("a/b/1").exists(),
                "no live run loses a file"
            );
        }
        "keep and hold" => {
            keep();
            let policy = Builder::new().cleanup(Cleanup::Never);
            let dirs = [filled(policy), filled(Builder::new())];
            tell(dirs[0].path());
            wait_for_the_end();
        }
        "await" => current_thread().block_on(async {
            let dir = AsyncTempDir::new().await.unwrap();
            tell(dir.path());
            fill(dir.path());
            dir.close().await.unwrap();
            let path = AsyncTempDir::scope(async |dir| {
                fill(dir.path());
                io::Result::Ok(dir.path().to_path_buf())
            });
            tell(&path.await.unwrap());
            let (panic, kept) = {
                let dir = Builder::new()
                    .cleanup(Cleanup::OnSuccess)
                    .create()
                    .await
                    .unwrap();
                let path = dir.path().to_path_buf();
                let panic = tokio::spawn(async move {
                    fill(dir.path());
                    panic!("on purpose, with {dir:?}");
                });
                (panic, path)
            };
            panic.await.unwrap_err();
            tell(&kept);
        }),
        "fail" => {
            let error = AsyncTempDir::new_blocking().unwrap_err();
            println!("\nerror {:?} {error}", error.kind());
            let error = current_thread().block_on(AsyncTempDir::new()).unwrap_err();
            println!("\nerror {:?} {error}", error.kind());
        }
        "move" => moves(),
        "remove" => removes_meanwhile(),
        "race" => races(),
        "persist" => cannot_persist(),
        "open" => opens_a_root(),
        "unrecorded" => cannot_record(),
        "recorded late" => is_recorded_late(),
        "name" => tells_names(),
        #[cfg(unix)]
        "unsafe" => is_not_reclaimed(),
        #[cfg(unix)]
        "nowhere" => is_nowhere(),
        #[cfg(unix)]
        "fork" => forks(),
        #[cfg(unix)]
        "fork and keep" => forks_and_keeps(),
        #[cfg(unix)]
        "umask" => masks(),
        #[cfg(target_os = "linux")]
        "trace" => is_traced(),
        role => panic!("{role}"),
    }
}

#[test]
fn a_run_that_keeps_nothing_leaves_nothing() {
    let sandbox = Sandbox::new();
    let root = sandbox.join("target/tmp");
    for _ in 0..2 {
        let told = run(&mut player("once", &root));
        assert_eq!(told[0].parent(), Some(&*root.join("run_root-1")));
        assert!(names(&root).is_empty(), "{:?}", names(&root));
    }
    fs::remove_dir_all(sandbox.join("target")).unwrap();
    sandbox.check();
}

#[test]
fn the_last_runs_that_kept_something_are_retained() {
    let sandbox = Sandbox::new();
    for (retain, expected) in [
        (None, 3),
        (Some("3"), 3),
        (Some(""), 3),
        (Some("1"), 1),
        (Some("0"), 0),
    ] {
        let root = sandbox.join("root");
        let mut kept = Vec::new();
        let play = |role| {
            let mut command = player(role, &root);
            command.envs(retain.map(|retain| (RETAIN, retain)));
            run(&mut command)
        };
        for _ in 0..5 {
            kept.push(play("keep"));
            play("once");
        }
        kept.drain(..5 - expected);
        let roots: Vec<_> = kept.iter().map(|kept| kept[0].parent().unwrap()).collect();
        let left: Vec<_> = names(&root).iter().map(|name| root.join(name)).collect();
        // The link led to the root of a run that has kept nothing.
        assert_eq!(left, roots, "{retain:?}");
        for (root, kept) in roots.iter().zip(&kept) {
            check_emptied(root, kept);
        }
        if expected > 0 {
            kept.push(play("keep"));
            assert_eq!(current(&root), kept[expected][0].parent().unwrap());
        }
        fs::remove_dir_all(root).unwrap();
    }
    sandbox.check();
}

#[test]
fn what_a_killed_run_leaves_goes_with_the_next() {
    let sandbox = Sandbox::new();
    let root = sandbox.join("root");
    let held = Held::start(&mut player("hold", &root));
    assert_eq!(current(&root), held.root());
    let left = held.dir.clone();
    held.kill();
    assert!(
        left.join("a/b/1").exists(),
        "until then, it can be looked at"
    );
    let told = run(&mut player("once", &root));
    assert_eq!(told[0].parent(), Some(&*root.join("run_root-2")));
    assert!(names(&root).is_empty());

    // What it had kept by then is kept. What its policy would have kept later is not.
    let held = Held::start(&mut player("keep and hold", &root));
    let kept = held.dir.clone();
    held.kill();
    run(&mut player("once", &root));
    assert_eq!(names(&root), ["run_root-1"]);
    check_emptied(&root.join("run_root-1"), &[kept]);
    fs::remove_dir_all(root).unwrap();
    sandbox.check();
}

#[test]
fn live_runs_are_left_alone() {
    let sandbox = Sandbox::new();
    let root = sandbox.join("root");
    let held: Vec<_> = (0..3)
        .map(|_| Held::start(&mut player("hold", &root)))
        .collect();
    for role in ["keep", "once"] {
        run(player(role, &root).env(RETAIN, "1"));
    }
    for (number, held) in (1..).zip(&held) {
        assert_eq!(held.root(), root.join(format!("run_root-{number}")));
        assert!(held.dir.join("a/b/1").exists());
    }
    held.into_iter().for_each(Held::end);
    assert_eq!(names(&root), ["run_root-4"], "which has kept something");
    fs::remove_dir_all(root).unwrap();
    sandbox.check();
}

/// Processes that look at the same time find some of the roots locked by each other.
#[test]
fn what_is_locked_counts_among_the_last() {
    let sandbox = Sandbox::new();
    let root = sandbox.join("root");
    for _ in 0..4 {
        run(player("keep", &root).env(RETAIN, "4"));
    }
    let lock = root.join("run_root-4").join(LOCK);
    let lock = File::options().read(true).write(true).open(lock).unwrap();
    lock.lock().unwrap();
    run(&mut player("once", &root));
    assert_eq!(names(&root), ["run_root-2", "run_root-3", "run_root-4"]);
    // The own root counts, too, although it is not removed as soon as it has ended.
    drop(lock);
    let old = Held::start(&mut player("keep and hold", &root));
    for _ in 0..3 {
        run(&mut player("keep", &root));
    }
    old.end();
    let left = names(&root);
    assert_eq!(left[0], "run_root-5", "{left:?}");
    run(&mut player("once", &root));
    assert_eq!(names(&root), ["run_root-6", "run_root-7", "run_root-8"]);
    fs::remove_dir_all(root).unwrap();
    sandbox.check();
}

#[test]
fn processes_of_one_run_of_nextest_share_a_root() {
    let sandbox = Sandbox::new();
    let root = sandbox.join("root");
    let play = |role: &str, id: &str| {
        let mut command = player(role, &root);
        command.env(RUN_ID, id);
        command
    };
    let held = Held::start(&mut play("hold", "one"));
    let one = held.root().to_path_buf();
    let mut kept = run(&mut play("keep", "one"));
    let other = run(&mut play("once", "two"));
    assert_eq!(other[0].parent(), Some(&*root.join("run_root-2")));
    assert!(held.dir.exists());
    held.end();
    // None of it lives, and still it is the same run.
    kept.extend(run(&mut play("keep", "one")));
    run(&mut play("once", "one"));
    assert_eq!(names(&root), ["run_root-1", "run_root-current"]);
    assert_eq!(current(&root), one);
    check_emptied(&one, &kept);
    // A process of it that was killed leaves something to the others.
    let killed = Held::start(&mut play("hold", "one"));
    assert_eq!(killed.root(), one);
    killed.kill();
    run(&mut play("once", "two"));
    check_emptied(&one, &kept);
    fs::remove_dir_all(root).unwrap();
    sandbox.check();
}

/// Windows has no lock for the parent: there, two may open a root each.
#[cfg(unix)]
#[test]
fn many_processes_that_start_at_once() {
    let sandbox = Sandbox::new_in(&support::in_memory());
    let root = sandbox.join("root");
    for is_one_run in [true, false] {
        let held: Vec<_> = std::thread::scope(|scope| {
            let starts: Vec<_> = (0..times(30))
                .map(|_| {
                    scope.spawn(|| {
                        let mut command = player("hold", &root);
                        if is_one_run {
                            command.env(RUN_ID, "one");
                        }
                        Held::start(&mut command)
                    })
                })
                .collect();
            starts
                .into_iter()
                .map(|start| start.join().unwrap())
                .collect()
        });
        let mut roots: Vec<_> = held.iter().map(|held| held.root().to_path_buf()).collect();
        roots.sort();
        roots.dedup();
        let expected = if is_one_run { 1 } else { held.len() };
        assert_eq!(roots.len(), expected, "{roots:?}");
        assert!(roots.contains(&current(&root)));
        // All at once again.
        std::thread::scope(|scope| {
            for held in held {
                scope.spawn(|| held.end());
            }
        });
        assert!(names(&root).is_empty(), "{:?}", names(&root));
    }
    fs::remove_dir(root).unwrap();
    sandbox.check();
}

/// Runs side by side, some of several processes, that end or are killed at moments without a pattern.
fn killed_at_random(kills: usize) {
    let sandbox = Sandbox::new_in(&support::in_memory());
    let root = sandbox.join("root");
    let random = fastrand::Rng::with_seed(kills as u64);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            let (root, mut random) = (&root, random.clone().fork());
            scope.spawn(move || {
                for _ in 0..kills.div_ceil(3) {
                    let role = random.choice(["hold", "keep and hold", "keep", "once", "race"]);
                    let mut command = player(role.unwrap(), root);
                    if random.bool() {
                        command.env(RUN_ID, random.u8(..3).to_string());
                    }
                    let child = command.stdin(Stdio::piped()).stdout(Stdio::null());
                    let mut process = Running(child.stderr(Stdio::piped()).spawn().unwrap());
                    for _ in 0..random.u32(..400_000) {
                        std::hint::spin_loop();
                    }
                    if random.bool() {
                        continue;
                    }
                    // One that ends by itself has looked after its own.
                    drop(process.0.stdin.take());
                    let mut stderr = String::new();
                    let pipe = process.0.stderr.as_mut().unwrap();
                    pipe.read_to_string(&mut stderr).unwrap();
                    assert!(process.0.wait().unwrap().success(), "{role:?}: {stderr}");
                }
            });
        }
    });
    run(&mut player("once", &root));
    check_last_runs(&root);
    fs::remove_dir_all(root).unwrap();
    sandbox.check();
}

/// Asserts that `root` holds what the last runs have kept, and nothing else.
#[track_caller]
fn check_last_runs(root: &Path) {
    let left = names(root);
    assert!(left.len() <= 3, "{left:?}");
    for name in left {
        let name = name.to_str().unwrap();
        let number = name.strip_prefix("run_root-").unwrap();
        assert!(number.parse::<u32>().is_ok(), "{name}");
        let inside = names(&root.join(name));
        assert!(inside.len() > 2, "something was kept: {inside:?}");
        let own = |name: &OsString| name == LOCK || name == INDEX;
        for kept in inside.iter().filter(|name| !own(name)) {
            assert!(root.join(name).join(kept).join("a/b/1").exists());
        }
    }
}

/// Kills runs at each of their `calls`, or lets that fail: in each step of opening a root, of reclaiming
/// others, of keeping a directory and of the end.
#[cfg(target_os = "linux")]
fn stopped_at_every_call(calls: &[&str]) {
    let sandbox = Sandbox::new_in(&support::in_memory());
    let root = sandbox.join("root");
    for _ in 0..4 {
        run(&mut player("keep", &root));
    }
    for (call, fault) in calls
        .iter()
        .flat_map(|call| ["signal=KILL", "error=ENOSPC"].map(|fault| (call, fault)))
        // Without a lock, nothing is ever reclaimed.
        .filter(|(call, fault)| **call != "flock" || fault.starts_with("signal"))
    {
        for when in 1.. {
            let begin = ["strace", "-f", "-qq", "--seccomp-bpf", "-o"];
            let log = sandbox.join("log");
            let log_name = log.to_str().unwrap();
            let [trace, inject] = [
                format!("trace={call}"),
                format!("inject={call}:{fault}:when={when}"),
            ];
            let strace = [&begin[..], &[log_name, "-e", &trace, "-e", &inject]].concat();
            let mut command = player_through(&strace, "keep", &root);
            let output = command.stdin(Stdio::null()).output().unwrap();
            let stdout = String::from_utf8_lossy(&output.stdout);
            run(&mut player("once", &root));
            for kept in stdout.lines().filter_map(told) {
                assert!(kept.join("a/b/1").exists(), "{call}:{fault}:{when}");
            }
            check_last_runs(&root);
            assert_eq!(names(&root).len(), 3, "{call}:{fault}:{when}");
            let log = fs::read_to_string(log).unwrap();
            if !log.contains("INJECTED") && output.status.success() {
                assert!(when > 1, "{call}: that is how it is done");
                break;
            }
        }
    }
    fs::remove_file(sandbox.join("log")).unwrap();
    fs::remove_dir_all(root).unwrap();
    sandbox.check();
}

#[cfg(target_os = "linux")]
#[test]
fn stopped_anywhere_a_run_leaves_what_the_next_one_takes_back() {
    if support::require(test_name!(), &[support::Need::Strace]) {
        stopped_at_every_call(&["renameat2", "symlink"]);
    }
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "heavy: two hundred processes under strace"]
fn heavy_stopped_anywhere_a_run_leaves_what_the_next_one_takes_back() {
    if support::require(test_name!(), &[support::Need::Strace]) {
        stopped_at_every_call(&[
            "mkdir",
            "flock",
            "rename",
            "unlinkat",
            "openat2",
            "getdents64",
        ]);
    }
}

#[test]
fn after_kills_at_random_the_last_runs_remain() {
    killed_at_random(times(30));
}

#[test]
#[ignore = "heavy: a thousand processes"]
fn heavy_after_kills_at_random_the_last_runs_remain() {
    killed_at_random(1_000);
}

#[test]
fn futures_scopes_and_policies() {
    let sandbox = Sandbox::new();
    let root = sandbox.join("root");
    let output = player("await", &root)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let stdout = String::from_utf8_lossy(&output.stdout);
    let told: Vec<_> = stdout.lines().filter_map(told).collect();
    let [closed, scoped, kept] = &told[..] else {
        panic!("{told:?}");
    };
    for path in [closed, scoped] {
        assert!(path.starts_with(&root) && !path.exists(), "{path:?}");
    }
    check_emptied(kept.parent().unwrap(), std::slice::from_ref(kept));
    let stderr = String::from_utf8_lossy(&output.stderr);
    let line = format!("temporary directory kept: {}", kept.display());
    assert!(stderr.lines().any(|found| found == line), "{stderr}");
    fs::remove_dir_all(root).unwrap();
    sandbox.check();
}

#[test]
fn errors_name_the_variable() {
    let sandbox = Sandbox::new();
    let file = sandbox.join("file");
    fs::write(&file, "x").unwrap();
    let missing_drive = if cfg!(windows) { "Q:\\x" } else { "/proc/x" };
    for (root, retain, variable) in [
        (sandbox.join("root"), "three", RETAIN),
        (sandbox.join("root"), "-1", RETAIN),
        (sandbox.join("root"), "3 ", RETAIN),
        (file.clone(), "3", ROOT),
        (file.join("below"), "3", ROOT),
        (PathBuf::from(missing_drive), "3", ROOT),
    ] {
        let output = player("fail", &root).env(RETAIN, retain).output().unwrap();
        let stdout = String::from_utf8_lossy(&output.stdout);
        let errors: Vec<_> = stdout
            .lines()
            .filter_map(|line| line.strip_prefix("error "))
            .collect();
        assert_eq!(errors.len(), 2, "{output:?}");
        for error in errors {
            assert!(
                error.contains(variable) && error.contains(&format!("{root:?}")),
                "{error}"
            );
            assert_eq!(
                error.starts_with("InvalidInput"),
                variable == RETAIN,
                "{error}"
            );
        }
        assert!(!sandbox.join("root").exists());
    }
    // Empty, it is as if it were not set.
    let temp = sandbox.join("temp");
    fs::create_dir(&temp).unwrap();
    let mut command = player("once", Path::new(""));
    for variable in ["TMPDIR", "TMP", "TEMP"] {
        command.env(variable, &temp);
    }
    let told = run(command.env(RETAIN, "three"));
    assert_eq!(told[0].parent(), Some(&*temp));
    fs::remove_dir_all(temp).unwrap();
    fs::remove_file(file).unwrap();
    sandbox.check();
}

/// Fails, because the current directory is gone.
#[cfg(unix)]
fn is_nowhere() {
    let gone = env::current_dir().unwrap().join("gone");
    fs::create_dir(&gone).unwrap();
    env::set_current_dir(&gone).unwrap();
    fs::remove_dir(gone).unwrap();
    let error = AsyncTempDir::new_blocking().unwrap_err();
    println!("\nerror {error}");
    let error = current_thread()
        .block_on(TempRoot::open("app"))
        .unwrap_err();
    println!("\nerror {error}");
}

#[cfg(unix)]
#[test]
fn a_relative_path_to_nowhere_is_an_error_that_names_the_variable() {
    let sandbox = Sandbox::new();
    let mut command = player("nowhere", Path::new("target/tmp"));
    let output = command.current_dir(sandbox.path()).output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    let errors = stdout.lines().filter(|line| line.starts_with("error "));
    let errors: Vec<_> = errors.collect();
    assert_eq!(errors.len(), 2, "{output:?}");
    for error in errors {
        assert!(
            error.contains(ROOT) && error.contains("\"target/tmp\""),
            "{error}"
        );
    }
    sandbox.check();
}

/// Changes the current directory between its directories.
fn moves() {
    let before = filled(Builder::new());
    tell(before.path());
    let elsewhere = env::current_dir().unwrap().join("elsewhere");
    env::set_current_dir(elsewhere).unwrap();
    tell(filled(Builder::new()).path());
    drop(before);
    tell(filled(Builder::new()).path());
}

#[test]
fn a_relative_path_stays_where_it_was() {
    let sandbox = Sandbox::new();
    let start = fs::canonicalize(sandbox.path()).unwrap();
    fs::create_dir(start.join("elsewhere")).unwrap();
    let told = run(player("move", Path::new("target/tmp")).current_dir(&start));
    assert_eq!(told.len(), 3);
    for path in told {
        let place = fs::canonicalize(path.parent().unwrap().parent().unwrap()).unwrap();
        assert_eq!(place, start.join("target/tmp"), "{path:?}");
    }
    assert!(names(&start.join("elsewhere")).is_empty());
    assert!(names(&start.join("target/tmp")).is_empty());
    fs::remove_dir_all(start.join("target")).unwrap();
    fs::remove_dir(start.join("elsewhere")).unwrap();
    sandbox.check();
}

/// Removes everything, as `cargo clean` does, while a directory is in use.
fn removes_meanwhile() {
    let root = PathBuf::from(env::var_os(ROOT).unwrap());
    let lost = filled(Builder::new());
    let kept = filled(Builder::new());
    // On Windows, the lock file is open, and stays.
    let _ = fs::remove_dir_all(&root);
    let dir = filled(Builder::new());
    assert!(dir.path().starts_with(&root));
    drop(lost);
    assert!(dir.path().join("a/b/1").exists());
    kept.keep();
    drop(dir);
    assert_eq!(cleanup::failures(), 0);
    // While another thread does so again and again.
    let removes = std::thread::spawn({
        let root = root.clone();
        move || (0..50).for_each(|_| _ = fs::remove_dir_all(&root))
    });
    while !removes.is_finished() {
        // It may be removed at once.
        let dir = AsyncTempDir::new_blocking();
        drop(dir);
    }
    removes.join().unwrap();
    drop(filled(Builder::new()));
}

#[test]
fn a_root_that_another_process_removes_is_made_again() {
    let sandbox = Sandbox::new();
    let root = sandbox.join("root");
    run(&mut player("remove", &root));
    if cfg!(unix) {
        assert!(names(&root).is_empty(), "{:?}", names(&root));
    }
    fs::remove_dir_all(root).unwrap();
    sandbox.check();
}

/// Again and again, the last directory goes while another thread makes the next.
fn races() {
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..times(300) {
                    let dir = AsyncTempDir::new_blocking().unwrap();
                    fs::write(dir.path().join("file"), "x").unwrap();
                    assert!(dir.path().join("file").exists());
                }
            });
        }
    });
    let runtime = multi_thread();
    runtime.block_on(async {
        let tasks = (0..4).map(|_| {
            tokio::spawn(async {
                for _ in 0..times(100) {
                    let dir = AsyncTempDir::new().await.unwrap();
                    dir.write("file", "x").await.unwrap();
                    assert_eq!(dir.read("file").await.unwrap(), b"x");
                }
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
        cleanup::idle().await;
        assert_eq!(cleanup::failures(), 0);
    });
}

#[test]
fn a_root_that_ends_while_another_directory_is_made() {
    let sandbox = Sandbox::new_in(&support::in_memory());
    let root = sandbox.join("root");
    run(&mut player("race", &root));
    fs::remove_dir(root).expect("it is empty");
    sandbox.check();
}

/// Keeps two directories by an error: one in the root, and one in another directory in it.
fn cannot_persist() {
    current_thread().block_on(async {
        let dir = filled(Builder::new());
        let outer = filled(Builder::new());
        let inner = outer.temp_dir().await.unwrap();
        fill(inner.path());
        let at = dir.path().to_path_buf();
        for dir in [dir, inner] {
            let error = dir.persist("/missing/target").await.unwrap_err();
            let message = io::Error::from(error).to_string();
            assert!(!message.contains("until"), "{message}");
            let (_, kept) = message.split_once("it is kept at ").unwrap();
            tell(Path::new(kept.trim_matches('"')));
        }
        let is_retained = env::var_os(RETAIN).is_none();
        assert_eq!(at.exists(), is_retained, "then it stays where it was");
        drop(outer);
        cleanup::idle().await;
        assert_eq!(cleanup::failures(), 0);
    });
}

#[test]
fn what_an_error_keeps_is_kept_in_the_root() {
    let sandbox = Sandbox::new();
    let root = sandbox.join("root");
    let kept = run(&mut player("persist", &root));
    assert_eq!(kept.len(), 2);
    if cfg!(unix) {
        check_emptied(&root.join("run_root-1"), &kept);
    }
    // If nothing is retained, beside it.
    let kept = run(player("persist", &root).env(RETAIN, "0"));
    if cfg!(unix) {
        assert!(kept.iter().all(|kept| kept.parent() == Some(&root)));
        assert!(kept.iter().all(|kept| kept.join("a/b/1").exists()));
        assert_eq!(names(&root).len(), 2, "{:?}", names(&root));
    }
    fs::remove_dir_all(root).unwrap();
    sandbox.check();
}

/// Does not reclaim anything where other users could put their directories.
#[cfg(unix)]
fn is_not_reclaimed() {
    let (hooked, hook) = std::sync::mpsc::channel();
    cleanup::set_failure_hook(move |error| _ = hooked.send(error.to_string()));
    drop(filled(Builder::new()));
    let error = hook.recv().unwrap();
    assert!(error.contains("dead runs are not reclaimed"), "{error}");
    assert!(error.contains("belongs to another user"), "{error}");
    assert_eq!(cleanup::failures(), 1);
}

#[cfg(unix)]
#[test]
fn that_nothing_is_reclaimed_is_reported() {
    use std::os::unix::fs::{PermissionsExt, chown};

    if !support::require(test_name!(), &[support::Need::Root]) {
        return;
    }
    let sandbox = Sandbox::new();
    let root = sandbox.join("root");
    fs::create_dir(&root).unwrap();
    fs::set_permissions(&root, fs::Permissions::from_mode(0o777)).unwrap();
    chown(&root, Some(65534), None).unwrap();
    run(&mut player("unsafe", &root));
    assert_eq!(names(&root), Vec::<OsString>::new());
    fs::remove_dir(root).unwrap();
    sandbox.check();
}

/// Keeps a directory, which cannot be recorded.
fn cannot_record() {
    let dir = filled(Builder::new());
    fs::create_dir(dir.path().with_file_name(INDEX)).unwrap();
    let (hooked, hook) = std::sync::mpsc::channel();
    cleanup::set_failure_hook(move |error| _ = hooked.send(error.to_string()));
    let path = dir.keep();
    let error = hook.recv().unwrap();
    assert!(error.contains("recorded"), "{error}");
    let error = hook.recv().unwrap();
    assert!(error.contains("it is unknown what was kept"), "{error}");
    assert_eq!(cleanup::failures(), 2);
    tell(&path);
}

/// Keeps a directory, which cannot be recorded before another one ends.
fn is_recorded_late() {
    let [dir, other] = [(); 2].map(|()| filled(Builder::new()));
    let obstacle = dir.path().with_file_name(INDEX);
    fs::create_dir(&obstacle).unwrap();
    tell(&dir.keep());
    assert_eq!(cleanup::failures(), 1);
    fs::remove_dir(obstacle).unwrap();
    drop(other);
    assert_eq!(cleanup::failures(), 1);
}

/// As when the disk was full, or descriptors were short, at that moment.
#[test]
fn what_cannot_be_recorded_at_once_is_recorded_at_the_end() {
    let sandbox = Sandbox::new();
    let root = sandbox.join("root");
    let kept = run(&mut player("recorded late", &root));
    check_emptied(&root.join("run_root-1"), &kept);
    run(&mut player("once", &root));
    check_emptied(&root.join("run_root-1"), &kept);
    fs::remove_dir_all(root).unwrap();
    sandbox.check();
}

#[test]
fn what_cannot_be_recorded_is_reported_and_not_lost() {
    let sandbox = Sandbox::new();
    let root = sandbox.join("root");
    let told = run(&mut player("unrecorded", &root));
    assert!(told[0].join("a/b/1").exists());
    fs::remove_dir_all(root).unwrap();
    sandbox.check();
}

fn opens_a_root() {
    current_thread().block_on(async {
        let root = TempRoot::open("app").await.unwrap();
        tell(root.path());
        let dir = root.temp_dir().await.unwrap();
        assert_eq!(dir.path().parent(), Some(root.path()));
        let numbered = TempRoot::builder("app").retain(1).open().await.unwrap();
        tell(numbered.path());
        root.close().await.unwrap();
        numbered.close().await.unwrap();
    });
}

#[test]
fn a_root_of_a_program_is_in_the_same_directory() {
    let sandbox = Sandbox::new();
    let root = sandbox.join("target/tmp");
    let told = run(&mut player("open", &root));
    assert_eq!(told[0].parent(), Some(&*root));
    assert_eq!(told[0].file_name().unwrap().len(), "app-0123456789".len());
    assert_eq!(told[1], root.join("app-1"));
    assert!(names(&root).is_empty());
    fs::remove_dir_all(sandbox.join("target")).unwrap();
    sandbox.check();
}

/// On a thread with the name of a test, and on one of Tokio's.
fn tells_names() {
    let thread = std::thread::Builder::new().name(String::from("module::a_test"));
    thread
        .spawn(|| tell(filled(Builder::new()).path()))
        .unwrap()
        .join()
        .unwrap();
    let runtime = multi_thread();
    let dir = runtime.block_on(runtime.spawn(AsyncTempDir::new()));
    tell(dir.unwrap().unwrap().path());
    let builder = Builder::new().parent(env::var_os(ROOT).unwrap());
    let dir = runtime.block_on(runtime.spawn(builder.create()));
    tell(dir.unwrap().unwrap().path());
}

#[test]
fn names_tell_the_test() {
    let sandbox = Sandbox::new();
    let root = sandbox.join("root");
    for (test, second) in [(Some("b::another"), "tmp-b-another-"), (None, "tmp")] {
        let mut command = player("name", &root);
        command.envs(test.map(|test| ("NEXTEST_TEST_NAME", test)));
        let told = run(&mut command);
        for (path, prefix) in told.iter().zip(["tmp-module-a_test-", second, "tmp"]) {
            let name = path.file_name().unwrap().to_str().unwrap();
            let random = name.strip_prefix(prefix);
            assert_eq!(random.map(str::len), Some(10), "{name}");
        }
        assert!(names(&root).is_empty());
    }
    fs::remove_dir(root).unwrap();
    sandbox.check();
}

/// Makes a directory that is in use in both processes.
#[cfg(unix)]
fn forks() {
    use fork::Fork;

    let before = filled(Builder::new());
    match fork::fork().unwrap() {
        Fork::Child => {
            let own = filled(Builder::new());
            assert_eq!(own.path().parent(), before.path().parent(), "the same run");
            let path = own.path().to_path_buf();
            drop(own);
            assert!(!path.exists());
            drop(before);
            filled(Builder::new()).keep();
            // Without what it has a copy of.
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL)
                .unwrap();
        }
        Fork::Parent(child) => {
            let own = filled(Builder::new());
            _ = fork::waitpid(child);
            for dir in [&before, &own] {
                assert!(dir.path().join("a/b/1").exists(), "a child removes nothing");
            }
            tell(before.path().parent().unwrap());
        }
    }
}

#[cfg(unix)]
#[test]
fn a_forked_child_joins_the_run() {
    let sandbox = Sandbox::new();
    let root = sandbox.join("root");
    let told = run(&mut player("fork", &root));
    assert_eq!(names(&root), ["run_root-1", "run_root-current"]);
    assert_eq!(names(&told[0]).len(), 3, "what the child has kept");
    fs::remove_dir_all(root).unwrap();
    sandbox.check();
}

/// Keeps a directory, and leaves a child that does nothing until its input ends.
#[cfg(unix)]
fn forks_and_keeps() {
    use rustix::process::{Signal, getpid, kill_process};

    let dir = filled(Builder::new());
    if let fork::Fork::Child = fork::fork().unwrap() {
        wait_for_the_end();
        kill_process(getpid(), Signal::KILL).unwrap();
    }
    tell(&dir.keep());
}

#[cfg(unix)]
#[test]
fn a_forked_child_does_not_hold_what_its_parent_has_kept() {
    let sandbox = Sandbox::new();
    let root = sandbox.join("root");
    let mut held = Held::start(&mut player("fork and keep", &root));
    // The child has a copy of its input, and lives.
    let input = held.process.0.stdin.take();
    assert!(held.process.0.wait().unwrap().success());
    let lock = fs::File::open(held.root().join(LOCK)).unwrap();
    lock.try_lock().unwrap();
    drop((lock, input));
    check_emptied(held.root(), std::slice::from_ref(&held.dir));
    fs::remove_dir_all(root).unwrap();
    sandbox.check();
}

#[cfg(unix)]
fn masks() {
    use rustix::fs::Mode;
    use rustix::process::umask;
    use std::os::unix::fs::MetadataExt;

    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o7777;
    let root = PathBuf::from(env::var_os(ROOT).unwrap());
    for (mask, expected) in [(0o002, 0o755), (0o022, 0o755), (0o077, 0o700)] {
        umask(Mode::from_raw_mode(mask));
        let dir = filled(Builder::new());
        let run = dir.path().parent().unwrap();
        assert_eq!(
            [mode(dir.path()), mode(run)],
            [0o700; 2],
            "umask {mask:03o}"
        );
        for made in [&*root, root.parent().unwrap()] {
            assert_eq!(mode(made), expected, "umask {mask:03o}");
        }
        drop(dir);
        fs::remove_dir_all(root.parent().unwrap()).unwrap();
    }
}

#[cfg(unix)]
#[test]
fn what_is_created_is_as_private_as_the_umask_has_it() {
    let sandbox = Sandbox::new();
    run(&mut player("umask", &sandbox.join("target/tmp")));
    sandbox.check();
}

/// What another program may have put there under such names.
#[cfg(unix)]
#[test]
fn foreign_entries_are_left_alone() {
    use std::os::unix::fs::symlink;

    let sandbox = Sandbox::new();
    let outside = support::plant(sandbox.path(), "outside");
    let root = sandbox.join("root");
    let make = |name: &str| {
        let path = root.join(name);
        fs::create_dir_all(&path).unwrap();
        path
    };
    // No lock file; a lock file that is none; a link; a file; names that are not quite of the form.
    fill(&make("run_root-1"));
    symlink(outside.join(LOCK), make("run_root-2").join(LOCK)).unwrap();
    support::mkfifo(&make("run_root-3").join(LOCK));
    symlink(&outside, root.join("run_root-4")).unwrap();
    symlink(&outside, root.join(".run_root-4.dead")).unwrap();
    fs::write(root.join("run_root-5"), "x").unwrap();
    for name in [
        "run_root-06",
        "run_root-7x",
        "run_root-1-8",
        "run_root-9999999999999",
    ] {
        support::plant(&root, name);
    }
    // A link that leads elsewhere.
    symlink("../outside", root.join("run_root-current")).unwrap();
    symlink("/", root.join(".run_root-current.new")).unwrap();
    let before = names(&root);
    for role in ["once", "keep", "once"] {
        let told = run(player(role, &root).env(RETAIN, "0"));
        let number = told[0].parent().unwrap().file_name().unwrap();
        assert_eq!(number, "run_root-6", "the next number");
        assert_eq!(names(&root), before);
    }
    assert!(outside.join("a/b/1").exists() && outside.join(LOCK).exists());
    assert!(root.join("run_root-1/a/b/1").exists());
    fs::remove_dir_all(outside).unwrap();
    fs::remove_dir_all(root).unwrap();
    sandbox.check();
}

/// The greatest number may be taken.
#[test]
fn numbers_begin_again() {
    let sandbox = Sandbox::new();
    let root = sandbox.join("root");
    for name in ["run_root-1", "run_root-2", "run_root-999999999"] {
        fs::create_dir_all(root.join(name)).unwrap();
    }
    let told = run(&mut player("once", &root));
    assert_eq!(told[0].parent(), Some(&*root.join("run_root-3")));
    assert_eq!(names(&root).len(), 3);
    fs::remove_dir_all(root).unwrap();
    sandbox.check();
}

/// As another user may have made them, to stop the numbers or to change their order.
#[test]
fn what_is_no_root_takes_a_number_and_no_more() {
    let sandbox = Sandbox::new();
    let root = sandbox.join("root");
    fs::create_dir(&root).unwrap();
    let own = [6, 999_999_999].map(|number| root.join(format!("run_root-{number}")));
    let others: Vec<_> = (1..=100)
        .map(|number| root.join(format!(".run_root-{number}.new")))
        .chain(own)
        .collect();
    for other in &others {
        fs::write(other, "x").unwrap();
    }
    let kept: Vec<_> = (0..5)
        .map(|_| run(player("keep", &root).env(RETAIN, "2")))
        .collect();
    let roots = kept.iter().map(|kept| kept[0].parent().unwrap());
    let roots: Vec<_> = roots.collect();
    for (number, path) in [101, 102, 103, 104, 105].iter().zip(&roots) {
        assert_eq!(*path, root.join(format!("run_root-{number}")));
    }
    let left = |path: &&Path| path.exists();
    assert!(!roots[..3].iter().any(left) && roots[3..].iter().all(left));
    for other in others {
        fs::remove_file(other).unwrap();
    }
    fs::remove_dir_all(root).unwrap();
    sandbox.check();
}

/// Where it is unknown what was kept, nothing is removed.
#[test]
fn an_index_that_cannot_be_read_keeps_everything() {
    let sandbox = Sandbox::new();
    let root = sandbox.join("root");
    let kept = run(&mut player("keep", &root));
    let run_root = root.join("run_root-1");
    fs::remove_file(run_root.join(INDEX)).unwrap();
    fs::create_dir(run_root.join(INDEX)).unwrap();
    run(player("once", &root).env(RETAIN, "1"));
    assert!(kept[0].join("a/b/1").exists());
    fs::remove_dir(run_root.join(INDEX)).unwrap();
    let huge = fs::File::create(run_root.join(INDEX)).unwrap();
    huge.set_len(1 << 40)
        .unwrap_or_else(|_| huge.set_len(1 << 25).unwrap());
    drop(huge);
    run(player("once", &root).env(RETAIN, "1"));
    assert!(kept[0].join("a/b/1").exists());
    fs::remove_dir_all(root).unwrap();
    sandbox.check();
}

/// A process that was stopped while it had the lock of the parent directory.
#[cfg(unix)]
#[test]
fn one_that_is_stopped_does_not_stop_the_others() {
    let sandbox = Sandbox::new();
    let root = sandbox.join("root");
    fs::create_dir(&root).unwrap();
    let lock = fs::File::open(&root).unwrap();
    lock.lock().unwrap();
    let begin = Instant::now();
    let told = run(&mut player("often", &root));
    let took = begin.elapsed();
    assert!(took < Duration::from_secs(15), "once, not always: {took:?}");
    drop(lock);
    assert_eq!(told[0].parent(), Some(&*root.join("run_root-1")));
    assert!(names(&root).is_empty(), "{:?}", names(&root));
    fs::remove_dir(root).unwrap();
    sandbox.check();
}

/// Makes directories, first with a parent that was given, then without.
#[cfg(target_os = "linux")]
fn is_traced() {
    let temp = env::temp_dir();
    let mark = |name: &str| _ = fs::symlink_metadata(temp.join(name));
    // What happens once in a process.
    drop(Builder::new().parent(&temp).create_blocking().unwrap());
    mark("mark-given");
    drop(Builder::new().parent(&temp).create_blocking().unwrap());
    mark("mark-default");
    drop(Builder::new().create_blocking().unwrap());
    mark("mark-end");
}

/// The variables are not looked at for a directory with a parent.
#[cfg(target_os = "linux")]
#[test]
fn unset_they_cost_no_system_call() {
    let name = test_name!();
    if !support::require(name, &[support::Need::Strace]) {
        return;
    }
    let sandbox = Sandbox::new();
    let temp = sandbox.join("temp");
    fs::create_dir(&temp).unwrap();
    let log = sandbox.join("log");
    let log_name = log.to_str().unwrap();
    let through = ["strace", "-f", "-qq", "-o", log_name];
    let mut command = player_through(&through, "trace", Path::new(""));
    run(command.env_remove(ROOT).env("TMPDIR", &temp));
    let log_text = fs::read_to_string(&log).unwrap();
    let end = log_text.find("mark-end").unwrap();
    let [given, default] = ["mark-given", "mark-default"].map(|mark| log_text.find(mark).unwrap());
    // The lines of that thread, without the arguments. A line begins with the thread's id.
    let calls = |text: &str| -> Vec<String> {
        let lines = text.lines().skip(1);
        let thread = log_text[..given]
            .lines()
            .last()
            .unwrap()
            .split(' ')
            .next()
            .unwrap();
        lines
            .filter_map(|line| line.split_once(char::is_whitespace))
            .filter(|(id, _)| *id == thread)
            .filter_map(|(_, call)| call.trim_start().split_once('('))
            .map(|(call, _)| call.to_owned())
            // The allocator's, which depend on what was freed before.
            .filter(|call| !["brk", "mmap", "munmap", "madvise"].contains(&&**call))
            .collect()
    };
    let [given, default] = [&log_text[given..default], &log_text[default..end]].map(calls);
    assert!(
        given.iter().any(|call| call.starts_with("mkdir")),
        "{given:?}"
    );
    assert_eq!(default, given);
    fs::remove_file(log).unwrap();
    fs::remove_dir(temp).unwrap();
    sandbox.check();
}
