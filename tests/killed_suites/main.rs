//! Suites that are killed: after the next run, there are the kept directories of the last runs and
//! nothing else, and no run that lives has lost anything.

#[cfg(target_os = "linux")]
mod project;
mod runs;
mod suite;
#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::process::Command;

use runs::Runs;
use support::{Sandbox, until};

/// This executable's own suite.
fn own(sandbox: &Sandbox, retain: usize) -> Runs {
    let parent = sandbox.join("target").join("tmp");
    let root = parent.clone();
    let command = move || {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["suite::", "--test-threads=8"])
            .env("ASYNC_TEMPDIR_ROOT", &root)
            .env("ASYNC_TEMPDIR_RETAIN", retain.to_string())
            .env("ASYNC_TEMPDIR_CLEANUP", "on-success");
        command
    };
    Runs::new(
        &sandbox.join("reports"),
        &parent,
        "killed_suites",
        retain,
        command,
    )
}

/// Removes what there has to be.
fn finish(sandbox: Sandbox, runs: Runs) {
    drop(runs);
    for name in ["reports", "target"] {
        // FUSE closes the files of killed processes a little later.
        until("it is removed", || {
            fs::remove_dir_all(sandbox.join(name)).is_ok()
        });
    }
    sandbox.check();
}

#[test]
fn the_last_two_have_kept_theirs() {
    let sandbox = Sandbox::new();
    let mut runs = own(&sandbox, 2);
    for _ in 0..3 {
        let mut run = runs.start();
        until("two tests have failed", || run.paths("kept").len() == 2);
        run.child.kill().unwrap();
        runs.end(run);
    }
    runs.pass();
    runs.check(&[]);
    finish(sandbox, runs);
}

#[test]
fn one_that_lives_loses_nothing_to_the_next() {
    let sandbox = Sandbox::new();
    let mut runs = own(&sandbox, 2);
    let mut live = runs.start();
    live.wait_for_steps(1);
    let mut killed = runs.start();
    until("two tests have failed", || killed.paths("kept").len() == 2);
    killed.child.kill().unwrap();
    runs.end(killed);
    let live = [live];
    runs.pass();
    runs.check(&live);
    let [mut live] = live;
    let made = live.paths("made").len();
    until("it goes on", || live.paths("made").len() > made);
    live.child.kill().unwrap();
    runs.end(live);
    runs.pass();
    runs.check(&[]);
    finish(sandbox, runs);
}

/// Nothing is left of runs that kept nothing.
#[test]
fn a_suite_that_passes_leaves_its_parent_empty() {
    let sandbox = Sandbox::new();
    let mut runs = own(&sandbox, 2);
    runs.pass();
    runs.pass();
    let left: Vec<_> = runs.parent.read_dir().unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    finish(sandbox, runs);
}
