//! Creation on the calling thread, inside a runtime and outside any.

mod support;

use std::fs;
use std::io::ErrorKind;
use std::thread;

use async_tempdir::{AsyncTempDir, Builder, Cleanup, TempRoot, cleanup};
use futures::executor::block_on;
use support::{Sandbox, fill, runtimes};

fn create(sandbox: &Sandbox) -> AsyncTempDir {
    let builder = Builder::new().parent(sandbox.path());
    builder.create_blocking().unwrap()
}

#[test]
fn in_a_runtime_it_is_like_any_other() {
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        runtime.block_on(async {
            let dir = create(&sandbox);
            dir.write("a/b", "x").await.unwrap();
            assert_eq!(dir.read("a/b").await.unwrap(), b"x");
            let closed = create(&sandbox);
            closed.close().await.unwrap();
            let wait = dir.removed();
            drop(dir);
            wait.await;
        });
        sandbox.check();
    }
}

#[test]
fn outside_a_drop_has_removed_it_when_it_returns() {
    if !support::in_process(test_name!(), &[]) {
        return;
    }
    let sandbox = Sandbox::new();
    let dir = create(&sandbox);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    fill(dir.path());
    drop(dir);
    assert!(sandbox.leftovers().is_empty(), "nothing else removes it");

    // Also while other threads do the same: none leaves its own to another.
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..support::times(20) {
                    let dir = create(&sandbox);
                    let path = dir.path().to_path_buf();
                    fill(&path);
                    drop(dir);
                    assert!(!path.exists());
                }
            });
        }
    });
    let dir = AsyncTempDir::new_blocking().unwrap();
    assert_eq!(dir.path().parent(), Some(std::env::temp_dir().as_path()));
    let path = dir.path().to_path_buf();
    drop(dir);
    assert!(!path.exists());
    sandbox.check();
}

#[test]
fn outside_it_can_be_closed_kept_and_persisted() {
    let sandbox = Sandbox::new();
    let dir = create(&sandbox);
    fill(dir.path());
    let removed = block_on(dir.close()).unwrap();
    assert_eq!((removed.files, removed.dirs), (11, 4));
    drop(create(&sandbox).close());
    assert!(sandbox.leftovers().is_empty());

    let target = sandbox.join("target");
    assert_eq!(block_on(create(&sandbox).persist(&target)).unwrap(), target);
    let kept = create(&sandbox).keep();
    let mut never = create(&sandbox);
    never.set_cleanup(Cleanup::Never);
    let kept_too = never.path().to_path_buf();
    drop(never);
    for path in [target, kept, kept_too] {
        fs::remove_dir(path).unwrap();
    }
    sandbox.check();
}

#[test]
fn operations_use_the_runtime_that_calls_them() {
    let sandbox = Sandbox::new();
    let dir = create(&sandbox);
    for error in [
        block_on(dir.write("a", "x")).unwrap_err(),
        block_on(dir.list()).unwrap_err(),
        block_on(dir.temp_dir()).unwrap_err(),
    ] {
        let message = error.to_string();
        assert!(message.contains("inside a Tokio runtime"), "{message}");
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    for runtime in runtimes() {
        runtime.block_on(async {
            dir.write("a", "x").await.unwrap();
            assert_eq!(dir.read("a").await.unwrap(), b"x");
            let child = dir.temp_dir().await.unwrap();
            child.close().await.unwrap();
        });
    }
    // All of them are gone.
    block_on(dir.write("a", "x")).unwrap_err();
    let wait = dir.removed();
    support::current_thread().block_on(async {
        drop(dir);
        wait.await;
    });
    sandbox.check();
}

#[test]
fn in_a_runtime_a_drop_uses_that() {
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        let dir = create(&sandbox);
        fill(dir.path());
        runtime.block_on(async {
            drop(dir);
            cleanup::idle().await;
            assert!(sandbox.leftovers().is_empty());
        });
        sandbox.check();
    }
}

/// The drop does not remove: the pool, whose only thread is busy, has to.
#[test]
fn in_a_runtime_a_drop_does_not_block() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    let sandbox = Sandbox::new();
    let dir = create(&sandbox);
    let (wait, path) = (dir.removed(), dir.path().to_path_buf());
    let release = support::occupy(&runtime);
    runtime.block_on(async {
        drop(dir);
        assert!(path.exists(), "it is removed in the background");
        drop(release);
        wait.await;
    });
    assert!(!path.exists());
    sandbox.check();
}

#[test]
fn one_inside_another() {
    let sandbox = Sandbox::new();
    let outer = create(&sandbox);
    let path = outer.path().to_path_buf();
    let inner = Builder::new().inside(&outer).create_blocking().unwrap();
    assert_eq!(inner.path().parent(), Some(outer.path()));
    fill(inner.path());
    drop(outer);
    assert!(inner.path().exists(), "it keeps the one around it");
    drop(inner);
    assert!(!path.exists(), "both are removed");

    let outer = create(&sandbox);
    let late = Builder::new().inside(&outer);
    let inner = Builder::new().inside(&outer).create_blocking().unwrap();
    block_on(outer.close()).unwrap();
    let error = late.create_blocking().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    drop(inner);

    support::current_thread().block_on(async {
        let root = TempRoot::open_in("app", sandbox.path()).await.unwrap();
        let dir = root.dir_builder().create_blocking().unwrap();
        assert_eq!(dir.path().parent(), Some(root.path()));
        dir.close().await.unwrap();
        root.close().await.unwrap();
    });
    sandbox.check();
}

#[test]
fn its_errors_are_those_of_create() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.join("taken")).unwrap();
    let in_sandbox = || Builder::new().parent(sandbox.path());
    for (builder, kind) in [
        (in_sandbox().prefix("a/b"), ErrorKind::InvalidInput),
        (
            in_sandbox().prefix("taken").random_len(0),
            ErrorKind::AlreadyExists,
        ),
        (
            Builder::new().parent(sandbox.join("missing")),
            ErrorKind::NotFound,
        ),
    ] {
        let error = builder.clone().create_blocking().unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        let other = support::current_thread().block_on(builder.create());
        assert_eq!(error.to_string(), other.unwrap_err().to_string());
    }
    fs::remove_dir(sandbox.join("taken")).unwrap();
    sandbox.check();
}
