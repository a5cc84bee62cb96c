//! `ASYNC_TEMPDIR_ROOT` and `ASYNC_TEMPDIR_RETAIN`: the roots of runs. Each run is a process of its own.

#[cfg(target_os = "linux")]
mod calls;
mod foreign;
#[cfg(unix)]
mod forks;
mod kills;
mod places;
mod retention;
mod sharing;
#[path = "../support/mod.rs"]
mod support;

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use async_tempdir::{AsyncTempDir, Builder, Cleanup};
use support::{LOCK, Running, current_thread, fill, is_child};

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
        "move" => places::moves(),
        "remove" => sharing::removes_meanwhile(),
        "race" => sharing::races(),
        "persist" => retention::cannot_persist(),
        "open" => places::opens_a_root(),
        "unrecorded" => retention::cannot_record(),
        "recorded late" => retention::is_recorded_late(),
        "name" => places::tells_names(),
        #[cfg(unix)]
        "unsafe" => foreign::is_not_reclaimed(),
        #[cfg(unix)]
        "nowhere" => places::is_nowhere(),
        #[cfg(unix)]
        "fork" => forks::forks(),
        #[cfg(unix)]
        "fork and keep" => forks::forks_and_keeps(),
        #[cfg(unix)]
        "umask" => places::masks(),
        #[cfg(target_os = "linux")]
        "trace" => calls::is_traced(),
        role => panic!("{role}"),
    }
}
