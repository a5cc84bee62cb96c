//! What has a name in the directory but is no file: it is refused, and at once.

#![cfg(unix)]

mod support;

use std::future::Future;
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt;
use std::process::Command;
use std::time::Duration;

use async_tempdir::{AsyncTempDir, OpenOptions};
use futures::stream;
use rustix::fs::OFlags;
use support::{Sandbox, runtimes};

/// The error of each operation that would open `name`.
async fn refusals(dir: &AsyncTempDir, name: &str) -> Vec<(&'static str, io::Error)> {
    async fn error<T>(result: impl Future<Output = io::Result<T>>) -> io::Error {
        // Only if it fails: a thread of the pool then waits for ever.
        let result = tokio::time::timeout(Duration::from_secs(60), result).await;
        match result {
            Ok(Err(error)) => error,
            Ok(Ok(_)) => panic!("it was opened"),
            Err(_) => {
                eprintln!("an operation hangs");
                std::process::abort();
            }
        }
    }
    let chunks = stream::iter([Ok::<_, io::Error>("x")]);
    let both = OpenOptions::new().read(true).write(true).clone();
    vec![
        ("open", error(dir.open(name)).await),
        ("read", error(dir.read(name)).await),
        ("read", error(dir.read_to_string(name)).await),
        ("create", error(dir.create(name)).await),
        ("write", error(dir.write(name, "x")).await),
        ("append to", error(dir.append(name)).await),
        ("write", error(dir.write_stream(name, chunks)).await),
        ("write", error(dir.write_reader(name, &b"x"[..])).await),
        ("write", error(dir.populate([(name, "x")])).await),
        ("open", error(dir.open_with(name, &both)).await),
        ("copy", error(dir.copy(name, "copy")).await),
    ]
}

async fn check(dir: &AsyncTempDir, name: &str, what: &str) {
    let before = std::fs::symlink_metadata(dir.path().join(name))
        .unwrap()
        .file_type();
    for (operation, error) in refusals(dir, name).await {
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        let path = dir.path().join(name);
        let begin = format!("cannot {operation} {path:?}");
        let end = format!(": it is {what}, no regular file");
        let message = error.to_string();
        let between = message
            .strip_prefix(&*begin)
            .and_then(|rest| rest.strip_suffix(&*end));
        let copied = format!(" to {:?}", dir.path().join("copy"));
        assert!(
            between.is_some_and(|it| ["", " before any other file", &copied].contains(&it)),
            "{message}"
        );
    }
    dir.write("regular", "x").await.unwrap();
    let error = dir.copy("regular", name).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    dir.remove("regular").await.unwrap();
    let error = dir.create_new(name).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
    let after = std::fs::symlink_metadata(dir.path().join(name))
        .unwrap()
        .file_type();
    assert_eq!(before, after, "it is left as it is");
    assert!(dir.try_exists(name).await.unwrap());
}

#[test]
fn a_fifo() {
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        runtime.block_on(async {
            let dir = sandbox.dir().await;
            let path = dir.path().join("fifo");
            assert!(
                Command::new("mkfifo")
                    .arg(&path)
                    .status()
                    .unwrap()
                    .success()
            );
            check(&dir, "fifo", "a FIFO").await;

            // With a reader, and with both, opening would succeed.
            let nonblock = OFlags::NONBLOCK.bits().cast_signed();
            let mut options = std::fs::OpenOptions::new();
            options.read(true).custom_flags(nonblock);
            let _reader = options.open(&path).unwrap();
            check(&dir, "fifo", "a FIFO").await;
            let _writer = options.read(false).write(true).open(&path).unwrap();
            check(&dir, "fifo", "a FIFO").await;

            std::os::unix::fs::symlink("fifo", dir.path().join("link")).unwrap();
            for (_, error) in refusals(&dir, "link").await {
                assert!(
                    error.to_string().ends_with("it is a FIFO, no regular file"),
                    "{error}"
                );
            }
            dir.remove("fifo").await.unwrap();
            dir.close().await.unwrap();
        });
        drop(runtime);
        sandbox.check();
    }
}

#[tokio::test]
async fn a_socket() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let _listener = std::os::unix::net::UnixListener::bind(dir.path().join("socket")).unwrap();
    check(&dir, "socket", "a socket").await;
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_directory() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    dir.create_dir("sub").await.unwrap();
    for name in ["sub", "sub/", ".", "sub/.."] {
        for (operation, error) in refusals(&dir, name).await {
            assert_eq!(
                error.kind(),
                ErrorKind::IsADirectory,
                "{operation} {name}: {error}"
            );
        }
    }
    dir.close().await.unwrap();
    sandbox.check();
}

/// A device is mounted over a file, for ordinary users make none.
#[cfg(target_os = "linux")]
#[test]
fn a_device() {
    if !support::where_it_may_mount(test_name!()) {
        return;
    }
    let sandbox = Sandbox::new();
    support::current_thread().block_on(async {
        let dir = sandbox.dir().await;
        let path = dir.write("device", "").await.unwrap();
        let mut mount = Command::new("mount");
        assert!(
            mount
                .args(["--bind", "/dev/null"])
                .arg(&path)
                .status()
                .unwrap()
                .success()
        );
        let kind = std::fs::metadata(&path).unwrap().file_type();
        assert!(std::os::unix::fs::FileTypeExt::is_char_device(&kind));
        check(&dir, "device", "a device").await;
        assert!(
            Command::new("umount")
                .arg(&path)
                .status()
                .unwrap()
                .success()
        );
        dir.close().await.unwrap();
    });
    sandbox.check();
}

/// What is handed out waits as files do, whatever it was opened with.
#[tokio::test]
async fn a_file_is_handed_out_as_an_ordinary_one() {
    use tokio::io::AsyncWriteExt;

    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let mut appended = dir.append("file").await.unwrap();
    let flags = [
        dir.create("file").await.unwrap(),
        dir.create_new("new").await.unwrap(),
        dir.open("file").await.unwrap(),
        dir.open_with("file", OpenOptions::new().read(true).write(true))
            .await
            .unwrap(),
    ]
    .map(|file| rustix::fs::fcntl_getfl(file).unwrap());
    for flags in flags {
        assert!(
            !flags.intersects(OFlags::NONBLOCK | OFlags::APPEND),
            "{flags:?}"
        );
    }
    let flags = rustix::fs::fcntl_getfl(&appended).unwrap();
    assert!(flags.contains(OFlags::APPEND) && !flags.contains(OFlags::NONBLOCK));
    dir.write("file", "at the start, ").await.unwrap();
    appended.write_all(b"at the end").await.unwrap();
    appended.flush().await.unwrap();
    let text = dir.read_to_string("file").await.unwrap();
    assert_eq!(text, "at the start, at the end");
    // Not everywhere can a directory be removed with a file in it that is open.
    drop(appended);
    dir.close().await.unwrap();
    sandbox.check();
}
