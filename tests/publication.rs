//! The settings of `persist` and `replace`, and the errors that keep the directory.

mod support;

use std::fs;
use std::io;
use std::path::PathBuf;

use async_tempdir::{AsyncTempDir, Ending, TempRoot, cleanup};
use futures::FutureExt;
use futures::future::FusedFuture;
use support::Sandbox;

#[tokio::test]
async fn nothing_happens_until_it_is_polled() {
    let sandbox = Sandbox::new();
    let target = sandbox.join("target");
    let dir = sandbox.dir().await;
    let (path, ending) = (dir.path().to_path_buf(), dir.removed());
    let persisting = dir.persist(&target);
    assert!(path.exists() && !target.exists());
    let debug = format!("{persisting:?}");
    assert!(debug.contains(&format!("{target:?}")), "{debug}");
    assert!(debug.contains(&format!("{path:?}")), "{debug}");
    drop(persisting);
    assert_eq!(ending.await, Ending::Removed);
    assert!(!target.exists());
    sandbox.check();
}

#[tokio::test]
async fn after_its_end_it_is_pending() {
    let sandbox = Sandbox::new();
    let target = sandbox.join("target");
    let dir = sandbox.dir().await;
    let mut persisting = dir.persist(&target);
    assert!(!persisting.is_terminated());
    (&mut persisting).await.unwrap();
    assert!(persisting.is_terminated());
    assert!((&mut persisting).now_or_never().is_none());
    fs::remove_dir(target).unwrap();
    sandbox.check();
}

/// Converts the error of a publication that fails, and returns where it says that it is kept.
async fn kept(dir: AsyncTempDir, until: &str) -> PathBuf {
    dir.write("file", "kept").await.unwrap();
    let path = dir.path().to_path_buf();
    let ending = dir.removed();
    let fail =
        async || -> io::Result<PathBuf> { Ok(dir.persist(path.join("missing/target")).await?) };
    let error = fail().await.unwrap_err();
    assert_eq!(ending.await, Ending::Kept);
    let message = error.to_string();
    assert!(
        message.starts_with(&format!("cannot persist {path:?} as ")),
        "{message}"
    );
    let (_, at) = message.split_once("; it is kept at \"").unwrap();
    let (at, rest) = at.split_once('"').unwrap();
    assert_eq!(rest, until);
    let at = PathBuf::from(at.replace("\\\\", "\\"));
    assert_eq!(fs::read_to_string(at.join("file")).unwrap(), "kept");
    at
}

#[tokio::test]
async fn an_io_error_keeps_the_directory_and_says_where() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let path = dir.path().to_path_buf();
    assert_eq!(kept(dir, "").await, path);
    cleanup::idle().await;
    fs::remove_dir_all(path).unwrap();
    sandbox.check();
}

#[test]
fn an_io_error_keeps_the_directory_longer_than_those_around_it() {
    support::current_thread().block_on(is_kept_outside());
}

/// Each system has its own error then.
#[cfg(target_os = "linux")]
#[test]
fn an_io_error_keeps_the_directory_longer_where_a_rename_may_replace() {
    let name = test_name!();
    if !support::is_child(name) && !support::require(name, &[support::Need::Strace]) {
        return;
    }
    let inject = "inject=renameat2:error=EINVAL";
    let strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", inject];
    if support::in_process(name, &strace) {
        support::current_thread().block_on(is_kept_outside());
    }
}

async fn is_kept_outside() {
    let sandbox = Sandbox::new();
    let root = TempRoot::open_in("app", sandbox.path()).await.unwrap();
    let outer = root.temp_dir().await.unwrap();
    let inner = outer.temp_dir().await.unwrap();
    let name = inner.file_name().to_owned();
    // Its own name is taken.
    fs::write(sandbox.path().join(&name), "theirs").unwrap();
    let hidden = kept(inner, "").await;
    let inner = outer.temp_dir().await.unwrap();
    let expected = sandbox.path().join(inner.file_name());
    let free = kept(inner, "").await;
    assert_eq!(free, expected);
    outer.close().await.unwrap();
    root.close().await.unwrap();
    for path in [hidden, free] {
        assert_eq!(path.parent(), Some(sandbox.path()));
        assert_eq!(fs::read_to_string(path.join("file")).unwrap(), "kept");
        fs::remove_dir_all(path).unwrap();
    }
    fs::remove_file(sandbox.path().join(name)).unwrap();
    sandbox.check();
}

/// One with a directory inside, whose path must not change, is kept where it is.
#[tokio::test]
async fn an_io_error_says_until_when_the_directory_is_kept() {
    let sandbox = Sandbox::new();
    let outer = sandbox.dir().await;
    let inner = outer.temp_dir().await.unwrap();
    let child = inner.temp_dir().await.unwrap();
    let path = inner.path().to_path_buf();
    let until = format!(" until {:?} is removed", outer.path());
    assert_eq!(kept(inner, &until).await, path);
    child.write("file", "").await.unwrap();
    child.close().await.unwrap();
    outer.close().await.unwrap();
    assert!(!path.exists());
    sandbox.check();
}

#[tokio::test]
async fn a_dropped_error_removes_the_directory() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let fail = async || -> Result<PathBuf, Box<dyn std::error::Error>> {
        Ok(dir.persist(sandbox.join("missing/target")).await?)
    };
    drop(fail().await.unwrap_err());
    cleanup::idle().await;
    sandbox.check();
}

#[cfg(unix)]
#[tokio::test]
async fn the_permissions_are_those_that_were_asked_for() {
    use std::fs::Permissions;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::path::Path;

    let sandbox = Sandbox::new();
    let mode = |path: &Path| fs::symlink_metadata(path).unwrap().mode() & 0o7777;
    let usual = sandbox.join("usual");
    fs::create_dir(&usual).unwrap();
    let new = async || {
        let dir = sandbox.dir().await;
        dir.write("file", "").await.unwrap();
        dir
    };
    let target = sandbox.join("target");
    let at = &target;
    new().await.persist(at).await.unwrap();
    assert_eq!(mode(at), 0o700);
    // Each in the place of the one before, also where the owner may not write.
    for wanted in [0o755, 0o1770, 0o555, 0o755, 0o500] {
        let before = mode(at);
        let permissions = Permissions::from_mode(wanted);
        let old = new().await.replace(at).permissions(permissions).await;
        let old = old.unwrap().unwrap();
        assert_eq!(mode(old.path()), before, "the old one has its own");
        old.close().await.unwrap();
        assert_eq!(mode(at), wanted, "{wanted:o}");
    }
    let old = new().await.replace(at).default_permissions().await;
    old.unwrap().unwrap().close().await.unwrap();
    assert_eq!(mode(at), mode(&usual));
    assert_eq!(sandbox.leftovers().len(), 2, "the probe is removed");

    // They are put back.
    let dir = new().await;
    let permissions = Permissions::from_mode(0o755);
    let error = dir.persist(at).permissions(permissions).await.unwrap_err();
    assert_eq!(mode(error.dir().path()), 0o700);
    let error = error.into_dir().persist(at).default_permissions().await;
    let error = error.unwrap_err();
    assert_eq!(mode(error.dir().path()), 0o700);
    error.into_dir().close().await.unwrap();
    fs::remove_dir_all(target).unwrap();
    fs::remove_dir(usual).unwrap();
    sandbox.check();
}

#[tokio::test]
async fn synced_it_is_there() {
    let sandbox = Sandbox::new();
    let target = sandbox.join("target");
    for version in ["1", "2"] {
        let dir = sandbox.dir().await;
        dir.write("a/file", version).await.unwrap();
        let old = dir.replace(&target).sync(true).await.unwrap();
        assert_eq!(old.is_some(), version == "2");
        assert_eq!(fs::read_to_string(target.join("a/file")).unwrap(), version);
        if let Some(old) = old {
            old.close().await.unwrap();
        }
    }
    fs::remove_dir_all(target).unwrap();
    sandbox.check();
}

/// Everything before the rename, the entries after it; and moved back if these cannot be written.
#[cfg(target_os = "linux")]
#[test]
fn a_sync_is_what_the_system_is_asked_for() {
    use support::Need;

    let name = test_name!();
    if support::is_child(name) {
        return support::current_thread().block_on(async {
            let sandbox = Sandbox::new_in(&support::in_memory());
            let target = sandbox.join("target");
            for version in ["1", "2"] {
                let dir = sandbox.dir().await;
                dir.write("file", version).await.unwrap();
                drop(dir.replace(&target).sync(true).await.unwrap());
            }
            cleanup::idle().await;
            fs::remove_dir_all(target).unwrap();
            sandbox.check();
        });
    }
    if !support::require(name, &[Need::Strace]) {
        return;
    }
    let log = tempfile::NamedTempFile::new().unwrap();
    let path = log.path().to_str().unwrap();
    let calls = "trace=syncfs,fsync,renameat2";
    let status = support::this_test(name, &["strace", "-f", "-qq", "-o", path, "-e", calls])
        .stdout(std::process::Stdio::null())
        .status();
    assert!(status.unwrap().success());
    let log = fs::read_to_string(path).unwrap();
    let calls: Vec<_> = ["syncfs", "renameat2", "fsync"]
        .into_iter()
        .flat_map(|call| {
            let begins = move |line: &str| line.contains(&format!(" {call}("));
            log.lines()
                .enumerate()
                .filter(move |(_, line)| begins(line))
                .map(move |(at, _)| (at, call))
        })
        .collect::<std::collections::BTreeMap<_, _>>()
        .into_values()
        .collect();
    let one = ["syncfs", "renameat2", "fsync", "fsync"];
    assert_eq!(calls, [one, one].concat(), "{log}");
}

#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_synced_is_moved_back() {
    use support::Need;

    let name = test_name!();
    if !support::is_child(name) && !support::require(name, &[Need::Strace]) {
        return;
    }
    let inject = "inject=fsync:error=EIO";
    if !support::in_process(
        name,
        &["strace", "-f", "-qq", "-o", "/dev/null", "-e", inject],
    ) {
        return;
    }
    support::current_thread().block_on(async {
        let sandbox = Sandbox::new();
        let target = sandbox.join("target");
        let mut dir = sandbox.dir().await;
        dir.write("file", "new").await.unwrap();
        let path = dir.path().to_path_buf();
        for exists in [false, true] {
            if exists {
                fs::create_dir(&target).unwrap();
                fs::write(target.join("file"), "old").unwrap();
            }
            let error = dir.replace(&target).sync(true).await.unwrap_err();
            assert_eq!(
                rustix::io::Errno::from_io_error(inner(error.error())),
                Some(rustix::io::Errno::IO)
            );
            dir = error.into_dir();
            assert_eq!(dir.path(), path);
            assert_eq!(dir.read_to_string("file").await.unwrap(), "new");
            match exists {
                true => assert_eq!(fs::read_to_string(target.join("file")).unwrap(), "old"),
                false => assert!(!target.exists()),
            }
        }
        dir.close().await.unwrap();
        fs::remove_dir_all(target).unwrap();
        sandbox.check();
    });
}

/// The system wants that right where a directory moves to another parent: it is lent for that.
#[cfg(unix)]
#[test]
fn a_directory_that_its_owner_may_not_write_is_published_as_it_is() {
    use std::fs::Permissions;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::path::Path;

    if !support::as_ordinary_user(test_name!()) {
        return;
    }
    let mode = |path: &Path| fs::symlink_metadata(path).unwrap().mode() & 0o7777;
    support::current_thread().block_on(async {
        let sandbox = Sandbox::new();
        let outer = sandbox.dir().await;
        let target = sandbox.join("target");
        for wanted in [0o555, 0o500] {
            let new = async |text| {
                let dir = outer.temp_dir().await.unwrap();
                dir.write("file", text).await.unwrap();
                fs::set_permissions(dir.path(), Permissions::from_mode(wanted)).unwrap();
                dir
            };
            new("1").await.persist(&target).await.unwrap();
            assert_eq!(mode(&target), wanted);
            let old = new("2").await.replace(&target).sync(true).await;
            let old = old.unwrap().unwrap();
            assert_eq!([mode(&target), mode(old.path())], [wanted; 2]);
            assert_eq!(fs::read(target.join("file")).unwrap(), b"2");
            assert_eq!(old.read("file").await.unwrap(), b"1");
            old.close().await.unwrap();

            // What is refused has the same rights as before.
            let error = new("3").await.persist(&target).await.unwrap_err();
            let kind = error.error().kind();
            assert_ne!(kind, io::ErrorKind::PermissionDenied, "{error}");
            assert_eq!(mode(error.dir().path()), wanted);
            let kept = sandbox.path().join(error.dir().file_name());
            drop(io::Error::from(error));
            assert_eq!(mode(&kept), wanted, "it is kept beside the one around it");
            for path in [&target, &kept] {
                fs::set_permissions(path, Permissions::from_mode(0o700)).unwrap();
                fs::remove_dir_all(path).unwrap();
            }
        }
        outer.close().await.unwrap();
        sandbox.check();
    });
}

/// The same for the way back, if it cannot be synced.
#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_synced_is_moved_back_without_the_right_to_write() {
    use std::fs::Permissions;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::path::Path;

    use support::Need;

    let name = test_name!();
    if !support::is_child(name) && !support::require(name, &[Need::Strace]) {
        return;
    }
    let inject = "inject=fsync:error=EIO";
    let strace: &[&str] = &["strace", "-f", "-qq", "-o", "/dev/null", "-e", inject];
    if !support::in_process(name, &[support::ordinary_user(), strace].concat()) {
        return;
    }
    let mode = |path: &Path| fs::symlink_metadata(path).unwrap().mode() & 0o7777;
    support::current_thread().block_on(async {
        let sandbox = Sandbox::new();
        let outer = sandbox.dir().await;
        let mut dir = outer.temp_dir().await.unwrap();
        let target = sandbox.join("target");
        for exists in [false, true] {
            if exists {
                fs::create_dir(&target).unwrap();
                fs::set_permissions(&target, Permissions::from_mode(0o555)).unwrap();
            }
            let replaced = dir.replace(&target).sync(true);
            let replaced = replaced.permissions(Permissions::from_mode(0o500));
            let error = replaced.await.unwrap_err();
            assert_eq!(
                rustix::io::Errno::from_io_error(inner(error.error())),
                Some(rustix::io::Errno::IO)
            );
            dir = error.into_dir();
            assert_eq!(mode(dir.path()), 0o700);
            match exists {
                true => assert_eq!(mode(&target), 0o555),
                false => assert!(!target.exists()),
            }
        }
        dir.close().await.unwrap();
        outer.close().await.unwrap();
        fs::remove_dir(target).unwrap();
        sandbox.check();
    });
}

/// What a neighbour puts in its place during the sync is not published.
#[cfg(target_os = "linux")]
#[test]
fn what_takes_its_place_meanwhile_is_not_published() {
    use std::fs::Permissions;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use support::Need;

    let name = test_name!();
    if !support::is_child(name) && !support::require(name, &[Need::Strace]) {
        return;
    }
    let mut through = vec!["strace", "-f", "-qq", "-o", "/dev/null"];
    through.extend(["-e", "inject=syncfs:delay_exit=1000000"]);
    if !support::in_process(name, &through) {
        return;
    }
    support::current_thread().block_on(async {
        let sandbox = Sandbox::new_in(&support::in_memory());
        let target = sandbox.join("target");
        let dir = sandbox.dir().await;
        let path = dir.path().to_path_buf();
        let theirs = sandbox.join("theirs");
        fs::create_dir(&theirs).unwrap();
        let neighbour = {
            let (path, theirs) = (path.clone(), theirs.clone());
            std::thread::spawn(move || {
                let mode = || fs::metadata(&path).unwrap().mode() & 0o777;
                support::until("it is about to be synced", || mode() == 0o755);
                renameat_with(CWD, &theirs, CWD, &path, RenameFlags::EXCHANGE).unwrap();
            })
        };
        let permissions = Permissions::from_mode(0o755);
        let replaced = dir.replace(&target).permissions(permissions).sync(true);
        let error = replaced.await.unwrap_err();
        neighbour.join().unwrap();
        assert_eq!(error.error().kind(), io::ErrorKind::Other, "{error}");
        assert!(!target.exists());
        fs::remove_dir(path).unwrap();
        drop(error);
        cleanup::idle().await;
        fs::remove_dir(theirs).unwrap();
        sandbox.check();
    });
}

/// The error says where it is, and what it has replaced, and nowhere else.
#[cfg(target_os = "linux")]
fn neither_synced_nor_moved_back(name: &str, exists: bool) {
    use support::Need;

    if !support::is_child(name) && !support::require(name, &[Need::Strace]) {
        return;
    }
    let mut through = vec!["strace", "-f", "-qq", "-o", "/dev/null"];
    let back = "inject=renameat2:error=EACCES:when=2+";
    through.extend(["-e", "inject=fsync:error=EIO", "-e", back]);
    if !support::in_process(name, &through) {
        return;
    }
    support::current_thread().block_on(async {
        let sandbox = Sandbox::new_in(&support::in_memory());
        let target = sandbox.join("target");
        if exists {
            fs::create_dir(&target).unwrap();
            fs::write(target.join("file"), "old").unwrap();
        }
        let dir = sandbox.dir().await;
        dir.write("file", "new").await.unwrap();
        let path = dir.path().to_path_buf();
        let error = dir.replace(&target).sync(true).await.unwrap_err();
        let message = io::Error::from(error).to_string();
        assert!(message.contains("it is at the target"), "{message}");
        assert!(!message.contains("kept"), "{message}");
        assert_eq!(fs::read_to_string(target.join("file")).unwrap(), "new");
        if exists {
            let old = format!("what it has replaced is at {path:?}");
            assert!(message.contains(&old), "{message}");
            assert_eq!(fs::read_to_string(path.join("file")).unwrap(), "old");
            fs::remove_dir_all(path).unwrap();
        }
        assert_eq!(sandbox.leftovers(), [target.as_path()]);
        fs::remove_dir_all(target).unwrap();
        sandbox.check();
    });
}

#[cfg(target_os = "linux")]
#[test]
fn what_can_neither_be_synced_nor_moved_back_is_at_the_target() {
    neither_synced_nor_moved_back(test_name!(), false);
}

#[cfg(target_os = "linux")]
#[test]
fn what_can_neither_be_synced_nor_moved_back_says_where_the_old_one_is() {
    let name = test_name!();
    // Otherwise, more renames are made to fail.
    if support::is_child(name) || support::can_exchange(&support::in_memory()) {
        neither_synced_nor_moved_back(name, true);
    }
}

#[cfg(target_os = "linux")]
fn inner(error: &io::Error) -> &io::Error {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    let inner: &async_tempdir::PathError = inner.expect("it names the path");
    inner.io_error()
}
