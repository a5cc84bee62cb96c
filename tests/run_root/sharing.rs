//! Runs and processes side by side: that live at the same time, share a root, or race for one.

use std::path::PathBuf;
#[cfg(unix)]
use std::time::{Duration, Instant};
use std::{env, fs};

use async_tempdir::{AsyncTempDir, Builder, cleanup};

use crate::support::{self, Sandbox, multi_thread, times};
use crate::{Held, RETAIN, ROOT, RUN_ID, check_emptied, current, filled, names, player, run};

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

/// Removes everything, as `cargo clean` does, while a directory is in use.
pub(crate) fn removes_meanwhile() {
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
pub(crate) fn races() {
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
