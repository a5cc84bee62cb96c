//! Futures dropped before they are done: at random moments, and at each of their await points.

mod support;

use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::pin;
use std::task::Poll;

use async_tempdir::{AsyncTempDir, TempRoot, cleanup};
use futures::future::LocalBoxFuture;
use futures::stream::{self, Stream, StreamExt};
use support::{Sandbox, alone, multi_thread, runtimes, times, until};
use tokio::runtime::Runtime;
use tokio_util::io::StreamReader;

/// Runs `test` and asserts that it left nothing: no directory, no descriptor, nothing pending.
fn leaving_nothing(test: impl Fn(&Runtime, &Sandbox)) {
    let _alone = alone();
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        test(&runtime, &sandbox);
        runtime.block_on(cleanup::idle());
        assert_eq!(sandbox.leftovers(), Vec::<std::path::PathBuf>::new());

        // The second time, everything that is opened once has been.
        #[cfg(target_os = "linux")]
        let descriptors = support::descriptors();
        test(&runtime, &sandbox);
        runtime.block_on(cleanup::idle());
        #[cfg(target_os = "linux")]
        until("every descriptor is closed", || {
            support::descriptors() <= descriptors
        });
        until("nothing is pending", || cleanup::pending() == 0);
        drop(runtime);
        sandbox.check();
    }
}

/// Polls `future` `polls` times at most, whenever it says that it can go on, then drops it. True
/// if it was done before.
async fn cancelled_after(polls: usize, future: impl Future) -> bool {
    let mut future = pin!(future);
    for _ in 0..polls {
        let poll = std::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx)));
        if poll.await.is_ready() {
            return true;
        }
        // Wakes when the future does: it was polled with this task's waker.
        tokio::task::yield_now().await;
    }
    false
}

/// Cancels the futures of `make` after 0, 1, 2 and more polls, a hundred times each (on Windows
/// ten), up to well past the number that they need.
async fn at_every_await_point<F: Future>(make: impl Fn() -> F) {
    for polls in 0..8 {
        for _ in 0..times(100) {
            cancelled_after(polls, make()).await;
        }
    }
}

/// A small generator of our own: the moments must differ, and be the same in each run.
struct Moments(u64);

impl Moments {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
}

#[test]
fn thousands_of_creations_at_random_moments() {
    let _alone = alone();
    let sandbox = Sandbox::new();
    let runtime = multi_thread();
    runtime.block_on(async {
        drop(sandbox.dir().await);
        cleanup::idle().await;
    });
    #[cfg(target_os = "linux")]
    let descriptors = support::descriptors();

    let mut moments = Moments(42);
    let mut created = 0;
    let creations = times(5_000);
    for _ in 0..creations {
        let parent = sandbox.path().to_path_buf();
        let task = runtime.spawn(async move { AsyncTempDir::new_in(parent).await });
        // A creation takes some 30 µs: the moments spread over it, and a little beyond.
        let spins = moments.next(4_000);
        for _ in 0..spins {
            std::hint::spin_loop();
        }
        task.abort();
        if let Ok(dir) = runtime.block_on(task) {
            drop(dir.unwrap());
            created += 1;
        }
    }
    runtime.block_on(cleanup::idle());
    assert_eq!(sandbox.leftovers(), Vec::<std::path::PathBuf>::new());
    #[cfg(target_os = "linux")]
    until("every descriptor is closed", || {
        support::descriptors() <= descriptors
    });
    assert!(created < creations, "some were cancelled");
    sandbox.check();
}

#[test]
fn creation() {
    leaving_nothing(|runtime, sandbox| {
        runtime.block_on(at_every_await_point(|| {
            AsyncTempDir::new_in(sandbox.path())
        }));
    });
}

#[test]
fn creation_of_a_child() {
    leaving_nothing(|runtime, sandbox| {
        runtime.block_on(async {
            let parent = sandbox.dir().await;
            let parent = &parent;
            at_every_await_point(|| parent.temp_dir()).await;
            cleanup::idle().await;
            assert_eq!(parent.list().await.unwrap().len(), 0);
        });
    });
}

/// It leaves the directory in its place, unless there was a handle, whose drop removes it.
#[test]
fn adoption() {
    leaving_nothing(|runtime, sandbox| {
        let path = sandbox.join("adopted");
        let fill = || {
            if !path.exists() {
                std::fs::create_dir(&path).unwrap();
                support::fill(&path);
            }
        };
        runtime.block_on(async {
            let root = TempRoot::open_in("app", sandbox.path()).await.unwrap();
            let lock = std::fs::read_dir(root.path()).unwrap().count();
            for polls in 0..4 {
                for n in 0..times(30) {
                    fill();
                    let is_over = match n % 2 {
                        0 => cancelled_after(polls, AsyncTempDir::adopt(&path)).await,
                        _ => cancelled_after(polls, root.adopt(&path)).await,
                    };
                    cleanup::idle().await;
                    assert_eq!(path.exists(), !is_over, "after {polls} polls");
                    assert!(is_over || path.join("a/b/3").exists(), "it is whole");
                    assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), lock);
                    let left = sandbox.leftovers().len();
                    assert_eq!(left, 1 + usize::from(!is_over), "nothing is left");
                }
            }
            fill();
            AsyncTempDir::adopt(&path)
                .await
                .unwrap()
                .close()
                .await
                .unwrap();
            root.close().await.unwrap();
        });
    });
}

#[test]
fn write_and_the_drop_right_after_it() {
    leaving_nothing(|runtime, sandbox| {
        runtime.block_on(async {
            for polls in 0..4 {
                for _ in 0..times(100) {
                    let dir = sandbox.dir().await;
                    cancelled_after(polls, dir.write("a/b/c", vec![0; 10_000])).await;
                    drop(dir);
                }
            }
        });
    });
}

#[test]
fn write_and_the_close_right_after_it() {
    leaving_nothing(|runtime, sandbox| {
        runtime.block_on(async {
            for polls in 0..4 {
                for _ in 0..times(100) {
                    let dir = sandbox.dir().await;
                    let path = dir.path().to_path_buf();
                    cancelled_after(polls, dir.write("a/b/c", vec![0; 10_000])).await;
                    dir.close().await.unwrap();
                    assert!(!path.exists(), "a cancelled write brings nothing back");
                }
            }
        });
    });
}

#[test]
fn every_other_operation_inside() {
    leaving_nothing(|runtime, sandbox| {
        runtime.block_on(async {
            let dir = sandbox.dir().await;
            let dir = &dir;
            dir.write("file", "content").await.unwrap();
            at_every_await_point(|| dir.read("file")).await;
            at_every_await_point(|| dir.create("a/b")).await;
            at_every_await_point(|| dir.open("file")).await;
            at_every_await_point(|| dir.create_dir_all("c/d")).await;
            at_every_await_point(|| dir.list()).await;
            at_every_await_point(|| dir.usage()).await;
            at_every_await_point(|| dir.tree()).await;
            at_every_await_point(|| dir.try_exists("file")).await;
            at_every_await_point(|| dir.create_new("e")).await;
            at_every_await_point(|| dir.append("f/g")).await;
            at_every_await_point(|| dir.remove("f")).await;
            at_every_await_point(|| dir.populate([("h/1", "x"), ("h/2", "y")])).await;
            cleanup::idle().await;
            let before = dir.list().await.unwrap();
            at_every_await_point(|| dir.temp_file()).await;
            cleanup::idle().await;
            assert_eq!(dir.list().await.unwrap(), before, "no file is left");
        });
    });
}

#[test]
fn copy_from() {
    leaving_nothing(|runtime, sandbox| {
        let source = tempfile::tempdir().unwrap();
        support::fill(source.path());
        let before = support::snapshot(source.path());
        runtime.block_on(async {
            let dir = sandbox.dir().await;
            at_every_await_point(|| dir.copy_from(source.path()).to("a/b")).await;
            // Right before the directory goes.
            for polls in 0..4 {
                for round in 0..times(50) {
                    let dir = sandbox.dir().await;
                    let path = dir.path().to_path_buf();
                    cancelled_after(polls, dir.copy_from(source.path())).await;
                    if round % 2 == 0 {
                        dir.close().await.unwrap();
                    } else {
                        drop(dir);
                        cleanup::idle().await;
                    }
                    assert!(!path.exists(), "a cancelled copy brings nothing back");
                }
            }
        });
        assert_eq!(support::snapshot(source.path()), before);
    });
}

/// A stream that is not always ready, of more chunks than one hop takes.
fn halting() -> impl Stream<Item = Result<Vec<u8>, std::convert::Infallible>> {
    stream::unfold(0, async |n| {
        if n % 2 == 1 {
            tokio::task::yield_now().await;
        }
        (n < 10).then_some((Ok(vec![n; 200_000]), n + 1))
    })
}

#[test]
fn write_stream() {
    whole_or_not_at_all(|dir| Box::pin(dir.write_stream("file", halting())));
}

#[test]
fn write_reader() {
    // Read in pieces of 64 KiB.
    whole_or_not_at_all(|dir| {
        let chunks = halting().map(|chunk| io::Result::Ok(io::Cursor::new(chunk.unwrap())));
        Box::pin(dir.write_reader("file", StreamReader::new(chunks)))
    });
}

#[test]
fn write_stream_with_options() {
    whole_or_not_at_all(|dir| {
        let writing = dir.write_stream("file", halting());
        Box::pin(writing.max_len(2_000_000).on_progress(|_| {}))
    });
}

/// While a stream that is too long is discarded.
#[test]
fn write_stream_that_is_too_long() {
    leaving_nothing(|runtime, sandbox| {
        runtime.block_on(async {
            let dir = sandbox.dir().await;
            for polls in (0..60).step_by(3).chain([usize::MAX]) {
                for _ in 0..times(10) {
                    let writing = dir.write_stream("file", halting());
                    let done = cancelled_after(polls, writing.max_len(1_999_999)).await;
                    assert!(done || polls < usize::MAX);
                    if !done {
                        cleanup::idle().await;
                    }
                    assert!(dir.list().await.unwrap().is_empty());
                }
            }
        });
    });
}

/// Cancels what `begin` makes of two million bytes at many moments.
fn whole_or_not_at_all(
    begin: impl for<'d> Fn(&'d AsyncTempDir) -> LocalBoxFuture<'d, io::Result<u64>>,
) {
    leaving_nothing(|runtime, sandbox| {
        runtime.block_on(async {
            let dir = sandbox.dir().await;
            dir.write("file", "as it was").await.unwrap();
            for polls in (0..100).step_by(3).chain([usize::MAX]) {
                for _ in 0..times(10) {
                    let done = cancelled_after(polls, begin(&dir)).await;
                    cleanup::idle().await;
                    assert_eq!(dir.list().await.unwrap(), [Path::new("file")]);
                    let len = dir.read("file").await.unwrap().len();
                    assert!(len == 9 || len == 2_000_000, "whole or not at all: {len}");
                    assert!(!done || len == 2_000_000);
                    assert!(done || polls < usize::MAX);
                    dir.write("file", "as it was").await.unwrap();
                }
            }
            // Right before the directory goes.
            for polls in 0..20 {
                let dir = sandbox.dir().await;
                let path = dir.path().to_path_buf();
                cancelled_after(polls, dir.write_stream("a/b", halting())).await;
                if polls % 2 == 0 {
                    dir.close().await.unwrap();
                } else {
                    drop(dir);
                    cleanup::idle().await;
                }
                assert!(!path.exists());
            }
        });
    });
}

#[test]
fn close() {
    leaving_nothing(|runtime, sandbox| {
        runtime.block_on(async {
            for polls in 0..4 {
                for _ in 0..times(100) {
                    let dir = sandbox.dir().await;
                    std::fs::create_dir(dir.path().join("sub")).unwrap();
                    cancelled_after(polls, dir.close().into_future()).await;
                }
            }
        });
    });
}

#[test]
fn persist() {
    leaving_nothing(|runtime, sandbox| {
        let target = sandbox.join("target");
        runtime.block_on(async {
            for polls in 0..4 {
                for _ in 0..times(100) {
                    let dir = sandbox.dir().await;
                    std::fs::create_dir(dir.path().join("sub")).unwrap();
                    let done = cancelled_after(polls, dir.persist(&target)).await;
                    cleanup::idle().await;
                    if target.exists() {
                        assert!(target.join("sub").exists(), "published whole or not at all");
                        std::fs::remove_dir_all(&target).unwrap();
                    } else {
                        assert!(!done, "what returned has published");
                    }
                    assert_eq!(sandbox.leftovers(), Vec::<std::path::PathBuf>::new());
                }
            }
        });
    });
}

#[test]
fn replace() {
    leaving_nothing(|runtime, sandbox| {
        let target = sandbox.join("target");
        runtime.block_on(async {
            for polls in 0..4 {
                for _ in 0..times(40) {
                    std::fs::create_dir(&target).unwrap();
                    std::fs::write(target.join("old"), "").unwrap();
                    let dir = sandbox.dir().await;
                    std::fs::create_dir(dir.path().join("new")).unwrap();
                    let replacing = dir.replace(&target).default_permissions();
                    let done = cancelled_after(polls, replacing).await;
                    cleanup::idle().await;
                    let [old, new] = ["old", "new"].map(|name| target.join(name).exists());
                    assert!(old != new, "one of them, whole");
                    assert!(new || !done, "what returned has published");
                    assert_eq!(sandbox.leftovers(), [target.as_path()]);
                    std::fs::remove_dir_all(&target).unwrap();
                }
            }
        });
    });
}

#[test]
fn write_stream_and_the_persist_right_after_it() {
    leaving_nothing(|runtime, sandbox| {
        let target = sandbox.join("target");
        runtime.block_on(async {
            for polls in 0..20 {
                for _ in 0..times(20) {
                    let dir = sandbox.dir().await;
                    cancelled_after(polls, dir.write_stream("file", halting())).await;
                    dir.persist(&target).await.unwrap();
                    let published = support::snapshot(&target);
                    for (path, content) in &published {
                        assert_eq!(path.file_name().unwrap(), "file");
                        assert_eq!(content.len(), 2_000_000, "whole or not at all");
                    }
                    cleanup::idle().await;
                    assert_eq!(support::snapshot(&target), published);
                    std::fs::remove_dir_all(&target).unwrap();
                }
            }
        });
    });
}

#[test]
fn scope() {
    // Scopes live in the directory for temporary files: one for this test alone.
    let sandbox = Sandbox::new();
    let child = support::in_process_with("scope", &[], |command| {
        command
            .env("TMPDIR", sandbox.path())
            .env("TMP", sandbox.path());
    });
    if child {
        leaving_nothing(|runtime, _| {
            let before = std::fs::read_dir(std::env::temp_dir()).unwrap().count();
            runtime.block_on(async {
                at_every_await_point(|| {
                    AsyncTempDir::scope(async |dir| {
                        dir.write("a", "1").await.unwrap();
                        tokio::task::yield_now().await;
                        dir.write("b", "2").await
                    })
                })
                .await;
                cleanup::idle().await;
            });
            let after = std::fs::read_dir(std::env::temp_dir()).unwrap().count();
            assert_eq!(after, before, "nothing leaks");
        });
    }
    sandbox.check();
}

/// Futures that are leaked. On Windows, what they have open may have to stay.
#[cfg(unix)]
mod leaked {
    use std::io;
    use std::sync::Mutex;
    use std::time::Duration;

    use futures::StreamExt;
    use futures::future::LocalBoxFuture;

    use super::*;

    /// Forgets `future`, as safe code may. A checker of leaks still finds its memory.
    fn leak<T>(future: LocalBoxFuture<'_, T>) {
        static LEAKED: Mutex<Vec<usize>> = Mutex::new(Vec::new());
        let address = std::ptr::from_ref(&*future).cast::<()>().addr();
        LEAKED.lock().unwrap().push(address);
        std::mem::forget(future);
    }

    /// Leaks what `begin` makes after `polls` polls, each when the pool's thread has done what it was
    /// asked for, and sees that nothing waits for it.
    fn leaked<T>(begin: impl Fn(&AsyncTempDir) -> LocalBoxFuture<'_, io::Result<T>>) {
        const PATIENCE: Duration = Duration::from_secs(5);
        let _alone = alone();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(1)
            .build()
            .unwrap();
        let sandbox = Sandbox::new();
        runtime.block_on(async {
            for polls in 1..4 {
                for ends in 0..3 {
                    let dir = sandbox.dir().await;
                    let path = dir.path().to_path_buf();
                    let mut future = begin(&dir);
                    for _ in 0..polls {
                        if futures::poll!(&mut future).is_ready() {
                            break;
                        }
                        tokio::task::spawn_blocking(|| ()).await.unwrap();
                    }
                    leak(future);
                    let ended = tokio::time::timeout(PATIENCE, async {
                        match ends {
                            0 => _ = dir.close().await.unwrap(),
                            1 => {
                                let target = dir.persist(sandbox.join("target")).await.unwrap();
                                std::fs::remove_dir_all(target).unwrap();
                            }
                            _ => {
                                drop(dir);
                                cleanup::idle().await;
                            }
                        }
                    });
                    let ended = ended.await;
                    assert!(ended.is_ok(), "it waits for ever: {polls} polls, {ends}");
                    assert!(!path.exists());
                }
            }
        });
        drop(runtime);
        sandbox.check();
    }

    #[test]
    fn nothing_waits_for_a_stream() {
        leaked(|dir| {
            let chunks = stream::iter([Ok::<_, std::convert::Infallible>("x")]);
            Box::pin(dir.write_stream("file", chunks.chain(stream::pending())))
        });
    }

    #[test]
    fn nothing_waits_for_a_temporary_file() {
        leaked(|dir| Box::pin(dir.temp_file()));
    }
}
