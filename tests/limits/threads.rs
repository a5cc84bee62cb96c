//! No threads: `spawn_blocking` panics, or keeps what it was given for the threads that there are.

use std::fs;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::thread;

use async_tempdir::{TempRoot, cleanup, remove_dir_all};
use futures::future;
use futures::task::noop_waker;
use rustix::process::{Resource, Rlimit, setrlimit};
use tokio::runtime::Runtime;

use crate::support::{self, Sandbox, descriptors, occupy, silently, snapshot, threads, until};
use crate::{all_operations, create, ends, limit, runtimes, runtimes_with};

/// Lets the system give no more threads to this user.
fn give_no_thread() -> Rlimit {
    let usual = limit(Resource::Nproc, 1);
    assert!(
        thread::Builder::new().spawn(|| ()).is_err(),
        "the limit binds"
    );
    usual
}

/// Polls `future` once.
fn poll<F: Future>(runtime: &Runtime, future: Pin<&mut F>) -> Poll<F::Output> {
    let _inside = runtime.enter();
    future.poll(&mut Context::from_waker(&noop_waker()))
}

/// The pool has no thread, and gets none.
#[test]
fn without_threads_operations_fail_and_removals_do_not() {
    if !support::as_ordinary_user(crate::test_name!()) {
        return;
    }
    // What Tokio opens once for all runtimes.
    drop(support::current_thread());
    let before = threads();
    let open = descriptors();
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        let own = threads();
        let [dir, closed, dropped, published, replacing] =
            [(); 5].map(|()| create(&runtime, &sandbox));
        let tree = sandbox.join("tree");
        fs::create_dir(&tree).unwrap();
        // Enough for the removal to send for help.
        for n in 0..200 {
            fs::write(tree.join(n.to_string()), "").unwrap();
        }
        until("the pool's threads have gone", || threads() <= own);
        let names_before = snapshot(sandbox.path());

        let usual = give_no_thread();
        let said = silently(|| {
            ends(&runtime, async {
                let mut said = all_operations(&dir, &sandbox).await;
                let root = TempRoot::open_in("app", sandbox.path()).await;
                said.push(("TempRoot::open_in", root.map(drop)));
                said
            })
        });
        let names_after = snapshot(sandbox.path());
        let removed = silently(|| {
            drop(dropped);
            let target = sandbox.join("published");
            ends(&runtime, async {
                let published = published.persist(&target).await.unwrap();
                let old = replacing.replace(&target).default_permissions().await;
                drop(old.unwrap().expect("it was there"));
                let closed = closed.close().await.unwrap();
                let removed = remove_dir_all(tree).await.unwrap();
                cleanup::idle().await;
                remove_dir_all(published).await.unwrap();
                (closed, removed)
            })
        });
        setrlimit(Resource::Nproc, usual).unwrap();

        for (operation, result) in said.expect("no operation panics") {
            let error = result.expect_err(operation);
            assert_eq!(error.kind(), io::ErrorKind::Other, "{operation}: {error}");
            let error = error.to_string();
            assert!(error.contains("no thread"), "{operation}: {error}");
            let path = sandbox.path().to_str().unwrap();
            assert!(error.contains(path), "{operation}: {error}");
        }
        assert_eq!(names_after, names_before, "what fails makes nothing");
        let (closed, removed) = removed.expect("no removal panics");
        assert_eq!((closed.files, closed.dirs), (11, 4));
        assert_eq!((removed.files, removed.dirs), (200, 1));

        let said = ends(&runtime, all_operations(&dir, &sandbox));
        for (operation, result) in said {
            result.unwrap_or_else(|error| panic!("{operation}: {error}"));
        }
        ends(&runtime, dir.close()).unwrap();
        ends(&runtime, cleanup::idle());
        drop(runtime);
        assert_eq!(cleanup::failures(), 0);
        sandbox.check();
    }
    until("every thread has gone", || threads() <= before);
    assert_eq!(descriptors(), open);
}

/// A temporary file is made by one thread and opened by another.
#[test]
fn without_a_second_thread_no_temporary_file_is_left() {
    if !support::as_ordinary_user(crate::test_name!()) {
        return;
    }
    for runtime in runtimes_with(1) {
        let sandbox = Sandbox::new();
        let own = threads();
        let dir = create(&runtime, &sandbox);
        let before = snapshot(dir.path());
        let mut making = Box::pin(dir.temp_file());
        // Not before it has been looked at for the first time.
        let release = occupy(&runtime);
        assert!(poll(&runtime, making.as_mut()).is_pending());
        drop(release);
        until("it is made, and the thread has gone", || {
            snapshot(dir.path()) != before && threads() <= own
        });
        let usual = give_no_thread();
        let made = silently(|| poll(&runtime, making.as_mut()));
        setrlimit(Resource::Nproc, usual).unwrap();
        let Poll::Ready(Err(error)) = made.expect("an error, and no panic") else {
            panic!("there was no thread to open it");
        };
        assert!(error.to_string().contains("no thread"), "{error}");
        ends(&runtime, cleanup::idle());
        assert_eq!(snapshot(dir.path()), before, "no file is left");
        drop(making);
        ends(&runtime, dir.close()).unwrap();
        sandbox.check();
    }
}

/// The pool has one thread, which is all that it gets.
#[test]
fn one_thread_does_it_all() {
    if !support::as_ordinary_user(crate::test_name!()) {
        return;
    }
    for runtime in [support::current_thread(), support::multi_thread()] {
        let sandbox = Sandbox::new();
        let dirs: Vec<_> = (0..100).map(|_| create(&runtime, &sandbox)).collect();
        let tree = sandbox.join("tree");
        fs::create_dir(&tree).unwrap();
        for n in 0..2_000 {
            fs::create_dir(tree.join(n.to_string())).unwrap();
        }
        let usual = give_no_thread();
        let removed = silently(|| {
            ends(&runtime, async {
                let removal = remove_dir_all(tree).max_threads(4).into_future();
                let tasks = dirs.into_iter().enumerate().map(|(n, dir)| {
                    tokio::spawn(async move {
                        dir.write("new/file", "contents").await.unwrap();
                        let child = dir.temp_dir().await.unwrap();
                        match n % 3 {
                            0 => _ = dir.close().await.unwrap(),
                            1 => drop(dir),
                            _ => drop((child, dir)),
                        }
                    })
                });
                let (removed, tasks) = future::join(removal, future::join_all(tasks)).await;
                assert!(tasks.iter().all(Result::is_ok), "no task panics");
                cleanup::idle().await;
                removed.unwrap().dirs
            })
        });
        setrlimit(Resource::Nproc, usual).unwrap();
        assert_eq!(removed.expect("nothing panics"), 2_001);
        assert_eq!(cleanup::failures(), 0);
        sandbox.check();
    }
}

/// A hundred tasks drop their directories at the same time, and nobody helps them.
#[test]
fn tasks_that_drop_at_once_without_threads() {
    if !support::as_ordinary_user(crate::test_name!()) {
        return;
    }
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        let own = threads();
        let dirs: Vec<_> = (0..100).map(|_| create(&runtime, &sandbox)).collect();
        until("the pool's threads have gone", || threads() <= own);
        let usual = give_no_thread();
        let dropped = silently(|| {
            ends(&runtime, async {
                let (begin, _) = tokio::sync::broadcast::channel::<()>(1);
                let tasks = dirs.into_iter().map(|dir| {
                    let mut begun = begin.subscribe();
                    tokio::spawn(async move {
                        _ = begun.recv().await;
                        drop(dir);
                    })
                });
                let tasks: Vec<_> = tasks.collect();
                drop(begin);
                let ended = future::join_all(tasks).await;
                cleanup::idle().await;
                ended.iter().all(Result::is_ok)
            })
        });
        setrlimit(Resource::Nproc, usual).unwrap();
        assert!(dropped.unwrap(), "no drop panics");
        assert_eq!(cleanup::failures(), 0);
        sandbox.check();
    }
}

/// The pool's only thread is busy for good when no other is to be had.
#[test]
fn what_waited_for_a_thread_goes_on_when_there_is_one() {
    if !support::as_ordinary_user(crate::test_name!()) {
        return;
    }
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        let own = threads();
        let [dir, closed, dropped] = [(); 3].map(|()| create(&runtime, &sandbox));
        let path = dropped.path().to_path_buf();
        let release = occupy(&runtime);
        until("its other threads have gone", || threads() <= own + 1);

        let usual = give_no_thread();
        let mut writing = Box::pin(dir.write("new", ""));
        let mut closing = pin!(closed.close().into_future());
        let waits = silently(|| {
            drop(dropped);
            (
                poll(&runtime, writing.as_mut()).is_pending(),
                poll(&runtime, closing.as_mut()).is_pending(),
            )
        });
        setrlimit(Resource::Nproc, usual).unwrap();
        assert_eq!(waits.expect("nothing panics"), (true, true));
        assert!(path.exists(), "the drop waits for nobody");

        // As a server does, which has more and more to do.
        let mut written = false;
        until("a new operation gets a thread for all", || {
            let other = pin!(dir.try_exists("x"));
            _ = poll(&runtime, other);
            written = written || poll(&runtime, writing.as_mut()).is_ready();
            written && !path.exists()
        });
        ends(&runtime, closing).unwrap();
        ends(&runtime, cleanup::idle());
        drop(release);
        drop(writing);
        drop(dir);
        drop(runtime);
        assert_eq!(cleanup::failures(), 0);
        sandbox.check();
    }
}
