//! Waiting for the end of one directory, without its handle.

mod support;

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use async_tempdir::{AsyncTempDir, Builder, Cleanup, Ending, TempRoot, WaitForRemoval};
use futures::executor::block_on;
use support::{Sandbox, fill, runtimes};

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn is_pending(wait: &mut WaitForRemoval) -> bool {
    let mut context = Context::from_waker(Waker::noop());
    pin!(wait).poll(&mut context).is_pending()
}

/// Makes the removal of `dir` fail: another file is in its place.
fn replace(dir: &AsyncTempDir) {
    std::fs::remove_dir_all(dir.path()).unwrap();
    std::fs::write(dir.path(), "a file").unwrap();
}

#[track_caller]
fn assert_not_removed(ending: &Ending, dir: &std::path::Path) {
    let Ending::NotRemoved {
        failed, message, ..
    } = ending
    else {
        panic!("it is still there, but {ending:?}");
    };
    assert_eq!(*failed, 1);
    assert!(message.contains(&format!("{dir:?}")), "{message}");
}

#[test]
fn a_drop_ends_it_when_the_directory_is_gone() {
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        let dir = runtime.block_on(sandbox.dir());
        fill(dir.path());
        let path = dir.path().to_path_buf();
        let mut wait = dir.removed();
        let other = wait.clone();
        assert!(is_pending(&mut wait), "it is held");
        drop(dir);
        // On threads outside the runtime.
        let waiting = std::thread::spawn(move || (block_on(other), path.exists()));
        assert_eq!(block_on(&mut wait), Ending::Removed);
        assert_eq!(waiting.join().unwrap(), (Ending::Removed, false));
        assert_eq!(block_on(wait.clone()), Ending::Removed, "it stays so");
        assert_eq!(block_on(&mut wait), Ending::Removed);
        drop(runtime);
        sandbox.check();
    }
}

#[test]
fn a_future_that_waits_is_woken() {
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        let dir = runtime.block_on(sandbox.dir());
        let mut wait = dir.removed();
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let poll = pin!(&mut wait).poll(&mut Context::from_waker(&waker));
        assert_eq!(poll, Poll::Pending);
        assert_eq!(woken.0.load(Ordering::SeqCst), 0);
        runtime.block_on(dir.close()).unwrap();
        assert_eq!(woken.0.load(Ordering::SeqCst), 1);
        sandbox.check();
    }
}

#[tokio::test]
async fn it_neither_keeps_the_directory_nor_needs_its_runtime() {
    let sandbox = Sandbox::new();
    let path = sandbox.path().to_path_buf();
    let (dir, mut wait) = std::thread::spawn(|| {
        let runtime = support::current_thread();
        let dir = runtime.block_on(AsyncTempDir::new_in(path)).unwrap();
        let wait = dir.removed();
        (dir, wait)
    })
    .join()
    .unwrap();
    assert!(is_pending(&mut wait));
    std::thread::spawn(|| drop(dir)).join().unwrap();
    sandbox.check();
    assert!(!is_pending(&mut wait), "the drop has removed it");
}

#[tokio::test]
async fn each_end_is_told_from_the_others() {
    let sandbox = Sandbox::new();
    let (closed, unpolled) = (sandbox.dir().await, sandbox.dir().await);
    let (one, other) = (closed.removed(), unpolled.removed());
    closed.close().await.unwrap();
    drop(unpolled.close());
    assert_eq!((one.await, other.await), (Ending::Removed, Ending::Removed));

    let kept = sandbox.dir().await;
    let wait = kept.removed();
    let path = kept.keep();
    assert_eq!(wait.await, Ending::Kept);
    std::fs::remove_dir(path).unwrap();

    let never = Builder::new()
        .parent(sandbox.path())
        .cleanup(Cleanup::Never)
        .create();
    let never = never.await.unwrap();
    let (wait, path) = (never.removed(), never.path().to_path_buf());
    drop(never);
    assert_eq!(wait.await, Ending::Kept);
    std::fs::remove_dir(path).unwrap();

    let published = sandbox.dir().await;
    let mut wait = published.removed();
    let error = published.persist(sandbox.join("a/b")).await.unwrap_err();
    assert!(is_pending(&mut wait), "a persist that fails is no end");
    let target = error.into_dir().persist(sandbox.join("target")).await;
    let target = target.unwrap();
    assert_eq!(wait.await, Ending::Persisted(target.clone()));
    std::fs::remove_dir(target).unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_removal_that_fails_is_an_end() {
    let sandbox = Sandbox::new();
    for is_closed in [false, true] {
        let dir = sandbox.dir().await;
        replace(&dir);
        let (wait, path) = (dir.removed(), dir.path().to_path_buf());
        if is_closed {
            let error = dir.close().await.unwrap_err();
            let Ending::NotRemoved { message, .. } = wait.clone().await else {
                panic!("it is not removed");
            };
            assert_eq!(message, error.to_string());
        } else {
            drop(dir);
        }
        assert_not_removed(&wait.await, &path);
        std::fs::remove_file(path).unwrap();
    }
    sandbox.check();
}

#[tokio::test]
async fn the_end_of_a_directory_ends_those_inside() {
    let sandbox = Sandbox::new();
    let outer = sandbox.dir().await;
    let child = outer.temp_dir().await.unwrap();
    let grandchild = child.temp_dir().await.unwrap();
    let (mut one, mut two) = (child.removed(), grandchild.removed());
    assert!(is_pending(&mut one) && is_pending(&mut two));
    outer.close().await.unwrap();
    assert_eq!((one.await, two.await), (Ending::Removed, Ending::Removed));
    assert_eq!(child.removed().await, Ending::Removed, "also if asked now");
    drop((child, grandchild));

    let root = TempRoot::open_in("app", sandbox.path()).await.unwrap();
    let dir = root.temp_dir().await.unwrap();
    let wait = dir.removed();
    root.close().await.unwrap();
    assert_eq!(wait.await, Ending::Removed);
    assert_eq!(dir.removed().await, Ending::Removed);

    let outer = sandbox.dir().await;
    let child = outer.temp_dir().await.unwrap();
    let (wait, path) = (child.removed(), outer.path().to_path_buf());
    replace(&outer);
    outer.close().await.unwrap_err();
    assert_not_removed(&wait.await, &path);
    drop(child);
    std::fs::remove_file(path).unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_directory_that_is_kept_ends_none_inside() {
    let sandbox = Sandbox::new();
    let outer = sandbox.dir().await;
    let child = outer.temp_dir().await.unwrap();
    let mut wait = child.removed();
    let outer_wait = outer.removed();
    let path = outer.keep();
    assert_eq!(outer_wait.await, Ending::Kept);
    assert!(is_pending(&mut wait), "it has an end of its own");
    drop(child);
    assert_eq!(wait.await, Ending::Removed);
    std::fs::remove_dir(path).unwrap();
    sandbox.check();
}
