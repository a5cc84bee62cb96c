//! `ASYNC_TEMPDIR_CLEANUP` keeps what the code would remove, or is an error that says what it may be.
//! Each value in a process of its own. What is printed is tested in `harness`.

mod support;

use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::task::Poll;

use async_tempdir::{AsyncTempDir, Builder, Cleanup, ScopeError, TempRoot, cleanup};
use support::{Sandbox, current_thread, in_process_with, runtimes};

const VARIABLE: &str = "ASYNC_TEMPDIR_CLEANUP";
const POLICIES: [Cleanup; 4] = [
    Cleanup::Always,
    Cleanup::OnSuccess,
    Cleanup::OnClose,
    Cleanup::Never,
];

/// Has the calling test, `name`, run anew with the variable set. True there.
#[track_caller]
fn with(name: &str, value: impl AsRef<OsStr>) -> bool {
    in_process_with(name, &[], |command| {
        command.env(VARIABLE, value);
    })
}

/// Directories that end without a decision: those that the policies in the code keep, and the others.
/// Of these, the scope is over, and the others are dropped.
async fn lives(parent: &Path) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let (mut kept, mut paths) = (Vec::new(), Vec::new());
    for policy in POLICIES {
        let keeps = matches!(policy, Cleanup::OnClose | Cleanup::Never);
        let dir = Builder::new().parent(parent).cleanup(policy).create().await;
        let mut changed = AsyncTempDir::new_in(parent).await.unwrap();
        changed.set_cleanup(policy);
        for dir in [dir.unwrap(), changed] {
            dir.write("file", "x").await.unwrap();
            let child = dir.temp_dir().await.unwrap();
            // Dropped, one inside is kept as long as the other.
            drop(child);
            let paths = if keeps { &mut kept } else { &mut paths };
            paths.push(dir.path().to_path_buf());
        }
    }
    let root = TempRoot::open_in("app", parent).await.unwrap();
    let dir = root.temp_dir().await.unwrap();
    paths.extend([dir.path().to_path_buf(), root.path().to_path_buf()]);
    (kept, paths)
}

/// The directories of scopes whose functions return an `Ok`, and an `Err`.
async fn scopes(parent: &Path) -> [PathBuf; 2] {
    let builder = Builder::new().parent(parent);
    let succeeded = async |dir: &AsyncTempDir| Ok::<_, PathBuf>(dir.path().to_path_buf());
    let failed = async |dir: &AsyncTempDir| Err::<(), _>(dir.path().to_path_buf());
    let succeeded = builder.clone().scope(succeeded).await.ok();
    let Err(ScopeError::Function(failed)) = builder.scope(failed).await else {
        panic!("the function failed");
    };
    [succeeded.expect("it did not fail"), failed]
}

/// Two directories and a root that are dropped by a panic.
fn panics(parent: &Path) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    let body = async {
        let dir = AsyncTempDir::new_in(parent).await.unwrap();
        paths.push(dir.path().to_path_buf());
        let root = TempRoot::open_in("app", parent).await.unwrap();
        paths.push(root.path().to_path_buf());
        let scope = Builder::new().parent(parent).scope(async |dir| {
            paths.push(dir.path().to_path_buf());
            assert!(!dir.path().exists(), "on purpose");
            io::Result::Ok(())
        });
        scope.await.unwrap();
    };
    let ended: Result<(), _> = catch_unwind(AssertUnwindSafe(|| current_thread().block_on(body)));
    ended.unwrap_err();
    paths
}

/// What is asked for explicitly, and what was never anybody's, is as ever.
async fn decided(sandbox: &Sandbox) {
    let parent = sandbox.path();
    let closed = AsyncTempDir::new_in(parent).await.unwrap();
    let unpolled = AsyncTempDir::new_in(parent).await.unwrap();
    let root = TempRoot::open_in("app", parent).await.unwrap();
    let kept = AsyncTempDir::new_in(parent).await.unwrap();
    let published = AsyncTempDir::new_in(parent).await.unwrap();
    closed.close().await.unwrap();
    drop(unpolled.close());
    root.close().await.unwrap();
    drop(TempRoot::open_in("app", parent).await.unwrap().close());
    let kept = kept.keep();
    let target = published.persist(sandbox.join("target")).await.unwrap();

    for _ in 0..20 {
        // Begun and given up, unless the pool was that fast.
        let mut creation = std::pin::pin!(AsyncTempDir::new_in(parent));
        if let Poll::Ready(dir) = futures::poll!(&mut creation) {
            dir.unwrap().close().await.unwrap();
        }
    }
    cleanup::idle().await;
    let mut left = sandbox.leftovers();
    left.sort();
    let mut expected = [kept, target];
    expected.sort();
    assert_eq!(left, expected);
    for path in expected {
        std::fs::remove_dir(path).unwrap();
    }
}

fn count(paths: &[PathBuf]) -> usize {
    paths.iter().filter(|path| path.exists()).count()
}

fn remove(paths: &[PathBuf]) {
    for path in paths.iter().filter(|path| path.exists()) {
        std::fs::remove_dir_all(path).unwrap();
    }
}

/// The number of the directories of [`lives`], of [`scopes`] and of [`panics`] that are kept because of
/// the variable.
fn check(kept_of_lives: usize, kept_of_scopes: [bool; 2], kept_of_panics: usize) {
    let sandbox = Sandbox::new();
    for runtime in runtimes() {
        runtime.block_on(async {
            decided(&sandbox).await;
            let (kept, paths) = lives(sandbox.path()).await;
            let scopes = scopes(sandbox.path()).await;
            cleanup::idle().await;
            assert_eq!(count(&kept), kept.len(), "the code keeps them: {kept:?}");
            assert_eq!(count(&paths), kept_of_lives, "{paths:?}");
            assert_eq!(scopes.each_ref().map(|path| path.exists()), kept_of_scopes);
            // A root that is kept is not one to reclaim.
            let root = TempRoot::open_in("app", sandbox.path()).await.unwrap();
            assert_eq!(root.reclaimed().await.roots(), 0);
            root.close().await.unwrap();
            assert_eq!(count(&paths), kept_of_lives, "{paths:?}");
            remove(&kept);
            remove(&paths);
            remove(&scopes);
        });
    }
    let paths = panics(sandbox.path());
    assert_eq!(count(&paths), kept_of_panics, "{paths:?}");
    remove(&paths);
    sandbox.check();
}

/// All that [`lives`] leaves to the variable: four directories, and a root with one in it.
const LIVES: usize = 6;

#[test]
fn always_and_the_empty_value_change_nothing() {
    const NAME: &str = "always_and_the_empty_value_change_nothing";
    if !support::is_child(NAME) {
        for value in ["always", ""] {
            with(NAME, value);
        }
        return;
    }
    check(0, [false, false], 0);
}

#[test]
fn on_success() {
    if with("on_success", "on-success") {
        check(0, [false, false], 3);
    }
}

#[test]
fn on_close() {
    if with("on_close", "on-close") {
        check(LIVES, [false, true], 3);
    }
}

#[test]
fn never() {
    if with("never", "never") {
        check(LIVES, [true, true], 3);
    }
}

/// Directories that were created by others, and that a handle removes when it is dropped.
#[test]
fn what_is_adopted_or_replaced_is_kept() {
    const NAME: &str = "what_is_adopted_or_replaced_is_kept";
    if !support::is_child(NAME) {
        for value in ["always", "on-success", "on-close", "never"] {
            with(NAME, value);
        }
        return;
    }
    let value = std::env::var(VARIABLE).unwrap();
    let is_kept = ["on-close", "never"].contains(&value.as_str());
    let sandbox = Sandbox::new();
    let target = sandbox.join("target");
    current_thread().block_on(async {
        std::fs::create_dir(&target).unwrap();
        let dir = AsyncTempDir::new_in(sandbox.path()).await.unwrap();
        let old = dir.replace(&target).await.unwrap().unwrap();
        let adopted = AsyncTempDir::adopt(&target).await.unwrap();
        for dir in [old, adopted] {
            let path = dir.path().to_path_buf();
            drop(dir);
            cleanup::idle().await;
            assert_eq!(path.exists(), is_kept, "{path:?}");
            remove(&[path]);
        }
    });
    sandbox.check();
}

/// The random name of a directory tells the test, if the variable may keep it.
#[test]
fn names_tell_the_test() {
    const NAME: &str = "names_tell_the_test";
    if !support::is_child(NAME) {
        for value in ["always", "on-success", "on-close", "never"] {
            with(NAME, value);
        }
        return;
    }
    let sandbox = Sandbox::new();
    let is_told = std::env::var_os(VARIABLE).unwrap() != "always";
    let parent = sandbox.path();
    let thread = std::thread::Builder::new().name(String::from("module::a_test"));
    let test = || {
        let root = current_thread().block_on(async {
            let builder = || Builder::new().parent(parent);
            let tmp = builder().create().await.unwrap();
            let job = builder().prefix("job-").suffix(".d").create_blocking();
            let exact = builder().prefix("exact").random_len(0).create().await;
            for (dir, prefix, told, suffix) in [
                (tmp, "tmp", "tmp-module-a_test-", ""),
                (job.unwrap(), "job-", "job-module-a_test-", ".d"),
            ] {
                let name = dir.file_name().to_str().unwrap();
                let prefix = if is_told { told } else { prefix };
                let random = name.strip_prefix(prefix).unwrap();
                let random = random.strip_suffix(suffix).unwrap();
                assert_eq!(random.len(), 10, "{name}");
                dir.close().await.unwrap();
            }
            let exact = exact.unwrap();
            assert_eq!(exact.file_name(), "exact", "without a random part");
            exact.close().await.unwrap();
            let root = TempRoot::open_in("app", parent).await.unwrap();
            let name = root.path().file_name().unwrap().to_owned();
            root.close().await.unwrap();
            name
        });
        assert_eq!(root.len(), "app-0123456789".len(), "found by its name");
    };
    std::thread::scope(|scope| {
        thread.spawn_scoped(scope, test).unwrap().join().unwrap();
        // Tokio's own threads tell nothing.
        let runtime = support::multi_thread();
        let created = runtime.spawn(AsyncTempDir::new_in(parent.to_path_buf()));
        let dir = runtime.block_on(created).unwrap().unwrap();
        assert_eq!(dir.file_name().len(), "tmp0123456789".len());
        runtime.block_on(dir.close()).unwrap();
    });
    sandbox.check();
}

#[test]
fn anything_else_is_an_error_that_says_what_it_may_be() {
    const NAME: &str = "anything_else_is_an_error_that_says_what_it_may_be";
    if !support::is_child(NAME) {
        for value in ["Always", "on_success", "success", "0", "never "] {
            with(NAME, value);
        }
        #[cfg(unix)]
        {
            use std::os::unix::ffi::OsStrExt;
            with(NAME, OsStr::from_bytes(b"always\xff"));
        }
        return;
    }
    let sandbox = Sandbox::new();
    current_thread().block_on(async {
        let parent = sandbox.path();
        let value = std::env::var_os(VARIABLE).unwrap();
        for error in [
            AsyncTempDir::new().await.unwrap_err(),
            AsyncTempDir::new_in(parent).await.unwrap_err(),
            Builder::new().parent(parent).create_blocking().unwrap_err(),
            AsyncTempDir::scope(async |_| io::Result::Ok(()))
                .await
                .map_err(io::Error::from)
                .unwrap_err(),
            TempRoot::open_in("app", parent).await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            let message = error.to_string();
            for part in [VARIABLE, &format!("{value:?}")] {
                assert!(message.contains(part), "{message}");
            }
            for part in
                ["always", "on-success", "on-close", "never"].map(|part| format!("{part:?}"))
            {
                assert!(message.contains(&part), "{message}");
            }
        }
    });
    sandbox.check();
}
