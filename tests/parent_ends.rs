//! What becomes of a directory while the one around it is closed, persisted or removed by name.

mod support;

use std::future::Future;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_tempdir::{AsyncTempDir, RemoveError};
use futures::FutureExt;
use support::{Sandbox, in_memory, multi_thread, times};
use tokio::task::JoinSet;

const FILES: usize = 2_000;
fn rounds() -> usize {
    times(10)
}

async fn filled(parent: &AsyncTempDir) -> AsyncTempDir {
    let dir = parent.temp_dir().await.unwrap();
    let files = (0..FILES).map(|n| (format!("{}/{n}", n % 20), "x"));
    dir.populate(files).await.unwrap();
    dir
}

fn count(dir: &Path) -> usize {
    let entries = std::fs::read_dir(dir).unwrap();
    let count = |entry: std::fs::DirEntry| match entry.file_type().unwrap().is_dir() {
        true => self::count(&entry.path()),
        false => 1,
    };
    entries.map(|entry| count(entry.unwrap())).sum()
}

/// Persists directories while `end` is at work on the ones around them, and perhaps waits for a
/// persist that has begun.
fn persisted_meanwhile<E, F>(generations: usize, waits: bool, end: E)
where
    E: Fn(AsyncTempDir, PathBuf) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let sandbox = Sandbox::new_in(&in_memory());
    let target = sandbox.join("target");
    multi_thread().block_on(async {
        for round in 0..rounds() {
            let outermost = sandbox.dir().await;
            let mut between = Vec::new();
            for _ in 1..generations {
                let parent = between.last().unwrap_or(&outermost);
                between.push(parent.temp_dir().await.unwrap());
            }
            let child = filled(between.last().unwrap_or(&outermost)).await;
            let first = between.first().unwrap_or(&child);
            let ending = end(outermost, PathBuf::from(first.file_name()));
            let mut persisting = Box::pin(child.persist(&target));
            let is_first = round % 2 == 0;
            let mut persisted = is_first
                .then(|| persisting.as_mut().now_or_never())
                .flatten();
            let ending = tokio::spawn(ending);
            if persisted.is_none() {
                tokio::task::yield_now().await;
                persisted = Some(persisting.await);
            }
            ending.await.unwrap();
            match persisted.expect("it has ended") {
                Ok(target) => {
                    assert_eq!(count(&target), FILES, "what persist published is whole");
                    std::fs::remove_dir_all(target).unwrap();
                }
                Err(error) => {
                    assert_eq!(error.error().kind(), ErrorKind::NotFound, "{error}");
                    assert!(
                        !is_first || !waits,
                        "a persist that has begun is waited for"
                    );
                }
            }
        }
    });
    sandbox.check();
}

#[test]
fn close_takes_nothing_from_a_child_that_was_persisted() {
    persisted_meanwhile(1, true, async |parent, _| {
        parent.close().await.unwrap();
    });
}

#[test]
fn close_takes_nothing_from_a_grandchild_that_was_persisted() {
    persisted_meanwhile(2, true, async |parent, _| {
        parent.close().await.unwrap();
    });
}

#[test]
fn remove_takes_nothing_from_a_child_that_was_persisted() {
    persisted_meanwhile(1, false, async |parent, name| {
        match parent.remove(name).await {
            Err(error) if error.kind() != ErrorKind::NotFound => panic!("{error}"),
            _ => {}
        }
        parent.close().await.unwrap();
    });
}

#[test]
fn close_succeeds_while_a_child_is_written_to() {
    const TASKS: usize = 8;
    let closes = times(50);
    let sandbox = Sandbox::new_in(&in_memory());
    multi_thread().block_on(async {
        let mut failed = Vec::<RemoveError>::new();
        for _ in 0..closes {
            let parent = sandbox.dir().await;
            let child = Arc::new(parent.temp_dir().await.unwrap());
            let is_over = Arc::new(AtomicBool::new(false));
            let mut tasks = JoinSet::new();
            for task in 0..TASKS {
                let (child, is_over) = (Arc::clone(&child), Arc::clone(&is_over));
                tasks.spawn(async move {
                    while !is_over.load(Ordering::SeqCst) {
                        let files = (0..100).map(|n| (format!("{task}-{n}"), "x"));
                        if let Err(error) = child.populate(files).await {
                            assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
                        }
                    }
                });
            }
            while child.list().await.unwrap().len() < TASKS {
                tokio::task::yield_now().await;
            }
            let path = parent.path().to_path_buf();
            let closed = parent.close().await;
            is_over.store(true, Ordering::SeqCst);
            while let Some(ended) = tasks.join_next().await {
                ended.unwrap();
            }
            match closed {
                Ok(_) => assert!(!path.exists(), "a handle inside brings nothing back"),
                Err(error) => {
                    std::fs::remove_dir_all(error.path()).unwrap();
                    failed.push(error);
                }
            }
            let made = child.temp_dir().await.unwrap_err();
            assert_eq!(made.kind(), ErrorKind::NotFound);
        }
        let first = failed.first().map(ToString::to_string);
        assert_eq!(first, None, "{} of {closes} failed", failed.len());
    });
    sandbox.check();
}

/// What is mounted inside cannot be removed.
#[cfg(target_os = "linux")]
#[test]
fn a_close_that_fails_says_where_the_directory_is_then() {
    if !support::where_it_may_mount(test_name!()) {
        return;
    }
    let sandbox = Sandbox::new();
    support::current_thread().block_on(async {
        let parent = sandbox.dir().await;
        drop(parent.temp_dir().await.unwrap());
        let mounted = parent.create_dir("mounted").await.unwrap();
        support::mount(&mounted);
        let name = parent.file_name().to_str().unwrap().to_owned();
        let error = parent.close().await.unwrap_err();
        let hidden = error.path().file_name().unwrap().to_str().unwrap();
        assert!(hidden.starts_with(&format!(".{name}-")), "{hidden}");
        assert!(hidden.ends_with(".removing"), "{hidden}");
        assert_eq!(error.failures()[0].path, error.path().join("mounted"));
        support::unmount(&error.path().join("mounted"));
        std::fs::remove_dir_all(error.path()).unwrap();
    });
    sandbox.check();
}

/// As above: what stays is where it was.
#[cfg(target_os = "linux")]
#[test]
fn a_remove_that_fails_gives_the_name_back() {
    if !support::where_it_may_mount(test_name!()) {
        return;
    }
    let sandbox = Sandbox::new();
    support::current_thread().block_on(async {
        let parent = sandbox.dir().await;
        drop(parent.temp_dir().await.unwrap());
        async_tempdir::cleanup::idle().await;
        let mounted = parent.create_dir("sub/mounted").await.unwrap();
        parent.write("sub/file", "x").await.unwrap();
        support::mount(&mounted);
        let error = parent.remove("sub").await.unwrap_err();
        let inner = error.into_inner().unwrap();
        let error = inner.downcast::<RemoveError>().unwrap();
        assert_eq!(error.path(), parent.path().join("sub"));
        assert_eq!(error.failures()[0].path, mounted);
        let left = [Path::new("sub"), Path::new("sub/mounted")];
        assert_eq!(parent.list().await.unwrap(), left);
        support::unmount(&mounted);
        parent.remove("sub").await.unwrap();
        assert_eq!(parent.list().await.unwrap().len(), 0);
        parent.close().await.unwrap();
    });
    sandbox.check();
}
