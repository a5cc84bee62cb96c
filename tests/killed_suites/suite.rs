//! A suite whose runs are killed. Each test looks again and again after files of its own.
//!
//! `KILLED_SUITE` names a directory outside, in which the tests of a run append lines to files: to `made`
//! the path of a directory, to `failing` that of one whose test is about to fail, to `kept` that of one
//! whose test has failed, to `lost` what was missing, and to `steps` an empty one when all was
//! there. Without the variable, they do nothing. With `KILLED_SUITE_HANGS`, some of them fail, and some
//! do not end.

use std::env;
use std::fmt::Display;
use std::fs::OpenOptions;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;

use async_tempdir::AsyncTempDir;
use tokio::runtime::Builder;

struct Run {
    report: PathBuf,
    hangs: bool,
}

impl Run {
    fn current() -> Option<Self> {
        Some(Self {
            report: env::var_os("KILLED_SUITE")?.into(),
            hangs: env::var_os("KILLED_SUITE_HANGS").is_some(),
        })
    }

    fn tell(&self, what: &str, line: impl Display) {
        let mut file = OpenOptions::new();
        let file = file.create(true).append(true).open(self.report.join(what));
        // With one write, for other processes append, too.
        let line = format!("{line}\n");
        file.unwrap().write_all(line.as_bytes()).unwrap();
    }

    fn lost(&self, what: impl Display) -> ! {
        self.tell("lost", &what);
        panic!("{what}");
    }
}

/// A directory, and how many files have to be in it.
struct Own<'a> {
    run: &'a Run,
    dir: AsyncTempDir,
    files: usize,
}

impl<'a> Own<'a> {
    async fn new(run: &'a Run) -> Self {
        let dir = AsyncTempDir::new().await;
        let dir = dir.unwrap_or_else(|error| run.lost(error));
        run.tell("made", dir.path().display());
        let mut own = Self { run, dir, files: 0 };
        for _ in 0..3 {
            own.grow().await;
        }
        own
    }

    async fn grow(&mut self) {
        let file = format!("{}/file", self.files);
        if let Err(error) = self.dir.write(&file, self.files.to_string()).await {
            self.run.lost(error);
        }
        self.files += 1;
    }

    async fn check(&self) {
        for n in 0..self.files {
            match self.dir.read_to_string(format!("{n}/file")).await {
                Ok(text) if text == n.to_string() => {}
                Ok(text) => self.run.lost(format!("{:?}: {text:?}", self.dir)),
                Err(error) => self.run.lost(error),
            }
        }
        self.run.tell("steps", "");
    }

    async fn close(self) {
        if let Err(error) = self.dir.close().await {
            self.run.lost(error);
        }
    }
}

/// Fails after some steps. Its directory is kept.
fn fail_after(steps: usize) {
    let Some(run) = Run::current() else { return };
    let mut path = PathBuf::new();
    let ended = catch_unwind(AssertUnwindSafe(|| {
        let runtime = Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let own = Own::new(&run).await;
            path = own.dir.path().to_path_buf();
            for _ in 0..steps {
                own.check().await;
            }
            if run.hangs {
                run.tell("failing", path.display());
                panic!("on purpose");
            }
        });
    }));
    if let Err(panic) = ended {
        run.tell("kept", path.display());
        resume_unwind(panic);
    }
}

#[test]
fn fails_at_once() {
    fail_after(1);
}

#[test]
fn fails_later() {
    fail_after(30);
}

#[tokio::test]
async fn passes() {
    let Some(run) = Run::current() else { return };
    for _ in 0..20 {
        let own = Own::new(&run).await;
        own.check().await;
        own.close().await;
    }
}

/// Has a directory, and others for a while, until it is killed.
async fn hang() {
    let Some(run) = Run::current() else { return };
    let mut own = Own::new(&run).await;
    for n in 1.. {
        let other = Own::new(&run).await;
        other.check().await;
        own.check().await;
        match n % 3 {
            0 => drop(other),
            1 => other.close().await,
            _ if own.files < 20 => own.grow().await,
            _ => {}
        }
        if n >= 5 && !run.hangs {
            break;
        }
    }
}

#[tokio::test]
async fn hangs() {
    hang().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hangs_on_threads() {
    hang().await;
}

/// In a process of its own, it leaves the root and comes back all the time.
#[tokio::test]
async fn hangs_with_nothing_in_between() {
    let Some(run) = Run::current() else { return };
    for n in 1.. {
        let own = Own::new(&run).await;
        own.check().await;
        own.close().await;
        if n >= 5 && !run.hangs {
            break;
        }
    }
}
