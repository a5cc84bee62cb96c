//! `Cleanup::OnSuccess`: the directory of a panic stays and says where.

mod support;

use async_tempdir::{AsyncTempDir, Builder, Cleanup, cleanup};
use support::Sandbox;

async fn create(parent: &std::path::Path) -> AsyncTempDir {
    Builder::new()
        .parent(parent)
        .cleanup(Cleanup::OnSuccess)
        .create()
        .await
        .unwrap()
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
