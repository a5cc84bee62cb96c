//! The process whose calls fail, and what it reports.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use async_tempdir::{RemoveError, Removed};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group};

use crate::support::{self, Need, require};

/// How long one removal may take, with all its waiting for descriptors.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// What the other process is told: what to do, and with which directory.
pub(crate) const JOB: &str = "ASYNC_TEMPDIR_TEST_JOB";
pub(crate) const PLACE: &str = "ASYNC_TEMPDIR_TEST_PLACE";

pub(crate) const HELPER: &str = "the_process_whose_calls_fail";

pub(crate) fn tell(result: Result<Removed, RemoveError>) {
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
pub(crate) struct Report {
    pub(crate) not_created: Option<String>,
    pub(crate) files: u64,
    pub(crate) dirs: u64,
    pub(crate) failed: u64,
    pub(crate) failures: Vec<(i32, PathBuf)>,
}

impl Report {
    /// `None` if the process never began.
    pub(crate) fn of(output: &Output, fault: &str) -> Option<Self> {
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

/// Whether calls can be made to fail here.
pub(crate) fn available() -> bool {
    static AVAILABLE: LazyLock<bool> = LazyLock::new(|| require("faults", &[Need::Strace]));
    *AVAILABLE
}

/// `faults`, with a semicolon between two, are what `strace` calls injections.
pub(crate) fn strace(faults: &str) -> Command {
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
pub(crate) fn disturbed(job: &str, place: &Path, faults: &str) -> Option<Report> {
    traced(job, place, faults, strace(faults))
}

/// As [`disturbed`], by way of a command that has those `faults` happen.
pub(crate) fn traced(job: &str, place: &Path, faults: &str, mut strace: Command) -> Option<Report> {
    let child = support::without_variables(&mut strace)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", HELPER, "--nocapture", "--test-threads=1"])
        .env(support::MARK, HELPER)
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
        Err(RecvTimeoutError::Disconnected) => {
            panic!("{faults}: the thread that waits for it is gone")
        }
        Err(RecvTimeoutError::Timeout) => {
            _ = kill_process_group(group, Signal::KILL);
            panic!("{faults}: it hangs");
        }
    };
    waiting.join().unwrap();
    Report::of(&output, faults)
}
