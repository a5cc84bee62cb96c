//! A forked child has a copy of every handle, and none of the duties. Alone in its binary: of
//! the process's threads, only the one that forks lives on in the child.
#![cfg(unix)]

mod support;

use std::fs;
use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_tempdir::{AsyncTempDir, Builder, Cleanup, Ending, TempRoot, cleanup};
use fork::Fork;
use futures::stream::{self, StreamExt};
use support::{Sandbox, alone, fill, runtimes};

/// What the child does with its copy.
type Deed = fn(AsyncTempDir);

const DEEDS: [(&str, Deed); 11] = [
    ("drop", |dir| drop(dir)),
    ("close", |dir| {
        let error = futures::executor::block_on(dir.close().into_future()).unwrap_err();
        assert!(error.to_string().contains("forked"), "{error}");
    }),
    ("keep", |dir| drop(dir.keep())),
    ("persist", |dir| {
        let target = dir.path().with_extension("target");
        let error = futures::executor::block_on(dir.persist(target)).unwrap_err();
        assert!(error.to_string().contains("forked"), "{error}");
    }),
    ("replace and lose the error", |dir| {
        let target = dir.path().with_extension("target");
        let error = futures::executor::block_on(dir.replace(target)).unwrap_err();
        // Which keeps a directory only in the process that has it.
        let error = std::io::Error::from(error).to_string();
        assert!(
            error.contains("forked") && !error.contains("kept"),
            "{error}"
        );
    }),
    ("write and make another inside", |dir| {
        let error = futures::executor::block_on(dir.write("a", "b")).unwrap_err();
        assert!(error.to_string().contains("forked"), "{error}");
        let error = futures::executor::block_on(dir.temp_dir()).unwrap_err();
        assert!(error.to_string().contains("forked"), "{error}");
    }),
    ("put files inside", |dir| {
        let chunks = stream::iter([Ok::<_, std::io::Error>("x")]);
        for error in [
            futures::executor::block_on(dir.populate([("a", "b")])).unwrap_err(),
            futures::executor::block_on(dir.write_stream("a", chunks)).unwrap_err(),
            futures::executor::block_on(dir.write_reader("a", &b"x"[..])).unwrap_err(),
            futures::executor::block_on(dir.copy_from("/dev/fd"))
                .unwrap_err()
                .into(),
            futures::executor::block_on(dir.remove("x")).unwrap_err(),
            futures::executor::block_on(dir.temp_file()).unwrap_err(),
            futures::executor::block_on(dir.usage()).unwrap_err(),
            futures::executor::block_on(dir.tree()).unwrap_err(),
        ] {
            assert!(error.to_string().contains("forked"), "{error}");
        }
    }),
    ("make another inside on its own thread", |dir| {
        let inside = Builder::new().inside(&dir);
        for made in [inside.clone().create_blocking(), inside.create_blocking()] {
            let error = made.unwrap_err();
            assert!(error.to_string().contains("forked"), "{error}");
        }
    }),
    ("wait for its end", |dir| {
        let wait = dir.removed();
        assert_eq!(
            futures::executor::block_on(wait.clone()),
            Ending::WrongProcess
        );
        drop(dir);
        assert_eq!(futures::executor::block_on(wait), Ending::WrongProcess);
    }),
    ("make one of its own", |dir| {
        let parent = dir.path().parent().unwrap();
        let own = Builder::new().parent(parent).create_blocking().unwrap();
        fill(own.path());
        let path = own.path().to_path_buf();
        drop(own);
        assert!(!path.exists(), "it is removed by the one that made it");
    }),
    ("drop after a change of policy", |mut dir| {
        dir.set_cleanup(Cleanup::Always);
    }),
];

#[test]
fn a_forked_child_removes_nothing() {
    let _alone = alone();
    for (deed, act) in DEEDS {
        for runtime in runtimes() {
            let sandbox = Sandbox::new();
            let dir = runtime
                .block_on(AsyncTempDir::new_in(sandbox.path()))
                .unwrap();
            fill(dir.path());
            match fork::fork().unwrap() {
                Fork::Child => {
                    // Only what a child may do: no unwinding into the test runner.
                    let acted = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| act(dir)));
                    std::process::exit(i32::from(acted.is_err()));
                }
                Fork::Parent(child) => {
                    let status = fork::waitpid(child).unwrap();
                    assert_eq!(status, 0, "the child could {deed}");
                }
            }
            assert!(
                dir.path().join("a/b/1").exists(),
                "the child's {deed} removed nothing"
            );
            assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 4);
            drop(dir);
            runtime.shutdown_timeout(Duration::from_secs(60));
            sandbox.check();
        }
    }
}

#[test]
fn a_forked_child_leaves_an_incomplete_file_alone() {
    let _alone = alone();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    let sandbox = Sandbox::new();
    runtime.block_on(async {
        let dir = sandbox.dir().await;
        let (send, chunks) = futures::channel::mpsc::unbounded();
        send.unbounded_send("one ").unwrap();
        let chunks = chunks.map(Ok::<_, std::io::Error>);
        let mut upload = Box::pin(dir.write_stream("file", chunks));
        assert!(futures::poll!(&mut upload).is_pending());
        // The pool's only thread comes to this after the chunk is on disk, and says so to the
        // upload, which then rests.
        tokio::task::spawn_blocking(|| ()).await.unwrap();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        assert!(futures::poll!(&mut upload).is_pending());
        match fork::fork().unwrap() {
            Fork::Child => {
                drop(upload);
                // Nothing was handed over to a pool whose threads are not here.
                std::process::exit(i32::from(cleanup::pending() != 0));
            }
            Fork::Parent(child) => assert_eq!(fork::waitpid(child).unwrap(), 0),
        }
        send.unbounded_send("two").unwrap();
        drop(send);
        assert_eq!(upload.await.unwrap(), 7);
        assert_eq!(dir.read("file").await.unwrap(), b"one two");
        dir.close().await.unwrap();
    });
    drop(runtime);
    sandbox.check();
}

#[test]
fn a_forked_child_has_no_part_in_a_root() {
    let _alone = alone();
    let sandbox = Sandbox::new();
    for runtime in runtimes() {
        let (root, before) = runtime.block_on(async {
            let root = TempRoot::open_in("app", sandbox.path()).await.unwrap();
            root.reclaimed().await;
            let before = root.dir_builder();
            (root, before)
        });
        fill(root.path());
        match fork::fork().unwrap() {
            Fork::Child => {
                let acted = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                    let reclaimed = futures::executor::block_on(root.reclaimed());
                    let reason = reclaimed
                        .skipped_reason()
                        .expect("it says nothing of its parent's");
                    assert!(reason.to_string().contains("forked"), "{reason}");
                    for made in [
                        futures::executor::block_on(root.temp_dir()),
                        futures::executor::block_on(root.dir_builder().create()),
                        futures::executor::block_on(before.create()),
                    ] {
                        let error = made.unwrap_err();
                        assert!(error.to_string().contains("forked"), "{error}");
                    }
                    drop(root);
                }));
                std::process::exit(i32::from(acted.is_err()));
            }
            Fork::Parent(child) => assert_eq!(fork::waitpid(child).unwrap(), 0),
        }
        assert!(root.path().join("a/b/1").exists(), "it removed nothing");
        drop(before);
        drop(root);
        runtime.shutdown_timeout(Duration::from_secs(60));
    }
    sandbox.check();
}

/// Another thread may hold the locks of those that wait when the process is forked.
#[test]
fn a_forked_child_waits_for_no_end() {
    let _alone = alone();
    let sandbox = Sandbox::new();
    let runtime = support::current_thread();
    for _ in 0..support::times(20) {
        let dir = runtime.block_on(sandbox.dir());
        let child_of_it = Builder::new().inside(&dir).create_blocking().unwrap();
        let mut wait = child_of_it.removed();
        let polled = runtime.block_on(async { futures::poll!(&mut wait) });
        assert!(polled.is_pending());
        // Takes those locks all the time.
        let other = wait.clone();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let busy = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                let mut wait = other.clone();
                assert!(futures::FutureExt::now_or_never(&mut wait).is_none());
            }
        });
        match fork::fork().unwrap() {
            Fork::Child => {
                let ending = futures::executor::block_on(&mut wait);
                drop(wait);
                std::process::exit(i32::from(ending != Ending::WrongProcess));
            }
            Fork::Parent(child) => assert_eq!(fork::waitpid(child).unwrap(), 0),
        }
        stop.store(true, Ordering::Relaxed);
        busy.join().unwrap();
        runtime.block_on(dir.close()).unwrap();
        assert_eq!(runtime.block_on(wait), Ending::Removed);
        drop(child_of_it);
    }
    drop(runtime);
    sandbox.check();
}

#[test]
fn a_forked_child_tries_no_removal_again() {
    let _alone = alone();
    let sandbox = Sandbox::new();
    let runtime = support::current_thread();
    let dir = runtime.block_on(sandbox.dir());
    let (path, away) = (dir.path().to_path_buf(), sandbox.join("away"));
    fs::rename(&path, &away).unwrap();
    fs::write(&path, "in the way").unwrap();
    let error = runtime.block_on(dir.close()).unwrap_err();
    fs::remove_file(&path).unwrap();
    fs::rename(&away, &path).unwrap();
    match fork::fork().unwrap() {
        Fork::Child => {
            let runtime = support::current_thread();
            let error = runtime.block_on(error.retry()).unwrap_err();
            let is_refused = error.kind() == ErrorKind::InvalidInput && path.exists();
            std::process::exit(i32::from(!is_refused));
        }
        Fork::Parent(child) => assert_eq!(fork::waitpid(child).unwrap(), 0),
    }
    assert!(path.exists(), "it removed nothing");
    runtime.block_on(error.retry()).unwrap();
    drop(runtime);
    sandbox.check();
}

/// What threads outside any runtime are removing at the time stays theirs, and so do their locks.
#[test]
fn a_forked_child_removes_its_own_among_threads_that_remove() {
    let _alone = alone();
    let sandbox = Sandbox::new();
    /// Also if a check fails, so that the threads end.
    struct StopOnDrop<'a>(&'a AtomicBool);

    impl Drop for StopOnDrop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    let create = || Builder::new().parent(sandbox.path()).create_blocking();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _stop = StopOnDrop(&stop);
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    drop(create().unwrap());
                }
            });
        }
        for _ in 0..support::times(50) {
            match fork::fork().unwrap() {
                Fork::Child => {
                    let before = cleanup::pending();
                    let own = create().unwrap();
                    let path = own.path().to_path_buf();
                    drop(own);
                    let is_right = !path.exists() && cleanup::pending() == before;
                    std::process::exit(i32::from(!is_right));
                }
                Fork::Parent(child) => assert_eq!(fork::waitpid(child).unwrap(), 0),
            }
        }
    });
    sandbox.check();
}

#[test]
fn a_forked_child_adopts_nothing_into_a_root() {
    let _alone = alone();
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        let root = runtime.block_on(TempRoot::open_in("app", sandbox.path()));
        let root = root.unwrap();
        let path = sandbox.join("old");
        fs::create_dir(&path).unwrap();
        match fork::fork().unwrap() {
            Fork::Child => {
                let refused = futures::executor::block_on(root.adopt(&path)).err();
                let is_refused = refused.is_some_and(|e| e.to_string().contains("forked"));
                std::process::exit(i32::from(!is_refused));
            }
            Fork::Parent(child) => assert_eq!(fork::waitpid(child).unwrap(), 0),
        }
        assert!(path.exists(), "it is untouched");
        drop(runtime.block_on(root.adopt(path)).unwrap());
        drop(root);
        runtime.shutdown_timeout(Duration::from_secs(60));
        sandbox.check();
    }
}

/// In a namespace of process ids, the first process is number 1, and so is the first process of a
/// namespace that it makes.
#[cfg(target_os = "linux")]
#[test]
fn a_forked_child_with_the_same_process_id_removes_nothing() {
    let name = test_name!();
    if !support::in_namespaces(name, &["--map-root-user", "--pid", "--fork"]) {
        return;
    }
    assert_eq!(std::process::id(), 1);
    let sandbox = Sandbox::new();
    for runtime in runtimes() {
        let dir = runtime
            .block_on(AsyncTempDir::new_in(sandbox.path()))
            .unwrap();
        fill(dir.path());
        drop(runtime);
        // Without a runtime, a drop that removes has done so when it returns. On a thread of its
        // own, for one that unshares that namespace can start no other.
        let dir = std::thread::spawn(move || {
            #[expect(deprecated, reason = "the other one is unsafe, for other namespaces")]
            rustix::thread::unshare(rustix::thread::UnshareFlags::NEWPID).unwrap();
            match fork::fork().unwrap() {
                Fork::Child => {
                    let is_first = std::process::id() == 1;
                    drop(dir);
                    std::process::exit(i32::from(!is_first));
                }
                Fork::Parent(child) => assert_eq!(fork::waitpid(child).unwrap(), 0),
            }
            dir
        });
        let dir = dir.join().unwrap();
        assert!(dir.path().join("a/b/1").exists(), "it removed nothing");
        drop(dir);
    }
    sandbox.check();
}
