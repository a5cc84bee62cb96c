//! `Cleanup::OnSuccess` and `Cleanup::OnClose`: the directory of a failure stays and says where.

mod support;

use std::path::Path;
use std::pin::pin;
use std::task::Poll;

use async_tempdir::{AsyncTempDir, Builder, Cleanup, Ending, cleanup};
use support::Sandbox;

async fn create(parent: &Path) -> AsyncTempDir {
    create_with(Cleanup::OnSuccess, parent).await
}

async fn create_with(policy: Cleanup, parent: &Path) -> AsyncTempDir {
    let builder = Builder::new().parent(parent).cleanup(policy);
    builder.create().await.unwrap()
}

#[tokio::test]
async fn without_a_panic_it_is_removed() {
    let sandbox = Sandbox::new();
    drop(create(sandbox.path()).await);
    cleanup::idle().await;
    sandbox.check();
}

#[tokio::test]
async fn in_a_spawned_task() {
    let sandbox = Sandbox::new();
    let parent = sandbox.path().to_path_buf();
    let task = tokio::spawn(async move {
        let dir = create(&parent).await;
        dir.write("evidence", "x").await.unwrap();
        let _other = AsyncTempDir::new_in(&parent).await.unwrap();
        tokio::task::yield_now().await;
        panic!("on purpose");
    });
    task.await.unwrap_err();
    cleanup::idle().await;
    let left = sandbox.leftovers();
    assert_eq!(left.len(), 1, "the other one's policy removes it");
    assert!(left[0].join("evidence").exists());
    std::fs::remove_dir_all(&left[0]).unwrap();
    sandbox.check();
}

#[tokio::test]
async fn on_close_keeps_what_is_dropped() {
    let sandbox = Sandbox::new();
    let create = || create_with(Cleanup::OnClose, sandbox.path());
    create().await.close().await.unwrap();
    drop(create().await.close());
    let mut changed = create().await;
    changed.set_cleanup(Cleanup::Always);
    drop(changed);
    let outer = create_with(Cleanup::Always, sandbox.path()).await;
    let inside = Builder::new().inside(&outer).cleanup(Cleanup::OnClose);
    drop(inside.create().await.unwrap());
    drop(outer);
    cleanup::idle().await;
    assert!(sandbox.leftovers().is_empty(), "closed, or not its policy");

    let dropped = create().await;
    dropped.write("evidence", "x").await.unwrap();
    let path = dropped.path().to_path_buf();
    let wait = dropped.removed();
    drop(dropped);
    assert_eq!(wait.await, Ending::Kept);
    assert_eq!(sandbox.leftovers(), [path.as_path()]);
    std::fs::remove_dir_all(path).unwrap();

    let persisted = create().await.persist(sandbox.join("target")).await;
    for path in [create().await.keep(), persisted.unwrap()] {
        std::fs::remove_dir(path).unwrap();
    }
    sandbox.check();
}

/// Whatever the policy, it is one of a handle, and there never was one.
#[tokio::test]
async fn a_cancelled_creation_leaves_none() {
    let sandbox = Sandbox::new();
    for policy in [Cleanup::OnSuccess, Cleanup::OnClose, Cleanup::Never] {
        for polls in 0..3 {
            for _ in 0..20 {
                let mut creation = pin!(create_with(policy, sandbox.path()));
                for _ in 0..polls {
                    if let Poll::Ready(dir) = futures::poll!(&mut creation) {
                        dir.close().await.unwrap();
                        break;
                    }
                    tokio::task::yield_now().await;
                }
            }
        }
        cleanup::idle().await;
        assert!(sandbox.leftovers().is_empty(), "{policy:?}");
    }
    sandbox.check();
}
