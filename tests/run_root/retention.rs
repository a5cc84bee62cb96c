//! What is kept, for how many runs, and how it is recorded.

use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;
use std::{env, io};

use async_tempdir::{Builder, cleanup};

use crate::support::{LOCK, Sandbox, current_thread, fill};
use crate::{Held, INDEX, RETAIN, check_emptied, current, filled, names, player, run, tell, told};

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

/// Keeps two directories by an error: one in the root, and one in another directory in it.
pub(crate) fn cannot_persist() {
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

/// Keeps a directory, which cannot be recorded before another one ends.
pub(crate) fn is_recorded_late() {
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

/// Keeps a directory, which cannot be recorded.
pub(crate) fn cannot_record() {
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

#[test]
fn what_cannot_be_recorded_is_reported_and_not_lost() {
    let sandbox = Sandbox::new();
    let root = sandbox.join("root");
    let told = run(&mut player("unrecorded", &root));
    assert!(told[0].join("a/b/1").exists());
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
