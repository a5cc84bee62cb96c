//! `ASYNC_TEMPDIR_CLEANUP` overrides every policy, or is an error that says what it may be. Each
//! value in a process of its own.

mod support;

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::task::Poll;

use async_tempdir::{AsyncTempDir, Builder, Cleanup, TempRoot, cleanup};
use support::{Sandbox, current_thread, in_process_with, runtimes};

const VARIABLE: &str = "ASYNC_TEMPDIR_CLEANUP";
const POLICIES: [Cleanup; 3] = [Cleanup::Always, Cleanup::OnSuccess, Cleanup::Never];

/// Has the calling test, `name`, run anew with the variable set. True there.
#[track_caller]
fn with(name: &str, value: impl AsRef<OsStr>) -> bool {
    in_process_with(name, &[], |command| {
        command.env(VARIABLE, value);
    })
}

/// What of a directory's life ends without anybody's deciding what becomes of it.
async fn lives(parent: &Path) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    for policy in POLICIES {
        let dir = Builder::new().parent(parent).cleanup(policy).create().await;
        let mut changed = AsyncTempDir::new_in(parent).await.unwrap();
        changed.set_cleanup(policy);
        for dir in [dir.unwrap(), changed] {
            dir.write("file", "x").await.unwrap();
            let child = dir.temp_dir().await.unwrap();
            paths.extend([child.path().to_path_buf(), dir.path().to_path_buf()]);
        }
    }
    let scoped = AsyncTempDir::scope(async |dir| dir.path().to_path_buf()).await;
    paths.push(scoped.unwrap());
    let root = TempRoot::open_in("app", parent).await.unwrap();
    let dir = root.temp_dir().await.unwrap();
    paths.extend([dir.path().to_path_buf(), root.path().to_path_buf()]);
    paths
}

/// Two directories and a root that are dropped by a panic.
fn panics(parent: &Path) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    let body = async {
        let dir = AsyncTempDir::new_in(parent).await.unwrap();
        paths.push(dir.path().to_path_buf());
        let root = TempRoot::open_in("app", parent).await.unwrap();
        paths.push(root.path().to_path_buf());
        AsyncTempDir::scope(async |dir| {
            paths.push(dir.path().to_path_buf());
            panic!("on purpose");
        })
        .await
        .unwrap()
    };
    let ended: Result<(), _> = catch_unwind(AssertUnwindSafe(|| current_thread().block_on(body)));
    ended.unwrap_err();
    paths
}

/// What is asked for explicitly, and what was never anybody's, is as ever.
async fn decided(sandbox: &Sandbox) {
    let parent = sandbox.path();
    let closed = AsyncTempDir::new_in(parent).await.unwrap();
    let unpolled = AsyncTempDir::new_in(parent).await.unwrap();
    let root = TempRoot::open_in("app", parent).await.unwrap();
    let kept = AsyncTempDir::new_in(parent).await.unwrap();
    let published = AsyncTempDir::new_in(parent).await.unwrap();
    closed.close().await.unwrap();
    drop(unpolled.close());
    root.close().await.unwrap();
    drop(TempRoot::open_in("app", parent).await.unwrap().close());
    let kept = kept.keep();
    let target = published.persist(sandbox.join("target")).await.unwrap();

    for _ in 0..20 {
        // Begun and given up, unless the pool was that fast.
        let mut creation = std::pin::pin!(AsyncTempDir::new_in(parent));
        if let Poll::Ready(dir) = futures::poll!(&mut creation) {
            dir.unwrap().close().await.unwrap();
        }
    }
    cleanup::idle().await;
    let mut left = sandbox.leftovers();
    left.sort();
    let mut expected = [kept, target];
    expected.sort();
    assert_eq!(left, expected);
    for path in expected {
        std::fs::remove_dir(path).unwrap();
    }
}

fn count(paths: &[PathBuf]) -> usize {
    paths.iter().filter(|path| path.exists()).count()
}

fn remove(paths: &[PathBuf]) {
    for path in paths.iter().filter(|path| path.exists()) {
        std::fs::remove_dir_all(path).unwrap();
    }
}

#[test]
fn always() {
    if !with("always", "always") {
        return;
    }
    let sandbox = Sandbox::new();
    for runtime in runtimes() {
        runtime.block_on(async {
            let paths = lives(sandbox.path()).await;
            cleanup::idle().await;
            assert_eq!(count(&paths), 0, "{paths:?}");
            decided(&sandbox).await;
        });
    }
    assert_eq!(count(&panics(sandbox.path())), 0);
    sandbox.check();
}

#[test]
fn on_success() {
    if !with("on_success", "on-success") {
        return;
    }
    let sandbox = Sandbox::new();
    for runtime in runtimes() {
        runtime.block_on(async {
            let paths = lives(sandbox.path()).await;
            cleanup::idle().await;
            assert_eq!(count(&paths), 0, "{paths:?}");
            decided(&sandbox).await;
        });
    }
    let paths = panics(sandbox.path());
    assert_eq!(count(&paths), 3, "those of a panic stay: {paths:?}");
    remove(&paths);
    sandbox.check();
}

#[test]
fn never() {
    if !with("never", "never") {
        return;
    }
    let sandbox = Sandbox::new();
    for runtime in runtimes() {
        runtime.block_on(async {
            decided(&sandbox).await;
            let paths = lives(sandbox.path()).await;
            cleanup::idle().await;
            assert_eq!(count(&paths), paths.len(), "all stay: {paths:?}");
            // A root that stays is nobody's to reclaim.
            let root = TempRoot::open_in("app", sandbox.path()).await.unwrap();
            assert_eq!(root.reclaimed().await.roots(), 0);
            root.close().await.unwrap();
            assert_eq!(count(&paths), paths.len(), "all still stay: {paths:?}");
            remove(&paths);
        });
    }
    let paths = panics(sandbox.path());
    assert_eq!(count(&paths), 3, "{paths:?}");
    remove(&paths);
    sandbox.check();
}

#[test]
fn anything_else_is_an_error_that_says_what_it_may_be() {
    const NAME: &str = "anything_else_is_an_error_that_says_what_it_may_be";
    if !support::is_child(NAME) {
        for value in ["", "Always", "on_success", "success", "0", "never "] {
            with(NAME, value);
        }
        #[cfg(unix)]
        {
            use std::os::unix::ffi::OsStrExt;
            with(NAME, OsStr::from_bytes(b"always\xff"));
        }
        return;
    }
    let sandbox = Sandbox::new();
    current_thread().block_on(async {
        let parent = sandbox.path();
        let value = std::env::var_os(VARIABLE).unwrap();
        for error in [
            AsyncTempDir::new().await.unwrap_err(),
            AsyncTempDir::new_in(parent).await.unwrap_err(),
            AsyncTempDir::scope(async |_| ()).await.unwrap_err(),
            TempRoot::open_in("app", parent).await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            let message = error.to_string();
            for part in [VARIABLE, &format!("{value:?}")] {
                assert!(message.contains(part), "{message}");
            }
            for part in ["\"always\"", "\"on-success\"", "\"never\""] {
                assert!(message.contains(part), "{message}");
            }
        }
    });
    sandbox.check();
}
