//! The behaviours of async-tempfile's tests: names, ends, and files in a directory.

use std::collections::HashSet;
use std::fs;
use std::io::ErrorKind;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread;

use async_tempdir::{AsyncTempDir, Builder, Ending};
use futures::future::join_all;
use futures::poll;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

use crate::support::{self, Sandbox, times};
use crate::{assert_fails, dropped};

#[tokio::test]
async fn a_file_name_cannot_lead_elsewhere() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    for (prefix, suffix) in [
        ("sub/evil_", ""),
        ("../", ""),
        ("/tmp/abs_", ""),
        ("", "/etc/passwd"),
        ("ok_", "/.."),
        ("", "\0bad"),
        ("\0", ""),
    ] {
        let result = dir.temp_file_with(prefix, suffix).await;
        assert_fails(result, ErrorKind::InvalidInput);
    }
    assert!(dir.list().await.unwrap().is_empty());
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_directory_name_cannot_lead_elsewhere() {
    let sandbox = Sandbox::new();
    for builder in [
        Builder::new().prefix("../escaped_"),
        Builder::new().prefix("sub/"),
        Builder::new().suffix("/.."),
        Builder::new().suffix("\0"),
    ] {
        let result = builder.parent(sandbox.path()).create().await;
        assert_fails(result, ErrorKind::InvalidInput);
    }
    sandbox.check();
}

#[tokio::test]
async fn an_overlong_name_is_an_error() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let long = "a".repeat(5000);
    assert!(dir.temp_file_with(&long, "").await.is_err());
    let builder = Builder::new().prefix(&long).inside(&dir);
    assert!(builder.create().await.is_err());
    assert!(dir.list().await.unwrap().is_empty());
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_file_is_named_as_asked_and_in_the_directory() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let file = dir.temp_file_with("ok_", ".log").await.unwrap();
    let path = file.file_path();
    let name = path.file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("ok_") && name.ends_with(".log"), "{name}");
    assert_eq!(path.parent(), Some(dir.path()));
    drop(file);
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_file_is_written_and_read_back() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let mut file = dir.temp_file_with("report_", ".txt").await.unwrap();
    file.write_all(b"hello builder").await.unwrap();
    file.flush().await.unwrap();
    file.rewind().await.unwrap();
    let mut contents = String::new();
    file.read_to_string(&mut contents).await.unwrap();
    assert_eq!(contents, "hello builder");
    drop(file);
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn names_have_a_prefix_by_default() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let file = dir.temp_file().await.unwrap();
    // Where async-tempfile's have `atmp_`: those of tempfile and of Python begin so.
    for path in [dir.path(), file.file_path()] {
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(name.starts_with("tmp"), "{name}");
    }
    drop(file);
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_file_is_deleted_when_it_is_dropped() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let file = dir.temp_file().await.unwrap();
    let path = file.file_path().clone();
    assert!(path.is_file());
    drop(file);
    assert!(!path.exists());
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_file_stays_while_another_handle_of_it_is_open() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let file = dir.temp_file().await.unwrap();
    let path = file.file_path().clone();
    let other = file.open_ro().await.unwrap();
    drop(file);
    assert!(path.is_file());
    drop(other);
    assert!(!path.exists());
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_kept_file_stays_in_the_directory_and_goes_with_it() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let path = dir.temp_file().await.unwrap().keep();
    assert!(path.is_file());
    let removed = dir.close().await.unwrap();
    assert_eq!((removed.files, removed.dirs), (1, 1));
    sandbox.check();
}

#[tokio::test]
async fn a_persisted_file_survives() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let target = sandbox.join("target");
    let file = dir.temp_file().await.unwrap();
    file.persist(&target).await.unwrap();
    assert!(dir.list().await.unwrap().is_empty());
    dir.close().await.unwrap();
    fs::remove_file(target).expect("it is there");
    sandbox.check();
}

#[tokio::test]
async fn a_directory_has_a_certain_name_if_it_must() {
    let sandbox = Sandbox::new();
    let builder = Builder::new().prefix("certain").random_len(0);
    let builder = builder.parent(sandbox.path());
    let dir = builder.clone().create().await.unwrap();
    assert_eq!(dir.path(), sandbox.join("certain"));
    // async-tempfile also adopts what exists, and then removes what others have put there.
    assert_fails(builder.create().await, ErrorKind::AlreadyExists);
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn close_tolerates_a_directory_that_is_gone() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    fs::remove_dir(dir.path()).unwrap();
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn close_reports_a_file_in_its_place_and_leaves_that() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let path = dir.path().to_path_buf();
    fs::remove_dir(&path).unwrap();
    fs::write(&path, "of another").unwrap();
    let error = dir.close().await.unwrap_err();
    assert_ne!(error.kind(), ErrorKind::NotFound);
    assert_eq!(fs::read_to_string(&path).unwrap(), "of another");
    fs::remove_file(path).unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_dropped_directory_leaves_a_file_in_its_place() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let path = dir.path().to_path_buf();
    fs::remove_dir(&path).unwrap();
    fs::write(&path, "of another").unwrap();
    let removed = dir.removed();
    drop(dir);
    let ending = removed.await;
    assert!(matches!(ending, Ending::NotRemoved { .. }), "{ending:?}");
    fs::remove_file(path).expect("it is still there");
    sandbox.check();
}

#[tokio::test]
async fn a_shared_directory_stays_until_its_last_holder_drops_it() {
    let sandbox = Sandbox::new();
    // Handles are not cloned: a close by one of several could not say what it did.
    let dir = Arc::new(sandbox.dir().await);
    let other = Arc::clone(&dir);
    drop(dir);
    assert!(other.path().is_dir());
    dropped(Arc::into_inner(other).unwrap()).await;
    sandbox.check();
}

#[tokio::test]
async fn a_cancelled_close_still_removes() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    dir.write("file", "").await.unwrap();
    let removed = dir.removed();
    let mut close = Box::pin(dir.close());
    let _ = poll!(&mut close);
    drop(close);
    assert_eq!(removed.await, Ending::Removed);
    sandbox.check();
}

#[tokio::test]
async fn a_persisted_directory_survives() {
    let sandbox = Sandbox::new();
    let builder = Builder::new().prefix("dirpfx_").parent(sandbox.path());
    let dir = builder.create().await.unwrap();
    dir.write("file", "data").await.unwrap();
    let original = dir.path().to_path_buf();
    let target = dir.persist(sandbox.join("target")).await.unwrap();
    assert_eq!(target, sandbox.join("target"));
    assert!(!original.exists());
    assert_eq!(fs::read(target.join("file")).unwrap(), b"data");
    fs::remove_dir_all(target).unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_failed_persist_loses_nothing() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    dir.write("file", "data").await.unwrap();
    let original = dir.path().to_path_buf();
    let target = sandbox.join("missing").join("target");
    let error = dir.persist(&target).await.unwrap_err();
    assert_eq!(error.error().kind(), ErrorKind::NotFound);
    assert!(!target.exists());
    // Where async-tempfile returns the path, for `from_existing`, this returns the handle.
    let dir = error.into_dir();
    assert_eq!(dir.path(), original);
    assert_eq!(dir.read("file").await.unwrap(), b"data");
    dropped(dir).await;
    sandbox.check();
}

#[test]
fn a_runtime_that_unwinds_removes_its_directory() {
    let sandbox = Sandbox::new();
    let parent = sandbox.path().to_path_buf();
    let thread = thread::spawn(move || {
        support::multi_thread().block_on(async {
            let dir = AsyncTempDir::new_in(parent).await.unwrap();
            dir.write("file", "").await.unwrap();
            resume_unwind(Box::new("while it holds a directory"))
        })
    });
    let outcome: thread::Result<()> = thread.join();
    assert!(outcome.is_err());
    sandbox.check();
}

#[test]
fn a_drop_on_a_thread_of_the_runtime_does_not_deadlock() {
    for runtime in support::runtimes() {
        let sandbox = Sandbox::new();
        runtime.block_on(async {
            let dir = sandbox.dir().await;
            dropped(dir).await;
        });
        sandbox.check();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_that_create_and_drop_leave_nothing_and_share_no_name() {
    let sandbox = Sandbox::new();
    let outer = Arc::new(sandbox.dir().await);
    let tasks = (0..8).map(|task| {
        let outer = Arc::clone(&outer);
        tokio::spawn(async move {
            let mut names = Vec::new();
            for _ in 0..times(10) {
                let dir = outer.temp_dir().await.unwrap();
                let file = dir.temp_file().await.unwrap();
                names.push(dir.file_name().to_owned());
                names.push(file.file_path().file_name().unwrap().to_owned());
                if task % 2 == 0 {
                    file.drop_async().await;
                    dir.close().await.unwrap();
                } else {
                    drop(file);
                    dropped(dir).await;
                }
            }
            names
        })
    });
    let mut all = HashSet::new();
    for names in join_all(tasks).await {
        for name in names.unwrap() {
            assert!(all.insert(name), "a name is given once");
        }
    }
    assert!(outer.list().await.unwrap().is_empty());
    Arc::into_inner(outer).unwrap().close().await.unwrap();
    sandbox.check();
}
