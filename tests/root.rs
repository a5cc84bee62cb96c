//! A root from its creation to its removal.

mod support;

use async_tempdir::{TempRoot, cleanup};
use futures::FutureExt;
use support::{Sandbox, alone, current_thread, fill, multi_thread, runtimes};

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
                    let mode = std::fs::metadata(root.path()).unwrap().permissions().mode();
                    assert_eq!(mode & 0o777, 0o700, "a root is for its owner alone");
                }
                let dir = root.temp_dir().await.unwrap();
                assert_eq!(dir.path().parent(), Some(root.path()));
                let other = root.dir_builder().prefix("x-").create().await.unwrap();
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
fn a_cancelled_open_leaves_nothing() {
    let _alone = alone();
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        runtime.block_on(async {
            for round in 0..200 {
                let builder = TempRoot::builder("app").parent(sandbox.path());
                let builder = match round % 2 {
                    0 => builder,
                    _ => builder.retain(1),
                };
                let mut open = Box::pin(builder.open());
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
        std::fs::remove_dir_all(root.path()).unwrap();
        let error = root.temp_dir().await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{error}");
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
