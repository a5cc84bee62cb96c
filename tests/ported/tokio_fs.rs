//! The behaviours of Tokio's tests of `tokio::fs`, with a temporary directory's methods.

use std::fs;
use std::io::{ErrorKind, IoSlice};

use async_tempdir::{OpenOptions, remove_dir_all};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncSeekExt, AsyncWriteExt, BufReader, SeekFrom};

use crate::assert_fails;
use crate::support::Sandbox;

const HELLO: &[u8] = b"hello world...";

#[tokio::test]
async fn a_directory_is_created() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let path = dir.create_dir("foo").await.unwrap();
    assert_eq!(path, dir.path().join("foo"));
    assert!(path.is_dir());
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_directory_is_created_with_its_parents() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let path = dir.create_dir_all("foo/bar").await.unwrap();
    assert!(path.is_dir());
    assert_fails(dir.create_dir("foo/bar").await, ErrorKind::AlreadyExists);
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn an_empty_directory_is_removed() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let path = dir.create_dir("foo").await.unwrap();
    dir.remove("foo").await.unwrap();
    assert!(!path.exists());
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_directory_is_read_to_its_end() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    for name in ["aa", "bb", "cc"] {
        dir.create_dir(name).await.unwrap();
    }
    let mut names = Vec::new();
    let mut entries = dir.read_dir(".").await.unwrap();
    while let Some(entry) = entries.next_entry().await.unwrap() {
        names.push(entry.file_name().to_str().unwrap().to_owned());
    }
    assert!(entries.next_entry().await.unwrap().is_none());
    names.sort();
    assert_eq!(names, ["aa", "bb", "cc"]);
    drop(entries);
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn an_entry_tells_about_itself() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let path = dir.write("a.txt", "Hello File!").await.unwrap();
    let mut entries = dir.read_dir(&dir).await.unwrap();
    let entry = entries.next_entry().await.unwrap().unwrap();
    assert_eq!(entry.path(), path);
    assert_eq!(entry.file_name(), "a.txt");
    let metadata = entry.metadata().await.unwrap();
    assert!(metadata.is_file() && metadata.len() == 11);
    // Not a future, as Tokio's is: the type is read with the name.
    assert!(entry.file_type().is_file());
    drop(entries);
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_file_is_read() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    dir.write("file", HELLO).await.unwrap();
    let mut file = dir.open("file").await.unwrap();
    let mut buffer = [0; 1024];
    let n = file.read(&mut buffer).await.unwrap();
    assert_eq!(&buffer[..n], HELLO);
    assert_eq!(file.read(&mut buffer).await.unwrap(), 0);
    drop(file);
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn an_empty_read_is_not_the_end() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    dir.write("file", HELLO).await.unwrap();
    let mut file = dir.open("file").await.unwrap();
    assert_eq!(file.read(&mut []).await.unwrap(), 0);
    let mut all = Vec::new();
    file.read_to_end(&mut all).await.unwrap();
    assert_eq!(all, HELLO);
    drop(file);
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_file_is_written_once_it_is_flushed() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let mut file = dir.create("file").await.unwrap();
    file.write_all(HELLO).await.unwrap();
    file.flush().await.unwrap();
    assert_eq!(dir.read("file").await.unwrap(), HELLO);
    drop(file);
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_file_is_written_once_it_is_shut_down() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let mut file = dir.create("file").await.unwrap();
    let parts = [IoSlice::new(HELLO), IoSlice::new(HELLO)];
    let n = file.write_vectored(&parts).await.unwrap();
    assert_eq!(n, HELLO.len() * 2);
    file.shutdown().await.unwrap();
    assert_eq!(dir.read("file").await.unwrap(), [HELLO, HELLO].concat());
    drop(file);
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_position_is_rewound() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let mut file = dir.create("file").await.unwrap();
    file.seek(SeekFrom::Current(10)).await.unwrap();
    file.rewind().await.unwrap();
    assert_eq!(file.stream_position().await.unwrap(), 0);
    drop(file);
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_file_is_read_by_lines() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    dir.write("file", "one\ntwo\n").await.unwrap();
    let file = dir.open("file").await.unwrap();
    let mut lines = BufReader::new(file).lines();
    assert_eq!(lines.next_line().await.unwrap().unwrap(), "one");
    assert_eq!(lines.next_line().await.unwrap().unwrap(), "two");
    assert!(lines.next_line().await.unwrap().is_none());
    drop(lines);
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_clone_writes_to_the_same_file() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let file = dir.create("file").await.unwrap();
    let mut clone = file.try_clone().await.unwrap();
    clone.write_all(HELLO).await.unwrap();
    clone.flush().await.unwrap();
    assert_eq!(dir.read("file").await.unwrap(), HELLO);
    drop((file, clone));
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_file_becomes_the_standard_librarys() {
    use std::io::Write;

    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let file = dir.create("file").await.unwrap();
    // At once, because nothing is under way in it.
    let mut file = file.try_into_std().unwrap();
    file.write_all(HELLO).unwrap();
    drop(file);
    assert_eq!(dir.read("file").await.unwrap(), HELLO);
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_hard_link_has_later_contents_and_is_no_symlink() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    dir.write("src.txt", "hello").await.unwrap();
    dir.hard_link("src.txt", "dst.txt").await.unwrap();
    dir.write("src.txt", "new-data").await.unwrap();
    assert_eq!(dir.read("dst.txt").await.unwrap(), b"new-data");
    assert!(dir.symlink_metadata("dst.txt").await.unwrap().is_file());
    assert!(fs::read_link(dir.path().join("dst.txt")).is_err());
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_hard_link_needs_a_file_and_a_free_name() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    dir.write("src.txt", "source").await.unwrap();
    dir.write("dst.txt", "destination").await.unwrap();
    dir.create_dir("dir").await.unwrap();
    let missing = dir.hard_link("missing", "new").await;
    assert_fails(missing, ErrorKind::NotFound);
    let taken = dir.hard_link("src.txt", "dst.txt").await;
    assert_fails(taken, ErrorKind::AlreadyExists);
    let of_dir = dir.hard_link("dir", "new").await;
    assert_fails(of_dir, ErrorKind::PermissionDenied);
    assert_eq!(dir.read("dst.txt").await.unwrap(), b"destination");
    dir.close().await.unwrap();
    sandbox.check();
}

#[cfg(unix)]
#[tokio::test]
async fn a_symlink_has_later_contents_and_its_target() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let source = dir.write("src.txt", "hello").await.unwrap();
    // Tokio's test links to the absolute path, which no method here would follow.
    crate::assert_leads_out(dir.symlink(source, "dst.txt").await);
    dir.symlink("src.txt", "dst.txt").await.unwrap();
    dir.write("src.txt", "new-data").await.unwrap();
    assert_eq!(dir.read("dst.txt").await.unwrap(), b"new-data");
    let target = fs::read_link(dir.path().join("dst.txt")).unwrap();
    assert_eq!(target.to_str(), Some("src.txt"));
    assert!(dir.symlink_metadata("dst.txt").await.unwrap().is_symlink());
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_file_is_renamed() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    dir.write("a.txt", "Hello File!").await.unwrap();
    dir.rename("a.txt", "b.txt").await.unwrap();
    assert!(dir.try_exists("b.txt").await.unwrap());
    assert!(!dir.try_exists("a.txt").await.unwrap());
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_file_is_copied() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    dir.write("foo.txt", "Hello File!").await.unwrap();
    assert_eq!(dir.copy("foo.txt", "bar.txt").await.unwrap(), 11);
    assert_eq!(dir.read("bar.txt").await.unwrap(), b"Hello File!");
    assert_eq!(dir.read("foo.txt").await.unwrap(), b"Hello File!");
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_copy_has_the_permissions() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let file = dir.create("foo.txt").await.unwrap();
    let mut permissions = file.metadata().await.unwrap().permissions();
    permissions.set_readonly(true);
    file.set_permissions(permissions.clone()).await.unwrap();
    drop(file);
    dir.copy("foo.txt", "bar.txt").await.unwrap();
    let copied = dir.metadata("bar.txt").await.unwrap().permissions();
    assert_eq!(copied, permissions);
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_file_is_opened_with_options() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let path = dir.write("file", HELLO).await.unwrap();
    let mut options = OpenOptions::new();
    let mut file = dir.open_with(path, options.read(true)).await.unwrap();
    let mut all = Vec::new();
    file.read_to_end(&mut all).await.unwrap();
    assert_eq!(all, HELLO);
    assert!(file.write_all(b"x").await.is_err() || file.flush().await.is_err());
    drop(file);
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn each_option_does_what_its_name_says() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    for (options, expected) in [
        (OpenOptions::new().write(true), "new, old"),
        (OpenOptions::new().append(true), "old, oldnew,"),
        (OpenOptions::new().write(true).truncate(true), "new,"),
        (OpenOptions::new().write(true).create(true), "new, old"),
    ] {
        dir.write("file", "old, old").await.unwrap();
        let mut file = dir.open_with("file", options).await.unwrap();
        file.write_all(b"new,").await.unwrap();
        file.flush().await.unwrap();
        drop(file);
        let contents = dir.read_to_string("file").await.unwrap();
        assert_eq!(contents, expected, "{options:?}");
    }
    let new = OpenOptions::new().write(true).create_new(true).clone();
    let taken = dir.open_with("file", &new).await;
    assert_fails(taken, ErrorKind::AlreadyExists);
    drop(dir.open_with("new", &new).await.unwrap());
    dir.close().await.unwrap();
    sandbox.check();
}

#[cfg(unix)]
#[tokio::test]
async fn the_option_for_the_mode_is_that_of_a_new_file() {
    use std::os::unix::fs::MetadataExt;

    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let mut options = OpenOptions::new();
    options.write(true).create(true).mode(0o600);
    let file = dir.open_with("file", &options).await.unwrap();
    assert_eq!(file.metadata().await.unwrap().mode() & 0o777, 0o600);
    drop(file);
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_file_is_removed() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let path = dir.write("a.txt", "Hello File!").await.unwrap();
    dir.remove(&path).await.unwrap();
    assert!(!dir.try_exists(&path).await.unwrap());
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_directory_is_removed_with_its_contents() {
    let sandbox = Sandbox::new();
    let test = sandbox.join("test");
    fs::create_dir(&test).unwrap();
    fs::write(test.join("a.txt"), "Hello File!").unwrap();
    let removed = remove_dir_all(&test).await.unwrap();
    assert_eq!((removed.files, removed.dirs), (1, 1));
    assert!(!test.exists());
    sandbox.check();
}

#[cfg(unix)]
#[test]
fn what_is_behind_a_closed_directory_may_or_may_not_exist() {
    use std::os::unix::fs::PermissionsExt;

    use crate::{support, test_name};

    if !support::as_ordinary_user(test_name!()) {
        return;
    }
    let sandbox = Sandbox::new();
    support::current_thread().block_on(async {
        let dir = sandbox.dir().await;
        dir.write("baz/baz.txt", "Hello File!").await.unwrap();
        let closed = fs::Permissions::from_mode(0o244);
        dir.set_permissions("baz", closed).await.unwrap();
        let result = dir.try_exists("baz/baz.txt").await;
        assert_fails(result, ErrorKind::PermissionDenied);
        dir.close().await.unwrap();
    });
    sandbox.check();
}
