//! Publishing on another filesystem.

#![cfg(target_os = "linux")]

mod support;

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::Stdio;
use std::task::Poll;

use async_tempdir::{AsyncTempDir, Ending, TempRoot, cleanup};
use support::{Sandbox, current_thread, fill, is_child, multi_thread};

/// Another filesystem, mounted in a sandbox.
struct Other {
    sandbox: Sandbox,
    at: PathBuf,
}

impl Other {
    /// Mounts it. To be called where the process may mount.
    fn new(options: &str) -> Self {
        let sandbox = Sandbox::new_in(&support::in_memory());
        let at = sandbox.join("other");
        fs::create_dir(&at).unwrap();
        let mut mount = std::process::Command::new("mount");
        let mounted = mount.args(["-t", "tmpfs", "-o", options, "none"]).arg(&at);
        assert!(mounted.status().unwrap().success());
        Self { sandbox, at }
    }

    /// What is there.
    fn names(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.at).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    /// Asserts that nothing is left on either side.
    fn check(self) {
        assert_eq!(self.names(), Vec::<PathBuf>::new());
        support::unmount(&self.at);
        fs::remove_dir(&self.at).unwrap();
        self.sandbox.check();
    }
}

/// Mode and contents, or target, of everything in `dir` and of itself.
fn entries(dir: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut all = BTreeMap::new();
    let mut paths = vec![dir.to_path_buf()];
    while let Some(path) = paths.pop() {
        let metadata = path.symlink_metadata().unwrap();
        let contents = if metadata.is_symlink() {
            fs::read_link(&path)
                .unwrap()
                .into_os_string()
                .into_encoded_bytes()
        } else if metadata.is_file() {
            fs::read(&path).unwrap()
        } else {
            let entries = metadata.is_dir().then(|| fs::read_dir(&path).unwrap());
            paths.extend(
                entries
                    .into_iter()
                    .flatten()
                    .map(|entry| entry.unwrap().path()),
            );
            Vec::new()
        };
        let inside = path.strip_prefix(dir).unwrap().to_path_buf();
        all.insert(inside, (metadata.mode(), contents));
    }
    all
}

/// A little of everything that is copied.
fn build(dir: &Path) {
    fill(dir);
    fs::set_permissions(dir.join("a/1"), Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(dir.join("c"), Permissions::from_mode(0o500)).unwrap();
    symlink("/etc/passwd", dir.join("outside")).unwrap();
    symlink("missing", dir.join("a/dangling")).unwrap();
}

#[test]
fn a_copy_is_published_and_the_original_removed() {
    if !support::where_it_may_mount(test_name!()) {
        return;
    }
    for runtime in support::runtimes() {
        let other = Other::new("size=10m");
        let target = other.at.join("target");
        runtime.block_on(async {
            let root = TempRoot::open_in("app", other.sandbox.path())
                .await
                .unwrap();
            let dir = root.temp_dir().await.unwrap();
            build(dir.path());
            let (path, expected) = (dir.path().to_path_buf(), entries(dir.path()));
            let ending = dir.removed();
            assert_eq!(dir.persist(&target).await.unwrap(), target);
            assert_eq!(ending.await, Ending::Persisted(target.clone()));
            assert_eq!(entries(&target), expected);
            cleanup::idle().await;
            assert!(!path.exists());
            assert_eq!(other.names(), [target.as_path()]);

            // And in its place, another.
            let dir = root.temp_dir().await.unwrap();
            dir.write("file", "new").await.unwrap();
            let mode = Permissions::from_mode(0o751);
            let old = dir
                .replace(&target)
                .permissions(mode)
                .await
                .unwrap()
                .unwrap();
            assert_eq!(entries(&target).len(), 2);
            assert_eq!(fs::metadata(&target).unwrap().mode() & 0o7777, 0o751);
            assert_eq!(entries(old.path()), expected);
            assert_eq!(old.path().parent(), Some(&*other.at));
            root.close().await.unwrap();
            assert_eq!(entries(old.path()), expected, "it is not in the root");
            old.close().await.unwrap();
            cleanup::idle().await;
            assert_eq!(cleanup::failures(), 0);
        });
        fs::remove_dir_all(target).unwrap();
        other.check();
    }
}

/// The original is not written to the disk before it is copied: that would be for nothing.
#[test]
fn only_the_copy_is_synced() {
    use support::Need;

    const KINDS: &[&str] = &["--map-root-user", "--mount"];
    let name = test_name!();
    if !is_child(name) && !support::require(name, &[Need::Strace, Need::Namespaces(KINDS)]) {
        return;
    }
    let inject = "inject=syncfs:error=EIO:when=2+";
    let strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", inject];
    if !support::in_process(name, &[&["unshare"], KINDS, &strace].concat()) {
        return;
    }
    let other = Other::new("size=10m");
    let target = other.at.join("target");
    current_thread().block_on(async {
        let dir = other.sandbox.dir().await;
        dir.write("file", "new").await.unwrap();
        dir.persist(&target).sync(true).await.unwrap();
        cleanup::idle().await;
    });
    assert_eq!(entries(&target).len(), 2);
    fs::remove_dir_all(target).unwrap();
    other.check();
}

/// Publishes what cannot be, and asserts that both sides are as they were.
async fn fails(
    other: &Other,
    dir: AsyncTempDir,
    target: &Path,
    kind: ErrorKind,
    names: &Path,
) -> AsyncTempDir {
    let before = (entries(&other.at), entries(dir.path()));
    let error = dir.persist(target).await.unwrap_err();
    assert_eq!(error.error().kind(), kind, "{error}");
    assert!(error.to_string().contains(&format!("{names:?}")), "{error}");
    cleanup::idle().await;
    let dir = error.into_dir();
    assert_eq!((entries(&other.at), entries(dir.path())), before);
    dir
}

#[test]
fn what_cannot_be_copied_stays_where_it_is() {
    if !support::where_it_may_mount(test_name!()) {
        return;
    }
    let other = Other::new("size=1m");
    let target = other.at.join("target");
    current_thread().block_on(async {
        let dir = other.sandbox.dir().await;
        build(dir.path());
        let fifo = dir.path().join("a/fifo");
        let made = std::process::Command::new("mkfifo").arg(&fifo).status();
        assert!(made.unwrap().success());
        let dir = fails(&other, dir, &target, ErrorKind::InvalidInput, &fifo).await;
        fs::remove_file(fifo).unwrap();

        // Another filesystem inside. No other place for the directory would help.
        let mounted = dir.create_dir("mounted").await.unwrap();
        support::mount(&mounted);
        let dir = fails(&other, dir, &target, ErrorKind::CrossesDevices, &mounted).await;
        let error = dir.persist(&target).await.unwrap_err();
        assert!(!error.to_string().contains("new_in"), "{error}");
        let dir = error.into_dir();
        support::unmount(&mounted);
        fs::remove_dir(mounted).unwrap();

        // No room.
        let large = dir.path().join("a/large");
        fs::write(&large, vec![b'x'; 4 << 20]).unwrap();
        let dir = fails(&other, dir, &target, ErrorKind::StorageFull, &large).await;
        fs::remove_file(large).unwrap();

        // No parent, and something in the way.
        let missing = other.at.join("missing/target");
        let dir = fails(&other, dir, &missing, ErrorKind::NotFound, &missing).await;
        fs::write(&target, "theirs").unwrap();
        let dir = fails(&other, dir, &target, ErrorKind::NotADirectory, &target).await;
        fs::remove_file(&target).unwrap();
        fs::create_dir(&target).unwrap();
        fs::write(target.join("file"), "theirs").unwrap();
        let dir = fails(&other, dir, &target, ErrorKind::DirectoryNotEmpty, &target).await;
        fs::remove_file(target.join("file")).unwrap();

        let expected = entries(dir.path());
        dir.persist(&target).await.unwrap();
        assert_eq!(entries(&target), expected, "an empty one is replaced");
        cleanup::idle().await;
        assert_eq!(cleanup::failures(), 0);
    });
    fs::remove_dir_all(target).unwrap();
    other.check();
}

#[test]
fn a_filesystem_mounted_inside_is_no_target() {
    if !support::where_it_may_mount(test_name!()) {
        return;
    }
    let sandbox = Sandbox::new();
    current_thread().block_on(async {
        let dir = sandbox.dir().await;
        let inside = dir.create_dir("inside").await.unwrap();
        support::mount(&inside);
        for replaces in [false, true] {
            let dir = AsyncTempDir::new_in(sandbox.path()).await.unwrap();
            let target = dir.create_dir("mounted").await.unwrap();
            support::mount(&target);
            let error = match replaces {
                true => dir.replace(target.join("new")).await.unwrap_err(),
                false => dir.persist(target.join("new")).await.unwrap_err(),
            };
            assert_eq!(error.error().kind(), ErrorKind::InvalidInput, "{error}");
            support::unmount(&target);
            error.into_dir().close().await.unwrap();
        }
        support::unmount(&inside);
        dir.close().await.unwrap();
    });
    sandbox.check();
}

#[test]
fn cancelled_it_is_published_whole_or_not_at_all() {
    if !support::where_it_may_mount(test_name!()) {
        return;
    }
    let other = Other::new("size=100m");
    let target = other.at.join("target");
    let runtime = multi_thread();
    let (mut published, mut cancelled) = (0, 0);
    runtime.block_on(async {
        for moment in 0..support::times(60) {
            let dir = other.sandbox.dir().await;
            dir.populate((0..40).map(|i| (format!("{}/{i}", i % 5), vec![b'x'; 20_000])))
                .await
                .unwrap();
            let expected = entries(dir.path());
            let path = dir.path().to_path_buf();
            {
                let mut persisting = pin!(dir.persist(&target));
                // At each of its polls, then after moments that go up to its end and beyond.
                let polls = if moment < 8 { moment } else { 1 };
                for _ in 0..polls {
                    let poll = std::future::poll_fn(|cx| Poll::Ready(persisting.as_mut().poll(cx)));
                    if poll.await.is_ready() {
                        break;
                    }
                    tokio::task::yield_now().await;
                }
                // Until this much is there, or the end.
                let much = |hidden: &Path| entries(hidden).len() >= moment;
                while moment >= 8 && path.exists() && !target.exists() {
                    // It is removed under the eyes of this.
                    let seen = std::panic::catch_unwind(|| other.names().iter().any(|at| much(at)));
                    if seen.unwrap_or(true) {
                        break;
                    }
                }
            }
            cleanup::idle().await;
            assert!(!path.exists(), "published or removed");
            if target.exists() {
                assert_eq!(entries(&target), expected, "whole");
                fs::remove_dir_all(&target).unwrap();
                published += 1;
            } else {
                cancelled += 1;
            }
            assert_eq!(other.names(), Vec::<PathBuf>::new());
        }
        assert_eq!(cleanup::failures(), 0);
    });
    assert!(cancelled > 0, "some were cancelled, {published} published");
    other.check();
}

/// Where the process that is killed works.
const PLACE: &str = "ASYNC_TEMPDIR_TEST_PARENT";

/// Publishes one directory after the other, and says before each where it is, until it is killed.
#[test]
fn publisher() {
    if !is_child("publisher") {
        return;
    }
    let place = PathBuf::from(std::env::var_os(PLACE).unwrap());
    let mut stdout = io::stdout();
    current_thread().block_on(async {
        let root = TempRoot::open_in("app", &place).await.unwrap();
        for n in 0.. {
            let dir = root.temp_dir().await.unwrap();
            build(dir.path());
            dir.populate((0..20).map(|i| (format!("d/{i}"), vec![b'x'; 3_000])))
                .await
                .unwrap();
            writeln!(stdout, "\n{n} {}", dir.path().display()).unwrap();
            let target = place.join("other").join(n.to_string());
            dir.persist(target).await.unwrap();
        }
    });
}

fn killed(kills: usize) {
    for kill in 0..kills {
        let other = Other::new("size=50m");
        let mut child = support::this_test("publisher", &[])
            .env(PLACE, other.sandbox.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let mut said = vec![0; 300 + 37 * (kill % 20)];
        stdout.read_exact(&mut said).unwrap();
        // Into what comes after that.
        for _ in 0..kill * 7_919 % 100_000 {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        stdout.read_to_end(&mut said).unwrap();
        let said = String::from_utf8(said).unwrap();

        let last = said.lines().filter_map(|line| {
            let (n, path) = line.split_once(' ')?;
            n.parse::<usize>().ok().map(|n| (n, PathBuf::from(path)))
        });
        let mut whole = 0;
        for (n, path) in last {
            let target = other.at.join(n.to_string());
            // Whole at one place at least, and at the target never less.
            let there = if target.exists() { &target } else { &path };
            let entries = entries(there);
            assert_eq!(entries.len(), 11 + 3 + 1 + 2 + 20 + 1, "{there:?}");
            assert_eq!(entries[Path::new("d/19")].1.len(), 3_000);
            whole += 1;
        }
        assert!(whole > 0, "it has begun");
        // What it has left beside the target has the name of that.
        for path in other.names() {
            let name = path.file_name().unwrap().to_str().unwrap();
            let hidden = name.starts_with('.') && name.ends_with(".new");
            assert!(hidden || name.parse::<usize>().is_ok(), "{path:?}");
            remove(&path);
        }
        current_thread().block_on(async {
            let root = TempRoot::open_in("app", other.sandbox.path())
                .await
                .unwrap();
            root.reclaimed().await;
            root.close().await.unwrap();
        });
        other.check();
    }
}

/// Removes a tree in which rights are missing.
fn remove(path: &Path) {
    let removed = current_thread().block_on(async_tempdir::remove_dir_all(path).into_future());
    removed.unwrap();
}

#[test]
fn killed_it_leaves_it_whole_in_one_place() {
    if support::where_it_may_mount(test_name!()) {
        killed(support::times(10));
    }
}

#[test]
#[ignore = "heavy: two hundred kills"]
fn heavy_killed_it_leaves_it_whole_in_one_place() {
    if support::where_it_may_mount(test_name!()) {
        killed(200);
    }
}
