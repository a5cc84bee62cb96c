//! A project with the suite, run by Cargo and by cargo-nextest, and killed at moments without a
//! pattern.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};

use crate::runs::{Run, Runs};
use crate::support::{in_memory, until};

/// The number of kills, under each of the two.
const KILLS: usize = 50;

/// A package in a directory of its own, with this crate as a dependency.
struct Project(tempfile::TempDir);

impl Project {
    fn new() -> Self {
        let this = Path::new(env!("CARGO_MANIFEST_DIR"));
        let manifest = format!(
            "[package]\nname = \"killed\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
             [dependencies]\nasync-tempdir = {{ path = '{}' }}\n\
             tokio = {{ version = \"1\", features = [\"macros\", \"rt-multi-thread\"] }}\n\n\
             [workspace]\n",
            this.display()
        );
        // As the guide has it.
        let environment = "[env]\nASYNC_TEMPDIR_CLEANUP = \"on-success\"\n\
             ASYNC_TEMPDIR_ROOT = { value = \"target/tmp\", relative = true }\n";
        let dir = tempfile::tempdir_in(in_memory()).unwrap();
        for (path, text) in [
            ("Cargo.toml", manifest.as_str()),
            (".cargo/config.toml", environment),
            ("src/lib.rs", ""),
            ("tests/killed.rs", include_str!("suite.rs")),
        ] {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        fs::copy(this.join("Cargo.lock"), dir.path().join("Cargo.lock")).unwrap();
        let project = Self(dir);
        let mut build = project.command(&["test", "--no-run"], &[]);
        let output = build.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        project
    }

    /// Returns a command of Cargo's in the project. What it builds is kept for other projects.
    fn command(&self, words: &[&str], arguments: &[&str]) -> Command {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
        command
            .args(words)
            .args(["--offline", "--test", "killed"])
            .args(arguments)
            .current_dir(&self.0)
            .env("CARGO_TARGET_DIR", target());
        command
    }

    fn runs(self, words: &'static [&str], arguments: &'static [&str]) -> Runs {
        let path = self.0.path().to_path_buf();
        let parent = path.join("target/tmp");
        // The command keeps the project.
        let command = move || self.command(words, arguments);
        Runs::new(&path.join("reports"), &parent, "killed", 3, command)
    }
}

fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("killed-suites")
}

/// Returns the processes of a run, with their names. A zombie is none.
fn processes(run: &Run) -> Vec<(Pid, String)> {
    let mark = format!("KILLED_SUITE={}\0", run.report.display());
    let of_run = |entry: fs::DirEntry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let environment = fs::read(entry.path().join("environ")).ok()?;
        let environment = String::from_utf8_lossy(&environment);
        let name = fs::read_to_string(entry.path().join("comm")).ok()?;
        environment
            .contains(&mark)
            .then_some((Pid::from_raw(pid)?, name))
    };
    let entries = fs::read_dir("/proc").unwrap();
    entries.filter_map(|entry| of_run(entry.ok()?)).collect()
}

/// Returns the processes of a run that execute tests.
fn tests(run: &Run) -> Vec<Pid> {
    let all = processes(run).into_iter();
    // The end of the name is cut off.
    all.filter(|(_, name)| name.starts_with("killed-"))
        .map(|(pid, _)| pid)
        .collect()
}

/// Kills a process, which may have ended just now, and waits until it has let go of its files.
fn kill(pid: Pid) {
    let _ = kill_process(pid, Signal::KILL);
    let proc = PathBuf::from(format!("/proc/{}", pid.as_raw_nonzero()));
    until("the killed process is gone", || {
        let Ok(stat) = fs::read_to_string(proc.join("stat")) else {
            return true;
        };
        let is_zombie = stat
            .rsplit_once(") ")
            .is_some_and(|(_, state)| state.starts_with('Z'));
        is_zombie && fs::read_dir(proc.join("task")).map_or(0, Iterator::count) <= 1
    });
}

/// Kills whatever belongs to a run.
fn kill_all(run: &Run) {
    until("every process of the run is gone", || {
        let all = processes(run);
        all.iter().for_each(|(pid, _)| kill(*pid));
        all.is_empty()
    });
}

/// Kills runs, some of which have others beside them. `kill_some` kills a part of one; until
/// nothing is left of it, the rest has to work on.
fn killed(runs: &mut Runs, kill_some: impl Fn(&mut fastrand::Rng, &mut Run)) {
    let mut random = fastrand::Rng::with_seed(21);
    let mut kills = 0;
    while kills < KILLS {
        let beside = *random.choice(&[1, 1, 3]).unwrap();
        let mut live: Vec<Run> = (0..beside).map(|_| runs.start()).collect();
        live.iter_mut().for_each(|run| run.wait_for_steps(1));
        while !live.is_empty() {
            let n = random.usize(..live.len());
            let run = &mut live[n];
            let made = run.paths("made").len();
            // Some directories on, and from there somewhere between two calls.
            let more = random.usize(..20);
            until("it makes some more", || {
                run.paths("made").len() >= made + more
                    || run.has_ended() && processes(run).is_empty()
            });
            (0..random.u32(..20_000)).for_each(|_| std::hint::spin_loop());
            if !tests(run).is_empty() {
                kill_some(&mut random, run);
                kills += 1;
            }
            // Without tests, cargo-nextest ends by itself.
            until("the rest works on", || {
                !tests(run).is_empty() || processes(run).is_empty()
            });
            if processes(run).is_empty() {
                let run = live.remove(n);
                runs.end(run);
            }
            runs.pass();
            runs.check(&live);
        }
    }
}

#[test]
#[ignore = "heavy: fifty kills"]
fn heavy_the_last_three_under_libtest_have_kept_theirs() {
    let mut runs = Project::new().runs(&["test"], &["--", "--test-threads=8"]);
    killed(&mut runs, |_, run| {
        let tests = tests(run);
        assert_eq!(tests.len(), 1, "a process has all tests");
        kill(tests[0]);
        // Cargo says that, and ends.
        run.child.wait().unwrap();
    });
}

#[test]
#[ignore = "heavy: fifty kills"]
fn heavy_the_last_three_under_nextest_have_kept_theirs() {
    let arguments = &["--no-fail-fast", "--test-threads=8"];
    let mut runs = Project::new().runs(&["nextest", "run"], arguments);
    killed(&mut runs, |random, run| {
        match random.u8(..4) {
            // All of it.
            0 => {
                run.child.kill().unwrap();
                kill_all(run);
            }
            // Its tests are left alone, and work on.
            1 => {
                run.child.kill().unwrap();
                run.child.wait().unwrap();
            }
            // As cargo-nextest kills a test that takes too long.
            _ => _ = random.choice(tests(run)).map(kill),
        }
    });
}
