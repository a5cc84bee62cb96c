//! What programs write first: each must compile, and do what its reader expects.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::fs;
use std::future::ready;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use async_tempdir::{AsyncTempDir, Builder, Ending};
use futures::future::{join_all, try_join_all};
use futures::{StreamExt, TryStreamExt, stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use crate::support::{self, Sandbox};
use crate::test_name;

#[tokio::test]
async fn write_takes_text_and_bytes_of_every_type() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let text = String::from("abc");
    let bytes = b"abc".to_vec();
    dir.write("a", &text).await.unwrap();
    dir.write("b", text.as_str()).await.unwrap();
    dir.write("c", text.clone()).await.unwrap();
    dir.write("d", &bytes).await.unwrap();
    dir.write("e", &bytes[..]).await.unwrap();
    dir.write("f", bytes).await.unwrap();
    dir.write("g", Cow::Borrowed("abc")).await.unwrap();
    dir.write("h", String::from_utf8_lossy(b"abc"))
        .await
        .unwrap();
    dir.write("i", b"abc").await.unwrap();
    dir.write("j", [b'a', b'b', b'c']).await.unwrap();
    dir.write("k", format!("a{}", "bc")).await.unwrap();
    dir.write("l", text.into_boxed_str()).await.unwrap();
    for path in dir.list().await.unwrap() {
        assert_eq!(dir.read(&path).await.unwrap(), b"abc", "{path:?}");
    }
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn write_takes_references_of_every_type() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    for (path, text) in &[("a", "abc"), ("b", "abc")] {
        dir.write(path, text).await.unwrap();
    }
    for (path, text) in [("c", &"abc".to_owned())].iter() {
        dir.write(path, text).await.unwrap();
    }
    let shared: Arc<[u8]> = Arc::from(*b"abc");
    dir.write("d", &shared).await.unwrap();
    let boxed: Box<[u8]> = Box::from(*b"abc");
    dir.write("e", &boxed).await.unwrap();
    let cow: Cow<'_, [u8]> = Cow::Borrowed(b"abc");
    dir.write("f", &cow).await.unwrap();
    let numbers = &[96, 97, 98].iter().map(|n| n + 1).collect::<Vec<_>>();
    dir.write("g", numbers).await.unwrap();
    for path in dir.list().await.unwrap() {
        assert_eq!(dir.read(&path).await.unwrap(), b"abc", "{path:?}");
    }
    dir.write("empty", &[]).await.unwrap();
    dir.write("empty", []).await.unwrap();
    dir.write("empty", "").await.unwrap();
    dir.populate([("empty", &"")]).await.unwrap();
    assert!(dir.read("empty").await.unwrap().is_empty());
    dir.close().await.unwrap();
    sandbox.check();
}

#[test]
fn close_is_blocked_on() {
    let sandbox = Sandbox::new();
    let runtime = support::multi_thread();
    let dir = runtime.block_on(AsyncTempDir::new_in(sandbox.path()));
    runtime.block_on(dir.unwrap().close()).unwrap();
    sandbox.check();
}

#[tokio::test]
async fn close_is_spawned() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    tokio::spawn(dir.close()).await.unwrap().unwrap();
    sandbox.check();
}

#[tokio::test]
async fn close_is_boxed() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let boxed: std::pin::Pin<Box<dyn Future<Output = _> + Send>> = Box::pin(dir.close());
    boxed.await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn closes_are_joined() {
    let sandbox = Sandbox::new();
    let (a, b) = (sandbox.dir().await, sandbox.dir().await);
    let (a, b) = futures::join!(a.close(), b.close());
    a.and(b).unwrap();
    let (a, b) = (sandbox.dir().await, sandbox.dir().await);
    tokio::try_join!(a.close(), b.close()).unwrap();
    let dirs = try_join_all((0..4).map(|_| AsyncTempDir::new_in(sandbox.path())))
        .await
        .unwrap();
    for closed in join_all(dirs.into_iter().map(AsyncTempDir::close)).await {
        closed.unwrap();
    }
    sandbox.check();
}

#[tokio::test]
async fn close_is_the_last_line_of_a_function() {
    async fn work(parent: &Path) -> io::Result<u64> {
        let dir = AsyncTempDir::new_in(parent).await?;
        dir.write("file", "x").await?;
        let removed = dir.close().await?;
        Ok(removed.files)
    }
    let sandbox = Sandbox::new();
    assert_eq!(work(sandbox.path()).await.unwrap(), 1);
    sandbox.check();
}

#[tokio::test]
async fn a_returned_path_is_taken_by_every_method() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let file: PathBuf = dir.write("file", "x").await.unwrap();
    let sub: PathBuf = dir.create_dir("sub").await.unwrap();
    let joined = dir.path().join("joined");
    assert_eq!(dir.read(&file).await.unwrap(), b"x");
    dir.write(&file, "y").await.unwrap();
    assert_eq!(dir.read_to_string(&file).await.unwrap(), "y");
    drop(dir.open(&file).await.unwrap());
    drop(dir.append(&file).await.unwrap());
    dir.copy(&file, &joined).await.unwrap();
    dir.rename(&joined, sub.join("renamed")).await.unwrap();
    dir.hard_link(&file, &joined).await.unwrap();
    drop(dir.create_new(sub.join("new")).await.unwrap());
    dir.create_dir_all(&sub).await.unwrap();
    let permissions = dir.metadata(&file).await.unwrap().permissions();
    dir.set_permissions(&file, permissions).await.unwrap();
    assert!(dir.symlink_metadata(&sub).await.unwrap().is_dir());
    dir.populate([(sub.join("1"), "1")]).await.unwrap();
    dir.write_reader(sub.join("2"), &b"2"[..]).await.unwrap();
    let chunks = stream::iter([Ok::<_, io::Error>("3")]);
    dir.write_stream(sub.join("3"), chunks).await.unwrap();
    drop(dir.read_dir(&sub).await.unwrap());
    assert!(dir.try_exists(&joined).await.unwrap());
    dir.remove(joined).await.unwrap();
    dir.remove(&sub).await.unwrap();
    assert_eq!(dir.list().await.unwrap(), [Path::new("file")]);
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_builder_creates_inside_a_directory() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let inner = Builder::new().prefix("x").inside(&dir).create();
    let inner = inner.await.unwrap();
    assert_eq!(inner.path().parent(), Some(dir.path()));
    assert!(inner.file_name().to_str().unwrap().starts_with('x'));
    inner.close().await.unwrap();
    dir.close().await.unwrap();
    sandbox.check();
}

#[test]
fn a_constructor_is_a_plain_function() {
    struct Cache {
        dir: AsyncTempDir,
    }
    impl Cache {
        fn new() -> Self {
            let dir = AsyncTempDir::new_blocking().expect("a directory");
            Self { dir }
        }
        async fn put(&self, key: &str, value: &str) -> io::Result<PathBuf> {
            self.dir.write(key, value).await
        }
    }
    let cache = Cache::new();
    let path = support::current_thread().block_on(cache.put("a", "1"));
    let path = path.unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "1");
    drop(cache);
    assert!(!path.exists(), "outside a runtime, the drop removes it");
}

#[tokio::test]
async fn a_scope_returns_what_its_closure_does() {
    let text = AsyncTempDir::scope(async |dir| {
        dir.write("file", "text").await?;
        dir.read_to_string("file").await
    });
    assert_eq!(text.await.unwrap(), "text");
}

#[tokio::test]
async fn a_scope_with_a_question_mark() {
    async fn work() -> io::Result<usize> {
        let n = AsyncTempDir::scope(async |dir| {
            dir.write("file", "text").await?;
            Ok::<_, io::Error>(dir.list().await?.len())
        })
        .await?;
        Ok(n)
    }
    assert_eq!(work().await.unwrap(), 1);
}

#[tokio::test]
async fn a_stream_has_a_limit() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let chunks = || stream::iter(["12345", "67890"].map(Ok::<_, io::Error>));
    assert_eq!(
        dir.write_stream("a", chunks()).max_len(10).await.unwrap(),
        10
    );
    let error = dir
        .write_stream("b", chunks())
        .max_len(9)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    assert_eq!(dir.list().await.unwrap(), [Path::new("a")]);
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn the_output_of_a_child_process_is_written() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    // Its usage or its list of tests: this executable is a program that there is everywhere.
    let mut child = Command::new(std::env::current_exe().unwrap())
        .arg("--help")
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let stdout = child.stdout.take().unwrap();
    let n = dir.write_reader("out", stdout).await.unwrap();
    assert!(child.wait().await.unwrap().success());
    assert!(n > 0 && dir.metadata("out").await.unwrap().len() == n);
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_directory_that_another_struct_drops_is_awaited() {
    struct Job {
        dir: AsyncTempDir,
        done: Arc<()>,
    }
    let sandbox = Sandbox::new();
    let done = Arc::new(());
    let job = Job {
        dir: sandbox.dir().await,
        done: Arc::clone(&done),
    };
    let removed = job.dir.removed();
    let task = tokio::spawn(async move {
        job.dir.write("file", "").await.unwrap();
        drop(job.done);
    });
    assert_eq!(removed.await, Ending::Removed);
    task.await.unwrap();
    assert_eq!(Arc::strong_count(&done), 1);
    sandbox.check();
}

#[tokio::test]
async fn a_close_that_fails_is_retried() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    dir.write("file", "").await.unwrap();
    let (path, away) = (dir.path().to_path_buf(), sandbox.join("away"));
    fs::rename(&path, &away).unwrap();
    fs::write(&path, "in the way").unwrap();
    let error = dir.close().await.unwrap_err();
    fs::remove_file(&path).unwrap();
    fs::rename(&away, &path).unwrap();
    let removed = error.retry().await.unwrap();
    assert_eq!((removed.files, removed.dirs), (1, 1));
    sandbox.check();
}

#[tokio::test]
async fn references_are_paths() {
    let sandbox = Sandbox::new();
    let mut dir = sandbox.dir().await;
    assert!(tokio::fs::metadata(&dir).await.unwrap().is_dir());
    assert!(fs::metadata(&mut dir).unwrap().is_dir());
    let inner = AsyncTempDir::new_in(&dir).await.unwrap();
    assert_eq!(inner.path().parent(), Some(dir.path()));
    inner.close().await.unwrap();
    let boxed = Box::new(dir);
    assert!(fs::metadata(&*boxed).unwrap().is_dir());
    boxed.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_command_runs_in_a_directory() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let mut command = Command::new(std::env::current_exe().unwrap());
    let output = command.arg("--help").current_dir(&dir).output();
    assert!(output.await.unwrap().status.success());
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn populate_takes_maps_and_lists() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let map = BTreeMap::from([("a".to_owned(), "1".to_owned())]);
    dir.populate(&map).await.unwrap();
    dir.populate(map).await.unwrap();
    dir.populate(HashMap::from([("b", vec![2])])).await.unwrap();
    dir.populate(vec![("c", "3"), ("d", "4")]).await.unwrap();
    let pairs = [("e", "5")];
    let borrowed = pairs.iter().map(|(path, text)| (path, text));
    dir.populate(borrowed).await.unwrap();
    dir.populate((0..3).map(|n| (format!("f/{n}"), n.to_string())))
        .await
        .unwrap();
    let list = dir.list().await.unwrap();
    let expected = ["a", "b", "c", "d", "e", "f", "f/0", "f/1", "f/2"];
    assert_eq!(list, expected.map(Path::new));
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_listing_is_collected() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    dir.populate([("a", ""), ("b/c", "")]).await.unwrap();
    let entries = dir.read_dir(".").await.unwrap();
    let mut names: Vec<_> = entries
        .map_ok(|entry| entry.file_name().to_owned())
        .try_collect()
        .await
        .unwrap();
    names.sort();
    assert_eq!(names, ["a", "b"]);
    let dirs = dir.read_dir(dir.path()).await.unwrap();
    let dirs = dirs.try_filter(|entry| ready(entry.file_type().is_dir()));
    assert_eq!(dirs.count().await, 1);
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn errors_are_passed_on_with_a_question_mark() {
    async fn of_io(dir: AsyncTempDir, target: &Path) -> io::Result<PathBuf> {
        dir.list().await?;
        Ok(dir.persist(target).await?)
    }
    async fn of_any(dir: AsyncTempDir) -> Result<(), Box<dyn Error + Send + Sync>> {
        let file = dir.temp_file().await?;
        file.close()?;
        dir.close().await?;
        Ok(())
    }
    let sandbox = Sandbox::new();
    let target = sandbox.join("missing").join("target");
    let dir = sandbox.dir().await;
    let (path, ending) = (dir.path().to_path_buf(), dir.removed());
    let result = of_io(dir, &target).await;
    assert_eq!(result.unwrap_err().kind(), io::ErrorKind::NotFound);
    // The error says where.
    assert_eq!(ending.await, Ending::Kept);
    fs::remove_dir(path).unwrap();
    of_any(sandbox.dir().await).await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_temporary_file_is_a_writer() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let mut file = dir.temp_file().await.unwrap();
    let n = tokio::io::copy(&mut &b"bytes"[..], &mut file).await;
    file.flush().await.unwrap();
    assert_eq!(n.unwrap(), 5);
    assert_eq!(dir.read(file.file_path()).await.unwrap(), b"bytes");
    drop(file);
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_reader_is_lent() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let mut reader = &b"first and second"[..];
    let first = (&mut reader).take(5);
    assert_eq!(dir.write_reader("first", first).await.unwrap(), 5);
    assert_eq!(dir.write_reader("rest", &mut reader).await.unwrap(), 11);
    assert_eq!(dir.read("rest").await.unwrap(), b" and second");
    let file = dir.open("rest").await.unwrap();
    assert_eq!(dir.write_reader("again", file).await.unwrap(), 11);
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_close_is_selected_and_has_a_deadline() {
    let sandbox = Sandbox::new();
    let mut close = sandbox.dir().await.close();
    tokio::select! {
        closed = &mut close => closed.unwrap(),
        () = std::future::pending() => unreachable!(),
    };
    let close = sandbox.dir().await.close();
    let minute = std::time::Duration::from_secs(60);
    tokio::time::timeout(minute, close).await.unwrap().unwrap();
    let mut set = tokio::task::JoinSet::new();
    for _ in 0..3 {
        set.spawn(sandbox.dir().await.close());
    }
    for closed in set.join_all().await {
        closed.unwrap();
    }
    sandbox.check();
}

#[tokio::test]
async fn a_handle_is_taken_out_of_a_field() {
    struct Session {
        dir: Option<AsyncTempDir>,
    }
    impl Session {
        async fn end(&mut self) -> io::Result<()> {
            if let Some(dir) = self.dir.take() {
                dir.close().await?;
            }
            Ok(())
        }
    }
    let sandbox = Sandbox::new();
    let dir = Some(sandbox.dir().await);
    let mut session = Session { dir };
    session.end().await.unwrap();
    session.end().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn tasks_share_a_directory() {
    let sandbox = Sandbox::new();
    let dir = Arc::new(sandbox.dir().await);
    let tasks = (0..4).map(|n| {
        let dir = Arc::clone(&dir);
        tokio::spawn(async move { dir.write(format!("{n}"), "").await })
    });
    for written in join_all(tasks).await {
        written.unwrap().unwrap();
    }
    let dir = Arc::into_inner(dir).expect("the tasks have ended");
    assert_eq!(dir.close().await.unwrap().files, 4);
    sandbox.check();
}

/// In a process of its own, whose current directory is another.
#[test]
fn an_empty_parent_is_the_current_directory() {
    let name = test_name!();
    if support::is_child(name) {
        return support::current_thread().block_on(async {
            let here = std::env::current_dir().unwrap();
            for parent in ["", ".", "./"] {
                let dir = AsyncTempDir::new_in(parent).await.unwrap();
                assert!(dir.path().is_absolute());
                assert_eq!(dir.path(), here.join(dir.file_name()), "{parent:?}");
                dir.close().await.unwrap();
            }
        });
    }
    let sandbox = Sandbox::new();
    support::in_process_with(name, &[], |command| {
        command.current_dir(sandbox.path());
    });
    sandbox.check();
}

#[tokio::test]
async fn a_temporary_file_has_an_extension() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let file = dir.temp_file_with("thumbnail-", ".png").await.unwrap();
    assert_eq!(file.file_path().extension().unwrap(), "png");
    assert!(dir.try_exists(file.file_path()).await.unwrap());
    let name = String::from("owned");
    drop(dir.temp_file_with(&name, name.clone()).await.unwrap());
    drop(file);
    assert!(dir.list().await.unwrap().is_empty());
    dir.close().await.unwrap();
    sandbox.check();
}
