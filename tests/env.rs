//! A relative `TMPDIR`, then another current directory. Alone in its binary: both are the whole
//! process's.

mod support;

use std::fs;

use async_tempdir::{AsyncTempDir, TempRoot, cleanup, remove_dir_all};
use support::Sandbox;

#[test]
fn a_relative_tmpdir_and_a_change_of_directory() {
    const NAME: &str = "a_relative_tmpdir_and_a_change_of_directory";
    if support::is_child(NAME) {
        return child_process();
    }
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.join("before/tmp")).unwrap();
    fs::create_dir_all(sandbox.join("after/tmp")).unwrap();
    support::in_process_with(NAME, &[], |command| {
        command
            // Where Windows looks, the first of them.
            .env(if cfg!(windows) { "TMP" } else { "TMPDIR" }, "tmp")
            .current_dir(sandbox.join("before"));
    });
    fs::remove_dir_all(sandbox.join("before")).unwrap();
    fs::remove_dir_all(sandbox.join("after")).unwrap();
    sandbox.check();
}

fn child_process() {
    let start = std::env::current_dir().unwrap();
    let elsewhere = start.parent().unwrap().join("after");
    support::multi_thread().block_on(async {
        let closed = AsyncTempDir::new().await.unwrap();
        let dropped = AsyncTempDir::new_in("tmp").await.unwrap();
        let named = AsyncTempDir::new_in("./tmp").await.unwrap();
        // As the parent of a file name is.
        let here = AsyncTempDir::new_in("").await.unwrap();
        assert_eq!(here.path().parent(), Some(&*start));
        here.close().await.unwrap();
        let root = TempRoot::open_in("app", "").await.unwrap();
        assert_eq!(root.path().parent(), Some(&*start));
        root.close().await.unwrap();
        for dir in [&closed, &dropped, &named] {
            assert!(dir.path().starts_with(start.join("tmp")), "{dir:?}");
        }
        // Asked for before the change, awaited after it.
        let removal = remove_dir_all(std::path::Path::new("tmp").join(named.file_name()));
        let target = closed.path().parent().unwrap().join("target");

        std::env::set_current_dir(&elsewhere).unwrap();
        for dir in [&closed, &dropped, &named] {
            // What a relative path would have meant from now on.
            fs::create_dir(elsewhere.join("tmp").join(dir.file_name())).unwrap();
        }
        dropped.write("file", "x").await.unwrap();
        assert!(
            start
                .join("tmp")
                .join(dropped.file_name())
                .join("file")
                .exists()
        );

        removal.await.unwrap();
        drop(dropped);
        let moved = closed.persist(&target).await.unwrap();
        cleanup::idle().await;
        fs::remove_dir(moved).unwrap();
        let strangers = fs::read_dir(elsewhere.join("tmp")).unwrap().count();
        assert_eq!(strangers, 3, "a stranger's of the same name is not touched");
        drop(named);
        cleanup::idle().await;
        let left: Vec<_> = fs::read_dir(start.join("tmp"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert!(left.is_empty(), "{left:?}");
    });
}
