//! Reclaiming the roots of dead processes.

mod support;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use async_tempdir::{AsyncTempDir, Cleanup, TempRoot, cleanup};
use support::{
    DEAD, LOCK, NEW, ROOT, Sandbox, alone, current_thread, fill, multi_thread, plant, plant_empty,
    runtimes,
};
use tokio::runtime::{Builder, Runtime};

#[test]
fn what_the_dead_left_is_removed_at_every_stage() {
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        // Killed before there was a lock file, before it was named, in use, while it was removed,
        // and when its lock file had been removed already.
        fs::create_dir(sandbox.join(NEW)).unwrap();
        File::create(plant_empty(sandbox.path(), ".app-1123456789.new").join(LOCK)).unwrap();
        plant(sandbox.path(), ROOT);
        plant(sandbox.path(), DEAD);
        plant_empty(sandbox.path(), ".app-BBCDEFGHIJ.dead");
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
    fill(&plant_empty(sandbox.path(), ROOT));
    plant_empty(sandbox.path(), "app-bbbbbbbbbb");
    // Not locked yet, or not any more, but not empty, so not made by us.
    fill(&plant_empty(sandbox.path(), NEW));
    fill(&plant_empty(sandbox.path(), ".app-BBCDEFGHIJ.dead"));
    // A lock file as many have one.
    File::create(plant_empty(sandbox.path(), "app-gggggggggg").join(".lock")).unwrap();
    // Another application, and names that are not quite of the form.
    plant(sandbox.path(), "app-more-abcdefghij");
    plant(sandbox.path(), "app-abcdefghi");
    plant(sandbox.path(), "app-abcdefghi_");
    // What is called like a lock file and is none.
    fs::create_dir(plant_empty(sandbox.path(), "app-cccccccccc").join(LOCK)).unwrap();
    // No directories.
    File::create(sandbox.join("app-dddddddddd")).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::symlink;
        symlink(&canary, sandbox.join("app-eeeeeeeeee")).unwrap();
        symlink(&canary, sandbox.join(DEAD)).unwrap();
        let lock = plant_empty(sandbox.path(), "app-ffffffffff").join(LOCK);
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

/// Two thousand dead roots.
fn plant_many(sandbox: &Sandbox) {
    for n in 0..2_000 {
        plant(sandbox.path(), &format!("app-{n:010}"));
    }
}

/// Opens a root in a runtime whose only blocking thread is busy after that, until the sender is used:
/// the search for dead roots waits behind that.
async fn open_and_hold_up(sandbox: &Sandbox) -> (TempRoot, mpsc::Sender<()>) {
    let hold_up = || {
        let (release, released) = mpsc::channel::<()>();
        drop(tokio::task::spawn_blocking(move || released.recv()));
        release
    };
    // The thread comes to the root only when the second call is behind it.
    let first = hold_up();
    let mut open = Box::pin(TempRoot::open_in("app", sandbox.path()));
    assert!(futures::poll!(&mut open).is_pending());
    let second = hold_up();
    drop(first);
    (open.await.unwrap(), second)
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
    plant_many(&sandbox);
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
    let huge = plant_empty(sandbox.path(), ROOT);
    File::create(huge.join(LOCK)).unwrap();
    for n in 0..DIRS {
        let dir = huge.join(n.to_string());
        fs::create_dir(&dir).unwrap();
        for file in 0..100 {
            File::create(dir.join(file.to_string())).unwrap();
        }
    }
    let runtime = with_one_blocking_thread();
    let (root, release) = runtime.block_on(open_and_hold_up(&sandbox));
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
    plant_many(&sandbox);
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
