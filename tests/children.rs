//! Directories inside directories, and who waits for whom.

mod support;

use std::future::{Future, IntoFuture};
use std::io::ErrorKind;
use std::task::Poll;
use std::time::Duration;

use async_tempdir::{AsyncTempDir, Builder, Cleanup, cleanup};
use futures::FutureExt;
use support::{Sandbox, alone, fill, occupy, runtimes};

/// For what must not wait for ever.
const PATIENCE: Duration = Duration::from_secs(5);

#[test]
fn a_parent_dropped_first_waits_for_its_child() {
    let _alone = alone();
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        runtime.block_on(async {
            let parent = sandbox.dir().await;
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
                let parent = sandbox.dir().await;
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
    let mut generations = vec![sandbox.dir().await];
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
    let parent = sandbox.dir().await;
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
async fn a_close_that_is_not_awaited_takes_the_children_with_it() {
    let sandbox = Sandbox::new();
    let parent = sandbox.dir().await;
    let child = parent.temp_dir().await.unwrap();
    child.write("file", "x").await.unwrap();
    drop(parent.close());
    cleanup::idle().await;
    assert!(sandbox.leftovers().is_empty(), "it waits for no child");
    drop(child);
    cleanup::idle().await;
    sandbox.check();
}

#[tokio::test]
async fn a_parent_with_a_child_in_use_is_not_persisted() {
    let sandbox = Sandbox::new();
    let parent = sandbox.dir().await;
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
                    let parent = sandbox.dir().await;
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

#[test]
fn persist_is_refused_while_a_handle_is_held_in_any_generation() {
    let _alone = alone();
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        runtime.block_on(async {
            let parent = sandbox.dir().await;
            let child = parent.temp_dir().await.unwrap();
            let grandchild = child.temp_dir().await.unwrap();
            drop(child);
            let persisting = parent.persist(sandbox.join("target"));
            let persisted = tokio::time::timeout(PATIENCE, persisting).await;
            let idle = tokio::time::timeout(PATIENCE, cleanup::idle()).await;
            idle.expect("what waits for a handle that is still in use is not pending");
            let error = persisted
                .expect("what may wait for ever is refused")
                .unwrap_err();
            assert_eq!(error.error().kind(), ErrorKind::ResourceBusy);
            drop(grandchild);
            let target = sandbox.join("target");
            let target = error.into_dir().persist(target).await.unwrap();
            assert_eq!(std::fs::read_dir(&target).unwrap().count(), 0);
            std::fs::remove_dir(target).unwrap();
        });
        drop(runtime);
        sandbox.check();
    }
}

/// A runtime with one blocking thread, so that a test knows what is under way.
fn one_blocking_thread() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .unwrap()
}

/// What waits for an operation under way in the child is `end`, which has the handle, and is
/// dropped.
fn persisted_after_cancelled<F: Future>(end: impl Fn(AsyncTempDir) -> F) {
    let _alone = alone();
    let runtime = one_blocking_thread();
    let sandbox = Sandbox::new();
    let [parent, child] = runtime.block_on(async {
        let parent = sandbox.dir().await;
        let child = parent.temp_dir().await.unwrap();
        [parent, child]
    });
    let release = occupy(&runtime);
    runtime.block_on(async {
        assert!(child.write("file", "x").now_or_never().is_none());
        assert!(end(child).now_or_never().is_none());
        let mut persisting = Box::pin(parent.persist(sandbox.join("target")));
        if let Poll::Ready(persisted) = futures::poll!(&mut persisting) {
            panic!("no handle is left, but it does not wait: {persisted:?}");
        }
        drop(release);
        let target = persisting.await.unwrap();
        assert_eq!(std::fs::read_dir(&target).unwrap().count(), 0);
        std::fs::remove_dir(target).unwrap();
    });
    drop(runtime);
    sandbox.check();
}

#[test]
fn persist_waits_for_a_child_whose_close_was_cancelled() {
    persisted_after_cancelled(|child| child.close().into_future());
}

#[test]
fn persist_waits_for_a_child_whose_persist_was_cancelled() {
    persisted_after_cancelled(|child| {
        let target = child.path().with_extension("target");
        child.persist(target)
    });
}

/// The child's close makes progress although nothing polls it.
#[test]
fn persist_waits_for_a_child_whose_close_has_begun() {
    let _alone = alone();
    let runtime = one_blocking_thread();
    let sandbox = Sandbox::new();
    let [parent, child] = runtime.block_on(async {
        let parent = sandbox.dir().await;
        let child = parent.temp_dir().await.unwrap();
        [parent, child]
    });
    let release = occupy(&runtime);
    runtime.block_on(async {
        assert!(child.write("file", "x").now_or_never().is_none());
        let mut closing = child.close().into_future();
        assert!(futures::poll!(&mut closing).is_pending());
        let mut persisting = Box::pin(parent.persist(sandbox.join("target")));
        assert!(futures::poll!(&mut persisting).is_pending());
        drop(release);
        let persisted = tokio::time::timeout(PATIENCE, persisting).await;
        let target = persisted.expect("it ends").unwrap();
        closing.await.unwrap();
        std::fs::remove_dir(target).unwrap();
    });
    drop(runtime);
    sandbox.check();
}

/// What is mounted inside cannot be removed.
#[cfg(target_os = "linux")]
#[test]
fn persist_is_refused_while_something_is_left_of_a_child() {
    if !support::where_it_may_mount(test_name!()) {
        return;
    }
    let sandbox = Sandbox::new();
    let target = sandbox.join("target");
    support::current_thread().block_on(async {
        for is_closed in [false, true] {
            let mut parent = sandbox.dir().await;
            let between = parent.temp_dir().await.unwrap();
            let child = between.temp_dir().await.unwrap();
            let between = between.keep();
            let mounted = child.create_dir("mounted").await.unwrap();
            support::mount(&mounted);
            let path = child.path().to_path_buf();
            if is_closed {
                child.close().await.unwrap_err();
            } else {
                drop(child);
            }
            for _ in 0..2 {
                let error = parent.persist(&target).await.unwrap_err();
                let message = error.to_string();
                assert!(message.contains(&format!("{path:?}")), "{message}");
                parent = error.into_dir();
            }
            support::unmount(&mounted);
            std::fs::remove_dir_all(&path).unwrap();
            // Something else of that name is not what was left.
            std::fs::create_dir(&path).unwrap();
            parent.persist(&target).await.unwrap();
            let name = between.file_name().unwrap();
            assert!(target.join(name).join(path.file_name().unwrap()).exists());
            std::fs::remove_dir_all(&target).unwrap();
        }
    });
    sandbox.check();
}

#[tokio::test]
async fn a_kept_child_goes_with_its_parent() {
    let sandbox = Sandbox::new();
    let parent = sandbox.dir().await;
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
    let outer = sandbox.dir().await;
    let inner = AsyncTempDir::new_in(&outer).await.unwrap();
    drop(outer);
    cleanup::idle().await;
    assert!(!inner.path().exists());
    inner.close().await.unwrap();
    sandbox.check();
}

#[test]
fn close_waits_for_what_is_under_way_in_a_child_and_refuses_more() {
    let _alone = alone();
    let runtime = one_blocking_thread();
    let sandbox = Sandbox::new();
    let [parent, child] = runtime.block_on(async {
        let parent = sandbox.dir().await;
        let child = parent.temp_dir().await.unwrap();
        [parent, child]
    });
    let release = occupy(&runtime);
    runtime.block_on(async {
        let mut writing = Box::pin(child.write("file", "x"));
        assert!(futures::poll!(&mut writing).is_pending());
        let mut closing = parent.close().into_future();
        assert!(futures::poll!(&mut closing).is_pending());
        let refused = child.write("more", "x").now_or_never();
        let error = refused.expect("it is refused at once").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        drop(release);
        assert_eq!(
            closing.await.unwrap().files,
            1,
            "what was written is removed"
        );
        writing.await.unwrap();
    });
    drop((child, runtime));
    sandbox.check();
}

/// With a name of its own, and as one that is inside.
#[tokio::test]
async fn a_builder_makes_one_inside() {
    let sandbox = Sandbox::new();
    let parent = sandbox.dir().await;
    // A builder counts as a handle, so that a persist does not wait for what is never made.
    let builder = Builder::new().prefix("job-").inside(&parent);
    let creation = Box::pin(Builder::new().inside(&parent).create());
    let parent = parent.persist(sandbox.join("target")).await.unwrap_err();
    assert_eq!(parent.error().kind(), ErrorKind::ResourceBusy, "{parent}");
    let parent = parent.into_dir();
    drop(creation);
    let child = builder.create().await.unwrap();
    assert_eq!(child.path().parent(), Some(parent.path()));
    assert!(child.file_name().to_str().unwrap().starts_with("job-"));
    let path = parent.path().to_path_buf();
    drop(parent);
    child.write("file", "x").await.unwrap();
    assert!(path.exists(), "it waits for the one inside");
    child.close().await.unwrap();
    cleanup::idle().await;
    sandbox.check();
}

#[tokio::test]
async fn a_builders_clone_counts_like_the_original() {
    let sandbox = Sandbox::new();
    let parent = sandbox.dir().await;
    let path = parent.path().to_path_buf();
    let builder = Builder::new().inside(&parent);
    let clone = builder.clone();
    drop(builder);
    let error = parent.persist(sandbox.join("target")).await.unwrap_err();
    assert_eq!(error.error().kind(), ErrorKind::ResourceBusy);
    drop(error);
    cleanup::idle().await;
    assert!(path.exists(), "the clone keeps it");
    let others = clone.clone();
    let one = clone.create().await.unwrap();
    let two = others.clone().create().await.unwrap();
    assert_eq!(one.path().parent(), two.path().parent());
    drop((one, two));
    cleanup::idle().await;
    assert!(path.exists(), "so does its clone");
    drop(others);
    cleanup::idle().await;
    sandbox.check();

    // Not for one that has another parent by then.
    let sandbox = Sandbox::new();
    let parent = sandbox.dir().await;
    let builder = Builder::new().inside(&parent);
    let elsewhere = builder.clone().parent(sandbox.path());
    drop(builder);
    parent.close().await.unwrap();
    elsewhere.create().await.unwrap().close().await.unwrap();
    sandbox.check();
}

/// On a thread of no runtime, with an executor that is not Tokio's.
#[test]
fn a_child_is_made_by_the_runtime_of_its_parent() {
    let sandbox = Sandbox::new();
    for runtime in runtimes() {
        let dir = runtime.block_on(sandbox.dir());
        let child = futures::executor::block_on(dir.temp_dir()).unwrap();
        futures::executor::block_on(child.write("file", "x")).unwrap();
        let inside = Builder::new().inside(&child).create_blocking().unwrap();
        assert_eq!(inside.path().parent(), Some(child.path()));
        futures::executor::block_on(dir.close()).unwrap();
        drop((inside, child));
    }
    sandbox.check();
}
