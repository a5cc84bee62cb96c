//! Directories inside directories, and who waits for whom.

mod support;

use async_tempdir::{AsyncTempDir, Cleanup, cleanup};
use support::{Sandbox, alone, fill, runtimes};

#[test]
fn a_parent_dropped_first_waits_for_its_child() {
    let _alone = alone();
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        runtime.block_on(async {
            let parent = AsyncTempDir::new_in(sandbox.path()).await.unwrap();
            let child = parent.temp_dir().await.unwrap();
            fill(parent.path());
            fill(child.path());
            assert_eq!(child.path().parent(), Some(parent.path()));

            let path = parent.path().to_path_buf();
            drop(parent);
            // What waits for a handle that is still in use is not pending.
            cleanup::idle().await;
            assert!(path.join("a/b/1").exists(), "the parent waits, untouched");
            child.write("more", "more").await.unwrap();

            drop(child);
            cleanup::idle().await;
        });
        drop(runtime);
        sandbox.check();
    }
}

#[test]
fn idle_after_a_child_closed_waits_for_its_parent() {
    let _alone = alone();
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        runtime.block_on(async {
            for _ in 0..200 {
                let parent = AsyncTempDir::new_in(sandbox.path()).await.unwrap();
                let child = parent.temp_dir().await.unwrap();
                drop(parent);
                child.close().await.unwrap();
                cleanup::idle().await;
                assert!(sandbox.leftovers().is_empty(), "a moment's gap is a leak");
            }
        });
        drop(runtime);
        sandbox.check();
    }
}

#[tokio::test]
async fn generations_go_from_the_youngest_up() {
    let sandbox = Sandbox::new();
    let mut generations = vec![AsyncTempDir::new_in(sandbox.path()).await.unwrap()];
    for _ in 0..20 {
        let child = generations.last().unwrap().temp_dir().await.unwrap();
        generations.push(child);
    }
    let youngest = generations.pop().unwrap();
    // The oldest first.
    drop(generations);
    assert!(youngest.path().exists());
    drop(youngest);
    cleanup::idle().await;
    sandbox.check();
}

#[tokio::test]
async fn close_takes_the_children_with_it() {
    let sandbox = Sandbox::new();
    let parent = AsyncTempDir::new_in(sandbox.path()).await.unwrap();
    let child = parent.temp_dir().await.unwrap();
    child.write("file", "x").await.unwrap();
    let removed = parent.close().await.unwrap();
    assert_eq!((removed.files, removed.dirs), (1, 2));

    let error = child.write("file", "x").await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{error}");
    let removed = child.close().await.unwrap();
    assert_eq!((removed.files, removed.dirs), (0, 0));
    sandbox.check();
}

#[tokio::test]
async fn a_parent_with_a_child_in_use_is_not_persisted() {
    let sandbox = Sandbox::new();
    let parent = AsyncTempDir::new_in(sandbox.path()).await.unwrap();
    let child = parent.temp_dir().await.unwrap();
    let error = parent.persist(sandbox.join("target")).await.unwrap_err();
    assert_eq!(error.error().kind(), std::io::ErrorKind::ResourceBusy);
    child.close().await.unwrap();
    let target = error
        .into_dir()
        .persist(sandbox.join("target"))
        .await
        .unwrap();
    std::fs::remove_dir(target).unwrap();
    sandbox.check();
}

#[test]
fn persist_waits_for_what_is_still_under_way_inside() {
    let _alone = alone();
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        runtime.block_on(async {
            for polls in [0, 1] {
                for _ in 0..100 {
                    let parent = AsyncTempDir::new_in(sandbox.path()).await.unwrap();
                    // A child that was dropped, and a creation and a write that were cancelled.
                    drop(parent.temp_dir().await.unwrap());
                    let mut creation = Box::pin(parent.temp_dir());
                    let mut write = Box::pin(parent.write("late", vec![b'x'; 100_000]));
                    for _ in 0..polls {
                        let _ = futures::FutureExt::now_or_never(creation.as_mut());
                        let _ = futures::FutureExt::now_or_never(write.as_mut());
                    }
                    drop((creation, write));

                    let target = parent.persist(sandbox.join("target")).await.unwrap();
                    let read = || -> Vec<(std::ffi::OsString, u64)> {
                        let entries = std::fs::read_dir(&target).unwrap();
                        let entries = entries.map(|entry| entry.unwrap());
                        entries
                            .map(|entry| (entry.file_name(), entry.metadata().unwrap().len()))
                            .collect()
                    };
                    let published = read();
                    cleanup::idle().await;
                    assert_eq!(read(), published, "what is published changes no more");
                    for (name, len) in published {
                        assert_eq!((name.to_str(), len), (Some("late"), 100_000));
                    }
                    std::fs::remove_dir_all(&target).unwrap();
                }
            }
        });
        drop(runtime);
        sandbox.check();
    }
}

#[tokio::test]
async fn a_kept_child_goes_with_its_parent() {
    let sandbox = Sandbox::new();
    let parent = AsyncTempDir::new_in(sandbox.path()).await.unwrap();
    let mut child = parent.temp_dir().await.unwrap();
    child.set_cleanup(Cleanup::Never);
    let path = child.path().to_path_buf();
    drop(child);
    cleanup::idle().await;
    assert!(path.exists());
    drop(parent);
    cleanup::idle().await;
    sandbox.check();
}

#[tokio::test]
async fn a_directory_made_by_path_inside_another_goes_with_it() {
    let sandbox = Sandbox::new();
    let outer = AsyncTempDir::new_in(sandbox.path()).await.unwrap();
    let inner = AsyncTempDir::new_in(&outer).await.unwrap();
    drop(outer);
    cleanup::idle().await;
    assert!(!inner.path().exists());
    inner.close().await.unwrap();
    sandbox.check();
}
