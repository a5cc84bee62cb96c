//! Forked children of a run.

use std::fs;

use async_tempdir::Builder;

use crate::support::{LOCK, Sandbox};
use crate::{Held, check_emptied, filled, names, player, run, tell, wait_for_the_end};

/// Makes a directory that is in use in both processes.
pub(crate) fn forks() {
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
pub(crate) fn forks_and_keeps() {
    use rustix::process::{Signal, getpid, kill_process};

    let dir = filled(Builder::new());
    if let fork::Fork::Child = fork::fork().unwrap() {
        wait_for_the_end();
        kill_process(getpid(), Signal::KILL).unwrap();
    }
    tell(&dir.keep());
}

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
