//! Roots and Linux: locks, descriptors, modes and other users.

#![cfg(target_os = "linux")]

mod support;

use std::fs::TryLockError;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use async_tempdir::{TempRoot, cleanup};
use support::{
    DEAD, LOCK, Need, ROOT, Sandbox, descriptors, fill, in_process, in_process_with, is_child,
    multi_thread, ordinary_user, plant, plant_empty, require, where_it_may_mount,
};

#[test]
fn a_lock_on_the_directory_keeps_others_from_removing_what_is_old() {
    let sandbox = Sandbox::new();
    multi_thread().block_on(async {
        let root = TempRoot::open_in("app", sandbox.path()).await.unwrap();
        // What systemd-tmpfiles does before it looks into a directory.
        let dir = File::open(root.path()).unwrap();
        assert!(matches!(dir.try_lock(), Err(TryLockError::WouldBlock)));
        dir.try_lock_shared().unwrap();
        root.close().await.unwrap();
    });
    sandbox.check();
}

#[test]
fn ten_thousand_directories_cost_two_descriptors() {
    let name = test_name!();
    if !in_process(name, &[]) {
        return;
    }
    let sandbox = Sandbox::new_in(&support::in_memory());
    multi_thread().block_on(async {
        // Whatever the runtime opens of its own.
        sandbox.dir().await.close().await.unwrap();
        let before = descriptors();
        let root = TempRoot::open_in("app", sandbox.path()).await.unwrap();
        root.reclaimed().await;
        let mut dirs = Vec::new();
        for _ in 0..10_000 {
            dirs.push(root.temp_dir().await.unwrap());
        }
        assert_eq!(descriptors(), before + 2);
        drop(dirs);
        cleanup::idle().await;
        assert_eq!(
            fs::read_dir(root.path()).unwrap().count(),
            1,
            "the lock file"
        );
        root.close().await.unwrap();
        assert_eq!(descriptors(), before);
    });
    sandbox.check();
}

#[test]
fn without_locks_a_root_works_and_nothing_is_reclaimed() {
    let name = test_name!();
    if !is_child(name) && !require(name, &[Need::Strace]) {
        return;
    }
    for error in ["EOPNOTSUPP", "ENOLCK", "ENOSYS"] {
        let inject = format!("inject=flock:error={error}");
        if !in_process(
            name,
            &["strace", "-f", "-q", "-o", "/dev/null", "-e", &inject],
        ) {
            continue;
        }
        let sandbox = Sandbox::new();
        let dead = plant(sandbox.path(), ROOT);
        multi_thread().block_on(async {
            let root = TempRoot::open_in("app", sandbox.path()).await.unwrap();
            let reclaimed = root.reclaimed().await;
            assert_eq!(reclaimed.roots(), 0, "nothing is known to be dead");
            assert!(reclaimed.skipped_reason().is_some(), "and that is said");
            assert!(
                !root.path().join(LOCK).exists(),
                "a lock file that means nothing would have it taken for dead elsewhere"
            );
            let dir = root.temp_dir().await.unwrap();
            dir.write("file", "x").await.unwrap();
            drop(dir);
            root.close().await.unwrap();
        });
        assert!(dead.join("a/b/1").exists());
        fs::remove_dir_all(dead).unwrap();
        sandbox.check();
        return;
    }
}

/// Others may have taken the name that it would have meanwhile.
#[test]
fn a_name_that_is_taken_is_no_obstacle() {
    let sandbox = Sandbox::new();
    plant(sandbox.path(), "app-ABCDEFGHIJ");
    fill(&plant_empty(sandbox.path(), DEAD));
    multi_thread().block_on(async {
        let root = TempRoot::open_in("app", sandbox.path()).await.unwrap();
        assert_eq!(root.reclaimed().await.roots(), 1);
        assert!(!sandbox.join("app-ABCDEFGHIJ").exists());
        root.close().await.unwrap();
    });
    assert!(sandbox.join(DEAD).join("a/b/1").exists());
    fs::remove_dir_all(sandbox.join(DEAD)).unwrap();
    sandbox.check();
}

/// Where the environment has a root stay, and `drop` has no descriptor left.
#[test]
fn a_root_that_stays_is_not_taken_for_a_dead_one() {
    let name = test_name!();
    if !in_process_with(name, &[], |command| {
        command.env("ASYNC_TEMPDIR_CLEANUP", "never");
    }) {
        return;
    }
    let sandbox = Sandbox::new();
    let runtime = multi_thread();
    let root = runtime.block_on(TempRoot::open_in("app", sandbox.path()));
    let root = root.unwrap();
    let at = root.path().to_path_buf();
    fill(&at);
    let mut all = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        all.push(file);
    }
    drop(root);
    drop(all);
    assert!(!at.join(LOCK).exists(), "without it, it is no root");
    runtime.block_on(async {
        let next = TempRoot::open_in("app", sandbox.path()).await.unwrap();
        assert_eq!(next.reclaimed().await.roots(), 0);
        drop(next.close().await);
    });
    assert!(at.join("a/b/1").exists(), "it stays");
    fs::remove_dir_all(at).unwrap();
    assert_eq!(cleanup::failures(), 0);
    sandbox.check();
}

#[test]
fn a_root_that_stays_with_its_lock_file_is_locked_and_reported() {
    use std::os::unix::fs::PermissionsExt;

    let name = test_name!();
    if !in_process_with(name, ordinary_user(), |command| {
        command.env("ASYNC_TEMPDIR_CLEANUP", "never");
    }) {
        return;
    }
    static TOLD: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
    cleanup::set_failure_hook(|error| TOLD.lock().unwrap().push(error.path().into()));
    let sandbox = Sandbox::new();
    let runtime = multi_thread();
    let root = runtime.block_on(TempRoot::open_in("app", sandbox.path()));
    let root = root.unwrap();
    let at = root.path().to_path_buf();
    let set_mode = |mode| fs::set_permissions(&at, fs::Permissions::from_mode(mode)).unwrap();
    set_mode(0o500);
    drop(root);
    set_mode(0o700);
    assert_eq!(*TOLD.lock().unwrap(), [at.join(LOCK)], "nothing is silent");
    runtime.block_on(async {
        let next = TempRoot::open_in("app", sandbox.path()).await.unwrap();
        assert_eq!(next.reclaimed().await.roots(), 0);
        next.close().await.unwrap();
    });
    assert!(at.exists(), "it stays as long as this process lives");
    fs::remove_dir_all(at).unwrap();
    sandbox.check();
}

#[test]
fn what_cannot_be_reclaimed_is_reported() {
    let name = test_name!();
    if !where_it_may_mount(name) {
        return;
    }
    static HOOKED: AtomicU64 = AtomicU64::new(0);
    cleanup::set_failure_hook(|_| {
        HOOKED.fetch_add(1, Ordering::Relaxed);
    });
    let sandbox = Sandbox::new();
    let mount = plant(sandbox.path(), ROOT).join("mounted");
    fs::create_dir(&mount).unwrap();
    support::mount(&mount);
    fs::write(mount.join("file"), "untouched").unwrap();
    plant(sandbox.path(), "app-bbbbbbbbbb");
    multi_thread().block_on(async {
        let root = TempRoot::open_in("app", sandbox.path()).await.unwrap();
        let reclaimed = root.reclaimed().await;
        assert_eq!(reclaimed.roots(), 1, "the other one went: {reclaimed:?}");
        assert_eq!(reclaimed.failed_roots(), 1);
        let failure = &reclaimed.failures()[0];
        assert!(failure.failures()[0].path.ends_with("mounted"), "{failure}");
        assert_eq!(HOOKED.load(Ordering::Relaxed), 1, "nothing is silent");
        let moved = failure.failures()[0].path.clone();
        let lock = moved.with_file_name(LOCK);
        assert!(
            lock.exists(),
            "which says whose it is as long as anything is there"
        );
        assert_eq!(fs::read(moved.join("file")).unwrap(), b"untouched");
        support::unmount(&moved);
        root.close().await.unwrap();
        // The next one has more luck.
        let root = TempRoot::open_in("app", sandbox.path()).await.unwrap();
        assert_eq!(root.reclaimed().await.roots(), 1);
        root.close().await.unwrap();
    });
    sandbox.check();
}

/// As root, who alone can make what belongs to somebody else.
mod of_another_user {
    use std::os::unix::fs::{PermissionsExt, chown, lchown, symlink};

    use super::*;

    const ANOTHER: u32 = 65_534;

    fn is_root() -> bool {
        rustix::process::geteuid().is_root()
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Opens a root in `parent` with a dead one beside it. How many were reclaimed, and why
    /// none were.
    fn reclaim(parent: &Path) -> (u64, Option<ErrorKind>) {
        let dead = plant(parent, ROOT);
        let found = multi_thread().block_on(async {
            let root = TempRoot::open_in("app", parent).await.unwrap();
            root.temp_dir().await.unwrap().close().await.unwrap();
            let reclaimed = root.reclaimed().await;
            let found = (
                reclaimed.roots(),
                reclaimed.skipped_reason().map(|e| e.kind()),
            );
            root.close().await.unwrap();
            found
        });
        if found.0 == 0 {
            assert!(dead.join("a/b/1").exists());
            fs::remove_dir_all(dead).unwrap();
        }
        found
    }

    #[test]
    fn a_directory_is_left_alone() {
        if !is_root() {
            return;
        }
        let sandbox = Sandbox::new();
        let theirs = plant(sandbox.path(), "app-bbbbbbbbbb");
        chown(&theirs, Some(ANOTHER), None).unwrap();
        let lock_is_theirs = plant(sandbox.path(), "app-cccccccccc");
        chown(lock_is_theirs.join(LOCK), Some(ANOTHER), None).unwrap();
        assert_eq!(reclaim(sandbox.path()), (1, None));
        for dir in [theirs, lock_is_theirs] {
            assert!(dir.join("a/b/1").exists());
            fs::remove_dir_all(dir).unwrap();
        }
        sandbox.check();
    }

    #[test]
    fn a_parent_that_others_may_write_to_is_not_swept() {
        if !is_root() {
            return;
        }
        let sandbox = Sandbox::new();
        let parent = sandbox.join("parent");
        fs::create_dir(&parent).unwrap();
        chown(&parent, Some(ANOTHER), None).unwrap();
        let denied = (0, Some(ErrorKind::PermissionDenied));
        for (mode, expected) in [
            (0o777, denied),
            (0o775, denied),
            (0o757, denied),
            (0o755, (1, None)),
            (0o1777, (1, None)),
        ] {
            set_mode(&parent, mode);
            assert_eq!(reclaim(&parent), expected, "{mode:o}");
        }
        fs::remove_dir(parent).unwrap();
        sandbox.check();
    }

    #[test]
    fn a_symlink_is_not_trusted() {
        if !is_root() {
            return;
        }
        let sandbox = Sandbox::new();
        let parent = sandbox.join("parent");
        fs::create_dir(&parent).unwrap();
        let [mine, theirs, way, relative] =
            ["mine", "theirs", "way", "relative"].map(|name| sandbox.join(name));
        symlink(&parent, &mine).unwrap();
        symlink(&parent, &theirs).unwrap();
        // One of mine that leads over one of theirs.
        symlink(&theirs, &way).unwrap();
        symlink("./mine/../parent", &relative).unwrap();
        lchown(&theirs, Some(ANOTHER), None).unwrap();
        let denied = (0, Some(ErrorKind::PermissionDenied));
        assert_eq!(reclaim(&mine), (1, None));
        assert_eq!(reclaim(&relative), (1, None));
        assert_eq!(reclaim(&theirs), denied);
        assert_eq!(reclaim(&way), denied);
        for link in [mine, theirs, way, relative] {
            fs::remove_file(link).unwrap();
        }
        fs::remove_dir(parent).unwrap();
        sandbox.check();
    }
}
