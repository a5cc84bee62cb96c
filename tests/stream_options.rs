//! The options of a file written from a stream or a reader: a maximum length, and progress.

mod support;

use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use async_tempdir::AsyncTempDir;
use futures::future::FusedFuture;
use futures::stream::{self, Stream, StreamExt};
use futures::{FutureExt, poll};
use support::{Sandbox, runtimes};
use tokio::io::AsyncReadExt;

/// Chunks of `sizes`, in turns ready and not.
fn chunks(sizes: &[usize]) -> impl Stream<Item = io::Result<Vec<u8>>> {
    stream::iter(sizes.to_vec())
        .enumerate()
        .then(async |(n, size)| {
            if n % 2 == 1 {
                tokio::task::yield_now().await;
            }
            Ok(vec![b'x'; size])
        })
}

/// Asserts that there are these files and no others.
async fn assert_files(dir: &AsyncTempDir, files: &[(&str, &[u8])]) {
    let names: Vec<_> = files.iter().map(|(name, _)| Path::new(name)).collect();
    assert_eq!(dir.list().await.unwrap(), names);
    for (name, contents) in files {
        assert!(dir.read(name).await.unwrap() == *contents, "{name}");
    }
}

/// Waits until there is only `old`, as it was: what is dropped is removed in the background.
async fn until_only_old(dir: &AsyncTempDir) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while dir.list().await.unwrap() != [Path::new("old")] {
        assert!(Instant::now() < deadline, "no part of the file is left");
        tokio::task::yield_now().await;
    }
    assert_files(dir, &[("old", b"as it was")]).await;
}

#[test]
fn as_long_as_allowed_and_no_longer() {
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        runtime.block_on(async {
            let dir = sandbox.dir().await;
            dir.write("old", "as it was").await.unwrap();
            for sizes in [
                &[0][..],
                &[1],
                &[10, 0],
                &[5, 5],
                &[0, 1, 0, 100_000],
                &[2_000_000],
                // Longer than what is in memory, and cut in the first batch, and in a later one.
                &[100_000; 50],
                &[1_000; 5_000],
            ] {
                let len = sizes.iter().sum::<usize>() as u64;
                for max_len in [len, len + 1, u64::MAX] {
                    let writing = dir.write_stream("new", chunks(sizes)).max_len(max_len);
                    assert_eq!(writing.await.unwrap(), len);
                    assert_eq!(dir.read("new").await.unwrap().len() as u64, len);
                    dir.remove("new").await.unwrap();
                }
                let too_short = [len.checked_sub(1), Some(0), Some(len / 2), Some(len / 50)];
                for max_len in too_short.into_iter().flatten().filter(|n| *n < len) {
                    for name in ["new", "old"] {
                        let writing = dir.write_stream(name, chunks(sizes)).max_len(max_len);
                        let error = writing.await.unwrap_err();
                        assert_eq!(error.kind(), ErrorKind::FileTooLarge, "{error}");
                        let expected = format!(
                            "cannot write {:?}: its contents are longer than the limit of \
                             {max_len} bytes",
                            dir.path().join(name)
                        );
                        assert_eq!(error.to_string(), expected);
                        // Gone before the error was returned, not some time later.
                        assert_files(&dir, &[("old", b"as it was")]).await;
                    }
                }
            }
            dir.close().await.unwrap();
        });
        drop(runtime);
        sandbox.check();
    }
}

#[tokio::test]
async fn nothing_more_is_taken_from_a_stream_that_is_too_long() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let taken = Cell::new(0);
    let endless = stream::repeat_with(|| {
        taken.set(taken.get() + 1);
        io::Result::Ok([0; 10])
    });
    let mut written = 0;
    let error = dir
        .write_stream("file", endless)
        .max_len(35)
        .on_progress(|bytes| written = bytes)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::FileTooLarge);
    assert_eq!(taken.get(), 4);
    assert_eq!(written, 0, "only a success is reported at its end");
    dir.close().await.unwrap();
    sandbox.check();
}

/// Bytes, one by one, until there were so many reports.
fn until_reported(reports: &AtomicUsize, times: usize) -> impl Stream<Item = io::Result<[u8; 1]>> {
    let deadline = Instant::now() + Duration::from_secs(60);
    stream::repeat_with(move || {
        assert!(Instant::now() < deadline, "too few reports");
        reports.load(Ordering::Relaxed) < times
    })
    .take_while(|more| std::future::ready(*more))
    .then(async |_| {
        tokio::task::yield_now().await;
        Ok([b'x'])
    })
}

#[test]
fn progress_is_reported_now_and_then_and_at_the_end() {
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        runtime.block_on(async {
            let dir = sandbox.dir().await;
            let count = AtomicUsize::new(0);
            let mut reports = Vec::new();
            let written = dir
                .write_stream("file", until_reported(&count, 3))
                .on_progress(|bytes| {
                    reports.push((Instant::now(), bytes));
                    count.fetch_add(1, Ordering::Relaxed);
                })
                .await
                .unwrap();
            let (last, earlier) = reports.split_last().unwrap();
            assert_eq!(last.1, written, "the last report is of all");
            assert_eq!(earlier.len(), 3);
            for pair in earlier.windows(2) {
                let [(at, bytes), (next_at, next_bytes)] = pair else {
                    unreachable!("they are pairs");
                };
                assert!(*next_at - *at >= Duration::from_millis(100), "too often");
                assert!(bytes < next_bytes, "the file grows");
            }
            assert!(earlier[2].1 <= written);
            dir.close().await.unwrap();
        });
        drop(runtime);
        sandbox.check();
    }
}

#[tokio::test]
async fn the_end_is_reported_of_every_success_and_of_nothing_else() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    for sizes in [&[][..], &[0], &[1], &[5, 0, 5], &[100_000; 50]] {
        let mut reports = Vec::new();
        let writing = dir.write_stream("file", chunks(sizes));
        let written = writing.on_progress(|bytes| reports.push(bytes)).await;
        assert_eq!(written.unwrap(), sizes.iter().sum::<usize>() as u64);
        assert_eq!(
            reports.last().copied(),
            Some(sizes.iter().sum::<usize>() as u64)
        );
        let mut reports = Vec::new();
        let reader = tokio::io::repeat(b'x').take(sizes.len() as u64);
        let writing = dir.write_reader("file", reader);
        let written = writing.on_progress(|bytes| reports.push(bytes)).await;
        assert_eq!(reports.last().copied(), written.ok());
        assert_eq!(reports.last().copied(), Some(sizes.len() as u64));
    }
    dir.remove("file").await.unwrap();
    let fails = chunks(&[10]).chain(stream::iter([Err(io::Error::other("no more"))]));
    let mut reports = 0;
    let writing = dir.write_stream("file", fails);
    writing.on_progress(|_| reports += 1).await.unwrap_err();
    assert_eq!(reports, 0);
    dir.close().await.unwrap();
    sandbox.check();
}

#[test]
fn a_panic_of_the_progress_function_leaves_no_part() {
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        runtime.block_on(async {
            let dir = sandbox.dir().await;
            dir.write("old", "as it was").await.unwrap();
            // At the end, and before.
            for earlier in [0, 1] {
                for name in ["new", "old"] {
                    let calls = AtomicUsize::new(0);
                    let bytes = until_reported(&calls, earlier);
                    let writing = dir.write_stream(name, bytes).on_progress(|_| {
                        calls.fetch_add(1, Ordering::Relaxed);
                        // Without a message on stderr.
                        resume_unwind(Box::new("provoked"))
                    });
                    let panic = AssertUnwindSafe(writing).catch_unwind().await.unwrap_err();
                    assert_eq!(panic.downcast_ref(), Some(&"provoked"));
                    assert_eq!(calls.into_inner(), 1);
                    until_only_old(&dir).await;
                }
            }
            dir.close().await.unwrap();
        });
        drop(runtime);
        sandbox.check();
    }
}

#[tokio::test]
async fn it_begins_with_the_first_poll_and_ends_once() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    dir.write("old", "as it was").await.unwrap();
    let taken = Cell::new(0);
    let counted = || chunks(&[1, 1]).inspect(|_| taken.set(taken.get() + 1));
    let writing = dir.write_stream("new", counted());
    assert!(!writing.is_terminated());
    assert!(format!("{writing:?}").contains("new"), "{writing:?}");
    drop(writing);
    drop(dir.write_stream("old", counted()).max_len(1));
    drop(dir.write_reader("old", &b"new"[..]));
    assert_eq!(taken.get(), 0);
    assert_files(&dir, &[("old", b"as it was")]).await;

    let mut writing = dir.write_stream("old", counted());
    let mut written = poll!(&mut writing);
    // Too late.
    writing = writing
        .max_len(0)
        .on_progress(|_| unreachable!("it has begun"));
    while written.is_pending() {
        assert!(!writing.is_terminated());
        tokio::task::yield_now().await;
        written = poll!(&mut writing);
    }
    assert!(matches!(written, Poll::Ready(Ok(2))), "{written:?}");
    assert!(writing.is_terminated());
    assert!(poll!(&mut writing).is_pending());
    drop(writing);
    assert_files(&dir, &[("old", b"xx")]).await;
    dir.close().await.unwrap();
    sandbox.check();
}

/// As is one that an `async` block makes which has something of a thread's.
#[tokio::test]
async fn a_stream_need_be_neither_send_nor_unpin() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let local = Rc::new("x");
    let stream = stream::unfold(0, async |n| {
        tokio::task::yield_now().await;
        let chunk = Rc::clone(&local);
        tokio::task::yield_now().await;
        (n < 3).then_some((io::Result::Ok(*chunk), n + 1))
    });
    let writing = dir.write_stream("file", stream).max_len(3);
    assert_eq!(writing.await.unwrap(), 3);
    assert_files(&dir, &[("file", b"xxx")]).await;
    dir.close().await.unwrap();
    sandbox.check();
}
