//! A hostile umask. Alone in its binary: it is the whole process's.
#![cfg(unix)]

mod support;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use async_tempdir::{AsyncTempDir, Builder, cleanup};
use rustix::fs::Mode;
use rustix::process::umask;
use support::Sandbox;

#[test]
fn a_hostile_umask_locks_nobody_out() {
    if !support::as_ordinary_user(test_name!()) {
        return;
    }
    let sandbox = Sandbox::new();
    let runtime = support::current_thread();
    let mode = |dir: &AsyncTempDir| fs::metadata(dir.path()).unwrap().permissions().mode();
    for (mask, expected) in [
        (0o777, 0o700),
        (0o700, 0o755),
        (0o100, 0o755),
        (0o400, 0o755),
        (0o077, 0o700),
        (0o000, 0o755),
    ] {
        let usual = umask(Mode::from_raw_mode(mask));
        let dir = runtime.block_on(AsyncTempDir::new_in(sandbox.path()));
        let open = runtime.block_on(
            Builder::new()
                .parent(sandbox.path())
                .permissions(Permissions::from_mode(0o755))
                .create(),
        );
        umask(usual);
        let (dir, open) = (dir.unwrap(), open.unwrap());
        assert_eq!(mode(&dir) & 0o7777, 0o700, "umask {mask:03o}");
        assert_eq!(mode(&open) & 0o7777, expected, "umask {mask:03o}");
        runtime.block_on(async {
            dir.write("a/file", "x").await.unwrap();
            assert_eq!(dir.read_to_string("a/file").await.unwrap(), "x");
            dir.close().await.unwrap();
            open.close().await.unwrap();
        });
    }
    sandbox.check();
}

#[test]
fn a_published_directory_has_the_permissions_that_mkdir_gives() {
    if !support::as_ordinary_user(test_name!()) {
        return;
    }
    let sandbox = Sandbox::new();
    let runtime = support::current_thread();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    let target = sandbox.join("target");
    for mask in [0o022, 0o077, 0o002, 0o000, 0o777, 0o200, 0o027] {
        let usual = umask(Mode::from_raw_mode(mask));
        let made = sandbox.join("made");
        fs::create_dir(&made).unwrap();
        let replaced = runtime.block_on(async {
            let dir = sandbox.dir().await;
            dir.replace(&target).default_permissions().await
        });
        let exactly = runtime.block_on(async {
            let dir = sandbox.dir().await;
            let permissions = Permissions::from_mode(0o770);
            dir.persist(sandbox.join("exactly"))
                .permissions(permissions)
                .await
        });
        umask(usual);
        // In the place of one with other permissions, which may keep its owner out.
        drop(replaced.unwrap());
        assert_eq!(mode(&target), mode(&made), "umask {mask:03o}");
        assert_eq!(mode(&exactly.unwrap()), 0o770, "umask {mask:03o}");
        fs::remove_dir(made).unwrap();
        fs::remove_dir(sandbox.join("exactly")).unwrap();
    }
    runtime.block_on(cleanup::idle());
    assert_eq!(cleanup::failures(), 0);
    fs::remove_dir(target).unwrap();
    sandbox.check();
}

#[test]
fn what_a_hostile_umask_made_inside_is_removed() {
    if !support::as_ordinary_user(test_name!()) {
        return;
    }
    let sandbox = Sandbox::new();
    let runtime = support::current_thread();
    runtime.block_on(async {
        let dir = sandbox.dir().await;
        let inside = dir.path().join("inside");
        fs::create_dir(&inside).unwrap();
        fs::write(inside.join("file"), "x").unwrap();
        fs::set_permissions(&inside, Permissions::from_mode(0o000)).unwrap();
        let removed = dir.close().await.unwrap();
        assert_eq!((removed.files, removed.dirs), (1, 2));
    });
    sandbox.check();
}

#[test]
fn a_copy_has_the_modes_of_its_source_whatever_the_umask() {
    if !support::as_ordinary_user(test_name!()) {
        return;
    }
    let sandbox = Sandbox::new();
    let source = sandbox.join("source");
    let files = ["file", "open", "d/file", "d/e/file", "d/e/open"];
    fs::create_dir_all(source.join("d/e")).unwrap();
    for (file, mode) in files.into_iter().zip([0o640, 0o666, 0o755, 0o600, 0o777]) {
        fs::write(source.join(file), "x").unwrap();
        fs::set_permissions(source.join(file), Permissions::from_mode(mode)).unwrap();
    }
    fs::set_permissions(source.join("d/e"), Permissions::from_mode(0o775)).unwrap();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode();
    let runtime = support::current_thread();
    for mask in [0o777, 0o700, 0o300, 0o200, 0o100, 0o077, 0o022, 0o000] {
        runtime.block_on(async {
            let dir = sandbox.dir().await;
            let usual = umask(Mode::from_raw_mode(mask));
            let copied = dir.copy_from(&source).await;
            umask(usual);
            assert_eq!(copied.unwrap().files, 5, "umask {mask:03o}");
            for path in files.into_iter().chain(["d", "d/e"]) {
                let (of_copy, of_source) = (mode(&dir.path().join(path)), mode(&source.join(path)));
                assert_eq!(of_copy, of_source, "umask {mask:03o}: {path}");
            }
            dir.close().await.unwrap();
        });
    }
    fs::remove_dir_all(source).unwrap();
    sandbox.check();
}
