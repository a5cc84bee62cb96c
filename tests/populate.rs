//! Many files at once.

mod support;

use std::collections::HashSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};

use async_tempdir::{Contents, cleanup};
use support::{Sandbox, alone, runtimes, until};

#[tokio::test]
async fn thousands_of_files_and_their_directories() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let file = |n: usize| (format!("{}/{}/{n}", n % 10, n % 7), n.to_string());
    let files: Vec<_> = (0..3_000).map(file).collect();
    dir.populate(files.clone()).await.unwrap();
    assert_eq!(dir.tree().await.unwrap().diff(&files), None);
    let removed = dir.close().await.unwrap();
    assert_eq!((removed.files, removed.dirs), (3_000, 1 + 10 + 70));
    sandbox.check();
}

#[tokio::test]
async fn the_order_is_that_given() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    dir.populate([
        ("a", "first"),
        ("b/c", "x"),
        ("a", "then"),
        ("./b/../a", "last"),
    ])
    .await
    .unwrap();
    let expected = [("a", "last"), ("b/c", "x")];
    assert_eq!(dir.tree().await.unwrap(), expected, "later ones replace");

    dir.populate(Vec::<(&str, &str)>::new()).await.unwrap();
    assert_eq!(dir.tree().await.unwrap(), expected);
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn the_first_failure_says_which_and_after_how_many() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    dir.create_dir("sub").await.unwrap();
    for (bad, kind) in [
        ("", ErrorKind::InvalidInput),
        ("a\0b", ErrorKind::InvalidInput),
        ("../x", ErrorKind::PermissionDenied),
        ("/x", ErrorKind::PermissionDenied),
        ("sub", ErrorKind::IsADirectory),
        ("0/x", ErrorKind::NotADirectory),
    ] {
        for (before, words) in [
            (0, "before any other file"),
            (1, "after 1 other file"),
            (20, "after 20 other files"),
        ] {
            if bad == "0/x" && before == 0 {
                continue;
            }
            let good = (0..before).map(|n| (n.to_string(), "x"));
            let after = (100..120).map(|n| (n.to_string(), "x"));
            let all = good.chain([(bad.to_owned(), "x")]).chain(after);
            let error = dir.populate(all).await.unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
            let expected = format!("cannot write {:?} {words}: ", dir.path().join(bad));
            assert!(error.to_string().starts_with(&expected), "{error}");

            let listed = dir.list().await.unwrap();
            assert_eq!(
                listed.len(),
                before + 1,
                "those before, and none after: {listed:?}"
            );
            for n in 0..before {
                dir.remove(n.to_string()).await.unwrap();
            }
        }
    }
    dir.close().await.unwrap();
    sandbox.check();
}

#[test]
fn paths_of_one_thread_only_do() {
    fn sendable<T>(future: impl Future<Output = T> + Send) -> impl Future<Output = T> + Send {
        future
    }
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        runtime.block_on(async {
            let dir = sandbox.dir().await;
            let paths = Rc::new([PathBuf::from("a"), PathBuf::from("b")]);
            dir.populate(paths.iter().map(|path| (path, vec![1])))
                .await
                .unwrap();
            let spawned = [("c", "x")].into_iter();
            sendable(dir.populate(spawned)).await.unwrap();
            assert_eq!(dir.list().await.unwrap().len(), 3);
            dir.close().await.unwrap();
        });
        drop(runtime);
        sandbox.check();
    }
}

/// Contents that count how many were written, and keep the first until they are told.
struct Gated {
    asked: Arc<AtomicUsize>,
    gate: Arc<AtomicUsize>,
}

impl AsRef<[u8]> for Gated {
    fn as_ref(&self) -> &[u8] {
        self.asked.fetch_add(1, Ordering::SeqCst);
        until("the gate opens", || self.gate.load(Ordering::SeqCst) > 0);
        b"x"
    }
}

#[test]
fn a_dropped_future_ends_it_before_the_next_file() {
    let _alone = alone();
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        runtime.block_on(async {
            let dir = sandbox.dir().await;
            let (asked, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let files = (0..1_000).map(|n| {
                let (asked, gate) = (Arc::clone(&asked), Arc::clone(&gate));
                (n.to_string(), Contents::from_owner(Gated { asked, gate }))
            });
            let mut populating = Box::pin(dir.populate(files));
            assert!(futures::poll!(&mut populating).is_pending());
            until("it has begun", || asked.load(Ordering::SeqCst) > 0);
            drop(populating);
            assert_eq!(cleanup::pending(), 1, "it is background work now");
            gate.store(1, Ordering::SeqCst);
            cleanup::idle().await;
            assert_eq!(asked.load(Ordering::SeqCst), 1);
            assert_eq!(dir.list().await.unwrap(), [Path::new("0")]);
            dir.close().await.unwrap();
        });
        drop(runtime);
        sandbox.check();
    }
}

#[tokio::test]
async fn a_panic_of_the_contents_is_the_callers() {
    struct Panics;
    impl AsRef<[u8]> for Panics {
        fn as_ref(&self) -> &[u8] {
            panic!("no bytes")
        }
    }
    let sandbox = Sandbox::new();
    let dir = Arc::new(sandbox.dir().await);
    let task = tokio::spawn({
        let dir = Arc::clone(&dir);
        async move { dir.populate([("a", Contents::from_owner(Panics))]).await }
    });
    assert!(task.await.unwrap_err().is_panic());
    dir.write("b", "x").await.unwrap();
    Arc::into_inner(dir).unwrap().close().await.unwrap();
    sandbox.check();
}

/// Ten files in each of fifty directories, in turns.
fn in_fifty_dirs() -> impl Iterator<Item = String> {
    (0..500).map(|n| format!("{}/{n}", n % 50))
}

/// Contents that are there when two threads have asked for some.
struct Met {
    threads: Arc<Mutex<HashSet<ThreadId>>>,
}

impl AsRef<[u8]> for Met {
    fn as_ref(&self) -> &[u8] {
        self.threads.lock().unwrap().insert(thread::current().id());
        until("another thread helps", || {
            self.threads.lock().unwrap().len() > 1
        });
        b"x"
    }
}

#[test]
fn threads_share_many_files() {
    if thread::available_parallelism().is_ok_and(|processors| processors.get() == 1) {
        return;
    }
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        runtime.block_on(async {
            let dir = sandbox.dir().await;
            let threads = Arc::new(Mutex::new(HashSet::new()));
            let contents = || {
                Contents::from_owner(Met {
                    threads: Arc::clone(&threads),
                })
            };
            let files = in_fifty_dirs().map(|path| (path, contents()));
            dir.populate(files).await.unwrap();
            assert_eq!(dir.list().await.unwrap().len(), 550);
            dir.close().await.unwrap();
        });
        drop(runtime);
        sandbox.check();
    }
}

/// With one thread in the pool, none helps, and none is waited for.
#[test]
fn a_pool_of_one_thread_writes_all() {
    let sandbox = Sandbox::new();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    runtime.block_on(async {
        let dir = sandbox.dir().await;
        let files = in_fifty_dirs().map(|path| (path, "x"));
        dir.populate(files).await.unwrap();
        assert_eq!(dir.list().await.unwrap().len(), 550);
        dir.close().await.unwrap();
    });
    drop(runtime);
    sandbox.check();
}

#[tokio::test]
async fn the_first_failure_among_threads_is_the_first_given() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    for first in [0, 49, 250, 499] {
        // Several fail; which thread meets which first is chance.
        let path = |n: usize, path| match n >= first && (n - first).is_multiple_of(20) {
            true => format!("../{n}"),
            false => path,
        };
        let files = (0..).zip(in_fifty_dirs());
        let files = files.map(|(n, given)| (path(n, given), "x"));
        let error = dir.populate(files).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
        let which = dir.path().join(format!("../{first}"));
        let before = match first {
            0 => "before any".to_owned(),
            _ => format!("after {first}"),
        };
        let expected = format!("cannot write {which:?} {before} other file");
        assert!(error.to_string().starts_with(&expected), "{error}");
        for path in in_fifty_dirs().take(first) {
            assert_eq!(dir.read(&path).await.unwrap(), b"x", "{path}");
        }
        for path in dir.list().await.unwrap() {
            if path.parent() == Some(Path::new("")) {
                dir.remove(path).await.unwrap();
            }
        }
    }
    dir.close().await.unwrap();
    sandbox.check();
}

/// Two names of a file, which different threads write to.
#[cfg(unix)]
#[tokio::test]
async fn contents_of_threads_do_not_mix() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    for n in 0..4 {
        std::os::unix::fs::symlink("real", dir.path().join(format!("link{n}"))).unwrap();
    }
    dir.create_dir("real").await.unwrap();
    let parents = ["real", "link0", "link1", "link2", "link3"];
    let files = parents.iter().enumerate().flat_map(|(which, parent)| {
        // Of different lengths, so that the rest of a longer one would show.
        let contents = vec![b'a' + which as u8; 20_000 + which];
        (0..60).map(move |n| (format!("{parent}/{n}"), contents.clone()))
    });
    dir.populate(files).await.unwrap();
    for n in 0..60 {
        let contents = dir.read(format!("real/{n}")).await.unwrap();
        let which = contents.len() - 20_000;
        let letter = b'a' + u8::try_from(which).unwrap();
        assert!(contents.iter().all(|byte| *byte == letter), "file {n}");
    }
    dir.close().await.unwrap();
    sandbox.check();
}

/// Contents that panic once another thread is at work, too.
struct PanicsLater(Met);

impl AsRef<[u8]> for PanicsLater {
    fn as_ref(&self) -> &[u8] {
        let _ = self.0.as_ref();
        panic!("no bytes")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_among_threads_is_the_callers() {
    if thread::available_parallelism().is_ok_and(|processors| processors.get() == 1) {
        return;
    }
    let sandbox = Sandbox::new();
    let dir = Arc::new(sandbox.dir().await);
    let threads = Arc::new(Mutex::new(HashSet::new()));
    let task = tokio::spawn({
        let dir = Arc::clone(&dir);
        async move {
            let contents = || {
                Contents::from_owner(PanicsLater(Met {
                    threads: Arc::clone(&threads),
                }))
            };
            let files = in_fifty_dirs().map(|path| (path, contents()));
            dir.populate(files).await
        }
    });
    assert!(task.await.unwrap_err().is_panic());
    dir.write("still", "usable").await.unwrap();
    Arc::into_inner(dir).unwrap().close().await.unwrap();
    sandbox.check();
}
