//! Error messages: what they name, the hints that they give, and their `Debug` form.

mod support;

use std::fs;
use std::io;

use async_tempdir::{AsyncTempDir, PathError, TempRoot, remove_dir_all};
use support::Sandbox;

fn inner(error: &io::Error) -> &PathError {
    let inner = error.get_ref().expect("it has an inner error");
    inner.downcast_ref().expect("it is a `PathError`")
}

#[tokio::test]
async fn the_operation_the_path_and_the_systems_error_can_be_asked_for() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let error = dir.read("missing").await.unwrap_err();
    let found = inner(&error);
    assert_eq!(found.operation(), "read");
    assert_eq!(found.path(), dir.path().join("missing"));
    assert_eq!(found.io_error().kind(), io::ErrorKind::NotFound);
    assert!(found.io_error().raw_os_error().is_some());
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn debug_is_the_message() {
    let sandbox = Sandbox::new();
    let error = AsyncTempDir::new_in(sandbox.path().join("missing"))
        .await
        .unwrap_err();
    assert_eq!(format!("{:?}", inner(&error)), error.to_string());
    let error = remove_dir_all(sandbox.path().join("missing"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    assert_eq!(format!("{error:?}"), error.to_string());
    let dir = sandbox.dir().await;
    let target = sandbox.path().join("missing/target");
    let error = dir.persist(target).await.unwrap_err();
    assert_eq!(format!("{error:?}"), error.to_string());
    error.into_dir().close().await.unwrap();
    sandbox.check();
}

#[test]
fn without_a_runtime() {
    let sandbox = Sandbox::new();
    let says = |error: &dyn ToString| {
        let message = error.to_string();
        assert!(
            message.ends_with("must be called inside a Tokio runtime"),
            "{message}"
        );
    };
    futures::executor::block_on(async {
        says(&AsyncTempDir::new_in(sandbox.path()).await.unwrap_err());
        let root = TempRoot::open_in("app", sandbox.path()).await;
        says(&root.unwrap_err());
        says(&remove_dir_all(sandbox.path()).await.unwrap_err());
    });
    sandbox.check();
}

/// Windows has other variables for it.
#[cfg(unix)]
#[test]
fn a_missing_parent_from_the_environment() {
    let name = test_name!();
    if !support::in_process_with(name, &[], |command| {
        command.env("TMPDIR", "/missing-directory");
    }) {
        return;
    }
    let runtime = support::multi_thread();
    runtime.block_on(async {
        let dir = AsyncTempDir::new().await.unwrap_err();
        let root = TempRoot::open("app").await.unwrap_err();
        for error in [dir, root] {
            assert!(error.to_string().contains("TMPDIR"), "{error}");
        }
        // Not for a parent that was given.
        let error = AsyncTempDir::new_in("/missing-directory").await;
        let error = error.unwrap_err();
        assert!(!error.to_string().contains("TMPDIR"), "{error}");
    });
}

#[tokio::test]
async fn a_directory_that_was_deleted_meanwhile() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    fs::remove_dir(dir.path()).unwrap();
    for error in [
        dir.write("a", "").await.unwrap_err(),
        dir.list().await.unwrap_err(),
        dir.temp_file().await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        let message = error.to_string();
        assert!(
            message.ends_with("(the directory itself is no longer there)"),
            "{message}"
        );
        let inner = error
            .get_ref()
            .unwrap()
            .downcast_ref::<PathError>()
            .unwrap();
        assert!(inner.io_error().raw_os_error().is_some(), "{message}");
    }
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn the_root_and_the_current_directory_are_refused() {
    let root = if cfg!(windows) { "C:\\" } else { "/" };
    for path in [root, ".", "..", "a/.."] {
        let error = remove_dir_all(path).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert!(error.to_string().contains("refusing"), "{error}");
    }
}
