//! `remove_dir_all`: what it refuses, what it manages, what it reports.

mod support;

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_tempdir::{AsyncTempDir, Removed, cleanup, remove_dir_all};
use support::{Sandbox, fill};

fn counted(removed: Removed) -> (u64, u64) {
    (removed.files, removed.dirs)
}

#[tokio::test]
async fn a_tree() {
    let sandbox = Sandbox::new();
    let tree = sandbox.join("tree");
    fs::create_dir(&tree).unwrap();
    fill(&tree);
    assert_eq!(counted(remove_dir_all(&tree).await.unwrap()), (11, 4));

    fs::create_dir(&tree).unwrap();
    fill(&tree);
    let removed = remove_dir_all(tree.join("a")).max_threads(1).await.unwrap();
    assert_eq!(counted(removed), (6, 2));
    // A slash at the end changes nothing for a directory.
    let slash = format!("{}/", tree.display());
    assert_eq!(counted(remove_dir_all(slash).await.unwrap()), (5, 2));
    sandbox.check();
}

#[tokio::test]
async fn what_it_refuses() {
    let sandbox = Sandbox::new();
    let tree = sandbox.join("tree");
    fs::create_dir(&tree).unwrap();
    fill(&tree);
    fs::write(sandbox.join("file"), "x").unwrap();

    let refused = async |path: &Path, kind: ErrorKind| {
        let error = remove_dir_all(path).await.expect_err("refused");
        assert_eq!(error.path(), path);
        assert_eq!(error.failed(), 1);
        assert_eq!(counted(error.removed()), (0, 0));
        let message = error.to_string();
        assert!(message.contains(&format!("{path:?}")), "{message}");
        assert_eq!(io::Error::from(error).kind(), kind, "{message}");
    };
    refused(&sandbox.join("missing"), ErrorKind::NotFound).await;
    refused(&sandbox.join("file"), ErrorKind::NotADirectory).await;
    refused(Path::new(""), ErrorKind::InvalidInput).await;
    refused(Path::new("/"), ErrorKind::InvalidInput).await;
    refused(Path::new("."), ErrorKind::InvalidInput).await;
    refused(Path::new(".."), ErrorKind::InvalidInput).await;
    refused(&tree.join("a/.."), ErrorKind::InvalidInput).await;
    refused(&tree.join("a/../.."), ErrorKind::InvalidInput).await;
    refused(Path::new("a\0b"), ErrorKind::InvalidInput).await;

    assert_eq!(counted(remove_dir_all(&tree).await.unwrap()), (11, 4));
    fs::remove_file(sandbox.join("file")).unwrap();
    sandbox.check();
}

#[cfg(unix)]
#[tokio::test]
async fn a_symlink_is_refused_with_a_slash_too() {
    let sandbox = Sandbox::new();
    let link = sandbox.join("link");
    std::os::unix::fs::symlink("sibling", &link).unwrap();
    for path in [link.display().to_string(), format!("{}/", link.display())] {
        let error = remove_dir_all(&path).await.unwrap_err();
        assert!(error.to_string().contains("symlink"), "{error}");
        assert_eq!(io::Error::from(error).kind(), ErrorKind::NotADirectory);
        assert!(link.is_symlink(), "it is left as it is");
    }
    fs::remove_file(link).unwrap();
    sandbox.check();
}

#[test]
fn without_a_runtime() {
    let sandbox = Sandbox::new();
    let tree = sandbox.join("tree");
    fs::create_dir(&tree).unwrap();
    let removal = remove_dir_all(&tree).into_future();
    let error = futures::executor::block_on(removal).unwrap_err();
    assert!(error.to_string().contains("Tokio"), "{error}");
    fs::remove_dir(tree).unwrap();
    sandbox.check();
}

#[tokio::test]
async fn dropped_before_it_began_it_does_nothing() {
    let sandbox = Sandbox::new();
    let tree = sandbox.join("tree");
    fs::create_dir(&tree).unwrap();
    drop(remove_dir_all(&tree));
    drop(remove_dir_all(&tree).into_future());
    cleanup::idle().await;
    assert!(tree.exists());
    fs::remove_dir(tree).unwrap();
    sandbox.check();
}

#[tokio::test]
async fn dropped_after_it_began_it_goes_on() {
    let sandbox = Sandbox::new();
    for _ in 0..100 {
        let tree = sandbox.join("tree");
        fs::create_dir(&tree).unwrap();
        fill(&tree);
        let mut removal = Box::pin(remove_dir_all(&tree).into_future());
        let _ = futures::FutureExt::now_or_never(removal.as_mut());
        drop(removal);
        cleanup::idle().await;
        assert!(!tree.exists());
    }
    sandbox.check();
}

#[tokio::test]
async fn progress_is_told_in_time_and_in_the_end() {
    let sandbox = Sandbox::new();
    let tree = sandbox.join("tree");
    fs::create_dir(&tree).unwrap();
    for n in 0..3_000 {
        fs::write(tree.join(n.to_string()), "").unwrap();
    }
    let calls = Arc::new(Mutex::new(Vec::new()));
    let start = std::time::Instant::now();
    let removed = remove_dir_all(&tree)
        .on_progress({
            let calls = Arc::clone(&calls);
            move |removed| calls.lock().unwrap().push(removed)
        })
        .await
        .unwrap();
    let most = 1 + start.elapsed().as_millis() / 100;
    let calls = calls.lock().unwrap();
    assert!(
        calls.len() as u128 <= most,
        "{} calls, at most {most}",
        calls.len()
    );
    assert_eq!(*calls.last().unwrap(), removed);
    assert!(calls.is_sorted_by_key(|removed| removed.files));
    assert_eq!(counted(removed), (3_000, 1));
    sandbox.check();
}

#[test]
fn a_panic_in_progress_comes_after_the_removal() {
    let sandbox = Sandbox::new();
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let path = Arc::new(Mutex::new(None));
    let panicked = std::panic::catch_unwind(|| {
        support::multi_thread().block_on(async {
            let dir = sandbox.dir().await;
            fill(dir.path());
            *path.lock().unwrap() = Some(dir.path().to_path_buf());
            let _ = dir.close().on_progress(|_| panic!("on purpose")).await;
        });
    });
    std::panic::set_hook(usual);
    let panic = panicked.unwrap_err();
    assert_eq!(*panic.downcast::<&str>().unwrap(), "on purpose");
    assert!(!path.lock().unwrap().as_ref().unwrap().exists());
    sandbox.check();
}

/// Somebody goes on writing for a while: the directory is read again until it is empty.
#[test]
fn a_writer_that_stops_is_outlasted() {
    let sandbox = Sandbox::new();
    let runtime = support::multi_thread();
    for _ in 0..20 {
        let dir = runtime
            .block_on(AsyncTempDir::new_in(sandbox.path()))
            .unwrap();
        let path = dir.path().to_path_buf();
        let stop = Arc::new(AtomicBool::new(false));
        let written = Arc::new(AtomicU64::new(0));
        let writer = std::thread::spawn({
            let (stop, written, path) = (Arc::clone(&stop), Arc::clone(&written), path.clone());
            move || {
                while !stop.load(Ordering::SeqCst) {
                    let n = written.fetch_add(1, Ordering::SeqCst);
                    // Fails once the directory is gone.
                    let _ = fs::write(path.join(format!("{n}")), "x");
                }
            }
        });
        support::until("it writes", || written.load(Ordering::SeqCst) > 10);
        let closed = runtime.block_on(dir.close().into_future());
        stop.store(true, Ordering::SeqCst);
        writer.join().unwrap();
        // Either it was faster than the writer, or it says what remained, and that is true.
        match closed {
            Ok(_) => assert!(!path.exists()),
            Err(error) => {
                assert!(path.exists(), "{error}");
                fs::remove_dir_all(&path).unwrap();
            }
        }
    }
    sandbox.check();
}

#[cfg(unix)]
#[test]
fn directories_that_lock_their_owner_out() {
    use std::os::unix::fs::PermissionsExt;

    if !support::as_ordinary_user(test_name!()) {
        return;
    }
    let sandbox = Sandbox::new();
    let runtime = support::current_thread();
    let set_mode = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    let canary = sandbox.join("canary");
    fs::write(&canary, "").unwrap();
    set_mode(&canary, 0o444);
    for mode in [0o500, 0o600, 0o400, 0o300, 0o200, 0o100, 0o000] {
        let root = sandbox.join("root");
        for dir in ["a/b/c", "a/d", "e"] {
            fs::create_dir_all(root.join(dir)).unwrap();
        }
        for dir in ["a/b/c", "a/b", "a/d", "a", "e", ""] {
            fs::write(root.join(dir).join("file"), "").unwrap();
            std::os::unix::fs::symlink(&canary, root.join(dir).join("link")).unwrap();
        }
        for dir in ["a/b/c", "a/b", "a/d", "a", "e", ""] {
            set_mode(&root.join(dir), mode);
        }
        let removed = runtime.block_on(remove_dir_all(&root).into_future());
        let removed = removed.unwrap_or_else(|error| panic!("mode {mode:03o}: {error}"));
        assert_eq!(counted(removed), (12, 6), "mode {mode:03o}");
        let canary = fs::metadata(&canary).unwrap().permissions().mode() & 0o7777;
        assert_eq!(canary, 0o444, "no mode outside is changed");
    }
    fs::remove_file(canary).unwrap();
    sandbox.check();
}

#[cfg(unix)]
#[test]
fn what_is_not_the_callers_to_remove_is_reported_and_the_rest_removed() {
    use std::os::unix::fs::PermissionsExt;

    const NAME: &str = "what_is_not_the_callers_to_remove_is_reported_and_the_rest_removed";
    if !support::as_ordinary_user(NAME) {
        return;
    }
    let sandbox = Sandbox::new();
    let parent = sandbox.join("parent");
    fs::create_dir_all(parent.join("tree/sub")).unwrap();
    fs::write(parent.join("tree/sub/file"), "").unwrap();
    // The directory around the tree is not part of it: its mode stays.
    fs::set_permissions(&parent, fs::Permissions::from_mode(0o500)).unwrap();
    let removal = remove_dir_all(parent.join("tree")).into_future();
    let error = support::current_thread().block_on(removal).unwrap_err();
    assert_eq!(error.failed(), 1, "{error}");
    assert_eq!(error.failures()[0].path, parent.join("tree"));
    assert_eq!(counted(error.removed()), (1, 1), "the rest is removed");
    assert_eq!(io::Error::from(error).kind(), ErrorKind::PermissionDenied);
    let mode = fs::metadata(&parent).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o500, "no mode outside the tree is changed");
    fs::set_permissions(&parent, fs::Permissions::from_mode(0o700)).unwrap();
    fs::remove_dir_all(parent).unwrap();
    sandbox.check();
}

/// With nothing to unlink in them, the first that shows is that a directory in them cannot be
/// opened.
#[cfg(unix)]
#[test]
fn directories_of_directories_that_lock_their_owner_out() {
    use std::os::unix::fs::PermissionsExt;

    if !support::as_ordinary_user(test_name!()) {
        return;
    }
    for mode in [0o600, 0o400, 0o200, 0o100, 0o000, 0o500] {
        let sandbox = Sandbox::new();
        let tree = sandbox.join("tree");
        for n in 0..40 {
            fs::create_dir_all(tree.join(format!("a/b{n}/c"))).unwrap();
        }
        for dir in (0..40)
            .map(|n| format!("a/b{n}"))
            .chain(["a".into(), "".into()])
        {
            fs::set_permissions(tree.join(dir), fs::Permissions::from_mode(mode)).unwrap();
        }
        let removal = remove_dir_all(&tree).into_future();
        let removed = support::multi_thread().block_on(removal).unwrap();
        assert_eq!(counted(removed), (0, 82), "{mode:o}");
        sandbox.check();
    }
}

/// Somebody else's directory in one of the caller's: it cannot be read, but if it is empty it can be
/// removed. Only root can make such.
#[cfg(target_os = "linux")]
#[test]
fn an_empty_directory_that_may_not_be_read_is_removed() {
    use std::os::unix::fs::{PermissionsExt, chown};

    const NAME: &str = "an_empty_directory_that_may_not_be_read_is_removed";
    const TREES: &str = "ASYNC_TEMPDIR_TEST_TREES";
    const NOBODY: Option<u32> = Some(65_534);
    if support::is_child(NAME) {
        let trees = std::path::PathBuf::from(std::env::var_os(TREES).unwrap());
        let runtime = support::current_thread();
        for (tree, dirs) in [("tree", 3), ("locked", 1)] {
            let removal = remove_dir_all(trees.join(tree)).into_future();
            assert_eq!(counted(runtime.block_on(removal).unwrap()), (0, dirs));
        }
        return;
    }
    if !support::require(NAME, &[support::Need::Root]) {
        return;
    }
    let sandbox = Sandbox::new();
    let trees = sandbox.join("trees");
    for mine in ["trees/tree/sub", "trees/tree/locked", "trees/locked"] {
        fs::create_dir_all(sandbox.join(mine)).unwrap();
    }
    for theirs in ["trees", "trees/tree", "trees/tree/sub"] {
        chown(sandbox.join(theirs), NOBODY, NOBODY).unwrap();
    }
    for (path, mode) in [(".", 0o755), ("trees/tree/locked", 0), ("trees/locked", 0)] {
        fs::set_permissions(sandbox.join(path), fs::Permissions::from_mode(mode)).unwrap();
    }
    support::in_process_with(NAME, support::ordinary_user(), |command| {
        command.env(TREES, &trees);
    });
    fs::remove_dir(trees).unwrap();
    sandbox.check();
}

#[cfg(target_os = "linux")]
#[test]
fn a_mount_point_is_reported_and_not_entered() {
    const NAME: &str = "a_mount_point_is_reported_and_not_entered";
    if !support::where_it_may_mount(NAME) {
        return;
    }
    let run = |words: &[&str]| {
        let status = std::process::Command::new(words[0])
            .args(&words[1..])
            .status();
        assert!(status.unwrap().success(), "{words:?}");
    };
    let sandbox = Sandbox::new();
    let tree = sandbox.join("tree");
    let (bind, tmpfs) = (tree.join("a/bind"), tree.join("tmpfs"));
    fs::create_dir_all(&bind).unwrap();
    fs::create_dir(&tmpfs).unwrap();
    fs::write(tree.join("a/file"), "").unwrap();
    let sibling = sandbox.join("sibling");
    // Of the same filesystem, so that the number of the device tells nothing.
    run(&[
        "mount",
        "--bind",
        sibling.to_str().unwrap(),
        bind.to_str().unwrap(),
    ]);
    run(&["mount", "-t", "tmpfs", "none", tmpfs.to_str().unwrap()]);
    fs::write(tmpfs.join("theirs"), "").unwrap();

    let removal = remove_dir_all(&tree).into_future();
    let error = support::current_thread().block_on(removal).unwrap_err();
    let mut at: Vec<_> = error
        .failures()
        .iter()
        .map(|failure| &failure.path)
        .collect();
    at.sort();
    assert_eq!(at, [&bind, &tmpfs]);
    assert_eq!(counted(error.removed()), (1, 0), "the rest is removed");
    assert_eq!(io::Error::from(error).kind(), ErrorKind::CrossesDevices);
    assert!(tmpfs.join("theirs").exists());
    sandbox.check_sibling();

    let error = support::current_thread().block_on(remove_dir_all(&tmpfs).into_future());
    assert_eq!(
        io::Error::from(error.unwrap_err()).kind(),
        ErrorKind::CrossesDevices
    );
    assert!(tmpfs.join("theirs").exists());

    run(&["umount", bind.to_str().unwrap()]);
    run(&["umount", tmpfs.to_str().unwrap()]);
    support::current_thread()
        .block_on(remove_dir_all(&tree).into_future())
        .unwrap();
    sandbox.check();
}

/// A tree far deeper than there are descriptors.
#[cfg(target_os = "linux")]
#[test]
fn depth_needs_no_descriptors() {
    use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    if !support::in_process(test_name!(), &[]) {
        return;
    }
    let sandbox = Sandbox::new();
    let runtime = support::current_thread();
    // Every so often a second directory, so that there is more to do on the way up.
    for (descriptors, levels, second) in [(256, 100_000, 50), (128, 5_000, 1), (40, 500, 1)] {
        let root = sandbox.join("root");
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        fs::create_dir(&root).unwrap();
        let mut level = openat(CWD, &root, flags, Mode::empty()).unwrap();
        for n in 0..levels {
            mkdirat(&level, "d", Mode::RWXU).unwrap();
            if n % second == 0 {
                mkdirat(&level, "e", Mode::RWXU).unwrap();
            }
            level = openat(&level, "d", flags, Mode::empty()).unwrap();
        }
        drop(level);
        let limit = Some(descriptors);
        setrlimit(
            Resource::Nofile,
            Rlimit {
                current: limit,
                maximum: getrlimit(Resource::Nofile).maximum,
            },
        )
        .unwrap();
        let removed = runtime
            .block_on(remove_dir_all(&root).into_future())
            .unwrap();
        assert_eq!(counted(removed), (0, levels + levels / second + 1));
    }
    sandbox.check();
}

/// While others have all descriptors, removal waits for one, in the background as well.
#[cfg(target_os = "linux")]
#[test]
fn removal_waits_for_a_descriptor() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    if !support::in_process(test_name!(), &[]) {
        return;
    }
    let limit = Rlimit {
        current: Some(64),
        maximum: getrlimit(Resource::Nofile).maximum,
    };
    setrlimit(Resource::Nofile, limit).unwrap();
    let sandbox = Sandbox::new();
    let runtime = support::multi_thread();
    for closed in [false, true] {
        let dir = runtime
            .block_on(AsyncTempDir::new_in(sandbox.path()))
            .unwrap();
        fill(dir.path());
        let mut all = Vec::new();
        while let Ok(file) = fs::File::open("/dev/null") {
            all.push(file);
        }
        let path = dir.path().to_path_buf();
        let closing = if closed {
            Some(runtime.spawn(dir.close().into_future()))
        } else {
            drop(dir);
            None
        };
        // Some of the time that it waits, and well within it.
        for _ in 0..1_000 {
            assert!(path.exists(), "without a descriptor nothing is removed");
        }
        drop(all);
        if let Some(closing) = closing {
            runtime.block_on(closing).unwrap().unwrap();
        }
        runtime.block_on(cleanup::idle());
        assert_eq!(cleanup::failures(), 0);
        assert!(!path.exists());
    }
    sandbox.check();
}

/// A deep tree is emptied through its root, which its owner may not write to.
#[cfg(target_os = "linux")]
#[test]
fn a_deep_tree_under_a_read_only_root() {
    use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    use std::os::unix::fs::PermissionsExt;

    if !support::as_ordinary_user(test_name!()) {
        return;
    }
    let sandbox = Sandbox::new();
    let root = sandbox.join("root");
    fs::create_dir(&root).unwrap();
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let mut level = openat(CWD, &root, flags, Mode::empty()).unwrap();
    for _ in 0..1_500 {
        mkdirat(&level, "d", Mode::RWXU).unwrap();
        level = openat(&level, "d", flags, Mode::empty()).unwrap();
    }
    drop(level);
    let limit = Rlimit {
        current: Some(256),
        maximum: getrlimit(Resource::Nofile).maximum,
    };
    setrlimit(Resource::Nofile, limit).unwrap();
    fs::set_permissions(&root, fs::Permissions::from_mode(0o500)).unwrap();
    let removal = remove_dir_all(&root).into_future();
    let removed = support::current_thread().block_on(removal).unwrap();
    assert_eq!(counted(removed), (0, 1_501));
    sandbox.check();
}

/// What was moved up to be emptied and could not be is one failure, however often it is read.
#[cfg(target_os = "linux")]
#[test]
fn a_failure_deep_down_is_counted_once() {
    const NAME: &str = "a_failure_deep_down_is_counted_once";
    if !support::where_it_may_mount(NAME) {
        return;
    }
    let sandbox = Sandbox::new();
    let root = sandbox.join("root");
    let deep: std::path::PathBuf = std::iter::repeat_n("d", 100).collect();
    let run = |words: &[&str], at: &Path| {
        let mut command = std::process::Command::new(words[0]);
        assert!(
            command
                .args(&words[1..])
                .arg(at)
                .status()
                .unwrap()
                .success()
        );
    };
    for _ in 0..support::times(10) {
        let mount = root.join(&deep).join("mount");
        fs::create_dir_all(&mount).unwrap();
        for n in 0..3_000 {
            fs::write(root.join(n.to_string()), "").unwrap();
        }
        run(&["mount", "-t", "tmpfs", "none"], &mount);
        let removal = remove_dir_all(&root).into_future();
        let error = support::current_thread().block_on(removal).unwrap_err();
        assert_eq!(error.failed(), 1, "{error}");
        let at = error.failures()[0].path.clone();
        assert!(at.starts_with(&root) && at.ends_with("mount"), "{error}");
        assert!(at.exists(), "the report says where it is now: {error}");
        run(&["umount"], &at);
        let removal = remove_dir_all(&root).into_future();
        support::current_thread().block_on(removal).unwrap();
    }
    sandbox.check();
}

#[tokio::test]
async fn a_removal_is_a_future_of_its_own() {
    use futures::FutureExt;
    use futures::future::{FusedFuture, join_all};

    let sandbox = Sandbox::new();
    let removed = tokio::spawn(sandbox.dir().await.close()).await.unwrap();
    assert_eq!(removed.unwrap().dirs, 1);
    let (a, b) = futures::join!(sandbox.dir().await.close(), sandbox.dir().await.close());
    assert_eq!(a.unwrap(), b.unwrap());
    let dirs = [sandbox.dir().await, sandbox.dir().await];
    for removed in join_all(dirs.map(|dir| dir.close())).await {
        removed.unwrap();
    }

    // Fused.
    let dir = sandbox.dir().await;
    let path = dir.path().to_path_buf();
    let mut closing = dir.close();
    assert!(format!("{closing:?}").contains("path"), "{closing:?}");
    assert!(!closing.is_terminated());
    (&mut closing).await.unwrap();
    assert!(closing.is_terminated());
    assert!((&mut closing).now_or_never().is_none());
    assert!(!path.exists());
    sandbox.check();
}
