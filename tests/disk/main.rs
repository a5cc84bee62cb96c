//! Disks with nothing left on them: no blocks, no inodes, or no more of either for this user.
//!
//! What cannot be made is not there, not even in part, and the error says which path and why; and
//! what is there can be removed all the same.

#![cfg(target_os = "linux")]

mod device;
mod frozen;
#[path = "../support/mod.rs"]
mod support;
mod untyped;

use std::fs;
use std::future::Future;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_tempdir::{AsyncTempDir, TempRoot, cleanup, remove_dir_all};
use device::{Ballast, Bytes, Dirs, Disk, Files, Lack, run, where_it_may_mount_images};
use futures::stream;
use support::{Sandbox, runtimes, snapshot};

/// Deeper than a removal goes without moving directories up, and that several times over.
const DEPTH: u64 = 200;

/// A chain of directories that needs moving up, and a little of everything, in `dir`.
fn build(dir: &Path) {
    support::fill(dir);
    let mut deep = dir.to_path_buf();
    for _ in 0..DEPTH {
        deep.push("d");
        fs::create_dir(&deep).unwrap();
    }
}

/// What an operation on a full disk says.
#[track_caller]
fn assert_says<T>(result: io::Result<T>, kind: ErrorKind, path: &Path) {
    let Err(error) = result else {
        panic!("{path:?}: there is no room for that");
    };
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(&format!("{path:?}")), "{error}");
}

/// Awaits `operation`, which fails and leaves everything below `disk` as it was.
async fn fails<T>(
    disk: &Path,
    kind: ErrorKind,
    path: impl AsRef<Path>,
    operation: impl Future<Output = io::Result<T>>,
) {
    let before = snapshot(disk);
    assert_says(operation.await, kind, path.as_ref());
    let is = snapshot(disk);
    let new: Vec<_> = is
        .keys()
        .filter(|path| !before.contains_key(*path))
        .collect();
    assert!(new.is_empty(), "nothing is half made, but there is {new:?}");
    assert!(is == before, "what was there is as it was");
}

/// What fails on `disk`, which lacks all of that, with errors of that kind, in `dir` on it.
async fn everything_says_so(
    disk: &Path,
    dir: &AsyncTempDir,
    kind: ErrorKind,
    lacks: &'static [Lack],
) {
    let at = |name: &str| dir.path().join(name);
    let chunk = |bytes: usize| stream::iter([Ok::<_, io::Error>(vec![b'x'; bytes])]);
    if lacks.contains(&Dirs) {
        fails(disk, kind, disk, AsyncTempDir::new_in(disk)).await;
        fails(disk, kind, disk, TempRoot::open_in("app", disk)).await;
        fails(disk, kind, dir.path(), dir.temp_dir()).await;
        fails(disk, kind, at("new"), dir.create_dir("new")).await;
        fails(disk, kind, at("new/a/b"), dir.create_dir_all("new/a/b")).await;
        fails(disk, kind, at("new/a"), dir.write("new/a", "")).await;
        fails(disk, kind, at("new/a"), dir.write_stream("new/a", chunk(0))).await;
    }
    if lacks.contains(&Files) {
        fails(disk, kind, dir.path(), dir.temp_file()).await;
        fails(disk, kind, at("new"), dir.create("new")).await;
        fails(disk, kind, at("new"), dir.create_new("new")).await;
        fails(disk, kind, at("new"), dir.append("new")).await;
        fails(disk, kind, at("new"), dir.write("new", "")).await;
        fails(disk, kind, at("new"), dir.populate([("new", "")])).await;
        fails(disk, kind, at("new"), dir.write_stream("new", chunk(0))).await;
        // It would be replaced by a new one.
        fails(disk, kind, at("old"), dir.write_stream("old", chunk(1))).await;
    }
    if lacks.contains(&Bytes) {
        // Of one chunk, and of more than one batch.
        for bytes in [1, 100_000, 3_000_000] {
            fails(disk, kind, at("old"), dir.write_stream("old", chunk(bytes))).await;
            let stream = dir.write_stream("new", chunk(bytes));
            fails(disk, kind, at("new"), stream).await;
        }
        assert_says(
            dir.write("truncated", vec![b'x'; 100_000]).await,
            kind,
            &at("truncated"),
        );
        let files = [("old", 0), ("truncated", 100_000), ("new", 0)];
        let files = files.map(|(name, bytes)| (name, vec![b'x'; bytes]));
        let error = dir.populate(files).await.unwrap_err();
        let before = match lacks.contains(&Files) {
            true => "before any other file",
            false => "after 1 other file",
        };
        assert!(error.to_string().contains(before), "{error}");
        assert_eq!(error.kind(), kind, "{error}");
        assert!(
            !at("new").exists(),
            "none is written after the one that fails"
        );
    }
    assert_eq!(cleanup::failures(), 0);
}

/// As `everything_says_so`, of what makes more than one entry when there is room for one.
async fn half_of_it_says_so(disk: &Path, dir: &AsyncTempDir, kind: ErrorKind) {
    fails(disk, kind, disk, TempRoot::open_in("app", disk)).await;
    let stream = stream::iter([Ok::<_, io::Error>("x")]);
    let path = dir.path().join("made/file");
    assert_says(dir.write_stream("made/file", stream).await, kind, &path);
    fails(disk, kind, path, dir.write("made/file", "")).await;
    // The directory that was made for it stays.
    assert_eq!(fs::read_dir(dir.path().join("made")).unwrap().count(), 0);
    dir.remove("made").await.unwrap();
}

/// Fills `disk` until it lacks all of that: what fails then, and what does not.
async fn when_full(disk: &Path, kind: ErrorKind, lacks: &'static [Lack]) {
    let new = || async { AsyncTempDir::new_in(disk).await.unwrap() };
    let [dir, closed, dropped, published] = [new().await, new().await, new().await, new().await];
    let root = TempRoot::open_in("app", disk).await.unwrap();
    root.reclaimed().await;
    let child = dir.temp_dir().await.unwrap();
    for dir in [&dir, &closed, &dropped, &child] {
        build(dir.path());
        dir.write("old", "as it was").await.unwrap();
        dir.write("truncated", "as it was").await.unwrap();
    }
    build(root.path());
    let other = disk.join("other");
    fs::create_dir(&other).unwrap();
    build(&other);
    published.write("file", "contents").await.unwrap();

    let mut ballast = Ballast::of(disk, lacks);
    ballast.fill();
    everything_says_so(disk, &dir, kind, lacks).await;
    if !lacks.contains(&Bytes) {
        ballast.give_one_back();
        half_of_it_says_so(disk, &dir, kind).await;
        ballast.fill();
    }

    // Each removes what is as deep as can be, before anything has made room.
    let dirs = DEPTH + 4;
    let removed = remove_dir_all(&other).await.unwrap();
    assert_eq!((removed.files, removed.dirs), (11, dirs));
    ballast.fill();
    let removed = closed.close().await.unwrap();
    assert_eq!((removed.files, removed.dirs), (13, dirs));
    ballast.fill();
    let path = dropped.path().to_path_buf();
    drop(dropped);
    cleanup::idle().await;
    assert!(!path.exists(), "a drop needs no room");
    ballast.fill();
    let removed = root.close().await.unwrap();
    assert_eq!((removed.files, removed.dirs), (12, dirs), "and its lock");
    dir.remove("d").await.unwrap();

    // A rename makes nothing that was not there.
    let target = disk.join("published");
    assert_eq!(published.persist(&target).await.unwrap(), target);
    assert_eq!(fs::read(target.join("file")).unwrap(), b"contents");

    fs::remove_dir_all(&ballast.dir).unwrap();
    dir.write("new/file", vec![b'x'; 10_000]).await.unwrap();
    let written = dir.write_stream("old", stream::iter([Ok::<_, io::Error>("new")]));
    assert_eq!(written.await.unwrap(), 3, "there is room again");
    drop(child);
    dir.close().await.unwrap();
    cleanup::idle().await;
    assert_eq!(cleanup::failures(), 0);
    remove_dir_all(target).await.unwrap();
}

fn on_tmpfs(options: &str, lacks: &'static [Lack]) {
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        let disk = Disk::new(&sandbox, &["-t", "tmpfs", "-o", options], "none");
        runtime.block_on(when_full(&disk.at, ErrorKind::StorageFull, lacks));
        drop(runtime);
        assert_eq!(
            fs::read_dir(&disk.at).unwrap().count(),
            0,
            "nothing is left"
        );
        drop(disk);
        sandbox.check();
    }
}

#[test]
fn no_blocks() {
    if support::where_it_may_mount(crate::test_name!()) {
        on_tmpfs("size=4m", &[Bytes]);
    }
}

#[test]
fn no_inodes() {
    if support::where_it_may_mount(crate::test_name!()) {
        on_tmpfs("nr_inodes=1500", &[Dirs, Files]);
    }
}

const EXT4: &[&str] = &["mkfs.ext4", "-q", "-m", "0", "-N", "2000"];

fn on_image(
    make: &[&str],
    kind: ErrorKind,
    lacks: &'static [Lack],
    limit: impl Fn(&Path) -> PathBuf,
) {
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        let disk = Disk::in_image(&sandbox, 112 << 20, make);
        let place = limit(&disk.at);
        let before = fs::read_dir(&place).unwrap().count();
        runtime.block_on(when_full(&place, kind, lacks));
        drop(runtime);
        let left = fs::read_dir(&place).unwrap().count();
        assert_eq!(left, before, "nothing is left");
        drop(disk);
        sandbox.check();
    }
}

#[test]
fn no_blocks_on_ext4() {
    if where_it_may_mount_images("no_blocks_on_ext4", EXT4[0]) {
        on_image(
            EXT4,
            ErrorKind::StorageFull,
            &[Dirs, Bytes],
            Path::to_path_buf,
        );
    }
}

#[test]
fn no_inodes_on_ext4() {
    if where_it_may_mount_images("no_inodes_on_ext4", EXT4[0]) {
        on_image(
            EXT4,
            ErrorKind::StorageFull,
            &[Dirs, Files],
            Path::to_path_buf,
        );
    }
}

/// That of a subvolume of btrfs, since other quotas need modules that few kernels have built in.
#[test]
fn no_quota() {
    if !where_it_may_mount_images("no_quota", "mkfs.btrfs") {
        return;
    }
    let make = ["mkfs.btrfs", "-q"];
    let lacks = &[Dirs, Files, Bytes];
    on_image(&make, ErrorKind::QuotaExceeded, lacks, |disk| {
        let limited = disk.join("limited");
        let btrfs = |args: &[&str], on: &Path| run(Command::new("btrfs").args(args).arg(on));
        btrfs(&["quota", "enable"], disk);
        btrfs(&["subvolume", "create"], &limited);
        btrfs(&["qgroup", "limit", "8M"], &limited);
        limited
    });
}

/// What there is room for is copied, and no part of what there is none for.
#[test]
fn a_copy_that_is_too_large() {
    if !support::where_it_may_mount(crate::test_name!()) {
        return;
    }
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        let source = sandbox.join("source");
        fs::create_dir(&source).unwrap();
        for name in ["1", "2", "3"] {
            fs::write(source.join(name), vec![b'x'; 600_000]).unwrap();
        }
        let disk = Disk::new(&sandbox, &["-t", "tmpfs", "-o", "size=1m"], "none");
        runtime.block_on(async {
            let dir = AsyncTempDir::new_in(&disk.at).await.unwrap();
            let error = dir.copy_from(&source).max_threads(1).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}");
            assert_eq!((error.failed(), error.copied().files), (2, 1));
            let left = dir.list().await.unwrap();
            assert_eq!(left.len(), 1, "nothing is half there: {left:?}");
            assert_eq!(dir.read(&left[0]).await.unwrap(), vec![b'x'; 600_000]);
            dir.close().await.unwrap();
        });
        drop(runtime);
        drop(disk);
        fs::remove_dir_all(source).unwrap();
        sandbox.check();
    }
}

/// A stream is not asked for more than can be written of it.
#[test]
fn the_rest_of_a_stream_is_not_asked_for() {
    if !support::where_it_may_mount(crate::test_name!()) {
        return;
    }
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        let disk = Disk::new(&sandbox, &["-t", "tmpfs", "-o", "size=1m"], "none");
        runtime.block_on(async {
            let dir = AsyncTempDir::new_in(&disk.at).await.unwrap();
            let polled = AtomicUsize::new(0);
            let chunks = (0..1_000).map(|_| {
                polled.fetch_add(1, Ordering::SeqCst);
                Ok::<_, io::Error>(vec![b'x'; 100_000])
            });
            let error = dir.write_stream("file", stream::iter(chunks)).await;
            assert_says(error, ErrorKind::StorageFull, &dir.path().join("file"));
            assert!(polled.into_inner() < 100);
            assert!(dir.list().await.unwrap().is_empty());
            dir.close().await.unwrap();
        });
        drop(runtime);
        drop(disk);
        sandbox.check();
    }
}

/// ext4 gives the number of a directory that is gone to the next that is made: only their times of
/// birth tell them apart.
#[test]
fn one_with_the_same_number_is_another() {
    let name = crate::test_name!();
    if !where_it_may_mount_images(name, EXT4[0]) {
        return;
    }
    let make = [EXT4, &["-I", "256"]].concat();
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        let disk = Disk::in_image(&sandbox, 112 << 20, &make);
        runtime.block_on(async {
            let dir = AsyncTempDir::new_in(&disk.at).await.unwrap();
            let path = dir.path().to_path_buf();
            let (number, born) = support::identity(&path);
            assert!(born.is_some(), "ext4 keeps it");
            fs::remove_dir(&path).unwrap();
            support::until("it is made a tick of the clock later", || {
                fs::create_dir(&path).unwrap();
                let later = support::identity(&path).1 > born;
                if !later {
                    fs::remove_dir(&path).unwrap();
                }
                later
            });
            assert_eq!(support::identity(&path).0, number, "it has the same");
            for error in [
                dir.write("file", "ours").await.unwrap_err(),
                dir.close().await.unwrap_err().into(),
            ] {
                assert!(error.to_string().contains("replaced"), "{error}");
            }
            // Only if it is there, and empty.
            fs::remove_dir(&path).expect("a stranger's is not touched");
        });
        drop(runtime);
        drop(disk);
        sandbox.check();
    }
}
