//! `Cleanup::OnSuccess`: the directory of a panic stays and says where.

mod support;

use std::process::Command;

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

#[test]
fn the_path_is_printed_once_with_the_failing_test() {
    const NAME: &str = "the_path_is_printed_once_with_the_failing_test";
    if support::is_child(NAME) {
        // This is the failing test.
        support::multi_thread().block_on(async {
            let _dir = create(&std::env::temp_dir()).await;
            panic!("on purpose");
        });
    }
    let sandbox = Sandbox::new();
    for arguments in [&["--nocapture"][..], &[]] {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", NAME])
            .args(arguments)
            .env(support::MARK, NAME)
            .envs(["TMPDIR", "TMP"].map(|name| (name, sandbox.path())))
            .output()
            .unwrap();
        assert!(!output.status.success(), "the test fails");
        let left = sandbox.leftovers();
        assert_eq!(left.len(), 1, "its directory stays");
        // Captured, the runner shows it on stdout together with the test's name.
        let shown = [output.stdout, output.stderr].concat();
        let shown = String::from_utf8(shown).unwrap();
        let line = format!("temporary directory kept: {}", left[0].display());
        assert_eq!(shown.matches(&line).count(), 1, "{shown}");
        std::fs::remove_dir(&left[0]).unwrap();
    }
    sandbox.check();
}
