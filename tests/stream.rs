//! Files from streams: whole or not at all, with a few chunks in memory.

mod support;

use std::error::Error;
use std::fmt;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_tempdir::{AsyncTempDir, PathError, cleanup};
use futures::channel::mpsc;
use futures::stream::{self, Stream, StreamExt};
use support::{Sandbox, alone, runtimes, until};

type Never = std::convert::Infallible;

fn ok<T>(chunk: T) -> Result<T, Never> {
    Ok(chunk)
}

/// What there is besides `before`, as relative paths.
async fn added(dir: &AsyncTempDir, before: &[&str]) -> Vec<PathBuf> {
    let mut listed = dir.list().await.unwrap();
    listed.retain(|path| !before.iter().any(|known| path == Path::new(known)));
    listed
}

#[tokio::test]
async fn chunks_of_every_size_arrive_in_order() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let sizes = [
        0,
        1,
        10,
        65_535,
        0,
        65_536,
        3,
        1 << 20,
        700_000,
        1,
        65_536,
        65_536,
        65_536,
        2,
    ];
    let mut expected = Vec::new();
    for repeat in [1, 3, 40] {
        expected.clear();
        let chunks: Vec<Vec<u8>> = std::iter::repeat_n(sizes, repeat)
            .flatten()
            .enumerate()
            .map(|(n, size)| vec![n as u8; size])
            .collect();
        for chunk in &chunks {
            expected.extend_from_slice(chunk);
        }
        let written = dir
            .write_stream("a/b/file", stream::iter(chunks).map(ok))
            .await
            .unwrap();
        assert_eq!(written, expected.len() as u64);
        assert!(dir.read("a/b/file").await.unwrap() == expected);
    }
    assert!(added(&dir, &["a", "a/b", "a/b/file"]).await.is_empty());
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn any_kind_of_chunk_and_of_error() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let strings = stream::iter([Ok::<_, String>("a".to_owned()), Ok("b".to_owned())]);
    assert_eq!(dir.write_stream("strings", strings).await.unwrap(), 2);
    let slices = stream::iter([Ok::<_, &str>(b"abc"), Ok(b"def")]);
    assert_eq!(dir.write_stream("slices", slices).await.unwrap(), 6);
    let boxed = stream::iter([Ok::<_, Box<dyn Error + Send + Sync>>("x")]);
    assert_eq!(dir.write_stream("boxed", boxed).await.unwrap(), 1);
    let nothing = stream::empty::<io::Result<Vec<u8>>>();
    assert_eq!(dir.write_stream("nothing", nothing).await.unwrap(), 0);
    let empty = stream::iter([ok(""), ok("")]);
    assert_eq!(dir.write_stream("empty", empty).await.unwrap(), 0);

    assert_eq!(dir.read_to_string("strings").await.unwrap(), "ab");
    assert_eq!(dir.read("nothing").await.unwrap(), b"");
    assert_eq!(dir.read("empty").await.unwrap(), b"");
    dir.close().await.unwrap();
    sandbox.check();
}

/// Ready at once and for ever, nearly.
#[tokio::test]
async fn a_stream_that_never_waits_lets_others_work() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let stop = Arc::new(AtomicUsize::new(0));
    let endless = stream::repeat_with(|| "").take_while({
        let stop = Arc::clone(&stop);
        move |_| std::future::ready(stop.load(Ordering::SeqCst) == 0)
    });
    let (written, ()) = tokio::join!(dir.write_stream("file", endless.map(ok)), async {
        stop.store(1, Ordering::SeqCst);
    });
    assert_eq!(written.unwrap(), 0);
    dir.close().await.unwrap();
    sandbox.check();
}

#[derive(Debug)]
struct Reset;

impl fmt::Display for Reset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("reset by peer")
    }
}

impl Error for Reset {}

/// `good` chunks of each size, then what `last` is.
fn ending_in<E>(good: usize, last: E) -> impl Stream<Item = Result<Vec<u8>, E>> {
    let chunks = (0..good).flat_map(|_| [vec![b'x'; 10], vec![b'x'; 100_000]]);
    stream::iter(chunks.map(Ok)).chain(stream::iter([Err(last)]))
}

#[tokio::test]
async fn an_error_of_the_stream_leaves_no_part() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    dir.write("old", "as it was").await.unwrap();
    for good in [0, 1, 100] {
        for name in ["new", "old"] {
            let error = dir
                .write_stream(name, ending_in(good, Reset))
                .await
                .unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Other);
            let path = dir.path().join(name);
            let expected =
                format!("cannot write {path:?}: {Reset} (the stream of its contents failed)");
            assert_eq!(
                error.to_string(),
                expected,
                "operation, path and cause, once"
            );
            let inner = error.get_ref().unwrap().downcast_ref::<PathError>();
            let cause = inner.unwrap().io_error().get_ref();
            assert!(cause.expect("the stream's own error").is::<Reset>());
            // Gone before the error was returned, not some time later.
            assert_eq!(added(&dir, &["old"]).await, [] as [&Path; 0]);
        }
    }
    assert_eq!(dir.read("old").await.unwrap(), b"as it was");

    let timeout = io::Error::new(ErrorKind::TimedOut, "too slow");
    let error = dir.write_stream("x", ending_in(1, timeout)).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::TimedOut);
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn what_cannot_be_a_file_is_refused() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    dir.create_dir("sub").await.unwrap();
    dir.write("file", "").await.unwrap();
    let absolute = sandbox.join("x");
    for (path, kind) in [
        ("", ErrorKind::InvalidInput),
        ("a\0", ErrorKind::InvalidInput),
        ("../x", ErrorKind::PermissionDenied),
        ("sub/../../x", ErrorKind::PermissionDenied),
        (absolute.to_str().unwrap(), ErrorKind::PermissionDenied),
        ("sub", ErrorKind::IsADirectory),
        (".", ErrorKind::IsADirectory),
        ("sub/..", ErrorKind::IsADirectory),
        ("new/", ErrorKind::IsADirectory),
        ("file/x", ErrorKind::NotADirectory),
        // Windows resolves this before it looks.
        #[cfg(unix)]
        ("gone/../x", ErrorKind::NotFound),
    ] {
        let error = dir.write_stream(path, stream::iter([ok("x")])).await;
        let error = error.unwrap_err();
        assert_eq!(error.kind(), kind, "{path:?}: {error}");
    }
    assert_eq!(dir.list().await.unwrap(), ["file", "sub"].map(Path::new));
    dir.close().await.unwrap();
    sandbox.check();
}

#[cfg(unix)]
#[tokio::test]
async fn links_inside_are_written_through_and_others_refused() {
    use std::os::unix::fs::symlink;

    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    dir.create_dir("sub").await.unwrap();
    dir.write("sub/real", "old").await.unwrap();
    symlink("sub/second", dir.path().join("first")).unwrap();
    symlink("../sub/real", dir.path().join("sub/second")).unwrap();
    symlink("sub/new", dir.path().join("dangling")).unwrap();
    symlink("sub/nowhere/file", dir.path().join("nowhere")).unwrap();
    symlink("sub/dir/", dir.path().join("slash")).unwrap();
    symlink("loop", dir.path().join("loop")).unwrap();
    symlink("../escaped", dir.path().join("out")).unwrap();
    symlink(sandbox.join("escaped"), dir.path().join("absolute")).unwrap();
    symlink("..", dir.path().join("up")).unwrap();
    let chunks = || stream::iter([ok("new")]);

    dir.write_stream("first", chunks()).await.unwrap();
    assert_eq!(dir.read("sub/real").await.unwrap(), b"new");
    assert!(dir.path().join("first").is_symlink(), "links stay links");
    dir.write_stream("dangling", chunks()).await.unwrap();
    assert_eq!(dir.read("sub/new").await.unwrap(), b"new");
    // As for `write`, links neither make directories nor lose a slash.
    for (link, kind) in [
        ("nowhere", ErrorKind::NotFound),
        ("slash", ErrorKind::IsADirectory),
    ] {
        let error = dir.write_stream(link, chunks()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!(dir.write(link, "x").await.unwrap_err().kind(), kind);
    }
    for out in ["out", "absolute", "up/escaped"] {
        let error = dir.write_stream(out, chunks()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
        assert!(error.to_string().contains("leads out"), "{error}");
    }
    let error = dir.write_stream("loop", chunks()).await.unwrap_err();
    assert_eq!(
        error.kind(),
        dir.write("loop", "x").await.unwrap_err().kind()
    );
    assert!(!sandbox.join("escaped").exists());
    dir.close().await.unwrap();
    sandbox.check();
}

/// A chunk that counts how many of its kind there are.
struct Counted(Arc<AtomicUsize>, Vec<u8>);

impl Counted {
    fn new(count: &Arc<AtomicUsize>, most: &AtomicUsize, size: usize) -> Self {
        let now = count.fetch_add(1, Ordering::SeqCst) + 1;
        most.fetch_max(now, Ordering::SeqCst);
        Self(Arc::clone(count), vec![0; size])
    }
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.1
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[test]
fn a_few_chunks_are_in_memory_however_long_the_stream() {
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        runtime.block_on(async {
            let dir = sandbox.dir().await;
            for (size, chunks) in [
                (1, 100_000),
                (8 << 10, 4_000),
                (64 << 10, 1_000),
                (1 << 20, 100),
            ] {
                let count = Arc::new(AtomicUsize::new(0));
                let most = AtomicUsize::new(0);
                let all = (0..chunks).map(|_| ok(Counted::new(&count, &most, size)));
                let written = dir.write_stream("file", stream::iter(all)).await.unwrap();
                assert_eq!(written, (size * chunks) as u64);
                let most = most.into_inner();
                assert!(
                    most <= 9,
                    "{most} chunks of {size} bytes were there at once"
                );
                assert_eq!(count.load(Ordering::SeqCst), 0);
            }
            dir.close().await.unwrap();
        });
        drop(runtime);
        sandbox.check();
    }
}

/// How long the incomplete file in `dir` is; `None` if there is none.
fn part(dir: &Path) -> Option<u64> {
    let mut entries = fs::read_dir(dir).unwrap().map(Result::unwrap);
    let part = entries.find(|entry| entry.file_name().to_str().unwrap().ends_with(".part"))?;
    Some(part.metadata().unwrap().len())
}

#[test]
fn what_has_come_is_written_while_the_rest_is_awaited() {
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        runtime.block_on(async {
            let dir = Arc::new(sandbox.dir().await);
            let (send, chunks) = mpsc::unbounded();
            let upload = tokio::spawn({
                let dir = Arc::clone(&dir);
                async move { dir.write_stream("file", chunks.map(ok)).await }
            });
            for n in 1..=20 {
                send.unbounded_send("chunk").unwrap();
                while part(dir.path()) != Some(5 * n) {
                    tokio::task::yield_now().await;
                }
                assert!(!dir.path().join("file").exists(), "it is not complete");
            }
            drop(send);
            assert_eq!(upload.await.unwrap().unwrap(), 100);
            assert_eq!(part(dir.path()), None);
            assert_eq!(dir.read("file").await.unwrap(), b"chunk".repeat(20));
            Arc::into_inner(dir).unwrap().close().await.unwrap();
        });
        drop(runtime);
        sandbox.check();
    }
}

/// The stream's own file operations need the pool's only thread, between ours.
#[test]
fn a_stream_that_waits_has_no_thread_of_the_pool() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    let sandbox = Sandbox::new();
    runtime.block_on(async {
        let dir = sandbox.dir().await;
        let path = dir.write("from", vec![b'x'; 10_000]).await.unwrap();
        let chunks = stream::unfold(0, |n| {
            let path = path.clone();
            async move { (n < 20).then_some((tokio::fs::read(path).await, n + 1)) }
        });
        assert_eq!(dir.write_stream("to", chunks).await.unwrap(), 200_000);
        dir.close().await.unwrap();
    });
    drop(runtime);
    sandbox.check();
}

#[test]
fn a_dropped_future_leaves_no_part() {
    let _alone = alone();
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        runtime.block_on(async {
            let dir = sandbox.dir().await;
            dir.write("file", "as it was").await.unwrap();
            for _ in 0..100 {
                let (send, chunks) = mpsc::unbounded();
                send.unbounded_send(vec![b'x'; 100_000]).unwrap();
                let mut upload = Box::pin(dir.write_stream("file", chunks.map(ok)));
                // Until it rests: nothing is under way that could remove it on its way.
                while part(dir.path()) != Some(100_000) {
                    assert!(futures::poll!(&mut upload).is_pending());
                    tokio::task::yield_now().await;
                }
                assert!(futures::poll!(&mut upload).is_pending());
                drop(upload);
                cleanup::idle().await;
                assert_eq!(dir.list().await.unwrap(), [Path::new("file")]);
            }
            assert_eq!(dir.read("file").await.unwrap(), b"as it was");
            dir.close().await.unwrap();
        });
        drop(runtime);
        sandbox.check();
    }
}

#[test]
fn a_panic_of_the_stream_leaves_no_part() {
    let _alone = alone();
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        runtime.block_on(async {
            let dir = Arc::new(sandbox.dir().await);
            for good in [0, 1, 50] {
                let upload = tokio::spawn({
                    let dir = Arc::clone(&dir);
                    async move {
                        let chunks = ending_in(good, ()).map(|chunk| ok(chunk.unwrap()));
                        dir.write_stream("file", chunks).await
                    }
                });
                assert!(upload.await.unwrap_err().is_panic());
                cleanup::idle().await;
                assert_eq!(dir.list().await.unwrap(), [] as [&Path; 0]);
            }
            Arc::into_inner(dir).unwrap().close().await.unwrap();
        });
        drop(runtime);
        sandbox.check();
    }
}

#[test]
fn a_runtime_that_shuts_down_under_it_leaves_nothing() {
    let _alone = alone();
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        let (send, chunks) = mpsc::unbounded();
        let path = sandbox.path().to_path_buf();
        runtime.spawn(async move {
            let dir = AsyncTempDir::new_in(path).await.unwrap();
            dir.write_stream("file", chunks.map(ok)).await
        });
        send.unbounded_send("chunk").unwrap();
        let has_part = || {
            let dirs = sandbox.leftovers();
            dirs.iter().any(|dir| part(dir) == Some(5))
        };
        runtime.block_on(async {
            while !has_part() {
                tokio::task::yield_now().await;
            }
        });
        drop(runtime);
        until("everything is removed", || cleanup::pending() == 0);
        sandbox.check();
    }
}

/// No rename leaves a filesystem.
#[cfg(target_os = "linux")]
#[test]
fn in_a_filesystem_that_is_mounted_inside() {
    if !support::where_it_may_mount(test_name!()) {
        return;
    }
    let sandbox = Sandbox::new();
    support::current_thread().block_on(async {
        let dir = sandbox.dir().await;
        let mounted = dir.create_dir("mounted").await.unwrap();
        let run = |args: &[&str]| {
            let mut command = std::process::Command::new(args[0]);
            let status = command.args(&args[1..]).arg(&mounted).status();
            assert!(status.unwrap().success(), "{args:?}");
        };
        run(&["mount", "-t", "tmpfs", "none"]);
        let written = dir.write_stream("mounted/a/file", stream::iter([ok("x")]));
        assert_eq!(written.await.unwrap(), 1);
        assert_eq!(fs::read(mounted.join("a/file")).unwrap(), b"x");
        run(&["umount"]);
        dir.close().await.unwrap();
    });
    sandbox.check();
}

/// That a path cannot be written is not found out only when the first chunk comes.
#[tokio::test]
async fn a_refusal_does_not_wait_for_the_stream() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    dir.create_dir("sub").await.unwrap();
    for path in ["", "../x", "sub/../../x", "sub"] {
        let never = stream::pending::<Result<&str, Never>>();
        dir.write_stream(path, never).await.unwrap_err();
    }
    dir.close().await.unwrap();
    sandbox.check();
}

/// Filesystems like NFS keep a file that is unlinked while it is open, under another name.
#[cfg(target_os = "linux")]
#[test]
fn an_incomplete_file_is_closed_before_it_is_unlinked() {
    use std::mem::MaybeUninit;

    use rustix::fs::inotify::{CreateFlags, ReadFlags, Reader, WatchFlags, add_watch, init};

    for runtime in runtimes() {
        for fails in [true, false] {
            let sandbox = Sandbox::new();
            runtime.block_on(async {
                let dir = sandbox.dir().await;
                let watch = init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).unwrap();
                let flags = WatchFlags::CLOSE_WRITE | WatchFlags::DELETE;
                add_watch(&watch, dir.path(), flags).unwrap();
                let (mut send, chunks) = mpsc::unbounded();
                let mut writing = Box::pin(dir.write_stream("file", chunks));
                send.start_send(Ok::<_, io::Error>(vec![b'x'; 2 << 20]))
                    .unwrap();
                // Until it is there.
                while fs::read_dir(dir.path()).unwrap().count() == 0 {
                    assert!(futures::poll!(&mut writing).is_pending());
                    tokio::task::yield_now().await;
                }
                if fails {
                    send.start_send(Err(io::Error::other("no more"))).unwrap();
                    writing.await.unwrap_err();
                } else {
                    drop(writing);
                }
                cleanup::idle().await;

                let mut buffer = [MaybeUninit::uninit(); 4096];
                let mut events = Reader::new(watch, &mut buffer);
                let mut seen = Vec::new();
                while let Ok(event) = events.next() {
                    seen.push(event.events());
                }
                assert_eq!(seen, [ReadFlags::CLOSE_WRITE, ReadFlags::DELETE]);
                dir.close().await.unwrap();
            });
            sandbox.check();
        }
    }
}
