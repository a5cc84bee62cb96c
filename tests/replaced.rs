//! Something else has the directory's name: it is never touched, and the operation says so.

mod support;

use std::fs;
use std::path::Path;

use async_tempdir::{AsyncTempDir, cleanup};
#[cfg(target_os = "linux")]
use support::{Identity, identity};
use support::{Sandbox, alone};

/// Makes `path` again, as a directory that the filesystem knows from the one `before`. Usually the
/// first is; ext4 may give it the same inode within the same tick of the clock.
fn make_again(path: &Path, before: &Identity) {
    support::until("it is another directory", || {
        fs::create_dir(path).unwrap();
        let other = identity(path) != *before;
        if !other {
            fs::remove_dir(path).unwrap();
        }
        other
    });
    fs::write(path.join("theirs"), "theirs").unwrap();
}

#[cfg(all(unix, not(target_os = "linux")))]
type Identity = u64;

#[cfg(all(unix, not(target_os = "linux")))]
fn identity(path: &Path) -> Identity {
    std::os::unix::fs::MetadataExt::ino(&fs::metadata(path).unwrap())
}

#[cfg(windows)]
type Identity = u64;

/// NTFS gives no number twice, but a filesystem of Unix under Wine does.
#[cfg(windows)]
fn identity(path: &Path) -> Identity {
    let handle = winapi_util::Handle::from_path_any(path).unwrap();
    winapi_util::file::information(handle).unwrap().file_index()
}

#[derive(Clone, Copy, Debug)]
enum Replaced {
    RenamedAway,
    RemovedAndMadeAgain,
    ByFile,
    #[cfg(unix)]
    BySymlink,
}

const WAYS: &[Replaced] = &[
    Replaced::RenamedAway,
    Replaced::RemovedAndMadeAgain,
    Replaced::ByFile,
    // Making one takes a right there that few have.
    #[cfg(unix)]
    Replaced::BySymlink,
];

/// Puts something else in the place of `path`.
fn replace(path: &Path, way: Replaced, sandbox: &Sandbox) {
    let before = identity(path);
    match way {
        Replaced::RenamedAway => {
            fs::rename(path, sandbox.join("away")).unwrap();
            make_again(path, &before);
        }
        Replaced::RemovedAndMadeAgain => {
            fs::remove_dir_all(path).unwrap();
            make_again(path, &before);
        }
        #[cfg(unix)]
        Replaced::BySymlink => {
            fs::remove_dir_all(path).unwrap();
            fs::create_dir(sandbox.join("away")).unwrap();
            fs::write(sandbox.join("away/theirs"), "theirs").unwrap();
            std::os::unix::fs::symlink(sandbox.join("away"), path).unwrap();
        }
        Replaced::ByFile => {
            fs::remove_dir_all(path).unwrap();
            fs::write(path, "theirs").unwrap();
        }
    }
}

/// Asserts that what was put there still is, and takes it away.
fn check_untouched(path: &Path, way: Replaced, sandbox: &Sandbox) {
    let theirs = match way {
        Replaced::ByFile => path.to_path_buf(),
        _ => path.join("theirs"),
    };
    let content = fs::read_to_string(&theirs);
    assert_eq!(
        content.expect("a stranger's is not touched"),
        "theirs",
        "{way:?}"
    );
    if fs::symlink_metadata(path).unwrap().is_dir() {
        fs::remove_dir_all(path).unwrap();
    } else {
        fs::remove_file(path).unwrap();
    }
    let _ = fs::remove_dir_all(sandbox.join("away"));
}

async fn replaced_dir(way: Replaced, sandbox: &Sandbox) -> AsyncTempDir {
    let dir = sandbox.dir().await;
    dir.write("ours", "ours").await.unwrap();
    replace(dir.path(), way, sandbox);
    dir
}

#[track_caller]
fn assert_says(message: &str, path: &Path) {
    assert!(message.contains("replaced"), "{message}");
    let named = format!("{path:?}");
    assert!(message.contains(named.trim_matches('"')), "{message}");
}

#[tokio::test]
async fn close_says_so() {
    for &way in WAYS {
        let sandbox = Sandbox::new();
        let dir = replaced_dir(way, &sandbox).await;
        let path = dir.path().to_path_buf();
        let error = dir.close().await.expect_err("it is not there any more");
        assert_says(&error.to_string(), &path);
        assert_eq!(error.path(), path);
        assert_eq!((error.removed().files, error.removed().dirs), (0, 0));
        check_untouched(&path, way, &sandbox);
        sandbox.check();
    }
}

#[test]
fn a_drop_tells_the_hook() {
    let _alone = alone();
    support::current_thread().block_on(tell_the_hook());
}

async fn tell_the_hook() {
    let (tx, rx) = std::sync::mpsc::channel();
    cleanup::set_failure_hook(move |error| {
        tx.send((error.path().to_owned(), error.to_string()))
            .unwrap()
    });
    for &way in WAYS {
        let sandbox = Sandbox::new();
        let dir = replaced_dir(way, &sandbox).await;
        let path = dir.path().to_path_buf();
        let failures = cleanup::failures();
        drop(dir);
        cleanup::idle().await;
        assert_eq!(cleanup::failures(), failures + 1);
        let (at, message) = rx
            .try_recv()
            .expect("the hook was called before idle returned");
        assert_eq!(at, path);
        assert_says(&message, &path);
        check_untouched(&path, way, &sandbox);
        sandbox.check();
    }
    cleanup::set_failure_hook(|_| {});
}

#[test]
fn operations_inside_say_so() {
    let _alone = alone();
    support::multi_thread().block_on(say_so_inside());
}

async fn say_so_inside() {
    for &way in WAYS {
        let sandbox = Sandbox::new();
        let dir = replaced_dir(way, &sandbox).await;
        let path = dir.path().to_path_buf();
        for error in [
            dir.write("theirs", "ours").await.unwrap_err(),
            dir.read("theirs").await.unwrap_err(),
            dir.create("new").await.unwrap_err(),
            dir.create_dir("new").await.unwrap_err(),
            dir.list().await.unwrap_err(),
            dir.temp_dir().await.unwrap_err(),
        ] {
            assert_says(&error.to_string(), &path);
        }
        let error = dir.persist(sandbox.join("target")).await.unwrap_err();
        assert_says(&error.to_string(), &path);
        check_untouched(&path, way, &sandbox);
        drop(error);
        cleanup::idle().await;
        sandbox.check();
    }
}
