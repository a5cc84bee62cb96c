//! Operations inside the directory besides reading and writing whole files.

mod support;

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::task::Poll;

use async_tempdir::{AsyncTempDir, OpenOptions, PathError, cleanup};
use futures::{FutureExt, StreamExt, TryFutureExt, TryStreamExt};
use support::Sandbox;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

fn writing() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    options
}

/// The names in one directory, sorted.
async fn names(dir: &AsyncTempDir, path: &str) -> Vec<String> {
    let entries = dir.read_dir(path).await.unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().to_str().unwrap().to_owned())
        .collect()
        .await;
    names.sort_unstable();
    names
}

/// The errors of all methods with `path`, as the first of two and as the second.
async fn errors_of(dir: &AsyncTempDir, path: &str) -> Vec<io::Error> {
    let permissions = fs::metadata(dir.path()).unwrap().permissions();
    let mut create = writing();
    create.create(true);
    vec![
        dir.open_with(path, &create).await.unwrap_err(),
        dir.open_with(path, OpenOptions::new().read(true))
            .await
            .unwrap_err(),
        dir.rename(path, "new/er").await.unwrap_err(),
        dir.rename("file", path).await.unwrap_err(),
        dir.copy(path, "new/er").await.unwrap_err(),
        dir.copy("file", path).await.unwrap_err(),
        dir.symlink("file", path).await.unwrap_err(),
        dir.hard_link(path, "new/er").await.unwrap_err(),
        dir.hard_link("file", path).await.unwrap_err(),
        dir.metadata(path).await.unwrap_err(),
        dir.symlink_metadata(path).await.unwrap_err(),
        dir.set_permissions(path, permissions).await.unwrap_err(),
        dir.read_dir(path).await.unwrap_err(),
    ]
}

#[tokio::test]
async fn a_path_that_leads_out_is_refused_and_named() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    dir.write("file", "inside").await.unwrap();
    let before = dir.list().await.unwrap();
    let absolute = sandbox.join("sibling/file");
    for path in [
        "../sibling/file",
        "sub/../../sibling/file",
        absolute.to_str().unwrap(),
    ] {
        // A missing name before `..` is not found, and `..` is not reached.
        dir.create_dir_all("sub").await.unwrap();
        for error in errors_of(&dir, path).await {
            assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
            assert!(error.to_string().contains("leads out of"), "{error}");
            let inner = error.get_ref().unwrap().downcast_ref::<PathError>();
            let inner = inner.expect("it names the path");
            assert!(inner.io_error().raw_os_error().is_none());
            let named = format!("{:?}", dir.path().join(path));
            assert!(error.to_string().contains(&named), "{error}");
        }
        dir.remove("sub").await.unwrap();
    }
    for path in ["", "a\0b"] {
        for error in errors_of(&dir, path).await {
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        }
    }
    assert_eq!(dir.list().await.unwrap(), before, "nothing was created");
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn what_is_missing_is_not_found_and_makes_nothing() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let permissions = fs::metadata(dir.path()).unwrap().permissions();
    for path in ["missing", "missing/er"] {
        for error in [
            dir.open_with(path, OpenOptions::new().read(true))
                .await
                .unwrap_err(),
            dir.open_with(path, writing().truncate(true))
                .await
                .unwrap_err(),
            dir.rename(path, "new/er").await.unwrap_err(),
            dir.copy(path, "new/er").await.unwrap_err(),
            dir.hard_link(path, "new/er").await.unwrap_err(),
            dir.metadata(path).await.unwrap_err(),
            dir.symlink_metadata(path).await.unwrap_err(),
            dir.set_permissions(path, permissions.clone())
                .await
                .unwrap_err(),
            dir.read_dir(path).await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        }
    }
    assert!(dir.list().await.unwrap().is_empty());
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn absolute_paths_inside_and_the_directory_itself() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let at = |path: &str| dir.path().join(path);
    drop(
        dir.open_with(at("a/b"), writing().create(true))
            .await
            .unwrap(),
    );
    dir.rename(at("a/b"), at("c/d")).await.unwrap();
    assert_eq!(dir.copy(at("c/d"), at("e/f")).await.unwrap(), 0);
    dir.hard_link(at("e/f"), at("g/h")).await.unwrap();
    assert!(dir.metadata(at("g/h")).await.unwrap().is_file());
    assert!(dir.symlink_metadata(at("g")).await.unwrap().is_dir());
    assert_eq!(names(&dir, at("g").to_str().unwrap()).await, ["h"]);

    for itself in [
        dir.path(),
        Path::new("."),
        Path::new("g/.."),
        Path::new("./"),
    ] {
        assert!(dir.metadata(itself).await.unwrap().is_dir());
        let metadata = dir.symlink_metadata(itself).await.unwrap();
        dir.set_permissions(itself, metadata.permissions())
            .await
            .unwrap();
        let entries: Vec<_> = dir
            .read_dir(itself)
            .await
            .unwrap()
            .map_ok(|entry| entry.path())
            .try_collect()
            .await
            .unwrap();
        assert_eq!(entries.len(), 4);
        assert!(entries.iter().all(|path| path.starts_with(dir.path())));
        for error in [
            dir.rename(itself, "new").await.unwrap_err(),
            dir.rename("g/h", itself).await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        }
        for error in [
            dir.open_with(itself, OpenOptions::new().read(true))
                .await
                .unwrap_err(),
            dir.copy(itself, "new").await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::IsADirectory, "{error}");
        }
        dir.hard_link(itself, "new").await.unwrap_err();
        dir.hard_link("g/h", itself).await.unwrap_err();
        // Wine says that it has made one.
        if cfg!(unix) {
            dir.symlink("g", itself).await.unwrap_err();
        }
    }
    assert_eq!(names(&dir, ".").await, ["a", "c", "e", "g"]);
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_file_is_opened_as_the_options_say() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let mut file = dir
        .open_with("a/b", writing().read(true).create(true))
        .await
        .unwrap();
    file.write_all(b"0123456789").await.unwrap();
    file.rewind().await.unwrap();
    let mut read = String::new();
    file.read_to_string(&mut read).await.unwrap();
    assert_eq!(read, "0123456789");
    drop(file);

    // Not truncated unless that is asked for.
    let mut file = dir.open_with("a/b", &writing()).await.unwrap();
    file.write_all(b"ab").await.unwrap();
    file.flush().await.unwrap();
    drop(file);
    let mut file = dir
        .open_with("a/b", OpenOptions::new().append(true))
        .await
        .unwrap();
    file.write_all(b"!").await.unwrap();
    file.flush().await.unwrap();
    drop(file);
    assert_eq!(dir.read("a/b").await.unwrap(), b"ab23456789!");
    drop(
        dir.open_with("a/b", writing().truncate(true))
            .await
            .unwrap(),
    );
    assert_eq!(dir.read("a/b").await.unwrap(), b"");

    let error = dir.open_with("a/b", writing().create_new(true)).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::AlreadyExists);
    drop(
        dir.open_with("c/d", writing().create_new(true))
            .await
            .unwrap(),
    );
    assert_eq!(dir.read("c/d").await.unwrap(), b"");
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn options_that_contradict_each_other_are_refused() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let beside = sandbox.join("beside");
    let mut refused = 0;
    for bits in 0_u32..64 {
        let is = |bit: u32| bits & (1 << bit) != 0;
        let mut options = OpenOptions::new();
        options.read(is(0)).write(is(1)).append(is(2));
        options.truncate(is(3)).create(is(4)).create_new(is(5));
        let mut expected = fs::OpenOptions::new();
        expected.read(is(0)).write(is(1)).append(is(2));
        expected.truncate(is(3)).create(is(4)).create_new(is(5));

        let name = format!("{bits}/file");
        let found = dir.open_with(&name, &options).await.map(drop);
        let expected = expected.open(&beside).map(drop);
        let kind = |result: io::Result<()>| result.map_err(|error| error.kind());
        let (found, expected) = (kind(found), kind(expected));
        assert_eq!(found, expected, "{options:?}");
        if found == Err(ErrorKind::InvalidInput) {
            refused += 1;
            let made = dir.path().join(bits.to_string());
            assert!(!made.exists(), "no parent is created: {options:?}");
        }
        let _ = fs::remove_file(&beside);
    }
    assert!((8..60).contains(&refused), "{refused}");
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn what_is_renamed_has_the_new_name_only() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let files = [("a/1", "one"), ("a/2", "two"), ("f", "file")];
    dir.populate(files).await.unwrap();
    dir.rename("f", "new/er/g").await.unwrap();
    assert_eq!(dir.read("new/er/g").await.unwrap(), b"file");
    dir.rename("a/1", "a/2").await.unwrap();
    assert_eq!(dir.read("a/2").await.unwrap(), b"one", "it is replaced");
    dir.rename("a", "b/").await.unwrap();
    dir.rename("b/", "c").await.unwrap();
    dir.rename("c/2", "c/2").await.unwrap();
    let expected = ["c", "c/2", "new", "new/er", "new/er/g"].map(PathBuf::from);
    assert_eq!(dir.list().await.unwrap(), expected);

    for (from, to, kind) in [
        ("c/2/", "d", ErrorKind::NotADirectory),
        ("c/2", "d/", ErrorKind::NotADirectory),
        ("c/2", "c/2/d", ErrorKind::NotADirectory),
        ("c/.", "d", ErrorKind::InvalidInput),
        ("c", "d/..", ErrorKind::InvalidInput),
        ("c/..", "d", ErrorKind::InvalidInput),
        ("c", "..", ErrorKind::InvalidInput),
    ] {
        let error = dir.rename(from, to).await.unwrap_err();
        // Windows has other codes for some.
        if cfg!(unix) || kind == ErrorKind::InvalidInput {
            assert_eq!(error.kind(), kind, "{error}");
        }
        let words = format!(
            "cannot rename {:?} to {:?}: ",
            dir.path().join(from),
            dir.path().join(to)
        );
        assert!(error.to_string().starts_with(&words), "{error}");
    }
    assert_eq!(dir.list().await.unwrap(), expected);
    dir.close().await.unwrap();
    sandbox.check();
}

#[cfg(unix)]
#[tokio::test]
async fn a_rename_has_the_systems_errors() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    dir.populate([("d/file", ""), ("full/file", ""), ("file", "")])
        .await
        .unwrap();
    dir.create_dir("empty").await.unwrap();
    for (from, to, kind) in [
        ("file", "d", ErrorKind::IsADirectory),
        ("d", "file", ErrorKind::NotADirectory),
        ("d", "d/sub", ErrorKind::InvalidInput),
    ] {
        let error = dir.rename(from, to).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
    }
    let error = dir.rename("d", "full").await.unwrap_err();
    // XFS says the latter.
    let kinds = [ErrorKind::DirectoryNotEmpty, ErrorKind::AlreadyExists];
    assert!(kinds.contains(&error.kind()), "{error}");
    dir.rename("d", "empty").await.unwrap();
    assert_eq!(names(&dir, "empty").await, ["file"]);
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_copy_has_the_contents_and_the_permissions() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let large: Vec<u8> = (0..300_000_u32).map(|n| n.to_le_bytes()[1]).collect();
    dir.write("large", large.clone()).await.unwrap();
    dir.write("small", "small").await.unwrap();
    let mut permissions = dir.metadata("large").await.unwrap().permissions();
    permissions.set_readonly(true);
    dir.set_permissions("large", permissions.clone())
        .await
        .unwrap();
    assert_eq!(dir.copy("large", "a/copy").await.unwrap(), 300_000);
    assert_eq!(dir.read("a/copy").await.unwrap(), large);
    let copied = dir.metadata("a/copy").await.unwrap();
    assert_eq!(copied.permissions(), permissions);

    // What was there is gone, however long it was.
    dir.write("long", vec![b'x'; 1_000]).await.unwrap();
    assert_eq!(dir.copy("small", "long").await.unwrap(), 5);
    assert_eq!(dir.read("long").await.unwrap(), b"small");
    let error = dir.copy("small", "a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::IsADirectory, "{error}");
    let error = dir.copy("missing", "long").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    let error = dir.copy("a", "long").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::IsADirectory, "{error}");
    assert_eq!(
        dir.read("long").await.unwrap(),
        b"small",
        "without a source, nothing is truncated"
    );
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_file_copied_onto_itself_keeps_its_contents() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    dir.write("a/file", "precious").await.unwrap();
    dir.hard_link("a/file", "a/hard").await.unwrap();
    let mut same = vec!["a/file", "./a/../a/file", "a/hard"];
    if cfg!(unix) {
        dir.symlink("file", "a/soft").await.unwrap();
        same.push("a/soft");
    }
    for same in same {
        let error = dir.copy("a/file", same).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert_eq!(dir.read("a/file").await.unwrap(), b"precious");
    }
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_hard_link_is_the_same_file() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    dir.write("file", "1").await.unwrap();
    dir.hard_link("file", "a/b/link").await.unwrap();
    // As long as before: some FUSE filesystems keep a length for each name.
    dir.write("a/b/link", "2").await.unwrap();
    assert_eq!(dir.read("file").await.unwrap(), b"2");
    let error = dir.hard_link("file", "a/b/link").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
    let error = dir.hard_link("a", "directory").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    for link in ["new/", "x/new/", "x/new/."] {
        dir.hard_link("file", link).await.unwrap_err();
    }
    assert_eq!(names(&dir, ".").await, ["a", "file"]);
    dir.close().await.unwrap();
    sandbox.check();
}

#[cfg(unix)]
#[tokio::test]
async fn a_symlink_is_stored_as_given_and_stays_inside() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    dir.write("d/file", "inside").await.unwrap();
    for (target, link) in [
        ("d/file", "link"),
        ("../d//./file", "a/b"),
        ("../../d/file", "a/c/d"),
        (".././d", "a/dir"),
        ("nowhere", "dangling"),
        (".", "dot"),
    ] {
        dir.symlink(target, link).await.unwrap();
        let stored = fs::read_link(dir.path().join(link)).unwrap();
        assert_eq!(stored.as_os_str(), target, "it is stored verbatim");
    }
    for path in ["link", "a/b", "a/c/d", "a/dir/file", "dot/link"] {
        assert_eq!(dir.read(path).await.unwrap(), b"inside", "{path}");
    }
    let before = dir.list().await.unwrap();
    let absolute = dir.path().join("d");
    for (target, link) in [
        ("..", "l"),
        ("../d", "l"),
        ("d/../../d", "l"),
        ("../../d", "a/l"),
        // Through a symlink, the link is really beside `d`, and beneath one level only.
        ("../../x", "dot/d/l"),
        ("../../x", "a/dir/l"),
        ("/", "l"),
        ("/etc/passwd", "l"),
        (absolute.to_str().unwrap(), "l"),
    ] {
        let error = dir.symlink(target, link).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
        assert!(
            error.to_string().contains("the target leads out"),
            "{error}"
        );
        let words = format!("cannot create symlink {:?}: ", dir.path().join(link));
        assert!(error.to_string().starts_with(&words), "{error}");
    }
    for (target, link, kind) in [
        ("", "l", ErrorKind::InvalidInput),
        ("a\0b", "l", ErrorKind::InvalidInput),
        ("d", "link", ErrorKind::AlreadyExists),
        ("d", "d", ErrorKind::AlreadyExists),
        ("d", "new/", ErrorKind::NotFound),
        ("d", "d/file/l", ErrorKind::NotADirectory),
    ] {
        let error = dir.symlink(target, link).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
    }
    assert_eq!(dir.list().await.unwrap(), before);
    dir.close().await.unwrap();
    sandbox.check();
}

/// Planted symlinks: at the end of a path, in the middle, and with a separator behind.
#[cfg(unix)]
#[tokio::test]
async fn symlinks_are_followed_inside_only() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    let sandbox = Sandbox::new();
    let outside = sandbox.join("sibling/file");
    let before = fs::metadata(&outside).unwrap();
    for target in [
        "../sibling",
        "up/../../sibling",
        sandbox.join("sibling").to_str().unwrap(),
    ] {
        let dir = sandbox.dir().await;
        dir.write("file", "inside").await.unwrap();
        dir.create_dir("up").await.unwrap();
        let file = format!("{target}/file");
        symlink(target, dir.path().join("out")).unwrap();
        symlink(file, dir.path().join("out-file")).unwrap();
        for path in ["out/file", "out/sub/file"] {
            for error in errors_of(&dir, path).await {
                assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
                let words = "the path leads out of the directory";
                assert!(error.to_string().ends_with(words), "{error}");
            }
        }
        // With a separator, some fail before the symlink is followed.
        assert_eq!(errors_of(&dir, "out/").await.len(), 13);
        let permissions = fs::Permissions::from_mode(0o777);
        for error in [
            dir.open_with("out-file", writing().truncate(true))
                .await
                .unwrap_err(),
            dir.copy("out-file", "copy").await.unwrap_err(),
            dir.copy("file", "out-file").await.unwrap_err(),
            dir.metadata("out-file").await.unwrap_err(),
            dir.set_permissions("out-file", permissions)
                .await
                .unwrap_err(),
            dir.read_dir("out").await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
            assert!(error.to_string().contains("leads out"), "{error}");
        }
        // These are about the symlink itself.
        let metadata = dir.symlink_metadata("out-file").await.unwrap();
        assert!(metadata.is_symlink());
        dir.hard_link("out-file", "d/hard").await.unwrap();
        dir.rename("out-file", "d/moved").await.unwrap();
        for link in ["d/hard", "d/moved"] {
            assert!(dir.path().join(link).is_symlink());
        }
        dir.rename("file", "d/moved").await.unwrap();
        assert_eq!(dir.read("d/moved").await.unwrap(), b"inside");
        let after = fs::metadata(&outside).unwrap();
        assert_eq!(
            (before.mode(), before.nlink(), before.mtime_nsec()),
            (after.mode(), after.nlink(), after.mtime_nsec()),
            "nothing outside is touched"
        );
        dir.close().await.unwrap();
    }
    sandbox.check();
}

#[cfg(unix)]
#[tokio::test]
async fn metadata_is_that_of_the_standard_library() {
    use std::os::unix::fs::MetadataExt;

    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    dir.write("d/file", "12345").await.unwrap();
    dir.symlink("d/file", "link").await.unwrap();
    dir.symlink("d", "l").await.unwrap();
    for path in [
        "d", "d/", "d/file", "link", "l", "l/", "l/file", "l/.", "d/..",
    ] {
        let at = dir.path().join(path);
        let expected = fs::metadata(&at).unwrap();
        let found = dir.metadata(path).await.unwrap();
        assert_eq!(found.ino(), expected.ino(), "{path}");
        assert_eq!(found.len(), expected.len(), "{path}");
        assert_eq!(found.mode(), expected.mode(), "{path}");
        assert_eq!(found.modified().unwrap(), expected.modified().unwrap());
        let expected = fs::symlink_metadata(&at).unwrap();
        let found = dir.symlink_metadata(path).await.unwrap();
        assert_eq!(found.ino(), expected.ino(), "{path}");
        assert_eq!(found.file_type(), expected.file_type(), "{path}");
    }
    for path in ["d/file/", "d/file/x", "link/"] {
        for error in [
            dir.metadata(path).await.unwrap_err(),
            dir.symlink_metadata(path).await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::NotADirectory, "{error}");
        }
    }
    dir.close().await.unwrap();
    sandbox.check();
}

/// Not even its owner may read it, and a FIFO has no peer.
#[cfg(unix)]
#[test]
fn neither_permission_nor_a_peer_is_needed() {
    use std::os::unix::fs::{FileTypeExt, PermissionsExt};

    if !support::as_ordinary_user(test_name!()) {
        return;
    }
    let sandbox = Sandbox::new();
    support::current_thread().block_on(async {
        let dir = sandbox.dir().await;
        dir.write("locked/file", "").await.unwrap();
        let fifo = dir.path().join("fifo");
        let made = std::process::Command::new("mkfifo").arg(&fifo).status();
        assert!(made.unwrap().success());
        let mode = async |path: &str, mode| {
            let permissions = fs::Permissions::from_mode(mode);
            dir.set_permissions(path, permissions).await.unwrap();
            let found = dir.metadata(path).await.unwrap().permissions().mode();
            assert_eq!(found & 0o7777, mode, "{path}");
        };
        mode("fifo", 0o600).await;
        if cfg!(any(target_os = "linux", target_os = "android")) {
            for path in ["locked/file", "fifo", "locked"] {
                mode(path, 0).await;
            }
            mode("fifo", 0o600).await;
            mode("locked", 0o700).await;
            mode("locked/file", 0o4755).await;
        }
        let kind = dir.symlink_metadata("fifo").await.unwrap().file_type();
        assert!(kind.is_fifo());
        dir.rename("fifo", "renamed").await.unwrap();
        dir.hard_link("renamed", "linked").await.unwrap();
        for error in [
            dir.read_dir("linked").await.unwrap_err(),
            dir.metadata("linked/x").await.unwrap_err(),
            dir.symlink("x", "linked/x").await.unwrap_err(),
            dir.rename("locked", "linked/x").await.unwrap_err(),
            dir.open_with("linked/x", writing().create(true))
                .await
                .unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::NotADirectory, "{error}");
        }
        dir.close().await.unwrap();
    });
    sandbox.check();
}

#[cfg(unix)]
#[tokio::test]
async fn a_created_file_has_the_mode_asked_for() {
    use std::os::unix::fs::PermissionsExt;

    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let mode = async |path| dir.metadata(path).await.unwrap().permissions().mode() & 0o7777;
    for options in [
        writing().create(true).mode(0o600),
        writing().create_new(true).mode(0o600),
    ] {
        drop(dir.open_with("file", options).await.unwrap());
        assert_eq!(mode("file").await, 0o600);
        dir.remove("file").await.unwrap();
    }
    // A copy has the mode of its source, whatever the umask.
    for bits in [0o777, 0o400, 0o640] {
        dir.write("source", "").await.unwrap();
        dir.set_permissions("source", fs::Permissions::from_mode(bits))
            .await
            .unwrap();
        dir.copy("source", "copy").await.unwrap();
        assert_eq!(mode("copy").await, bits);
        dir.remove("source").await.unwrap();
        dir.remove("copy").await.unwrap();
    }
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn every_entry_is_read_once() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    // Around the size of a batch, and several of them.
    for count in [0, 1, 255, 256, 257, 1_000] {
        let sub = format!("{count}");
        dir.create_dir(&sub).await.unwrap();
        let files = (0..count).map(|n| (format!("{sub}/{n:04}"), "x"));
        dir.populate(files.collect::<Vec<_>>()).await.unwrap();
        let expected: Vec<_> = (0..count).map(|n| format!("{n:04}")).collect();
        assert_eq!(names(&dir, &sub).await, expected);

        let mut entries = dir.read_dir(&sub).await.unwrap();
        let mut found = Vec::new();
        loop {
            // Each future is dropped after one poll: that loses no entry.
            match futures::poll!(Box::pin(entries.next_entry())) {
                Poll::Ready(Ok(Some(entry))) => found.push(entry),
                Poll::Ready(end) => break assert!(end.unwrap().is_none()),
                Poll::Pending => tokio::task::yield_now().await,
            }
        }
        assert_eq!(found.len(), count);
        assert!(entries.next_entry().await.unwrap().is_none());
        for entry in found.iter().take(3) {
            assert_eq!(entry.path(), dir.path().join(&sub).join(entry.file_name()));
            assert!(entry.file_type().is_file());
            assert_eq!(entry.metadata().await.unwrap().len(), 1);
        }
    }
    dir.close().await.unwrap();
    sandbox.check();
}

#[cfg(unix)]
#[tokio::test]
async fn entries_have_their_type() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    dir.write("d/f", "").await.unwrap();
    dir.create_dir("d/d").await.unwrap();
    dir.symlink("../d", "d/l").await.unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("d/s")).unwrap();
    let mut seen = Vec::new();
    let mut entries = dir.read_dir("d/./").await.unwrap();
    while let Some(entry) = entries.next_entry().await.unwrap() {
        let kind = entry.file_type();
        let name = entry.file_name().to_str().unwrap();
        assert_eq!(entry.path(), dir.path().join("d").join(name));
        let metadata = entry.metadata().await.unwrap();
        assert_eq!(metadata.is_symlink(), kind.is_symlink(), "not followed");
        seen.push((
            name.to_owned(),
            kind.is_file(),
            kind.is_dir(),
            kind.is_symlink(),
        ));
    }
    seen.sort_unstable();
    let expected = [
        ("d", false, true, false),
        ("f", true, false, false),
        ("l", false, false, true),
        ("s", false, false, false),
    ]
    .map(|(name, file, dir, link)| (name.to_owned(), file, dir, link));
    assert_eq!(seen, expected);
    let error = dir.read_dir("d/f").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotADirectory, "{error}");
    let words = format!("cannot read directory {:?}: ", dir.path().join("d/f"));
    assert!(error.to_string().starts_with(&words), "{error}");
    dir.close().await.unwrap();
    sandbox.check();
}

/// An open directory may have to stay on Windows.
#[cfg(unix)]
#[test]
fn an_idle_listing_delays_no_removal() {
    for runtime in support::runtimes() {
        let sandbox = Sandbox::new();
        runtime.block_on(async {
            let outer = sandbox.dir().await;
            let inner = outer.temp_dir().await.unwrap();
            let files = (0..600).map(|n| (format!("{n}"), ""));
            inner.populate(files.collect::<Vec<_>>()).await.unwrap();
            let mut idle = inner.read_dir(".").await.unwrap();
            let mut begun = inner.read_dir(".").await.unwrap();
            for _ in 0..256 {
                begun.next_entry().await.unwrap().unwrap();
            }
            // One batch more is being read, or has been, when its future is dropped.
            let _ = futures::poll!(Box::pin(begun.next_entry()));
            let entry = idle.next_entry().await.unwrap().unwrap();
            let (path, around) = (inner.path().to_path_buf(), outer.path().to_path_buf());
            drop((inner, outer));
            cleanup::idle().await;
            assert!(!path.exists());
            assert!(!around.exists(), "nothing holds the directory around");

            let rest = idle.by_ref().try_fold(0, async |n, _| Ok(n + 1)).await;
            let error = rest.expect_err("the second batch cannot be read");
            assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
            assert!(idle.next().await.is_none(), "it ends after an error");
            let error = entry.metadata().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        });
        drop(runtime);
        sandbox.check();
    }
}

#[test]
fn a_closed_directory_is_not_read_on() {
    for runtime in support::runtimes() {
        let sandbox = Sandbox::new();
        runtime.block_on(async {
            let dir = sandbox.dir().await;
            dir.write("file", "").await.unwrap();
            let mut entries = dir.read_dir(".").await.unwrap();
            let entry = entries.next_entry().await.unwrap().unwrap();
            assert!(entries.next_entry().await.unwrap().is_none());
            dir.close().await.unwrap();
            let error = entry.metadata().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
            assert!(entries.next_entry().await.unwrap().is_none());
        });
        drop(runtime);
        sandbox.check();
    }
}

/// Each is polled a few times, and its directory dropped at once.
#[test]
fn a_cancelled_operation_leaves_nothing() {
    for runtime in support::runtimes() {
        let sandbox = Sandbox::new();
        runtime.block_on(async {
            for round in 0..support::times(100) {
                let dir = sandbox.dir().await;
                dir.write("d/file", "x").await.unwrap();
                let permissions = dir.metadata("d/file").await.unwrap().permissions();
                let create = writing().create(true).clone();
                let mut all = futures::future::join_all([
                    dir.open_with("a/new", &create).map_ok(drop).boxed(),
                    dir.rename("d/file", "b/renamed").boxed(),
                    dir.copy("d/file", "c/copied").map_ok(drop).boxed(),
                    dir.hard_link("d/file", "e/link").boxed(),
                    dir.set_permissions("d/file", permissions).boxed(),
                    dir.metadata("d/file").map_ok(drop).boxed(),
                    dir.symlink_metadata("d/file").map_ok(drop).boxed(),
                    dir.read_dir("d").map_ok(drop).boxed(),
                ]);
                for _ in 0..round % 4 {
                    let _ = futures::poll!(&mut all);
                }
                drop(all);
                let path = dir.path().to_path_buf();
                drop(dir);
                cleanup::idle().await;
                assert!(!path.exists(), "nothing is created after the removal");
            }
        });
        drop(runtime);
        sandbox.check();
    }
}
