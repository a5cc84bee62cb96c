//! The behaviours of CPython's tests of `TemporaryDirectory`, `mkdtemp` and `shutil.rmtree`.

use std::collections::HashSet;
use std::fs;
use std::future::pending;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::mpsc;

use async_tempdir::{AsyncTempDir, Builder, Cleanup, Ending, remove_dir_all};

use crate::support::{self, Sandbox, fill};
use crate::test_name;
use crate::{assert_fails, dropped};

/// A directory with some entries in it.
async fn filled(sandbox: &Sandbox) -> AsyncTempDir {
    let dir = sandbox.dir().await;
    fill(dir.path());
    dir
}

#[tokio::test]
async fn a_failed_creation_is_one_error_that_names_the_parent() {
    let sandbox = Sandbox::new();
    let missing = sandbox.join("missing");
    let error = AsyncTempDir::new_in(&missing).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains(&format!("{missing:?}")));
    sandbox.check();
}

#[tokio::test]
async fn a_parent_must_be_a_directory() {
    let sandbox = Sandbox::new();
    let file = sandbox.join("sibling").join("file");
    let result = AsyncTempDir::new_in(file).await;
    if cfg!(windows) {
        assert!(result.is_err());
    } else {
        assert_fails(result, ErrorKind::NotADirectory);
    }
    sandbox.check();
}

#[tokio::test]
async fn names_are_as_asked_for_and_paths_absolute() {
    let sandbox = Sandbox::new();
    for (prefix, suffix) in [("", ""), ("a", ""), ("", "b"), ("a", "b"), ("aa", ".txt")] {
        let builder = Builder::new().prefix(prefix).suffix(suffix);
        let dir = builder.parent(sandbox.path()).create().await.unwrap();
        let name = dir.file_name().to_str().unwrap();
        assert!(name.starts_with(prefix) && name.ends_with(suffix), "{name}");
        assert!(dir.path().is_absolute());
        dir.close().await.unwrap();
    }
    sandbox.check();
}

#[tokio::test]
async fn many_directories_have_different_names() {
    let sandbox = Sandbox::new();
    let mut dirs = Vec::new();
    for _ in 0..support::times(100) {
        dirs.push(sandbox.dir().await);
    }
    let names: HashSet<_> = dirs.iter().map(AsyncTempDir::file_name).collect();
    assert_eq!(names.len(), dirs.len());
    drop(names);
    for dir in dirs {
        dir.close().await.unwrap();
    }
    sandbox.check();
}

#[tokio::test]
async fn a_name_that_is_taken_is_not_adopted() {
    let sandbox = Sandbox::new();
    fs::write(sandbox.join("file"), "").unwrap();
    for taken in ["sibling", "file"] {
        let builder = Builder::new().prefix(taken).random_len(0);
        let result = builder.parent(sandbox.path()).create().await;
        assert_fails(result, ErrorKind::AlreadyExists);
    }
    fs::remove_file(sandbox.join("file")).unwrap();
    sandbox.check();
}

#[tokio::test]
async fn an_explicit_cleanup_removes_the_directory_only() {
    let sandbox = Sandbox::new();
    let outer = sandbox.dir().await;
    let dir = AsyncTempDir::new_in(&outer).await.unwrap();
    fill(dir.path());
    let path = dir.path().to_path_buf();
    dir.close().await.unwrap();
    assert!(!path.exists() && outer.path().exists());
    outer.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_directory_is_removed_when_its_handle_goes() {
    let sandbox = Sandbox::new();
    dropped(filled(&sandbox).await).await;
    sandbox.check();
}

/// Python's can be cleaned up many times. A handle is closed once, because the compiler sees to it;
/// a directory that is gone is no error.
#[tokio::test]
async fn several_removals_are_no_error() {
    let sandbox = Sandbox::new();
    let dir = filled(&sandbox).await;
    remove_dir_all(dir.path()).await.unwrap();
    let removed = dir.close().await.unwrap();
    assert_eq!((removed.files, removed.dirs), (0, 0));
    sandbox.check();
}

#[tokio::test]
async fn a_scope_is_a_context_manager() {
    let sandbox = Sandbox::new();
    let scope = Builder::new().parent(sandbox.path()).scope(async |dir| {
        fill(dir.path());
        Ok::<_, std::io::Error>(dir.path().to_path_buf())
    });
    assert!(!scope.await.unwrap().exists());
    sandbox.check();
}

#[tokio::test]
async fn a_scope_that_fails_removes_too() {
    let sandbox = Sandbox::new();
    let scope = Builder::new().parent(sandbox.path()).scope(async |dir| {
        dir.write("file", "").await?;
        dir.read("missing").await
    });
    let error = std::io::Error::from(scope.await.unwrap_err());
    assert_eq!(error.kind(), ErrorKind::NotFound);
    sandbox.check();
}

#[tokio::test]
async fn a_directory_that_is_not_deleted_is_removed_by_its_path() {
    let sandbox = Sandbox::new();
    let builder = Builder::new().cleanup(Cleanup::Never);
    let dir = builder.parent(sandbox.path()).create().await.unwrap();
    let path = dir.path().to_path_buf();
    let ending = dir.removed();
    drop(dir);
    assert_eq!(ending.await, Ending::Kept);
    remove_dir_all(path).await.expect("it is still there");
    sandbox.check();
}

/// Where Python has a generator that is never resumed, there is a task that never ends.
#[test]
fn a_directory_of_a_suspended_task_goes_with_the_runtime() {
    for runtime in support::runtimes() {
        let sandbox = Sandbox::new();
        let (sender, receiver) = mpsc::channel();
        let parent = sandbox.path().to_path_buf();
        let task = runtime.spawn(async move {
            let dir = AsyncTempDir::new_in(parent).await.unwrap();
            fill(dir.path());
            sender.send(()).unwrap();
            pending::<()>().await;
        });
        runtime.block_on(async {
            while receiver.try_recv().is_err() {
                tokio::task::yield_now().await;
            }
        });
        assert!(!task.is_finished());
        drop(runtime);
        sandbox.check();
    }
}

#[test]
fn what_is_dropped_at_the_end_of_the_process_is_removed() {
    let name = test_name!();
    if support::is_child(name) {
        support::current_thread().block_on(async {
            let dir = AsyncTempDir::new().await.unwrap();
            fill(dir.path());
        });
        return;
    }
    let sandbox = Sandbox::new();
    support::in_process_with(name, &[], |command| {
        command.env(if cfg!(windows) { "TMP" } else { "TMPDIR" }, sandbox.path());
    });
    sandbox.check();
}

#[tokio::test]
async fn a_directory_is_not_in_the_way_of_its_next_creation() {
    let sandbox = Sandbox::new();
    let builder = Builder::new().prefix("same").random_len(0);
    let builder = builder.parent(sandbox.path());
    for _ in 0..3 {
        let dir = builder.clone().create().await.unwrap();
        fill(dir.path());
        dir.close().await.unwrap();
    }
    sandbox.check();
}

#[tokio::test]
async fn rmtree_needs_a_directory() {
    let sandbox = Sandbox::new();
    let file = sandbox.join("sibling").join("file");
    let error = remove_dir_all(&file).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotADirectory);
    let missing = sandbox.join("missing");
    let error = remove_dir_all(&missing).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(error.path(), missing);
    sandbox.check();
}

#[tokio::test]
async fn rmtree_removes_more_levels_than_fit_a_stack() {
    let sandbox = Sandbox::new();
    // Beyond the depth from which directories are moved up; short enough for Windows.
    let mut deep = sandbox.join("deep");
    let top = deep.clone();
    for _ in 0..80 {
        deep.push("d");
    }
    fs::create_dir_all(&deep).unwrap();
    let removed = remove_dir_all(&top).await.unwrap();
    assert_eq!(removed.dirs, 81);
    sandbox.check();
}

#[tokio::test]
async fn rmtree_beneath_an_open_directory() {
    let sandbox = Sandbox::new();
    let dir = filled(&sandbox).await;
    dir.remove("a").await.unwrap();
    let left = dir.list().await.unwrap();
    assert_eq!(left, ["c", "c/1", "c/2", "c/3", "x", "y"].map(Path::new));
    dir.close().await.unwrap();
    sandbox.check();
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    use std::path::PathBuf;
    use std::process::Command;

    use super::*;

    const MODES: [u32; 8] = [0, 0o100, 0o200, 0o300, 0o400, 0o500, 0o600, 0o700];

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().mode() & 0o777
    }

    /// The entries below `dir`, each after what it contains.
    fn bottom_up(dir: &Path) -> Vec<PathBuf> {
        let mut paths: Vec<_> = support::snapshot(dir).into_keys().collect();
        paths.sort_unstable_by(|a, b| b.cmp(a));
        paths
    }

    #[tokio::test]
    async fn a_directory_is_for_its_owner_alone() {
        let sandbox = Sandbox::new();
        let dir = sandbox.dir().await;
        assert_eq!(mode(dir.path()), 0o700);
        dir.close().await.unwrap();
        sandbox.check();
    }

    #[tokio::test]
    async fn an_open_file_is_no_obstacle() {
        let sandbox = Sandbox::new();
        let dir = sandbox.dir().await;
        let file = dir.create("a_file.txt").await.unwrap();
        dir.close().await.unwrap();
        sandbox.check();
        drop(file);
    }

    /// In a process of its own, whose current directory is then gone.
    #[test]
    fn a_current_directory_is_no_obstacle() {
        if !support::in_process(test_name!(), &[]) {
            return;
        }
        let sandbox = Sandbox::new();
        support::current_thread().block_on(async {
            let dir = sandbox.dir().await;
            let sub = dir.create_dir("subdir").await.unwrap();
            std::env::set_current_dir(sub).unwrap();
            dir.close().await.unwrap();
            assert!(std::env::current_dir().is_err());
            // Absolute paths still do.
            dropped(sandbox.dir().await).await;
            let error = AsyncTempDir::new_in("relative").await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        });
        sandbox.check();
    }

    #[tokio::test]
    async fn a_symlink_to_a_directory_is_not_followed() {
        let sandbox = Sandbox::new();
        let (first, second) = (filled(&sandbox).await, filled(&sandbox).await);
        let before = support::snapshot(second.path());
        symlink(&second, first.path().join("foo")).unwrap();
        first.close().await.unwrap();
        assert_eq!(support::snapshot(second.path()), before);
        second.close().await.unwrap();
        sandbox.check();
    }

    #[test]
    fn no_mode_inside_forbids_the_removal() {
        if !support::as_ordinary_user(test_name!()) {
            return;
        }
        let sandbox = Sandbox::new();
        support::current_thread().block_on(async {
            for mode in MODES {
                let dir = filled(&sandbox).await;
                for path in bottom_up(dir.path()) {
                    set_mode(&path, mode);
                }
                set_mode(dir.path(), mode);
                let removed = dir.close().await.unwrap();
                assert_eq!((removed.files, removed.dirs), (11, 4), "{mode:o}");
            }
        });
        sandbox.check();
    }

    #[test]
    fn no_mode_inside_forbids_the_removal_by_a_drop() {
        if !support::as_ordinary_user(test_name!()) {
            return;
        }
        let sandbox = Sandbox::new();
        support::current_thread().block_on(async {
            for mode in MODES {
                let dir = filled(&sandbox).await;
                for path in bottom_up(dir.path()) {
                    set_mode(&path, mode);
                }
                let removed = dir.removed();
                drop(dir);
                assert_eq!(removed.await, Ending::Removed, "{mode:o}");
            }
        });
        sandbox.check();
    }

    #[test]
    fn the_mode_of_a_symlinks_target_is_left_alone() {
        if !support::as_ordinary_user(test_name!()) {
            return;
        }
        let sandbox = Sandbox::new();
        let (file, outside) = (sandbox.join("file1"), sandbox.join("dir1"));
        fs::write(&file, "").unwrap();
        fs::create_dir(&outside).unwrap();
        support::current_thread().block_on(async {
            for wanted in MODES {
                for target in [Path::new("nonexisting"), &file, &outside] {
                    let dir = sandbox.dir().await;
                    symlink(target, dir.path().join("symlink")).unwrap();
                    if target.exists() {
                        set_mode(target, wanted);
                    }
                    set_mode(dir.path(), wanted);
                    dir.close().await.unwrap();
                    if target.exists() {
                        assert_eq!(mode(target), wanted, "{target:?}");
                    }
                }
            }
        });
        fs::remove_file(file).unwrap();
        fs::remove_dir(outside).unwrap();
        sandbox.check();
    }

    #[tokio::test]
    async fn rmtree_refuses_a_symlink_and_leaves_it() {
        let sandbox = Sandbox::new();
        let link = sandbox.join("link");
        symlink("sibling", &link).unwrap();
        for path in [link.clone(), link.join("")] {
            let error = remove_dir_all(&path).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotADirectory, "{error}");
        }
        fs::remove_file(link).expect("it is still there");
        sandbox.check();
    }

    #[tokio::test]
    async fn rmtree_removes_symlinks_and_not_what_they_lead_to() {
        let sandbox = Sandbox::new();
        let top = sandbox.join("dir1");
        fs::create_dir_all(top.join("dir3")).unwrap();
        fs::write(top.join("file1"), "foo").unwrap();
        for (target, link) in [
            (sandbox.join("sibling"), "link1"),
            (top.join("dir3"), "link2"),
            (sandbox.join("sibling/file"), "link3"),
            (top.clone(), "dir3/up"),
        ] {
            symlink(target, top.join(link)).unwrap();
        }
        let removed = remove_dir_all(&top).await.unwrap();
        assert_eq!((removed.files, removed.dirs), (5, 2));
        sandbox.check();
    }

    /// What `onexc` handlers are written for: Python stops at each of these.
    #[test]
    fn rmtree_repairs_what_python_reports() {
        if !support::as_ordinary_user(test_name!()) {
            return;
        }
        let sandbox = Sandbox::new();
        let top = sandbox.join("top");
        fs::create_dir_all(top.join("child")).unwrap();
        fs::write(top.join("a"), "").unwrap();
        set_mode(&top.join("a"), 0o400);
        set_mode(&top.join("child"), 0o500);
        set_mode(&top, 0o500);
        let runtime = support::current_thread();
        let removed = runtime.block_on(async { remove_dir_all(&top).await });
        assert_eq!(removed.unwrap().files, 1);
        sandbox.check();
    }

    #[test]
    fn rmtree_names_what_it_cannot_remove_and_its_cause() {
        if !support::as_ordinary_user(test_name!()) {
            return;
        }
        let sandbox = Sandbox::new();
        let top = sandbox.join("closed").join("top");
        fs::create_dir_all(&top).unwrap();
        fs::write(top.join("file"), "").unwrap();
        // Outside of the tree, nothing is repaired.
        set_mode(&sandbox.join("closed"), 0o500);
        let runtime = support::current_thread();
        let removed = runtime.block_on(async { remove_dir_all(&top).await });
        let error = removed.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        assert_eq!((error.failed(), error.removed().files), (1, 1));
        assert_eq!(error.failures()[0].path, top);
        assert_eq!(mode(&sandbox.join("closed")), 0o500);
        set_mode(&sandbox.join("closed"), 0o700);
        fs::remove_dir_all(sandbox.join("closed")).unwrap();
        sandbox.check();
    }

    #[tokio::test]
    async fn rmtree_removes_a_named_pipe_only_inside() {
        let sandbox = Sandbox::new();
        let pipes = sandbox.join("pipes");
        fs::create_dir(&pipes).unwrap();
        let status = Command::new("mkfifo").arg(pipes.join("pipe")).status();
        assert!(status.unwrap().success());
        let error = remove_dir_all(pipes.join("pipe")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotADirectory);
        remove_dir_all(pipes).await.unwrap();
        sandbox.check();
    }

    #[tokio::test]
    async fn rmtree_twice_at_once_is_no_error_but_for_what_is_gone() {
        let sandbox = Sandbox::new();
        let top = sandbox.join("top");
        fs::create_dir(&top).unwrap();
        fill(&top);
        let (first, second) = tokio::join!(remove_dir_all(&top), remove_dir_all(&top));
        for error in [first, second].into_iter().filter_map(Result::err) {
            assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
            assert_eq!(error.path(), top, "{error}");
        }
        assert!(!top.exists());
        sandbox.check();
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn rmtree_takes_names_that_are_no_text() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;

        let sandbox = Sandbox::new();
        let name = OsStr::from_bytes(b"a\xff");
        let top = sandbox.path().join(name);
        fs::create_dir_all(top.join(name)).unwrap();
        let removed = remove_dir_all(&top).await.unwrap();
        assert_eq!(removed.dirs, 2);
        sandbox.check();
    }

    /// Python goes through TMPDIR, TEMP, TMP and three more, and takes the first it can write to.
    /// Here it is the standard library's, and a mistake in it is an error rather than a surprise.
    #[test]
    fn a_tmpdir_that_is_missing_is_an_error() {
        let name = test_name!();
        if support::is_child(name) {
            let result = support::current_thread().block_on(AsyncTempDir::new());
            let error = result.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound);
            assert!(error.to_string().contains("TMPDIR"), "{error}");
            return;
        }
        let sandbox = Sandbox::new();
        support::in_process_with(name, &[], |command| {
            command.env("TMPDIR", sandbox.join("missing"));
        });
        sandbox.check();
    }
}
