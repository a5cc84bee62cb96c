//! What creation refuses: clearly, and with nothing left on disk.

mod support;

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use async_tempdir::{AsyncTempDir, Builder};
use support::Sandbox;

/// Asserts that the error has this kind and names the operation and the path.
#[track_caller]
fn assert_says(result: io::Result<AsyncTempDir>, kind: ErrorKind, path: &Path) {
    let error = result.expect_err("this cannot be created");
    assert_eq!(error.kind(), kind, "{error}");
    let expected = format!("cannot create a temporary directory in {path:?}: ");
    let message = error.to_string();
    assert!(message.starts_with(&expected), "{message}");
    assert!(message.len() > expected.len(), "it says why: {message}");
    assert!(!message.contains('\n'), "{message}");
}

#[tokio::test]
async fn a_parent_that_is_missing_or_a_file() {
    let sandbox = Sandbox::new();
    let missing = sandbox.join("missing");
    assert_says(
        AsyncTempDir::new_in(&missing).await,
        ErrorKind::NotFound,
        &missing,
    );

    let file = sandbox.join("file");
    fs::write(&file, "").unwrap();
    let kind = if cfg!(windows) {
        ErrorKind::NotFound
    } else {
        ErrorKind::NotADirectory
    };
    assert_says(AsyncTempDir::new_in(&file).await, kind, &file);
    fs::remove_file(file).unwrap();
    sandbox.check();
}

#[tokio::test]
async fn names_that_are_none() {
    let sandbox = Sandbox::new();
    let builder = || Builder::new().parent(sandbox.path());
    for bad in [
        builder().prefix("a/b"),
        builder().suffix("/"),
        builder().suffix("/../x"),
        builder().prefix("a\0b"),
        builder().suffix("\0"),
        builder().prefix("..").random_len(0),
        builder().prefix(".").random_len(0),
        builder().prefix("").random_len(0),
        builder().random_len(Builder::MAX_RANDOM_LEN + 1),
        builder().random_len(usize::MAX),
    ] {
        assert_says(bad.create().await, ErrorKind::InvalidInput, sandbox.path());
    }
    sandbox.check();
}

#[cfg(unix)]
#[tokio::test]
async fn a_name_that_is_too_long() {
    let sandbox = Sandbox::new();
    for bad in [
        Builder::new().prefix("p".repeat(300)),
        Builder::new().random_len(Builder::MAX_RANDOM_LEN),
    ] {
        let result = bad.parent(sandbox.path()).create().await;
        assert_says(result, ErrorKind::InvalidFilename, sandbox.path());
    }
    sandbox.check();
}

#[tokio::test]
async fn names_that_collide() {
    let sandbox = Sandbox::new();
    let parent = sandbox.join("full");
    fs::create_dir(&parent).unwrap();

    // All the names there are with one random character, made by somebody else.
    let alphabet = ('A'..='Z').chain('a'..='z').chain('0'..='9');
    for char in alphabet {
        // On a filesystem that ignores case, every second one is there already.
        let _ = fs::create_dir(parent.join(format!("x{char}")));
    }
    let all = || fs::read_dir(&parent).unwrap().count();
    let before = all();
    let one = || {
        Builder::new()
            .prefix("x")
            .random_len(1)
            .parent(&parent)
            .create()
    };
    let error = one().await.unwrap_err();
    assert!(error.to_string().contains("512 random names"), "{error}");
    assert_says(Err(error), ErrorKind::AlreadyExists, &parent);
    assert_eq!(all(), before);

    // With one name free it is found, in the end.
    fs::remove_dir(parent.join("x7")).unwrap();
    let mut found = one().await;
    while found.is_err() {
        // 512 tries miss it once in 4,000 times.
        found = one().await;
    }
    found.unwrap().close().await.unwrap();

    // Without random characters there is one name and one try.
    let error = Builder::new()
        .prefix("x8")
        .random_len(0)
        .parent(&parent)
        .create()
        .await;
    assert!(
        error
            .as_ref()
            .unwrap_err()
            .to_string()
            .contains("exists already")
    );
    assert_says(error, ErrorKind::AlreadyExists, &parent);
    assert!(parent.join("x8").exists(), "what exists is never adopted");

    fs::remove_dir_all(parent).unwrap();
    sandbox.check();
}

#[test]
fn no_runtime() {
    let sandbox = Sandbox::new();
    let result = futures::executor::block_on(AsyncTempDir::new_in(sandbox.path()));
    assert_says(result, ErrorKind::Other, sandbox.path());
    sandbox.check();
}

#[test]
fn a_runtime_that_is_shut_down() {
    let sandbox = Sandbox::new();
    let runtime = support::current_thread();
    let handle = runtime.handle().clone();
    drop(runtime);
    let _inside = handle.enter();
    let result = futures::executor::block_on(AsyncTempDir::new_in(sandbox.path()));
    assert_says(result, ErrorKind::Other, sandbox.path());
    sandbox.check();
}

#[cfg(unix)]
#[test]
fn a_parent_that_is_not_writable() {
    use std::os::unix::fs::PermissionsExt;

    if !support::as_ordinary_user(test_name!()) {
        return;
    }
    let sandbox = Sandbox::new();
    let parent = sandbox.join("read-only");
    fs::create_dir(&parent).unwrap();
    fs::set_permissions(&parent, fs::Permissions::from_mode(0o500)).unwrap();
    let result = support::current_thread().block_on(AsyncTempDir::new_in(&parent));
    assert_says(result, ErrorKind::PermissionDenied, &parent);
    assert_eq!(fs::read_dir(&parent).unwrap().count(), 0);
    fs::remove_dir(parent).unwrap();
    sandbox.check();
}

#[cfg(target_os = "linux")]
fn mount(arguments: &[&str], on: &Path) {
    let status = std::process::Command::new("mount")
        .args(arguments)
        .arg(on)
        .status();
    assert!(status.unwrap().success(), "cannot mount {arguments:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_filesystem_that_is_read_only() {
    if !support::where_it_may_mount(test_name!()) {
        return;
    }
    let sandbox = Sandbox::new();
    let read_only = sandbox.join("read-only");
    fs::create_dir(&read_only).unwrap();
    mount(&["-t", "tmpfs", "-o", "ro", "none"], &read_only);
    let result = support::current_thread().block_on(AsyncTempDir::new_in(&read_only));
    assert_says(result, ErrorKind::ReadOnlyFilesystem, &read_only);

    let status = std::process::Command::new("umount")
        .arg(&read_only)
        .status();
    assert!(status.unwrap().success());
    fs::remove_dir(read_only).unwrap();
    sandbox.check();
}
