//! The behaviours of tmpdir's tests.

use std::fs;

use async_tempdir::AsyncTempDir;

use crate::dropped;
use crate::support::Sandbox;

#[tokio::test]
async fn a_new_directory_exists_until_it_is_closed() {
    let sandbox = Sandbox::new();
    let dir = AsyncTempDir::with_prefix_in("foo", sandbox.path());
    let dir = dir.await.unwrap();
    // tmpdir has the random characters first.
    assert!(dir.file_name().to_str().unwrap().starts_with("foo"));
    assert!(tokio::fs::metadata(&dir).await.unwrap().is_dir());
    let path = dir.path().to_path_buf();
    dir.close().await.unwrap();
    assert!(tokio::fs::metadata(path).await.is_err());
    sandbox.check();
}

#[tokio::test]
async fn the_end_of_a_dropped_directory_is_awaited_rather_than_guessed() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    dir.write("dir1/file1", "foo").await.unwrap();
    dropped(dir).await;
    sandbox.check();
}

/// There is no `copy` to elsewhere: what is inside is listed, and read or copied by its path.
#[tokio::test]
async fn what_is_inside_can_be_copied_to_another_directory() {
    let sandbox = Sandbox::new();
    let (from, to) = (sandbox.dir().await, sandbox.dir().await);
    let files = [("dir1/file1", "foo"), ("file2", "bar")];
    from.populate(files).await.unwrap();
    for path in from.list().await.unwrap() {
        if from.metadata(&path).await.unwrap().is_dir() {
            to.create_dir(path).await.unwrap();
        } else {
            to.write(&path, from.read(&path).await.unwrap())
                .await
                .unwrap();
        }
    }
    from.close().await.unwrap();
    for (path, contents) in files {
        assert_eq!(fs::read_to_string(to.path().join(path)).unwrap(), contents);
    }
    to.close().await.unwrap();
    sandbox.check();
}

#[cfg(unix)]
#[tokio::test]
async fn a_listing_does_not_follow_symlinks() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    std::os::unix::fs::symlink(sandbox.path(), dir.path().join("link")).unwrap();
    assert_eq!(dir.list().await.unwrap(), [std::path::Path::new("link")]);
    dir.close().await.unwrap();
    sandbox.check();
}
