//! Copying a tree from outside.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use async_tempdir::{AsyncTempDir, Copied, CopyError, CopySide, cleanup};
use futures::future::FusedFuture;
use support::{Sandbox, fill, in_memory, multi_thread, runtimes, snapshot};

/// What an entry is, as far as a copy keeps it.
#[derive(Debug, PartialEq, Eq)]
enum Entry {
    Dir { mode: u32 },
    File { mode: u32, bytes: Vec<u8> },
    Link(PathBuf),
}

/// Everything below `root`, by its path relative to that.
fn tree(root: &Path) -> BTreeMap<PathBuf, Entry> {
    let mut all = BTreeMap::new();
    let mut dirs = vec![PathBuf::new()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(root.join(&dir)).unwrap() {
            let path = dir.join(entry.unwrap().file_name());
            let full = root.join(&path);
            let metadata = fs::symlink_metadata(&full).unwrap();
            let mode = mode(&metadata);
            let entry = if metadata.is_symlink() {
                Entry::Link(fs::read_link(&full).unwrap())
            } else if metadata.is_dir() {
                dirs.push(path.clone());
                Entry::Dir { mode }
            } else {
                let bytes = fs::read(&full).unwrap();
                Entry::File { mode, bytes }
            };
            all.insert(path, entry);
        }
    }
    all
}

#[cfg(unix)]
fn mode(metadata: &fs::Metadata) -> u32 {
    use std::os::unix::fs::PermissionsExt;

    metadata.permissions().mode() & 0o7777
}

#[cfg(not(unix))]
fn mode(metadata: &fs::Metadata) -> u32 {
    metadata.permissions().readonly().into()
}

/// Makes a random tree below `dir`, of some `size` entries. The same for the same numbers.
fn grow(random: &mut fastrand::Rng, dir: &Path, size: usize) {
    let mut dirs = vec![dir.to_path_buf()];
    let mut made = Vec::new();
    for n in 0..size {
        let parent = dirs[random.usize(..dirs.len())].clone();
        let path = parent.join(match random.u8(..8) {
            0 => format!("{n} ü\u{fffd}"),
            1 => format!("{n}{}", "x".repeat(100)),
            _ => n.to_string(),
        });
        match random.u8(..10) {
            0..3 => {
                fs::create_dir(&path).unwrap();
                dirs.push(path.clone());
            }
            #[cfg(unix)]
            3 | 4 => {
                let targets = ["..", "/", "1", "/nowhere/at/all", "a/../../b/", "."];
                let target = targets[random.usize(..targets.len())];
                std::os::unix::fs::symlink(target, &path).unwrap();
                continue;
            }
            _ => {
                let lens = [0, 1, 1_000, 4_096, 4_097, 16_384, 140_000];
                let len = lens[random.usize(..lens.len())];
                let bytes: Vec<u8> = (0..len).map(|_| random.u8(..)).collect();
                fs::write(&path, bytes).unwrap();
            }
        }
        made.push(path);
    }
    // Now that everything is in them.
    #[cfg(unix)]
    for path in made {
        use std::os::unix::fs::PermissionsExt;

        let bits = if path.is_dir() { 0o700 } else { 0o400 };
        let mode = random.u32(..0o1000) | bits;
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
}

/// The sum of what a tree holds.
fn sum(tree: &BTreeMap<PathBuf, Entry>) -> [u64; 4] {
    let mut sum = [0; 4];
    for entry in tree.values() {
        match entry {
            Entry::File { bytes, .. } => {
                sum[0] += 1;
                sum[1] += bytes.len() as u64;
            }
            Entry::Dir { .. } => sum[2] += 1,
            Entry::Link(_) => sum[3] += 1,
        }
    }
    sum
}

fn counted(copied: Copied) -> [u64; 4] {
    [copied.files, copied.bytes, copied.dirs, copied.symlinks]
}

/// Creates the directory `source` with the usual small tree.
fn source(sandbox: &Sandbox) -> PathBuf {
    let source = sandbox.join("source");
    fs::create_dir(&source).unwrap();
    fill(&source);
    source
}

#[test]
fn any_tree_arrives_as_it_is() {
    for runtime in runtimes() {
        for seed in 0..support::times(10) {
            let sandbox = Sandbox::new_in(&in_memory());
            let source = sandbox.join("source");
            fs::create_dir(&source).unwrap();
            let mut random = fastrand::Rng::with_seed(seed as u64);
            grow(&mut random, &source, 10 << (seed % 6));
            let before = tree(&source);
            runtime.block_on(async {
                let dir = sandbox.dir().await;
                let copied = dir.copy_from(&source).await.unwrap();
                assert!(tree(dir.path()) == before, "seed {seed}: the copy differs");
                assert_eq!(counted(copied), sum(&before), "seed {seed}");
                assert!(copied.cloned <= copied.bytes);
                assert_eq!(copied.hard_links, 0);

                // And over what is there.
                let again = dir.copy_from(&source).max_threads(1).await.unwrap();
                assert!(tree(dir.path()) == before, "seed {seed}: it differs now");
                assert_eq!(counted(again), sum(&before), "seed {seed}");
                dir.close().await.unwrap();
            });
            assert!(
                tree(&source) == before,
                "seed {seed}: the source was changed"
            );
            fs::remove_dir_all(source).unwrap();
            sandbox.check();
        }
    }
}

#[test]
fn thousands_of_files_by_several_threads() {
    let runtime = multi_thread();
    let sandbox = Sandbox::new_in(&in_memory());
    let source = sandbox.join("source");
    for n in 0..support::times(3_000) {
        let dir = source.join((n % 10).to_string());
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join(n.to_string()), n.to_string()).unwrap();
        fs::write(source.join(n.to_string() + "flat"), "").unwrap();
    }
    runtime.block_on(async {
        let dir = sandbox.dir().await;
        dir.copy_from(&source).max_threads(8).await.unwrap();
        assert!(tree(dir.path()) == tree(&source), "the copy differs");
        dir.close().await.unwrap();
    });
    fs::remove_dir_all(source).unwrap();
    sandbox.check();
}

#[tokio::test]
async fn large_files_in_one_directory() {
    let sandbox = Sandbox::new();
    let source = sandbox.join("source");
    fs::create_dir(&source).unwrap();
    for n in 0..7_u8 {
        let bytes: Vec<u8> = (0..3_000_001).map(|at| (at % 251) as u8 ^ n).collect();
        fs::write(source.join(n.to_string()), bytes).unwrap();
        fs::create_dir(source.join(format!("d{n}"))).unwrap();
    }
    let dir = sandbox.dir().await;
    let copied = dir.copy_from(&source).await.unwrap();
    assert_eq!(counted(copied), [7, 7 * 3_000_001, 7, 0]);
    assert!(tree(dir.path()) == tree(&source), "the copy differs");
    dir.close().await.unwrap();
    fs::remove_dir_all(source).unwrap();
    sandbox.check();
}

#[tokio::test]
async fn to_a_path_inside() {
    let sandbox = Sandbox::new();
    let source = source(&sandbox);
    let expected = tree(&source);
    let dir = sandbox.dir().await;
    let absolute = dir.path().join("absolute/er");
    dir.create_dir("there").await.unwrap();
    for to in [
        Path::new("new"),
        Path::new("some/how/deep"),
        Path::new("there"),
        Path::new("there/./in/"),
        Path::new("new/.."),
        &absolute,
    ] {
        dir.copy_from(&source).to(to).await.unwrap();
        let copy = tree(&dir.path().join(to));
        for (path, entry) in &expected {
            assert_eq!(copy.get(path), Some(entry), "{to:?}");
        }
    }
    dir.write("file", "").await.unwrap();
    for (to, kind) in [
        ("", ErrorKind::InvalidInput),
        ("a\0b", ErrorKind::InvalidInput),
        ("..", ErrorKind::PermissionDenied),
        ("../sibling", ErrorKind::PermissionDenied),
        ("/nowhere", ErrorKind::PermissionDenied),
        ("file", ErrorKind::NotADirectory),
        ("file/new", ErrorKind::NotADirectory),
    ] {
        let error = dir.copy_from(&source).to(to).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{to:?}: {error}");
        assert_eq!(error.failures()[0].side, CopySide::Destination);
        assert_eq!(error.failures()[0].path, source);
        assert_eq!(error.path(), source);
        assert_eq!(error.destination(), dir.path().join(to));
        assert_eq!(error.copied(), Copied::default());
    }
    dir.close().await.unwrap();
    assert_eq!(tree(&source), expected);
    fs::remove_dir_all(source).unwrap();
    sandbox.check();
}

#[tokio::test]
async fn what_cannot_be_a_source() {
    let sandbox = Sandbox::new();
    let source = source(&sandbox);
    let dir = sandbox.dir().await;
    for (bad, kind) in [
        (PathBuf::new(), ErrorKind::InvalidInput),
        (PathBuf::from("a\0b"), ErrorKind::InvalidInput),
        (source.join("missing"), ErrorKind::NotFound),
        (source.join("x"), ErrorKind::NotADirectory),
        (
            source.join("x/y"),
            if cfg!(windows) {
                ErrorKind::NotFound
            } else {
                ErrorKind::NotADirectory
            },
        ),
    ] {
        let error = dir.copy_from(&bad).to("new").await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!((error.failed(), error.failures().len()), (1, 1));
        assert_eq!(error.failures()[0].side, CopySide::Source);
        let text = error.to_string();
        assert!(text.starts_with("cannot copy \""), "{text}");
        assert_eq!(format!("{error:?}"), text);
        let error = std::io::Error::from(error);
        assert_eq!((error.kind(), error.to_string()), (kind, text));
        assert!(!dir.try_exists("new").await.unwrap(), "{bad:?}");
    }
    dir.close().await.unwrap();
    fs::remove_dir_all(source).unwrap();
    sandbox.check();
}

#[tokio::test]
async fn into_itself_is_refused() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    fill(dir.path());
    let before = snapshot(dir.path());
    let up = Path::new("..");
    for (source, to) in [
        (dir.path().to_path_buf(), "."),
        (dir.path().join("."), "a"),
        (dir.path().to_path_buf(), "a/b"),
        (dir.path().join("a"), "a/b"),
        (dir.path().join("a"), "a"),
        // It would copy itself in the end.
        (dir.path().join("a"), "."),
        (dir.path().join("a/b"), "a"),
        (dir.path().parent().unwrap().to_path_buf(), "a"),
        (dir.path().join("a").join(up).join(up), "."),
    ] {
        let error = dir.copy_from(&source).to(to).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{source:?} to {to}");
        assert!(error.to_string().contains("into itself"), "{error}");
    }
    assert_eq!(snapshot(dir.path()), before);
    // Beside it is not in it.
    dir.copy_from(dir.path().join("a")).to("d").await.unwrap();
    assert_eq!(tree(&dir.path().join("a")), tree(&dir.path().join("d")));
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_filter_sees_relative_paths_and_keeps_out_what_it_refuses() {
    let sandbox = Sandbox::new();
    let source = source(&sandbox);
    let dir = sandbox.dir().await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sees = Arc::clone(&seen);
    let filter = move |path: &Path| {
        sees.lock().unwrap().push(path.to_path_buf());
        path != Path::new("a") && path != Path::new("c/2")
    };
    let copied = dir.copy_from(&source).filter(filter).await.unwrap();
    assert_eq!(counted(copied), [4, 4, 1, 0]);
    let expected = ["c", "c/1", "c/3", "x", "y"].map(Path::new);
    assert_eq!(dir.list().await.unwrap(), expected);
    let mut seen = std::mem::take(&mut *seen.lock().unwrap());
    seen.sort();
    let expected = ["a", "c", "c/1", "c/2", "c/3", "x", "y"].map(PathBuf::from);
    assert_eq!(seen, expected, "each once, and nothing in what is refused");
    dir.close().await.unwrap();
    fs::remove_dir_all(source).unwrap();
    sandbox.check();
}

/// Although a helper that has come last may still be about to leave.
#[test]
fn a_filter_is_dropped_when_the_copy_has_ended() {
    let sandbox = Sandbox::new_in(&in_memory());
    let source = sandbox.join("source");
    for dir in 0..8 {
        let dir = source.join(dir.to_string());
        fs::create_dir_all(&dir).unwrap();
        for file in 0..20 {
            fs::write(dir.join(file.to_string()), "x").unwrap();
        }
    }
    multi_thread().block_on(async {
        for _ in 0..support::times(50) {
            let dir = sandbox.dir().await;
            let seen = Arc::new(AtomicUsize::new(0));
            let counted = Arc::clone(&seen);
            let filter = move |_: &Path| counted.fetch_add(1, Ordering::Relaxed) < usize::MAX;
            dir.copy_from(&source).filter(filter).await.unwrap();
            assert_eq!(Arc::into_inner(seen).unwrap().into_inner(), 8 * 21);
            dir.close().await.unwrap();
        }
    });
    fs::remove_dir_all(source).unwrap();
    sandbox.check();
}

#[test]
fn a_panic_of_a_function_is_the_callers() {
    let sandbox = Sandbox::new();
    let source = source(&sandbox);
    for of_filter in [true, false] {
        let panic = support::silently(|| {
            multi_thread().block_on(async {
                let dir = sandbox.dir().await;
                let copy = dir.copy_from(&source);
                match of_filter {
                    true => copy.filter(|_| panic!("on purpose")).await,
                    false => copy.on_progress(|_| panic!("on purpose")).await,
                }
            })
        });
        assert_eq!(
            *panic.unwrap_err().downcast_ref::<&str>().unwrap(),
            "on purpose"
        );
    }
    fs::remove_dir_all(source).unwrap();
    sandbox.check();
}

#[tokio::test]
async fn progress_ends_with_everything() {
    let sandbox = Sandbox::new();
    let source = source(&sandbox);
    let dir = sandbox.dir().await;
    let (sender, receiver) = mpsc::channel();
    let progress = move |copied| sender.send(copied).unwrap();
    let copied = dir.copy_from(&source).on_progress(progress).await.unwrap();
    assert_eq!(receiver.iter().last(), Some(copied), "and it is dropped");
    for refused in [source.join("missing"), sandbox.path().to_path_buf()] {
        let (sender, receiver) = mpsc::channel();
        let progress = move |copied| sender.send(copied).unwrap();
        let copy = dir.copy_from(&refused).on_progress(progress);
        copy.await.unwrap_err();
        assert_eq!(receiver.iter().next(), None, "{refused:?}");
    }
    dir.close().await.unwrap();
    fs::remove_dir_all(source).unwrap();
    sandbox.check();
}

#[tokio::test]
async fn existing_entries() {
    let sandbox = Sandbox::new();
    let source = source(&sandbox);
    let dir = sandbox.dir().await;
    // A hard link keeps what it was.
    dir.write("x", "old and longer").await.unwrap();
    dir.hard_link("x", "other").await.unwrap();
    // Merged.
    dir.write("a/own", "mine").await.unwrap();
    // These are in the way.
    dir.create_dir("a/1").await.unwrap();
    dir.write("c", "file").await.unwrap();
    let error = dir.copy_from(&source).await.unwrap_err();
    let mut failures: Vec<_> = error
        .failures()
        .iter()
        .map(|failure| (failure.path.clone(), failure.side, failure.error.kind()))
        .collect();
    failures.sort_by(|a, b| a.0.cmp(&b.0));
    let expected = [
        (
            source.join("a/1"),
            CopySide::Destination,
            ErrorKind::IsADirectory,
        ),
        (
            source.join("c"),
            CopySide::Destination,
            ErrorKind::NotADirectory,
        ),
    ];
    assert_eq!(failures, expected, "{error}");
    assert_eq!(error.failed(), 2);
    assert!(error.to_string().contains("(and 1 more)"), "{error}");
    // All except a/1 and what is in c.
    assert_eq!(counted(error.copied()), [7, 7, 2, 0]);
    assert_eq!(dir.read("x").await.unwrap(), b"x");
    assert_eq!(dir.read("other").await.unwrap(), b"old and longer");
    assert_eq!(dir.read("a/own").await.unwrap(), b"mine");
    assert_eq!(dir.read("a/b/2").await.unwrap(), b"2");
    assert_eq!(dir.read("c").await.unwrap(), b"file");
    dir.close().await.unwrap();
    fs::remove_dir_all(source).unwrap();
    sandbox.check();
}

#[tokio::test]
async fn hard_links_are_the_files_themselves() {
    let sandbox = Sandbox::new();
    let source = source(&sandbox);
    let dir = sandbox.dir().await;
    let copied = dir.copy_from(&source).hard_links().await.unwrap();
    assert_eq!((copied.files, copied.hard_links, copied.bytes), (11, 11, 0));
    assert_eq!(tree(dir.path()), tree(&source));
    fs::write(source.join("a/1"), "changed").unwrap();
    assert_eq!(dir.read("a/1").await.unwrap(), b"changed");

    // A copy over links writes into none of them.
    let other = sandbox.join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("x"), "of another").unwrap();
    dir.copy_from(&other).await.unwrap();
    assert_eq!(dir.read("x").await.unwrap(), b"of another");
    assert_eq!(fs::read(source.join("x")).unwrap(), b"x");
    // Links over links, and over files.
    dir.copy_from(&source).hard_links().await.unwrap();
    assert_eq!(tree(dir.path()), tree(&source));
    dir.close().await.unwrap();
    assert_eq!(fs::read(source.join("a/1")).unwrap(), b"changed");
    fs::remove_dir_all(source).unwrap();
    fs::remove_dir_all(other).unwrap();
    sandbox.check();
}

#[test]
fn a_dropped_copy_stops_before_the_next_entry() {
    let sandbox = Sandbox::new();
    let source = source(&sandbox);
    let runtime = multi_thread();
    runtime.block_on(async {
        let dir = sandbox.dir().await;
        let calls = Arc::new(AtomicU64::new(0));
        let (begun, has_begun) = mpsc::channel();
        let (dropped, is_dropped) = mpsc::channel::<()>();
        let is_dropped = Mutex::new(is_dropped);
        let counts = Arc::clone(&calls);
        let filter = move |_: &Path| {
            counts.fetch_add(1, Ordering::SeqCst);
            begun.send(()).unwrap();
            // Until the sender is dropped.
            let _ = is_dropped.lock().unwrap().recv();
            true
        };
        let mut copy = Box::pin(dir.copy_from(&source).filter(filter).max_threads(1));
        assert!(futures::poll!(&mut copy).is_pending());
        has_begun.recv().unwrap();
        drop(copy);
        drop(dropped);
        drop(dir);
        cleanup::idle().await;
        assert_eq!(calls.load(Ordering::SeqCst), 1);
        assert_eq!(sandbox.leftovers(), vec![source.clone()]);
    });
    fs::remove_dir_all(source).unwrap();
    sandbox.check();
}

#[tokio::test]
async fn its_future_begins_when_polled_and_ends_once() {
    let sandbox = Sandbox::new();
    let source = source(&sandbox);
    let dir = sandbox.dir().await;
    let mut copy = dir.copy_from(&source).to("new");
    assert!(
        format!("{copy:?}").starts_with("CopyFrom { source: "),
        "{copy:?}"
    );
    assert!(!dir.path().join("new").exists(), "it is not awaited yet");
    (&mut copy).await.unwrap();
    assert!(copy.is_terminated());
    assert!(futures::poll!(&mut copy).is_pending());
    assert_eq!(format!("{copy:?}"), "CopyFrom { .. }");
    drop(copy);

    fs::remove_dir_all(dir.path()).unwrap();
    let error = dir.copy_from(&source).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert_eq!(error.failures()[0].side, CopySide::Destination);
    dir.close().await.unwrap();
    fs::remove_dir_all(source).unwrap();
    sandbox.check();
}

#[test]
fn outside_a_runtime_its_own_is_used_and_after_that_none() {
    let sandbox = Sandbox::new();
    let source = source(&sandbox);
    let runtime = multi_thread();
    let dir = runtime.block_on(sandbox.dir());
    let copied = futures::executor::block_on(async { dir.copy_from(&source).await });
    assert_eq!(copied.unwrap().files, 11);
    drop(runtime);
    let copied = futures::executor::block_on(async { dir.copy_from(&source).await });
    assert_eq!(copied.unwrap_err().kind(), ErrorKind::Other);
    drop::<AsyncTempDir>(dir);
    fs::remove_dir_all(source).unwrap();
    sandbox.check();
}

#[test]
fn errors_list_at_most_thirty_two() {
    assert_eq!(CopyError::MAX_FAILURES, 32);
    let sandbox = Sandbox::new();
    let source = sandbox.join("source");
    fs::create_dir(&source).unwrap();
    multi_thread().block_on(async {
        let dir = sandbox.dir().await;
        for n in 0..40 {
            fs::write(source.join(n.to_string()), "").unwrap();
            dir.create_dir(n.to_string()).await.unwrap();
        }
        let error = dir.copy_from(&source).await.unwrap_err();
        assert_eq!((error.failed(), error.failures().len()), (40, 32));
        dir.close().await.unwrap();
    });
    fs::remove_dir_all(source).unwrap();
    sandbox.check();
}
