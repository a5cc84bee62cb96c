//! Entries that are not of a run, and directories of other users.

#[cfg(unix)]
use std::ffi::OsString;
use std::fs;
use std::path::Path;

#[cfg(unix)]
use async_tempdir::{Builder, cleanup};

#[cfg(unix)]
use crate::filled;
use crate::support::Sandbox;
#[cfg(unix)]
use crate::support::{self, LOCK, fill};
use crate::{RETAIN, names, player, run};

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

/// Does not reclaim anything where other users could put their directories.
#[cfg(unix)]
pub(crate) fn is_not_reclaimed() {
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

    if !support::require(crate::test_name!(), &[support::Need::Root]) {
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
