//! What is put into the directory one by one, and taken out again.

mod support;

use std::fs;
use std::io::{ErrorKind, SeekFrom};
use std::path::{Path, PathBuf};

use async_tempdir::{AsyncTempDir, TempFile};
use support::{Sandbox, fill};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

#[tokio::test]
async fn a_file_created_new_has_not_been_there() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let mut file = dir.create_new("a/b/file").await.unwrap();
    file.write_all(b"new").await.unwrap();
    file.flush().await.unwrap();
    drop(file);
    let error = dir.create_new("a/b/file").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    let expected = format!("cannot create {:?}: ", dir.path().join("a/b/file"));
    assert!(error.to_string().starts_with(&expected), "{error}");
    assert_eq!(
        dir.create_new("a").await.unwrap_err().kind(),
        ErrorKind::AlreadyExists
    );
    assert_eq!(dir.read("a/b/file").await.unwrap(), b"new");

    #[cfg(unix)]
    for target in ["nowhere", "../nowhere", "/nowhere"] {
        std::os::unix::fs::symlink(target, dir.path().join("link")).unwrap();
        let error = dir.create_new("link").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
        dir.remove("link").await.unwrap();
    }
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn what_is_appended_stands_at_the_end() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    for word in ["one ", "two ", "three"] {
        let mut log = dir.append("logs/app.log").await.unwrap();
        log.seek(SeekFrom::Start(0)).await.unwrap();
        log.write_all(word.as_bytes()).await.unwrap();
        log.flush().await.unwrap();
    }
    let text = dir.read_to_string("logs/app.log").await.unwrap();
    assert_eq!(text, "one two three");
    let error = dir.append("logs").await.unwrap_err();
    let expected = format!("cannot append to {:?}: ", dir.path().join("logs"));
    assert!(error.to_string().starts_with(&expected), "{error}");
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn what_is_removed_is_gone_and_nothing_else() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    fill(dir.path());
    let before = dir.list().await.unwrap();

    dir.remove("x").await.unwrap();
    dir.remove("a/b/1").await.unwrap();
    dir.remove("a/b").await.unwrap();
    dir.remove("./a/../c/").await.unwrap();
    dir.create_dir("empty").await.unwrap();
    dir.remove("empty").await.unwrap();
    let gone =
        |path: &PathBuf| path == Path::new("x") || path.starts_with("a/b") || path.starts_with("c");
    let expected: Vec<_> = before.into_iter().filter(|path| !gone(path)).collect();
    assert_eq!(dir.list().await.unwrap(), expected);

    for (path, kind) in [
        ("x", ErrorKind::NotFound),
        ("nothing/at/all", ErrorKind::NotFound),
        ("y/x", ErrorKind::NotADirectory),
        (".", ErrorKind::InvalidInput),
        ("a/..", ErrorKind::InvalidInput),
        ("..", ErrorKind::InvalidInput),
        ("", ErrorKind::InvalidInput),
        ("a/../../sibling", ErrorKind::PermissionDenied),
        ("../sibling", ErrorKind::PermissionDenied),
    ] {
        let error = dir.remove(path).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{path:?}: {error}");
        let named = format!("cannot remove {:?}: ", dir.path().join(path));
        assert!(error.to_string().starts_with(&named), "{error}");
    }
    assert_eq!(dir.list().await.unwrap(), expected);
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_separator_at_the_end_asks_for_a_directory() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    dir.write("file", "").await.unwrap();
    for path in ["file/", "file//", "file/.", "file/./", "./file/.//"] {
        let error = dir.remove(path).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotADirectory, "{path}: {error}");
        let absolute = format!("{}/{path}", dir.path().display());
        let error = dir.remove(absolute).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotADirectory, "{path}: {error}");
        let error = dir.remove(format!("no/{path}")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{path}: {error}");
    }
    assert_eq!(dir.list().await.unwrap(), [Path::new("file")]);
    for path in ["d/", "d//", "d/.", "d/./"] {
        dir.write("d/file", "").await.unwrap();
        dir.remove(path).await.unwrap();
    }
    assert_eq!(dir.list().await.unwrap(), [Path::new("file")]);
    dir.close().await.unwrap();
    sandbox.check();
}

#[cfg(unix)]
#[tokio::test]
async fn links_are_removed_as_such() {
    use std::os::unix::fs::symlink;

    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    dir.write("sub/file", "").await.unwrap();
    let targets = ["sub", "sub/file", "nowhere", "../sibling", "link", "."];
    for target in targets {
        symlink(target, dir.path().join("link")).unwrap();
        dir.remove("link").await.unwrap();
        assert!(!dir.path().join("link").is_symlink());
    }
    // In the middle they are followed, inside. With a separator at the end, neither the link nor the
    // directory that it leads to is meant for certain.
    symlink("sub", dir.path().join("link")).unwrap();
    for path in ["link/", "link/."] {
        let error = dir.remove(path).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotADirectory, "{error}");
        assert!(dir.path().join("sub/file").exists());
    }
    dir.remove("link/file").await.unwrap();
    symlink("../sibling", dir.path().join("out")).unwrap();
    let error = dir.remove("out/file").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    assert_eq!(
        dir.list().await.unwrap(),
        ["link", "out", "sub"].map(Path::new)
    );
    dir.close().await.unwrap();
    sandbox.check();
}

/// What stays is reported as a removal reports it.
#[cfg(unix)]
#[test]
fn what_cannot_be_removed_is_named() {
    if !support::as_ordinary_user(test_name!()) {
        return;
    }
    use std::os::unix::fs::PermissionsExt;

    let sandbox = Sandbox::new();
    support::current_thread().block_on(async {
        let dir = sandbox.dir().await;
        dir.populate([("sub/a", ""), ("sub/b", ""), ("sub/deep/c", "")])
            .await
            .unwrap();
        let mode = |path: &str, mode| {
            fs::set_permissions(dir.path().join(path), fs::Permissions::from_mode(mode)).unwrap();
        };
        // Inside what is removed it is repaired; around it is not touched.
        mode("sub/deep", 0o500);
        mode("sub", 0o500);
        let error = dir.remove("sub/deep").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        let inner = error
            .get_ref()
            .unwrap()
            .downcast_ref::<async_tempdir::RemoveError>()
            .unwrap();
        assert_eq!(inner.path(), dir.path().join("sub/deep"));
        assert_eq!(inner.removed().files, 1);
        assert_eq!(
            dir.remove("sub/a").await.unwrap_err().kind(),
            ErrorKind::PermissionDenied
        );
        dir.remove("sub").await.unwrap();
        assert!(dir.list().await.unwrap().is_empty());
        dir.close().await.unwrap();
    });
    sandbox.check();
}

#[tokio::test]
async fn a_temporary_file_goes_when_it_is_dropped() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let mut file = dir.temp_file().await.unwrap();
    let path = file.file_path().clone();
    assert_eq!(path.parent(), Some(dir.path()));
    assert!(path.is_absolute());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "it is private");
    }
    file.write_all(b"written and read").await.unwrap();
    file.seek(SeekFrom::Start(0)).await.unwrap();
    let mut text = String::new();
    file.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "written and read");
    let other = dir.temp_file().await.unwrap();
    assert_ne!(other.file_path(), &path);
    other.drop_async().await;
    drop(file);
    assert!(dir.list().await.unwrap().is_empty());

    let kept = dir.temp_file().await.unwrap().keep();
    assert_eq!(
        dir.list().await.unwrap(),
        [Path::new(kept.file_name().unwrap())]
    );
    let removed = dir.close().await.unwrap();
    assert_eq!((removed.files, removed.dirs), (1, 1));
    sandbox.check();
}

#[tokio::test]
async fn a_temporary_file_with_a_prefix_and_a_suffix() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    for (prefix, suffix) in [("image-", ".png"), ("", ""), (".", "."), ("ä b", "~")] {
        if cfg!(windows) && suffix == "." {
            continue;
        }
        let mut file: TempFile = dir.temp_file_with(prefix, suffix).await.unwrap();
        let path = file.file_path().clone();
        assert_eq!(path.parent(), Some(dir.path()));
        let name = path.file_name().unwrap().to_str().unwrap();
        let random = name.strip_prefix(prefix).unwrap();
        let random = random.strip_suffix(suffix).unwrap();
        assert_eq!(random.len(), 10, "{name}");
        assert!(random.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "it is private");
        }
        file.write_all(b"x").await.unwrap();
        file.flush().await.unwrap();
        assert_eq!(dir.read(name).await.unwrap(), b"x");
    }
    for bad in ["/", "a/b", "../a", "/a", "a\0"] {
        for (prefix, suffix) in [(bad, ""), ("", bad)] {
            let error = dir.temp_file_with(prefix, suffix).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
            let expected = format!("cannot create a temporary file in {:?}: ", dir.path());
            assert!(error.to_string().starts_with(&expected), "{error}");
        }
    }
    if cfg!(windows) {
        let error = dir.temp_file_with("", ":stream").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    }
    #[cfg(unix)]
    {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;
        let file = dir.temp_file_with(OsStr::from_bytes(b"\xff"), "").await;
        drop(file.unwrap());
        let error = dir.temp_file_with("", "x".repeat(300)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidFilename, "{error}");
    }
    assert!(dir.list().await.unwrap().is_empty());
    dir.close().await.unwrap();
    sandbox.check();
}

/// Elsewhere what is open may have to stay.
#[cfg(unix)]
#[tokio::test]
async fn a_directory_takes_a_temporary_file_along() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let survivor = dir.temp_file().await.unwrap();
    let removed = dir.close().await.unwrap();
    assert_eq!((removed.files, removed.dirs), (1, 1));
    drop(survivor);
    sandbox.check();
}

/// A handle may be used outside its runtime, which then does the work.
#[test]
fn a_temporary_file_without_a_runtime_around() {
    for runtime in support::runtimes() {
        let sandbox = Sandbox::new();
        let dir = runtime
            .block_on(AsyncTempDir::new_in(sandbox.path()))
            .unwrap();
        let make = || {
            let file = futures::executor::block_on(dir.temp_file()).unwrap();
            assert!(file.file_path().exists());
            let other = futures::executor::block_on(dir.temp_file_with("a", "b")).unwrap();
            assert!(other.file_path().exists());
            drop(file);
        };
        make();
        std::thread::scope(|scope| scope.spawn(make).join().unwrap());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        drop(dir);
        drop(runtime);
        sandbox.check();
    }
}

#[tokio::test]
async fn a_temporary_file_is_not_made_in_another_directory() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let moved = sandbox.join("moved");
    fs::rename(dir.path(), &moved).unwrap();
    fs::create_dir(dir.path()).unwrap();
    let error = dir.temp_file().await.unwrap_err();
    let expected = format!("cannot create a temporary file in {:?}: ", dir.path());
    assert!(error.to_string().starts_with(&expected), "{error}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    assert_eq!(fs::read_dir(&moved).unwrap().count(), 0);
    fs::remove_dir(dir.path()).unwrap();
    fs::rename(&moved, dir.path()).unwrap();
    dir.close().await.unwrap();
    sandbox.check();
}
