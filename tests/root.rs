//! Roots: what the dead left is taken back, and nothing else is touched.

mod support;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use async_tempdir::{AsyncTempDir, Cleanup, TempRoot, cleanup};
use futures::FutureExt;
use support::{Sandbox, alone, current_thread, fill, multi_thread, runtimes};
use tokio::runtime::{Builder, Runtime};

/// The file that is locked as long as a root is in use.
const LOCK: &str = ".async-tempdir.lock";

/// The names that a root of `app` has from its making to its removal.
const NEW: &str = ".app-0123456789.new";
const ROOT: &str = "app-zyxwvutsrq";
const DEAD: &str = ".app-ABCDEFGHIJ.dead";

/// What a process that was killed has left: a directory with files, and a lock file that is free.
fn plant(parent: &Path, name: &str) -> PathBuf {
    let root = parent.join(name);
    fs::create_dir(&root).unwrap();
    fill(&root);
    File::create(root.join(LOCK)).unwrap();
    root
}

#[test]
fn a_root_is_there_and_goes() {
    for runtime in runtimes() {
        for close in [true, false] {
            let sandbox = Sandbox::new();
            runtime.block_on(async {
                let root = TempRoot::open_in("app", sandbox.path()).await.unwrap();
                let name = root.path().file_name().unwrap().to_str().unwrap();
                assert!(name.starts_with("app-") && name.len() == 14, "{name}");
                assert!(root.path().is_absolute());
                #[cfg(unix)]
                {
                    use std::os::unix::fs::PermissionsExt;
                    let mode = fs::metadata(root.path()).unwrap().permissions().mode();
                    assert_eq!(mode & 0o777, 0o700, "a root is for its owner alone");
                }
                let dir = root.temp_dir().await.unwrap();
                assert_eq!(dir.path().parent(), Some(root.path()));
                let other = root.builder().prefix("x-").create().await.unwrap();
                assert_eq!(other.path().parent(), Some(root.path()));
                fill(dir.path());
                let reclaimed = root.reclaimed().await;
                assert_eq!(reclaimed.roots(), 0);
                assert!(reclaimed.skipped_reason().is_none());
                drop((dir, other));
                if close {
                    root.close().await.unwrap();
                } else {
                    drop(root);
                    cleanup::idle().await;
                }
            });
            sandbox.check();
        }
    }
}

#[test]
fn a_root_waits_for_the_directories_in_it() {
    let sandbox = Sandbox::new();
    multi_thread().block_on(async {
        let root = TempRoot::open_in("app", sandbox.path()).await.unwrap();
        let dir = root.temp_dir().await.unwrap();
        drop(root);
        cleanup::idle().await;
        dir.write("still", "here").await.unwrap();
        // Still locked: another process would not take it for dead.
        let other = TempRoot::open_in("app", sandbox.path()).await.unwrap();
        assert_eq!(other.reclaimed().await.roots(), 0);
        assert_eq!(dir.read("still").await.unwrap(), b"here");
        drop((dir, other));
        cleanup::idle().await;
    });
    sandbox.check();
}

#[test]
fn what_the_dead_left_is_removed_at_every_stage() {
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        // Killed before there was a lock file, before it was named, in use, while it was removed,
        // and when its lock file had been removed already.
        fs::create_dir(sandbox.join(NEW)).unwrap();
        File::create(plant_empty(&sandbox, ".app-1123456789.new").join(LOCK)).unwrap();
        plant(sandbox.path(), ROOT);
        plant(sandbox.path(), DEAD);
        plant_empty(&sandbox, ".app-BBCDEFGHIJ.dead");
        runtime.block_on(async {
            let root = TempRoot::open_in("app", sandbox.path()).await.unwrap();
            let reclaimed = root.reclaimed().await;
            // Two were empty.
            assert_eq!(reclaimed.roots(), 3, "{reclaimed:?}");
            assert_eq!(reclaimed.failed_roots(), 0, "{reclaimed:?}");
            // 11 files and 3 directories in two of them, and the lock files.
            assert_eq!(reclaimed.removed().files, 2 * 11 + 3, "{reclaimed:?}");
            assert_eq!(reclaimed.removed().dirs, 2 * 3 + 5, "{reclaimed:?}");
            assert_eq!(
                sandbox.leftovers(),
                [root.path()],
                "all but its own are gone"
            );
            root.close().await.unwrap();
        });
        sandbox.check();
    }
}

fn plant_empty(sandbox: &Sandbox, name: &str) -> PathBuf {
    let path = sandbox.join(name);
    fs::create_dir(&path).unwrap();
    path
}

#[test]
fn idle_waits_for_what_is_reclaimed() {
    let _alone = alone();
    let sandbox = Sandbox::new();
    current_thread().block_on(async {
        plant(sandbox.path(), ROOT);
        let root = TempRoot::open_in("app", sandbox.path()).await.unwrap();
        cleanup::idle().await;
        assert_eq!(sandbox.leftovers(), [root.path()]);
        root.close().await.unwrap();
    });
    sandbox.check();
}

#[test]
fn strangers_are_left_alone() {
    let sandbox = Sandbox::new();
    let outside = Sandbox::new();
    let canary = plant(outside.path(), "canary");
    // No lock file; empty, too.
    fill(&plant_empty(&sandbox, ROOT));
    plant_empty(&sandbox, "app-bbbbbbbbbb");
    // Not locked yet, or not any more, but not empty, so not made by us.
    fill(&plant_empty(&sandbox, NEW));
    fill(&plant_empty(&sandbox, ".app-BBCDEFGHIJ.dead"));
    // A lock file as many have one.
    File::create(plant_empty(&sandbox, "app-gggggggggg").join(".lock")).unwrap();
    // Another application, and names that are not quite of the form.
    plant(sandbox.path(), "app-more-abcdefghij");
    plant(sandbox.path(), "app-abcdefghi");
    plant(sandbox.path(), "app-abcdefghi_");
    // What is called like a lock file and is none.
    fs::create_dir(plant_empty(&sandbox, "app-cccccccccc").join(LOCK)).unwrap();
    // No directories.
    File::create(sandbox.join("app-dddddddddd")).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::symlink;
        symlink(&canary, sandbox.join("app-eeeeeeeeee")).unwrap();
        symlink(&canary, sandbox.join(DEAD)).unwrap();
        let lock = plant_empty(&sandbox, "app-ffffffffff").join(LOCK);
        symlink(canary.join(LOCK), lock).unwrap();
    }
    multi_thread().block_on(async {
        let kept = AsyncTempDir::builder()
            .prefix("app-")
            .parent(sandbox.path())
            .cleanup(Cleanup::Never)
            .create()
            .await
            .unwrap();
        kept.write("file", "kept").await.unwrap();
        drop(kept);
        let before = tree(sandbox.path());
        let root = TempRoot::open_in("app", sandbox.path()).await.unwrap();
        let reclaimed = root.reclaimed().await;
        assert_eq!(reclaimed.roots(), 0, "{reclaimed:?}");
        assert_eq!(reclaimed.failed_roots(), 0, "{reclaimed:?}");
        root.close().await.unwrap();
        assert_eq!(tree(sandbox.path()), before, "nothing else is touched");
    });
    for left in sandbox.leftovers() {
        if fs::symlink_metadata(&left).unwrap().is_dir() {
            fs::remove_dir_all(left).unwrap();
        } else {
            fs::remove_file(left).unwrap();
        }
    }
    sandbox.check();
    assert!(canary.join("a/b/1").exists() && canary.join(LOCK).exists());
    fs::remove_dir_all(canary).unwrap();
    outside.check();
}

/// Every path below `dir`, without following links.
fn tree(dir: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    let mut dirs = vec![dir.to_path_buf()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                dirs.push(entry.path());
            }
            all.push(entry.path());
        }
    }
    all.sort();
    all
}

#[test]
fn live_roots_are_left_alone_in_this_process_too() {
    let sandbox = Sandbox::new();
    multi_thread().block_on(async {
        let mut roots = Vec::new();
        for _ in 0..5 {
            let root = TempRoot::open_in("app", sandbox.path()).await.unwrap();
            let dir = root.temp_dir().await.unwrap();
            dir.write("file", "mine").await.unwrap();
            assert_eq!(root.reclaimed().await.roots(), 0);
            roots.push((root, dir));
        }
        for (root, dir) in roots {
            assert_eq!(dir.read("file").await.unwrap(), b"mine");
            drop(dir);
            root.close().await.unwrap();
        }
    });
    sandbox.check();
}

/// Between making a directory and locking it, others look at it.
#[test]
fn roots_that_are_opened_at_once_do_not_take_each_other_for_dead() {
    let sandbox = Sandbox::new_in(&support::in_memory());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                current_thread().block_on(async {
                    for _ in 0..100 {
                        let root = TempRoot::open_in("app", sandbox.path()).await.unwrap();
                        let dir = root.temp_dir().await.unwrap();
                        dir.write("file", "mine").await.unwrap();
                        root.reclaimed().await;
                        assert_eq!(dir.read("file").await.unwrap(), b"mine");
                        drop(dir);
                        root.close().await.unwrap();
                    }
                });
            });
        }
    });
    sandbox.check();
}

#[test]
fn several_who_reclaim_remove_each_dead_root_once() {
    let sandbox = Sandbox::new_in(&support::in_memory());
    for n in 0..200 {
        plant(sandbox.path(), &format!("app-{n:010}"));
    }
    let removed: u64 = std::thread::scope(|scope| {
        let reclaim = || {
            current_thread().block_on(async {
                let root = TempRoot::open_in("app", sandbox.path()).await.unwrap();
                let reclaimed = root.reclaimed().await;
                assert_eq!(reclaimed.failed_roots(), 0, "{reclaimed:?}");
                let roots = reclaimed.roots();
                root.close().await.unwrap();
                roots
            })
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(reclaim)).collect();
        threads.into_iter().map(|t| t.join().unwrap()).sum()
    });
    assert!(sandbox.leftovers().is_empty(), "all of them are gone");
    assert_eq!(removed, 200, "each counts once");
    sandbox.check();
}

#[test]
fn a_cancelled_open_leaves_nothing() {
    let _alone = alone();
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        runtime.block_on(async {
            for round in 0..100 {
                let mut open = Box::pin(TempRoot::open_in("app", sandbox.path()));
                for _ in 0..=round % 3 {
                    if (&mut open).now_or_never().is_some() {
                        break;
                    }
                    tokio::task::yield_now().await;
                }
            }
            cleanup::idle().await;
        });
        sandbox.check();
    }
}

/// Where a file that is open can be removed.
#[cfg(unix)]
#[test]
fn a_root_that_somebody_removed_is_an_error_inside_and_none_at_the_end() {
    let sandbox = Sandbox::new();
    multi_thread().block_on(async {
        let root = TempRoot::open_in("app", sandbox.path()).await.unwrap();
        fs::remove_dir_all(root.path()).unwrap();
        let error = root.temp_dir().await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{error}");
        root.close().await.unwrap();
    });
    sandbox.check();
}

/// A root beside two thousand dead ones, in a runtime whose only blocking thread is busy until the
/// sender is used: the search waits behind that.
async fn open_and_hold_up(sandbox: &Sandbox) -> (TempRoot, mpsc::Sender<()>) {
    for n in 0..2_000 {
        plant(sandbox.path(), &format!("app-{n:010}"));
    }
    let mut open = Box::pin(TempRoot::open_in("app", sandbox.path()));
    assert!(futures::poll!(&mut open).is_pending());
    let (release, released) = mpsc::channel();
    drop(tokio::task::spawn_blocking(move || released.recv()));
    (open.await.unwrap(), release)
}

fn with_one_blocking_thread() -> Runtime {
    Builder::new_current_thread()
        .max_blocking_threads(1)
        .build()
        .unwrap()
}

/// It is left to the next process.
#[test]
fn a_runtime_that_shuts_down_does_not_wait_for_all_that_is_dead() {
    let _alone = alone();
    let sandbox = Sandbox::new_in(&support::in_memory());
    let runtime = with_one_blocking_thread();
    let (root, release) = runtime.block_on(open_and_hold_up(&sandbox));
    runtime.shutdown_background();
    release.send(()).unwrap();
    drop(root);
    current_thread().block_on(async {
        cleanup::idle().await;
        let left = sandbox.leftovers().len();
        assert!(left > 0, "one turn of a few milliseconds is not enough");
        let root = TempRoot::open_in("app", sandbox.path()).await.unwrap();
        assert_eq!(root.reclaimed().await.roots(), left as u64);
        root.close().await.unwrap();
    });
    sandbox.check();
}

/// Nor for all of one that is huge: the next process goes on where it stopped.
#[test]
fn a_runtime_that_shuts_down_does_not_wait_for_a_huge_dead_root() {
    const DIRS: u64 = 300;
    let _alone = alone();
    let sandbox = Sandbox::new_in(&support::in_memory());
    let huge = plant_empty(&sandbox, ROOT);
    File::create(huge.join(LOCK)).unwrap();
    for n in 0..DIRS {
        let dir = huge.join(n.to_string());
        fs::create_dir(&dir).unwrap();
        for file in 0..100 {
            File::create(dir.join(file.to_string())).unwrap();
        }
    }
    let runtime = with_one_blocking_thread();
    let mut open = Box::pin(TempRoot::open_in("app", sandbox.path()));
    let (release, released) = mpsc::channel::<()>();
    let root = runtime.block_on(async {
        assert!(futures::poll!(&mut open).is_pending());
        drop(tokio::task::spawn_blocking(move || released.recv()));
        open.await.unwrap()
    });
    runtime.shutdown_background();
    release.send(()).unwrap();
    let (files, dirs) = current_thread().block_on(async {
        let reclaimed = root.reclaimed().await;
        assert!(
            reclaimed.skipped_reason().is_some(),
            "it says so: {reclaimed:?}"
        );
        assert_eq!((reclaimed.roots(), reclaimed.failed_roots()), (0, 0));
        (reclaimed.removed().files, reclaimed.removed().dirs)
    });
    assert!(dirs < DIRS / 2, "{dirs} of {DIRS} in one time slice");
    drop(root);
    current_thread().block_on(async {
        cleanup::idle().await;
        let root = TempRoot::open_in("app", sandbox.path()).await.unwrap();
        let reclaimed = root.reclaimed().await;
        assert_eq!((reclaimed.roots(), reclaimed.failed_roots()), (1, 0));
        let removed = reclaimed.removed();
        // With the lock file and the root itself.
        let all = (files + removed.files, dirs + removed.dirs);
        assert_eq!(all, (DIRS * 100 + 1, DIRS + 1), "each counts once");
        root.close().await.unwrap();
    });
    sandbox.check();
}

/// Even on the only thread.
#[test]
fn others_get_their_turn_while_the_dead_are_removed() {
    let sandbox = Sandbox::new_in(&support::in_memory());
    let path = sandbox.path().to_path_buf();
    with_one_blocking_thread().block_on(async {
        let (root, release) = open_and_hold_up(&sandbox).await;
        // Behind the search.
        let next = tokio::task::spawn_blocking(move || fs::read_dir(path).unwrap().count());
        release.send(()).unwrap();
        assert!(next.await.unwrap() > 2, "it had to wait for all of them");
        assert_eq!(root.reclaimed().await.roots(), 2_000);
        root.close().await.unwrap();
    });
    sandbox.check();
}

#[test]
fn what_cannot_be_opened_says_why() {
    current_thread().block_on(async {
        for bad in ["", "a/b", "a\0b", &"x".repeat(TempRoot::MAX_APP + 1)] {
            let error = TempRoot::open(bad).await.unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput, "{error}");
        }
        let sandbox = Sandbox::new();
        let missing = sandbox.join("missing");
        let error = TempRoot::open_in("app", &missing).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
        assert!(error.to_string().contains("missing"), "{error}");
        sandbox.check();
    });
    let error = futures::executor::block_on(TempRoot::open("app")).unwrap_err();
    assert!(error.to_string().contains("cannot open a root"), "{error}");
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::TryLockError;
    use std::io::ErrorKind;
    use std::process::Command;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use support::{descriptors, in_process, in_process_with, where_it_may_mount};

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
        let name = "linux::ten_thousand_directories_cost_two_descriptors";
        if !in_process(name, &[]) {
            return;
        }
        let sandbox = Sandbox::new_in(&support::in_memory());
        multi_thread().block_on(async {
            // Whatever the runtime opens of its own.
            AsyncTempDir::new_in(sandbox.path())
                .await
                .unwrap()
                .close()
                .await
                .unwrap();
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
        let name = "linux::without_locks_a_root_works_and_nothing_is_reclaimed";
        if Command::new("strace").arg("-V").output().is_err() {
            assert!(
                std::env::var_os("CI").is_none(),
                "CI is where it has to run"
            );
            eprintln!("{name}: not run, for there is no strace");
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
        fill(&plant_empty(&sandbox, DEAD));
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
        let name = "linux::a_root_that_stays_is_not_taken_for_a_dead_one";
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

        let name = "linux::a_root_that_stays_with_its_lock_file_is_locked_and_reported";
        let user = [
            "setpriv",
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
        ];
        let is_root = rustix::process::geteuid().is_root();
        let through = if is_root { &user[..] } else { &[] };
        if !in_process_with(name, through, |command| {
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
        let name = "linux::what_cannot_be_reclaimed_is_reported";
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
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "none"])
            .arg(&mount)
            .status()
            .unwrap();
        assert!(mounted.success());
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
            assert!(
                Command::new("umount")
                    .arg(&moved)
                    .status()
                    .unwrap()
                    .success()
            );
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
}
