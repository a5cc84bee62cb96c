//! Files from readers: whole or not at all, as from streams.

mod support;

use std::cell::Cell;
use std::io::{self, Cursor, ErrorKind};
use std::marker::PhantomPinned;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::Path;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use async_tempdir::{AsyncTempDir, PathError};
use futures::FutureExt;
use support::{Sandbox, runtimes};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};

/// Reads so many bytes at a time, and is not ready in between; then ends as `end` says.
///
/// It is neither `Send` nor `Unpin`.
struct Slow<F> {
    bytes: Rc<[u8]>,
    at_once: usize,
    at: Cell<usize>,
    is_ready: Cell<bool>,
    end: F,
    _pinned: PhantomPinned,
}

impl<F: Fn() -> io::Result<()>> Slow<F> {
    fn new(bytes: &[u8], at_once: usize, end: F) -> Self {
        Self {
            bytes: bytes.into(),
            at_once,
            at: 0.into(),
            is_ready: false.into(),
            end,
            _pinned: PhantomPinned,
        }
    }
}

impl<F: Fn() -> io::Result<()>> AsyncRead for Slow<F> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        assert!(buffer.remaining() > 0 && buffer.filled().is_empty());
        if !self.is_ready.replace(!self.is_ready.get()) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let rest = &self.bytes[self.at.get()..];
        if rest.is_empty() {
            return Poll::Ready((self.end)());
        }
        let read = self.at_once.min(rest.len()).min(buffer.remaining());
        buffer.put_slice(&rest[..read]);
        self.at.set(self.at.get() + read);
        Poll::Ready(Ok(()))
    }
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|n| (n % 251) as u8).collect()
}

#[test]
fn reads_of_every_size_arrive_in_order() {
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        runtime.block_on(async {
            let dir = sandbox.dir().await;
            for (len, at_once) in [
                (0, 1),
                (1, 1),
                (1_000, 1),
                (65_536, 65_536),
                (200_000, 65_535),
                (3_000_000, 7_777),
                (3_000_000, usize::MAX),
            ] {
                let bytes = pattern(len);
                let slow = Slow::new(&bytes, at_once, || Ok(()));
                let written = dir.write_reader("a/file", slow).await.unwrap();
                assert_eq!(written, len as u64);
                assert!(
                    dir.read("a/file").await.unwrap() == bytes,
                    "{len}, {at_once}"
                );
                // One that is always ready.
                let written = dir.write_reader("a/file", Cursor::new(&bytes)).await;
                assert_eq!(written.unwrap(), len as u64);
                assert!(dir.read("a/file").await.unwrap() == bytes, "{len}");
            }
            assert_eq!(dir.list().await.unwrap(), ["a", "a/file"].map(Path::new));
            dir.close().await.unwrap();
        });
        drop(runtime);
        sandbox.check();
    }
}

/// As from a socket: the other end writes when it is read.
#[test]
fn what_another_task_writes() {
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        runtime.block_on(async {
            let dir = sandbox.dir().await;
            let bytes = pattern(1_000_000);
            let (reader, mut writer) = tokio::io::duplex(10_000);
            let (written, sent) =
                tokio::join!(dir.write_reader("file", reader).max_len(1_000_000), async {
                    writer.write_all(&bytes).await?;
                    writer.shutdown().await
                });
            sent.unwrap();
            assert_eq!(written.unwrap(), 1_000_000);
            assert!(dir.read("file").await.unwrap() == bytes);
            dir.close().await.unwrap();
        });
        drop(runtime);
        sandbox.check();
    }
}

/// Waits until there is only `old`, as it was.
async fn until_only_old(dir: &AsyncTempDir) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while dir.list().await.unwrap() != [Path::new("old")] {
        assert!(Instant::now() < deadline, "no part of the file is left");
        tokio::task::yield_now().await;
    }
    assert_eq!(dir.read("old").await.unwrap(), b"as it was");
}

#[tokio::test]
async fn an_error_of_the_reader_leaves_no_part() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    dir.write("old", "as it was").await.unwrap();
    for len in [0, 1, 100_000, 2_000_000] {
        for name in ["new", "old"] {
            let reset = || Err(io::Error::new(ErrorKind::ConnectionReset, "reset by peer"));
            let slow = Slow::new(&pattern(len), 10_000, reset);
            let error = dir.write_reader(name, slow).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
            let expected = format!(
                "cannot write {:?}: reset by peer (the reader of its contents failed)",
                dir.path().join(name)
            );
            assert_eq!(error.to_string(), expected);
            let inner = error.get_ref().unwrap().downcast_ref::<PathError>();
            assert_eq!(inner.unwrap().path(), dir.path().join(name));
            // Gone before the error was returned, not some time later.
            assert_eq!(dir.list().await.unwrap(), [Path::new("old")]);
            assert_eq!(dir.read("old").await.unwrap(), b"as it was");
        }
    }
    let endless = tokio::io::repeat(b'x');
    let error = dir.write_reader("old", endless).max_len(1_000_000).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::FileTooLarge);
    until_only_old(&dir).await;
    let exactly = tokio::io::repeat(b'x').take(1_000_000);
    let written = dir.write_reader("old", exactly).max_len(1_000_000).await;
    assert_eq!(written.unwrap(), 1_000_000);
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_panic_of_the_reader_leaves_no_part() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    dir.write("old", "as it was").await.unwrap();
    for len in [0, 1_000_000] {
        // Without a message on stderr.
        let slow = Slow::new(&pattern(len), 10_000, || {
            resume_unwind(Box::new("provoked"))
        });
        let writing = AssertUnwindSafe(dir.write_reader("old", slow));
        let panic = writing.catch_unwind().await.unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"provoked"));
        until_only_old(&dir).await;
    }
    dir.close().await.unwrap();
    sandbox.check();
}

/// That a path cannot be written is not found out only when the first byte comes.
#[tokio::test]
async fn a_refusal_does_not_wait_for_the_reader() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    dir.create_dir("sub").await.unwrap();
    let (_writer, mut never) = tokio::io::duplex(1);
    for (path, kind) in [
        ("", ErrorKind::InvalidInput),
        ("../x", ErrorKind::PermissionDenied),
        ("sub/../../x", ErrorKind::PermissionDenied),
        ("sub", ErrorKind::IsADirectory),
    ] {
        let error = dir.write_reader(path, &mut never).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
    }
    assert_eq!(dir.list().await.unwrap(), [Path::new("sub")]);
    dir.close().await.unwrap();
    sandbox.check();
}
