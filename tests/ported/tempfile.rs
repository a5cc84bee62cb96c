//! The behaviours of tempfile's tests of directories and of the environment.

use std::fs;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;

use async_tempdir::{AsyncTempDir, Builder, Cleanup, Ending};

use crate::dropped;
use crate::support::{self, Sandbox};
use crate::test_name;

/// Panics without a message on stderr.
fn panic() -> ! {
    resume_unwind(Box::new("to unwind past a directory"))
}

fn name(dir: &AsyncTempDir) -> &str {
    dir.file_name().to_str().unwrap()
}

#[tokio::test]
async fn a_dropped_directory_is_gone() {
    let dir = Builder::new().prefix("foobar").create().await.unwrap();
    assert!(name(&dir).contains("foobar"));
    assert!(dir.path().is_dir());
    dropped(dir).await;
}

#[tokio::test]
async fn a_name_has_the_prefix() {
    let dir = AsyncTempDir::with_prefix("prefix").await.unwrap();
    assert!(name(&dir).starts_with("prefix"));
    dir.close().await.unwrap();
}

#[tokio::test]
async fn a_name_has_the_suffix() {
    let dir = AsyncTempDir::with_suffix("suffix").await.unwrap();
    assert!(name(&dir).ends_with("suffix"));
    dir.close().await.unwrap();
}

#[tokio::test]
async fn a_name_has_as_many_random_characters_as_asked_for() {
    if !support::in_process(test_name!(), &[]) {
        return;
    }
    let builder = Builder::new().prefix("prefix").suffix("suffix");
    let dir = builder.random_len(12).create().await.unwrap();
    assert!(name(&dir).starts_with("prefix") && name(&dir).ends_with("suffix"));
    assert_eq!(name(&dir).len(), 24);
    dir.close().await.unwrap();
}

#[test]
fn a_thread_that_panics_removes_what_it_created() {
    let sandbox = Sandbox::new();
    let parent = sandbox.path().to_path_buf();
    let (sender, receiver) = mpsc::channel();
    let thread = thread::spawn(move || {
        let dir = Builder::new().parent(parent).create_blocking().unwrap();
        sender.send(dir.path().is_dir()).unwrap();
        panic()
    });
    assert!(thread.join().is_err() && receiver.recv().unwrap());
    sandbox.check();
}

#[test]
fn a_thread_that_panics_removes_what_it_was_given() {
    let sandbox = Sandbox::new();
    let builder = Builder::new().parent(sandbox.path());
    let dir = builder.create_blocking().unwrap();
    let thread = thread::spawn(move || {
        let _dir = dir;
        panic()
    });
    assert!(thread.join().is_err());
    sandbox.check();
}

#[test]
fn a_directory_of_a_thread_outlives_it() {
    let sandbox = Sandbox::new();
    let builder = Builder::new().parent(sandbox.path());
    let thread = thread::spawn(|| builder.create_blocking().unwrap());
    let dir = thread.join().unwrap();
    assert!(dir.path().is_dir());
    drop(dir);
    sandbox.check();
}

#[tokio::test]
async fn a_task_that_panics_removes_its_directory() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let removed = dir.removed();
    let task = tokio::spawn(async move {
        let _dir = dir;
        panic()
    });
    let outcome: Result<(), _> = task.await;
    assert!(outcome.unwrap_err().is_panic());
    assert_eq!(removed.await, Ending::Removed);
    sandbox.check();
}

#[test]
fn a_drop_that_finds_nothing_while_panicking_does_not_panic_again() {
    let sandbox = Sandbox::new();
    let builder = Builder::new().parent(sandbox.path());
    let thread = thread::spawn(move || {
        let dir = builder.create_blocking().unwrap();
        fs::remove_dir(dir.path()).unwrap();
        panic()
    });
    // A second panic would abort the process.
    assert!(thread.join().is_err());
    sandbox.check();
}

#[tokio::test]
async fn a_kept_directory_stays() {
    let path = AsyncTempDir::new().await.unwrap().keep();
    fs::remove_dir(path).expect("it is still there");
}

#[tokio::test]
async fn a_closed_directory_is_gone() {
    let dir = AsyncTempDir::new().await.unwrap();
    let path = dir.path().to_path_buf();
    assert!(path.exists());
    dir.close().await.unwrap();
    assert!(!path.exists());
}

#[tokio::test]
async fn a_reference_is_a_path() {
    fn exists(path: impl AsRef<Path>) -> bool {
        path.as_ref().exists()
    }
    let mut dir = AsyncTempDir::new().await.unwrap();
    // Unlike tempfile's, the handle itself is no path: the callee would drop, and so remove, it.
    assert!(exists(&dir));
    assert!(exists(&mut dir));
    dir.close().await.unwrap();
}

#[tokio::test]
async fn cleanup_is_disabled_and_enabled_any_time() {
    let sandbox = Sandbox::new();
    let policy = |keep| match keep {
        true => Cleanup::Never,
        false => Cleanup::Always,
    };
    for (in_builder, later) in [
        (false, None),
        (true, None),
        (true, Some(false)),
        (false, Some(true)),
    ] {
        let builder = Builder::new().parent(sandbox.path());
        let mut dir = builder.cleanup(policy(in_builder)).create().await.unwrap();
        if let Some(keep) = later {
            dir.set_cleanup(policy(keep));
        }
        let path = dir.path().to_path_buf();
        let ending = dir.removed();
        drop(dir);
        let kept = later.unwrap_or(in_builder);
        let expected = if kept { Ending::Kept } else { Ending::Removed };
        assert_eq!(ending.await, expected, "{in_builder} {later:?}");
        if kept {
            fs::remove_dir(path).expect("it is still there");
        }
    }
    sandbox.check();
}

#[cfg(unix)]
#[tokio::test]
async fn a_directory_has_the_permissions_asked_for() {
    use std::os::unix::fs::PermissionsExt;

    let sandbox = Sandbox::new();
    // No umask takes away the owner's.
    for mode in [0o700, 0o500] {
        let builder = Builder::new().permissions(fs::Permissions::from_mode(mode));
        let dir = builder.parent(sandbox.path()).create().await.unwrap();
        let permissions = fs::metadata(&dir).unwrap().permissions();
        assert_eq!(permissions.mode() & 0o777, mode);
        dir.close().await.unwrap();
    }
    sandbox.check();
}

/// tempfile's `env::override_temp_dir` is tempfile's own: what another crate sets for its files does
/// not move directories of this one, whose default is the standard library's.
#[test]
fn the_default_parent_is_the_standard_librarys() {
    let name = test_name!();
    let sandbox = if support::is_child(name) {
        None
    } else {
        Some(Sandbox::new())
    };
    let tell = |command: &mut std::process::Command| {
        let parent = sandbox.as_ref().unwrap().path();
        command.env(if cfg!(windows) { "TMP" } else { "TMPDIR" }, parent);
    };
    if !support::in_process_with(name, &[], tell) {
        return sandbox.unwrap().check();
    }
    let parent = std::env::temp_dir();
    ::tempfile::env::override_temp_dir(&parent.join("elsewhere")).unwrap();
    support::current_thread().block_on(async {
        let dir = AsyncTempDir::new().await.unwrap();
        let absolute = |path: &Path| fs::canonicalize(path).unwrap();
        let above = dir.path().parent().map(PathBuf::from).unwrap();
        assert_eq!(absolute(&above), absolute(&parent));
        dir.close().await.unwrap();
    });
}
