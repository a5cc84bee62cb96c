//! From creation to removal, when all goes well.

mod support;

use std::fs;
use std::io;

use async_tempdir::{AsyncTempDir, Builder, Cleanup, cleanup};
use support::{Sandbox, fill, runtimes};

#[tokio::test]
async fn a_new_directory_is_empty_and_named_as_it_says() {
    if !support::in_process(test_name!(), &[]) {
        return;
    }
    let dir = AsyncTempDir::new().await.unwrap();
    let path = dir.path();
    assert!(path.is_absolute());
    assert!(path.starts_with(std::env::temp_dir()));
    assert_eq!(path.file_name(), Some(dir.file_name()));
    assert_eq!(fs::read_dir(path).unwrap().count(), 0);

    let name = dir.file_name().to_str().unwrap();
    let random = name.strip_prefix("tmp").expect("the default prefix");
    assert_eq!(random.len(), 10);
    assert!(random.chars().all(|char| char.is_ascii_alphanumeric()));
    dir.close().await.unwrap();
}

#[tokio::test]
async fn constructors_take_prefix_suffix_and_parent() {
    if !support::in_process(test_name!(), &[]) {
        return;
    }
    let sandbox = Sandbox::new();
    let parent = sandbox.path();

    let name = |dir: &AsyncTempDir| dir.file_name().to_str().unwrap().to_owned();
    let dirs = [
        AsyncTempDir::new_in(parent).await.unwrap(),
        AsyncTempDir::with_prefix_in("pre-", parent).await.unwrap(),
        AsyncTempDir::with_suffix_in("-suf", parent).await.unwrap(),
    ];
    for dir in &dirs {
        assert_eq!(dir.path().parent(), Some(parent));
    }
    assert!(name(&dirs[0]).starts_with("tmp"));
    assert!(name(&dirs[1]).starts_with("pre-"));
    assert!(name(&dirs[2]).starts_with("tmp") && name(&dirs[2]).ends_with("-suf"));
    for dir in dirs {
        dir.close().await.unwrap();
    }

    let elsewhere = [
        AsyncTempDir::with_prefix("pre-").await.unwrap(),
        AsyncTempDir::with_suffix("-suf").await.unwrap(),
    ];
    for dir in elsewhere {
        assert_eq!(dir.path().parent(), Some(std::env::temp_dir().as_path()));
        dir.close().await.unwrap();
    }
    sandbox.check();
}

#[tokio::test]
async fn the_builder_does_it_all() {
    let sandbox = Sandbox::new();
    let dir = AsyncTempDir::builder()
        .prefix("p")
        .suffix(".s")
        .random_len(3)
        .parent(sandbox.path())
        .cleanup(Cleanup::Always)
        .create()
        .await
        .unwrap();
    assert_eq!(dir.file_name().len(), "pXXX.s".len());
    dir.close().await.unwrap();

    let exact = Builder::new()
        .prefix("exactly-this")
        .random_len(0)
        .parent(sandbox.path())
        .create()
        .await
        .unwrap();
    assert_eq!(exact.path(), sandbox.join("exactly-this"));
    exact.close().await.unwrap();
    sandbox.check();
}

#[test]
fn a_dropped_directory_is_gone_when_idle_returns() {
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        runtime.block_on(async {
            let dir = sandbox.dir().await;
            let other = sandbox.dir().await;
            fill(dir.path());
            let path = dir.path().to_path_buf();
            drop(dir);
            cleanup::idle().await;
            assert!(!path.exists(), "a drop removes");
            assert!(other.path().exists(), "a drop removes nothing else");
            sandbox.check_sibling();
            other.close().await.unwrap();
        });
        sandbox.check();
    }
}

#[test]
fn a_test_that_returns_has_cleaned_up() {
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        runtime.block_on(async {
            let dir = sandbox.dir().await;
            fill(dir.path());
        });
        // What `#[tokio::test]` does at its end, without a line of the user's.
        drop(runtime);
        sandbox.check();
    }
}

#[tokio::test]
async fn close_counts_what_it_removed() {
    let sandbox = Sandbox::new();
    let empty = sandbox.dir().await;
    let removed = empty.close().await.unwrap();
    assert_eq!((removed.files, removed.dirs), (0, 1));

    let full = sandbox.dir().await;
    fill(full.path());
    let removed = full.close().await.unwrap();
    assert_eq!((removed.files, removed.dirs), (11, 4));
    sandbox.check();
}

#[tokio::test]
async fn close_of_what_somebody_removed_is_success() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    fs::remove_dir(dir.path()).unwrap();
    let removed = dir.close().await.unwrap();
    assert_eq!((removed.files, removed.dirs), (0, 0));
    sandbox.check();
}

#[tokio::test]
async fn a_close_that_is_not_awaited_removes_all_the_same() {
    let sandbox = Sandbox::new();
    let dir = Builder::new()
        .parent(sandbox.path())
        .cleanup(Cleanup::Never)
        .create()
        .await
        .unwrap();
    drop(dir.close());
    let dir = sandbox.dir().await;
    drop(dir.close().into_future());
    cleanup::idle().await;
    sandbox.check();
}

#[tokio::test]
async fn a_kept_directory_stays() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    dir.write("file", "content").await.unwrap();
    let path = dir.keep();
    cleanup::idle().await;
    assert_eq!(fs::read_to_string(path.join("file")).unwrap(), "content");
    fs::remove_dir_all(path).unwrap();
    sandbox.check();
}

#[tokio::test]
async fn the_policy_decides_what_a_drop_does() {
    let sandbox = Sandbox::new();
    let mut never = sandbox.dir().await;
    let mut always = Builder::new()
        .cleanup(Cleanup::Never)
        .parent(sandbox.path())
        .create()
        .await
        .unwrap();
    never.set_cleanup(Cleanup::Never);
    always.set_cleanup(Cleanup::Always);
    let kept = never.path().to_path_buf();
    drop((never, always));
    cleanup::idle().await;
    assert_eq!(sandbox.leftovers(), [kept.as_path()]);
    fs::remove_dir(kept).unwrap();
    sandbox.check();
}

#[tokio::test]
async fn persist_moves_and_keeps() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    dir.write("file", "content").await.unwrap();
    let from = dir.path().to_path_buf();
    let target = sandbox.join("published");
    assert_eq!(dir.persist(&target).await.unwrap(), target);
    cleanup::idle().await;
    assert!(!from.exists());
    assert_eq!(fs::read_to_string(target.join("file")).unwrap(), "content");
    fs::remove_dir_all(target).unwrap();
    sandbox.check();
}

#[tokio::test]
async fn persist_gives_the_handle_back_when_it_fails() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let path = dir.path().to_path_buf();

    let error = dir
        .persist(sandbox.join("missing/target"))
        .await
        .unwrap_err();
    assert_eq!(error.error().kind(), io::ErrorKind::NotFound);
    let message = error.to_string();
    assert!(message.contains(&format!("{path:?}")), "{message}");
    assert!(message.contains("missing/target"), "{message}");
    assert_eq!(error.dir().path(), path);
    let dir = error.into_dir();
    assert!(path.exists(), "the directory stays where it was");

    let full = sandbox.join("full");
    fs::create_dir(&full).unwrap();
    fs::write(full.join("file"), "theirs").unwrap();
    let error = dir.persist(&full).await.unwrap_err();
    let kind = error.error().kind();
    let expected = match kind {
        // Windows says so of any directory in the way.
        io::ErrorKind::PermissionDenied if cfg!(windows) => kind,
        // XFS, for one; POSIX leaves the choice.
        io::ErrorKind::AlreadyExists if cfg!(unix) => kind,
        _ => io::ErrorKind::DirectoryNotEmpty,
    };
    assert_eq!(kind, expected);
    assert_eq!(fs::read_to_string(full.join("file")).unwrap(), "theirs");
    fs::remove_dir_all(full).unwrap();

    // Turned into an error of I/O, the directory is kept, and the message says where.
    let error = io::Error::from(error);
    assert_eq!(error.kind(), kind);
    assert!(
        error
            .to_string()
            .ends_with(&format!("; it is kept at {path:?}")),
        "{error}"
    );
    drop(error);
    cleanup::idle().await;
    assert!(path.exists());
    fs::remove_dir_all(&path).unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_scope_removes_before_it_returns() {
    let path = AsyncTempDir::scope(async |dir| {
        fill(dir.path());
        tokio::task::yield_now().await;
        io::Result::Ok(dir.path().to_path_buf())
    })
    .await
    .unwrap();
    assert!(!path.exists());
}

#[tokio::test]
async fn a_scope_that_panics_removes_before_the_panic_goes_on() {
    let (tx, rx) = tokio::sync::oneshot::channel();
    let task = tokio::spawn(async {
        AsyncTempDir::scope(async |dir| {
            tx.send(dir.path().to_path_buf()).unwrap();
            tokio::task::yield_now().await;
            if dir.path().exists() {
                panic!("on purpose");
            }
            io::Result::Ok(())
        })
        .await
    });
    let path = rx.await.unwrap();
    let panic = task.await.unwrap_err().into_panic();
    assert_eq!(*panic.downcast::<&str>().unwrap(), "on purpose");
    assert!(!path.exists(), "removed before the panic goes on");
}

#[tokio::test]
async fn a_handle_may_be_shared_and_dropped_anywhere() {
    let sandbox = Sandbox::new();
    let dir = std::sync::Arc::new(sandbox.dir().await);
    let tasks: Vec<_> = (0..10)
        .map(|n| {
            let dir = dir.clone();
            tokio::spawn(async move { dir.write(format!("{n}"), "x").await.unwrap() })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(dir.list().await.unwrap().len(), 10);
    std::thread::spawn(move || drop(dir)).join().unwrap();
    cleanup::idle().await;
    sandbox.check();
}

#[cfg(unix)]
#[tokio::test]
async fn a_directory_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;

    let sandbox = Sandbox::new();
    let mode = |dir: &AsyncTempDir| fs::metadata(dir.path()).unwrap().permissions().mode() & 0o7777;
    let dir = sandbox.dir().await;
    assert_eq!(mode(&dir), 0o700);
    let open = Builder::new()
        .parent(sandbox.path())
        .permissions(fs::Permissions::from_mode(0o750))
        .create()
        .await
        .unwrap();
    // The usual umasks leave the group's bits to the group; none takes the owner's.
    assert_eq!(mode(&open) & 0o700, 0o700);
    assert_eq!(mode(&open) & !0o750, 0);
    dir.close().await.unwrap();
    open.close().await.unwrap();
    sandbox.check();
}

#[test]
fn a_thousand_names_are_a_thousand_names() {
    let sandbox = Sandbox::new();
    support::multi_thread().block_on(async {
        let mut dirs = Vec::new();
        for _ in 0..1_000 {
            dirs.push(sandbox.dir().await);
        }
        let names: std::collections::HashSet<_> =
            dirs.iter().map(|dir| dir.file_name().to_owned()).collect();
        assert_eq!(names.len(), 1_000);
        drop(dirs);
        cleanup::idle().await;
    });
    sandbox.check();
}
