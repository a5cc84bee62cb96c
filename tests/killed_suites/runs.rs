//! Runs of a suite, and what they have left.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};

use crate::support::{LOCK, until};

/// The file with the names of what a run has kept.
const KEPT: &str = ".async-tempdir.kept";

/// One run, and what its tests tell: see `suite.rs`.
pub(crate) struct Run {
    pub(crate) report: PathBuf,
    pub(crate) child: Child,
}

impl Run {
    fn lines(&self, what: &str) -> Vec<String> {
        let text = fs::read_to_string(self.report.join(what)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    pub(crate) fn paths(&self, what: &str) -> BTreeSet<PathBuf> {
        // A line that is not whole is that of a process that was killed while it wrote.
        self.lines(what).into_iter().map(PathBuf::from).collect()
    }

    /// Waits until its tests have done so many steps.
    pub(crate) fn wait_for_steps(&mut self, steps: usize) {
        let done = self.report.join("steps");
        let done = || fs::metadata(&done).map_or(0, |steps| steps.len());
        let is_there = || done() >= steps as u64;
        until("the suite has done something", || {
            is_there() || self.has_ended()
        });
        assert!(is_there(), "it has ended before: {}", self.shown());
    }

    /// Returns whether the process that was started has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    fn shown(&self) -> String {
        fs::read_to_string(self.report.join("output")).unwrap()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // Should tests still be running, they end without it.
        let _ = fs::remove_dir_all(&self.report);
    }
}

/// The runs of one suite.
pub(crate) struct Runs {
    /// Where they tell what they do.
    reports: PathBuf,
    /// The parent of their roots.
    pub(crate) parent: PathBuf,
    /// The name of the executable in theirs.
    executable: String,
    retain: usize,
    command: Box<dyn Fn() -> Command>,
    ended: Vec<Run>,
    started: usize,
}

impl Runs {
    /// Roots of `executable`, which `command` runs, are in `parent`.
    pub(crate) fn new(
        reports: &Path,
        parent: &Path,
        executable: &str,
        retain: usize,
        command: impl Fn() -> Command + 'static,
    ) -> Self {
        Self {
            reports: reports.to_path_buf(),
            parent: parent.to_path_buf(),
            executable: executable.to_owned(),
            retain,
            command: Box::new(command),
            ended: Vec::new(),
            started: 0,
        }
    }

    fn start_with(&mut self, configure: impl FnOnce(&mut Command)) -> Run {
        self.started += 1;
        let report = self.reports.join(self.started.to_string());
        fs::create_dir_all(&report).unwrap();
        let output = File::create(report.join("output")).unwrap();
        let mut command = (self.command)();
        for (name, _) in std::env::vars_os() {
            let name = name.into_string().unwrap_or_default();
            // This test itself may be one of a run of cargo-nextest, and have a root of its own.
            if name.starts_with("NEXTEST") || name.starts_with("ASYNC_TEMPDIR_") {
                let is_ours = command.get_envs().any(|(own, _)| own == name.as_str());
                if !is_ours {
                    command.env_remove(name);
                }
            }
        }
        command
            .env("KILLED_SUITE", &report)
            .env("RUST_BACKTRACE", "0")
            .stdin(std::process::Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output);
        configure(&mut command);
        let child = command.spawn().unwrap();
        Run { report, child }
    }

    /// Starts a run that does not end by itself.
    pub(crate) fn start(&mut self) -> Run {
        self.start_with(|command| {
            command.env("KILLED_SUITE_HANGS", "yes");
        })
    }

    /// Takes note of a run that has ended. Returns how.
    pub(crate) fn end(&mut self, mut run: Run) -> ExitStatus {
        let status = run.child.wait().unwrap();
        self.ended.push(run);
        status
    }

    /// The next run: passes, and keeps nothing.
    pub(crate) fn pass(&mut self) {
        let run = self.start_with(|_| ());
        let status = self.end(run);
        let run = self.ended.last().unwrap();
        assert!(status.success(), "{status}: {}", run.shown());
    }

    /// Returns the number in the name of a root.
    fn number(&self, name: &str) -> Option<u64> {
        let number = name.strip_prefix(&self.executable)?.strip_prefix('-')?;
        number.parse().ok()
    }

    fn number_of(&self, root: &Path) -> u64 {
        let name = root.file_name().unwrap().to_str().unwrap();
        self.number(name).expect("it is the name of a root")
    }

    /// Returns whether the link in `path` leads to something.
    fn leads_somewhere(&self, path: &Path) -> bool {
        if path.is_symlink() {
            return path.exists();
        }
        let text = fs::read_to_string(path).unwrap();
        self.parent.join(text.trim_end()).exists()
    }

    /// Asserts that no run has lost anything, and that there are the kept directories of the last
    /// runs, and nothing else but what those in `live` are using.
    pub(crate) fn check(&self, live: &[Run]) {
        let all = || self.ended.iter().chain(live);
        let told =
            |what: &str| -> BTreeSet<PathBuf> { all().flat_map(|run| run.paths(what)).collect() };
        for run in all() {
            let lost = run.lines("lost");
            assert!(lost.is_empty(), "a live run lost {lost:?}: {}", run.shown());
        }
        let in_use: BTreeSet<PathBuf> = live
            .iter()
            .flat_map(|run| run.paths("made"))
            .map(|made| made.parent().unwrap().to_path_buf())
            .collect();
        let (kept, failing) = (told("kept"), told("failing"));

        let mut roots = BTreeMap::new();
        for entry in fs::read_dir(&self.parent).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if in_use.contains(&path) {
                continue;
            }
            if let Some(number) = self.number(name) {
                roots.insert(number, path);
            } else if live.is_empty() {
                let is_link = name == format!("{}-current", self.executable);
                assert!(is_link, "nothing else is left, but {name}");
                assert!(self.leads_somewhere(&path), "the link leads nowhere");
            }
        }
        assert!(roots.len() <= self.retain, "the last ones: {roots:?}");
        for root in roots.values() {
            let mut dirs = 0;
            for entry in fs::read_dir(root).unwrap() {
                let path = entry.unwrap().path();
                if kept.contains(&path) || failing.contains(&path) {
                    for n in 0..3 {
                        let text = fs::read_to_string(path.join(format!("{n}/file"))).unwrap();
                        assert_eq!(text, n.to_string(), "{path:?} is kept whole");
                    }
                    dirs += 1;
                } else {
                    let is_ours = [LOCK, KEPT].iter().any(|name| path.ends_with(name));
                    assert!(is_ours, "of a dead run, only what it kept stays: {path:?}");
                }
            }
            assert!(dirs > 0, "{root:?} has kept nothing, and stays");
        }
        let in_use = in_use.iter().filter(|root| root.exists());
        let there: BTreeSet<u64> = roots
            .into_keys()
            .chain(in_use.map(|root| self.number_of(root)))
            .collect();
        for path in kept.iter().filter(|path| !path.exists()) {
            let number = self.number_of(path.parent().unwrap());
            let newer = there.range(number + 1..).count();
            assert!(
                newer >= self.retain,
                "{path:?} is among the last: {there:?}"
            );
        }
    }
}
