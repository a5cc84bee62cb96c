//! Removals that failed, tried again.

mod support;

use std::fs;
use std::io::ErrorKind;

use async_tempdir::{RemoveError, remove_dir_all};
use futures::executor::block_on;
use support::{Sandbox, fill};

#[tokio::test]
async fn a_close_removes_the_same_directory_later() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    fill(dir.path());
    let path = dir.path().to_path_buf();
    let away = sandbox.join("away");
    fs::rename(&path, &away).unwrap();
    fs::write(&path, "in the way").unwrap();
    let error = dir.close().await.unwrap_err();
    let error = error.retry().await.unwrap_err();
    assert_eq!(error.path(), path, "as often as it is tried");

    fs::remove_file(&path).unwrap();
    fs::rename(&away, &path).unwrap();
    let removed = error.retry().await.unwrap();
    assert_eq!((removed.files, removed.dirs), (11, 4));
    sandbox.check();
}

#[tokio::test]
async fn a_close_removes_no_other_directory_later() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let path = dir.path().to_path_buf();
    let away = sandbox.join("away");
    fs::rename(&path, &away).unwrap();
    fs::create_dir(&path).unwrap();
    fs::write(path.join("file"), "of another").unwrap();
    let error = dir.close().await.unwrap_err();
    let error = error.retry().await.unwrap_err();
    assert!(path.join("file").exists(), "{error}");

    fs::remove_dir_all(&path).unwrap();
    let removed = error.retry().await.unwrap();
    assert_eq!((removed.files, removed.dirs), (0, 0), "it is not there");
    fs::remove_dir(away).unwrap();
    sandbox.check();
}

#[tokio::test]
async fn nothing_happens_unless_it_is_awaited() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let path = dir.path().to_path_buf();
    let away = sandbox.join("away");
    fs::rename(&path, &away).unwrap();
    fs::write(&path, "in the way").unwrap();
    let error = dir.close().await.unwrap_err();
    fs::remove_file(&path).unwrap();
    fs::rename(&away, &path).unwrap();
    drop(error.retry());
    async_tempdir::cleanup::idle().await;
    fs::remove_dir(path).expect("it is still there");
    sandbox.check();
}

#[tokio::test]
async fn remove_dir_all_goes_by_the_path() {
    let sandbox = Sandbox::new();
    let path = sandbox.join("old");
    fs::write(&path, "a file").unwrap();
    let error = remove_dir_all(&path).await.unwrap_err();
    fs::remove_file(&path).unwrap();
    let error = error.retry().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    fs::create_dir(&path).unwrap();
    let removed = error.retry().max_threads(1).await.unwrap();
    assert_eq!((removed.files, removed.dirs), (0, 1));
    sandbox.check();
}

#[test]
fn a_removal_outside_a_runtime_can_be_tried_inside() {
    let sandbox = Sandbox::new();
    let path = sandbox.join("old");
    fs::create_dir(&path).unwrap();
    let error = block_on(remove_dir_all(&path)).unwrap_err();
    let error = block_on(error.retry()).unwrap_err();
    assert!(path.exists(), "{error}");
    support::current_thread().block_on(error.retry()).unwrap();
    sandbox.check();
}

#[tokio::test]
async fn where_nothing_can_be_tried_again_it_is_refused() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let not_there = dir.remove("missing").await.unwrap_err();
    let not_there = not_there.into_inner().unwrap();
    let mut errors = vec![remove_dir_all("").await.unwrap_err()];
    // If it is one: another error is about no removal.
    errors.extend(not_there.downcast::<RemoveError>().map(|error| *error));
    for error in errors {
        let refused = error.retry().await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidInput);
        let message = refused.to_string();
        assert!(message.contains("cannot be tried again"), "{message}");
    }
    dir.close().await.unwrap();
    sandbox.check();
}

/// Here, some of it is removed at once, and the rest later.
#[cfg(target_os = "linux")]
#[test]
fn the_rest_of_a_directory_and_of_a_root() {
    use async_tempdir::TempRoot;

    if !support::where_it_may_mount(test_name!()) {
        return;
    }
    let sandbox = Sandbox::new();
    let runtime = support::current_thread();
    runtime.block_on(async {
        let dir = sandbox.dir().await;
        // With one inside, the directory is renamed before it is removed.
        let child = dir.temp_dir().await.unwrap();
        let dir_path = dir.path().to_path_buf();
        fill(dir.path());
        support::mount(&dir.path().join("c"));
        let error = dir.close().await.unwrap_err();
        assert_ne!(error.path(), dir_path);
        support::unmount(&error.path().join("c"));
        let removed = error.retry().await.unwrap();
        assert_eq!((removed.files, removed.dirs), (3, 2));
        drop(child);

        let root = TempRoot::open_in("app", sandbox.path()).await.unwrap();
        root.reclaimed().await;
        fill(root.path());
        support::mount(&root.path().join("c"));
        let error = root.close().await.unwrap_err();
        let at = error.path().to_path_buf();
        let error = error.retry().await.unwrap_err();
        assert!(at.join(support::LOCK).exists(), "removed last, if at all");
        support::unmount(&at.join("c"));
        let removed = error.retry().await.unwrap();
        assert_eq!((removed.files, removed.dirs), (4, 2), "and the lock file");
    });
    sandbox.check();
}
