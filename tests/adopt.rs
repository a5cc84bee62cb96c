//! Directories that existed before, taken over.

mod support;

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use async_tempdir::{AsyncTempDir, Cleanup, Ending, TempRoot, cleanup};
use support::{Sandbox, current_thread, fill, occupy, runtimes, snapshot, until};

/// A directory to adopt, with something in it.
fn cache(sandbox: &Sandbox) -> PathBuf {
    let cache = sandbox.join("cache");
    fs::create_dir(&cache).unwrap();
    fill(&cache);
    cache
}

async fn root(sandbox: &Sandbox) -> TempRoot {
    TempRoot::open_in("app", sandbox.path()).await.unwrap()
}

/// Every path below a directory. What is locked in it cannot be read everywhere.
fn tree(dir: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    let mut dirs = vec![dir.to_path_buf()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                dirs.push(entry.path());
            }
            all.push(entry.path());
        }
    }
    all.sort();
    all
}

/// Whether a directory in which `fill` put files has them all, and no others.
fn is_whole(path: &Path) -> bool {
    let count = |path: &Path| fs::read_dir(path).unwrap().count();
    count(path) == 4 && count(&path.join("a")) == 4 && count(&path.join("a/b")) == 3
}

#[test]
fn the_name_is_free_and_the_directory_lives_as_long_as_the_handle() {
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        runtime.block_on(async {
            let cache = cache(&sandbox);
            let before = snapshot(&cache).into_values().collect::<Vec<_>>();
            let adopted = AsyncTempDir::adopt(&cache).await.unwrap();
            assert!(!cache.exists(), "the name is free");
            assert_eq!(adopted.path().parent(), Some(sandbox.path()));
            let name = adopted.file_name().to_str().unwrap();
            assert!(name.starts_with(".cache-") && name.ends_with(".adopted"));
            let now = snapshot(adopted.path()).into_values().collect::<Vec<_>>();
            assert_eq!(now, before, "nothing in it changes");

            fs::create_dir(&cache).unwrap();
            adopted.write("c/new", "x").await.unwrap();
            assert!(adopted.temp_dir().await.is_ok());
            let removed = adopted.removed();
            drop(adopted);
            assert_eq!(removed.await, Ending::Removed);
            cleanup::idle().await;
            assert_eq!(sandbox.leftovers(), [&*cache], "only the new one is left");
            fs::remove_dir(cache).unwrap();
        });
        drop(runtime);
        sandbox.check();
    }
}

#[test]
fn it_ends_like_every_other() {
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        runtime.block_on(async {
            let path = cache(&sandbox);
            let removed = AsyncTempDir::adopt(&path).await.unwrap().close().await;
            assert_eq!((removed.unwrap().files, path.exists()), (11, false));

            let kept = AsyncTempDir::adopt(cache(&sandbox)).await.unwrap().keep();
            assert!(is_whole(&kept));

            let again = AsyncTempDir::adopt(kept).await.unwrap();
            let target = again.persist(&path).await.unwrap();
            assert!(is_whole(&target));

            let mut adopted = AsyncTempDir::adopt(target).await.unwrap();
            adopted.set_cleanup(Cleanup::Never);
            let kept = adopted.path().to_path_buf();
            drop(adopted);
            cleanup::idle().await;
            assert!(is_whole(&kept));
            drop(AsyncTempDir::adopt(kept).await.unwrap());
            cleanup::idle().await;
        });
        sandbox.check();
    }
}

#[test]
fn in_a_root() {
    for runtime in runtimes() {
        for close in [true, false] {
            let sandbox = Sandbox::new();
            runtime.block_on(async {
                let root = root(&sandbox).await;
                let cache = cache(&sandbox);
                let adopted = root.adopt(&cache).await.unwrap();
                assert!(!cache.exists(), "the name is free");
                assert_eq!(adopted.path().parent(), Some(root.path()));
                assert!(is_whole(adopted.path()));
                if close {
                    root.close().await.unwrap();
                    assert!(!adopted.path().exists());
                } else {
                    drop(root);
                    cleanup::idle().await;
                    assert!(is_whole(adopted.path()), "the root waits for it");
                }
                drop(adopted);
                cleanup::idle().await;
            });
            sandbox.check();
        }
    }
}

/// Also a second time, and those that have handles of their own.
#[test]
fn what_is_owned_already_has_a_new_owner() {
    let sandbox = Sandbox::new();
    current_thread().block_on(async {
        let root = root(&sandbox).await;
        let first = sandbox.dir().await;
        fill(first.path());
        let second = root.adopt(&first).await.unwrap();
        first.close().await.unwrap();
        assert!(is_whole(second.path()), "the first handle owns nothing");
        let third = AsyncTempDir::adopt(second.path()).await.unwrap();
        drop(second);
        cleanup::idle().await;
        assert!(is_whole(third.path()));
        third.close().await.unwrap();
        root.close().await.unwrap();
    });
    sandbox.check();
}

/// That `path` is refused with or without a root, and nothing has changed.
async fn refused(sandbox: &Sandbox, path: impl AsRef<Path>, kind: ErrorKind, words: &str) {
    let path = path.as_ref();
    let root = root(sandbox).await;
    // On Windows, the root of the call before is there as long as the search has it open.
    root.reclaimed().await;
    let before = tree(sandbox.path());
    for result in [AsyncTempDir::adopt(path).await, root.adopt(path).await] {
        let error = result.expect_err("it is refused");
        assert_eq!(error.kind(), kind, "{error}");
        let message = error.to_string();
        assert!(message.starts_with("cannot adopt \""), "{message}");
        assert!(message.contains(words), "{message}");
    }
    assert_eq!(tree(sandbox.path()), before, "nothing has changed");
    root.close().await.unwrap();
}

#[tokio::test]
async fn what_names_no_directory_is_refused() {
    let sandbox = Sandbox::new();
    let invalid = ErrorKind::InvalidInput;
    refused(&sandbox, "", invalid, "empty").await;
    refused(&sandbox, "a\0b", invalid, "NUL").await;
    for path in [Path::new("/"), Path::new("."), Path::new("..")] {
        refused(&sandbox, path, invalid, "refusing").await;
    }
    refused(&sandbox, sandbox.join("sibling/.."), invalid, "refusing").await;
    let missing = sandbox.join("missing");
    refused(&sandbox, missing, ErrorKind::NotFound, "missing").await;
    let file = sandbox.join("sibling/file");
    refused(&sandbox, &file, ErrorKind::NotADirectory, "not a directory").await;
    #[cfg(unix)]
    {
        let (dir, file) = (sandbox.join("to dir"), sandbox.join("to file"));
        std::os::unix::fs::symlink("sibling", &dir).unwrap();
        std::os::unix::fs::symlink("sibling/file", &file).unwrap();
        let with_slash = sandbox.join("to dir/");
        for link in [&dir, &file, &with_slash] {
            refused(&sandbox, link, ErrorKind::NotADirectory, "a symlink").await;
        }
        fs::remove_file(dir).unwrap();
        fs::remove_file(file).unwrap();
    }
    sandbox.check();
}

#[test]
fn the_current_directory_and_those_around_it_are_refused() {
    if !support::in_process(test_name!(), &[]) {
        return;
    }
    let sandbox = Sandbox::new();
    let current = sandbox.join("around/current");
    fs::create_dir_all(&current).unwrap();
    let home = std::env::current_dir().unwrap();
    std::env::set_current_dir(&current).unwrap();
    current_thread().block_on(async {
        let paths = [current.clone(), sandbox.join("around")];
        let relative = [Path::new("../current"), Path::new("../../around")];
        for path in paths.iter().map(|path| &**path).chain(relative) {
            refused(&sandbox, path, ErrorKind::ResourceBusy, "current directory").await;
        }
        // What is in it is not, and a relative path is relative to it.
        fs::create_dir("inside").unwrap();
        let adopted = AsyncTempDir::adopt("inside").await.unwrap();
        assert_eq!(adopted.path().parent(), Some(&*current));
        adopted.close().await.unwrap();
    });
    std::env::set_current_dir(home).unwrap();
    fs::remove_dir_all(sandbox.join("around")).unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_root_does_not_adopt_itself_or_what_contains_it() {
    let sandbox = Sandbox::new();
    let around = sandbox.join("around");
    fs::create_dir_all(around.join("parent")).unwrap();
    let root = TempRoot::open_in("app", around.join("parent"))
        .await
        .unwrap();
    let dir = root.temp_dir().await.unwrap();
    let before = tree(sandbox.path());
    for path in [root.path(), &around.join("parent"), &around] {
        let error = root.adopt(path).await.expect_err("it is refused");
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert!(error.to_string().contains("the root"), "{error}");
    }
    assert_eq!(tree(sandbox.path()), before, "nothing has changed");
    drop(dir);
    root.close().await.unwrap();
    fs::remove_dir_all(around).unwrap();
    sandbox.check();
}

#[test]
fn names_of_every_length() {
    let sandbox = Sandbox::new();
    current_thread().block_on(async {
        for len in [1, 100, 101, 200] {
            let path = sandbox.join(&"x".repeat(len));
            fs::create_dir(&path).unwrap();
            let adopted = AsyncTempDir::adopt(&path).await.unwrap();
            assert!(!path.exists() && adopted.path().exists());
            adopted.close().await.unwrap();
        }
    });
    sandbox.check();
}

/// The pool's only thread is busy, so that nothing is removed yet.
#[test]
fn the_name_is_free_before_anything_is_removed() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    let sandbox = Sandbox::new();
    let path = cache(&sandbox);
    let adopted = runtime.block_on(AsyncTempDir::adopt(&path)).unwrap();
    let release = occupy(&runtime);
    let hidden = adopted.path().to_path_buf();
    drop(adopted);
    assert!(is_whole(&hidden), "it waits for a thread");
    let path = cache(&sandbox);
    drop(release);
    runtime.block_on(cleanup::idle());
    assert!(!hidden.exists());
    assert!(is_whole(&path), "the new one is another");
    fs::remove_dir_all(path).unwrap();
    sandbox.check();
}

#[test]
fn without_a_runtime() {
    let sandbox = Sandbox::new();
    let path = cache(&sandbox);
    let error = futures::executor::block_on(AsyncTempDir::adopt(&path)).unwrap_err();
    assert!(error.to_string().contains("Tokio runtime"), "{error}");
    assert!(is_whole(&path));
    let runtime = current_thread();
    let root = runtime.block_on(root(&sandbox));
    let other = runtime.block_on(AsyncTempDir::adopt(&path)).unwrap();
    drop(runtime);
    let error = futures::executor::block_on(root.adopt(other.path())).unwrap_err();
    assert!(error.to_string().contains("shutting down"), "{error}");
    assert!(is_whole(other.path()));
    // On this thread.
    drop((root, other));
    sandbox.check();
}

/// Begins the adoption of `path`, and returns when its name is free and nothing has been told of
/// it.
fn begun<'a, T>(
    runtime: &tokio::runtime::Runtime,
    path: &Path,
    adoption: impl Future<Output = T> + 'a,
) -> futures::future::LocalBoxFuture<'a, T> {
    let mut adoption: futures::future::LocalBoxFuture<T> = Box::pin(adoption);
    let release = occupy(runtime);
    runtime.block_on(async { assert!(futures::poll!(&mut adoption).is_pending()) });
    assert!(is_whole(path), "the only thread is busy");
    drop(release);
    until("the name is free", || !path.exists());
    adoption
}

#[test]
fn a_cancelled_adoption_is_undone() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    let sandbox = Sandbox::new();
    let path = cache(&sandbox);
    let root = runtime.block_on(root(&sandbox));

    // Before it began.
    let mut adoption = Box::pin(AsyncTempDir::adopt(&path));
    let release = occupy(&runtime);
    runtime.block_on(async { assert!(futures::poll!(&mut adoption).is_pending()) });
    drop(adoption);
    drop(release);
    runtime.block_on(cleanup::idle());
    assert!(is_whole(&path), "it was never moved");

    for taken in [false, true] {
        for adoption in [true, false] {
            let adoption = match adoption {
                true => begun(&runtime, &path, AsyncTempDir::adopt(&path)),
                false => begun(&runtime, &path, root.adopt(&path)),
            };
            if taken {
                fs::create_dir(&path).unwrap();
                fs::write(path.join("new"), "").unwrap();
            }
            drop(adoption);
            runtime.block_on(cleanup::idle());
            if taken {
                assert!(path.join("new").exists(), "nothing is replaced");
                fs::remove_dir_all(&path).unwrap();
                cache(&sandbox);
            }
            assert!(is_whole(&path), "it is moved back");
            let left = fs::read_dir(root.path()).unwrap().count();
            let has_lock = root.path().join(".async-tempdir.lock").exists();
            assert_eq!(left, usize::from(has_lock), "nothing is left in the root");
            let mut left = sandbox.leftovers();
            left.sort();
            assert_eq!(left, [root.path(), &*path]);
        }
    }
    runtime.block_on(root.close().into_future()).unwrap();
    fs::remove_dir_all(path).unwrap();
    drop(runtime);
    sandbox.check();
}

#[test]
fn a_runtime_that_shuts_down_first_leaves_it_in_its_place() {
    let sandbox = Sandbox::new();
    let path = cache(&sandbox);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(1)
        .build()
        .unwrap();
    let release = occupy(&runtime);
    let adoption = runtime.spawn(AsyncTempDir::adopt(path.clone()));
    runtime.shutdown_background();
    drop(release);
    let ended = current_thread().block_on(adoption);
    assert!(
        !matches!(ended, Ok(Ok(_))),
        "the pool's only thread was busy"
    );
    current_thread().block_on(cleanup::idle());
    assert!(is_whole(&path));
    fs::remove_dir_all(path).unwrap();
    sandbox.check();
}

/// Adopts a directory, says so, and waits to be killed.
#[test]
fn adopts() {
    if !support::is_child("adopts") {
        return;
    }
    let parent = PathBuf::from(std::env::var_os("ASYNC_TEMPDIR_TEST_PARENT").unwrap());
    let runtime = current_thread();
    runtime.block_on(async {
        let root = TempRoot::open_in("app", &parent).await.unwrap();
        let adopted = root.adopt(parent.join("cache")).await.unwrap();
        println!("\nadopted {}", adopted.path().display());
        loop {
            std::thread::park();
        }
    });
}

#[test]
fn after_a_kill_the_next_root_reclaims_it() {
    use std::io::BufRead;

    let sandbox = Sandbox::new();
    let path = cache(&sandbox);
    let mut child = support::this_test("adopts", &[])
        .env("ASYNC_TEMPDIR_TEST_PARENT", sandbox.path())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .map(support::Running)
        .unwrap();
    let stdout = std::io::BufReader::new(child.0.stdout.take().unwrap());
    let adopted = stdout
        .lines()
        .find_map(|line| line.unwrap().strip_prefix("adopted ").map(PathBuf::from))
        .expect("it says where it is");
    drop(child);
    assert!(is_whole(&adopted) && !path.exists());
    current_thread().block_on(async {
        let root = root(&sandbox).await;
        assert_eq!(root.reclaimed().await.roots(), 1);
        assert_eq!(sandbox.leftovers(), [root.path()]);
        root.close().await.unwrap();
    });
    sandbox.check();
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_symlink_in_the_path_to_it_is_followed() {
        let sandbox = Sandbox::new();
        let path = cache(&sandbox);
        std::os::unix::fs::symlink("cache", sandbox.join("link")).unwrap();
        current_thread().block_on(async {
            let adopted = AsyncTempDir::adopt(sandbox.join("link/a")).await.unwrap();
            assert!(!path.join("a").exists());
            assert_eq!(adopted.path().parent(), Some(&*sandbox.join("link")));
            assert_eq!(adopted.close().await.unwrap().files, 6);
        });
        fs::remove_file(sandbox.join("link")).unwrap();
        fs::remove_dir_all(path).unwrap();
        sandbox.check();
    }

    /// Nothing in it is read, so that its size does not matter.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    #[test]
    fn what_the_user_may_not_write_or_read_is_adopted_as_it_is() {
        if !support::as_ordinary_user(test_name!()) {
            return;
        }
        let sandbox = Sandbox::new();
        current_thread().block_on(async {
            let root = root(&sandbox).await;
            for mode in [0o555, 0o500, 0o300, 0o000, 0o1070] {
                let path = cache(&sandbox);
                set_mode(&path, mode);
                let adopted = AsyncTempDir::adopt(&path).await.unwrap();
                let adopted = root.adopt(adopted.keep()).await.unwrap();
                let now = fs::metadata(adopted.path()).unwrap().permissions().mode() & 0o7777;
                assert_eq!(now, mode, "its mode does not change");
                assert_eq!(adopted.close().await.unwrap().files, 11);
            }
            // The same way back.
            let path = cache(&sandbox);
            set_mode(&path, 0o555);
            for _ in 0..20 {
                let mut adoption = Box::pin(root.adopt(&path));
                _ = futures::poll!(&mut adoption);
                drop(adoption);
                cleanup::idle().await;
                if !path.exists() {
                    // It was done at once.
                    cache(&sandbox);
                    set_mode(&path, 0o555);
                }
                assert_eq!(
                    fs::metadata(&path).unwrap().permissions().mode() & 0o7777,
                    0o555
                );
                assert!(is_whole(&path));
            }
            set_mode(&path, 0o755);
            fs::remove_dir_all(path).unwrap();
            root.close().await.unwrap();
        });
        sandbox.check();
    }

    #[test]
    fn a_parent_that_the_user_may_not_write_is_an_error() {
        if !support::as_ordinary_user(test_name!()) {
            return;
        }
        let sandbox = Sandbox::new();
        let parent = sandbox.join("parent");
        fs::create_dir_all(parent.join("cache")).unwrap();
        set_mode(&parent, 0o555);
        let adopted = current_thread().block_on(AsyncTempDir::adopt(parent.join("cache")));
        let error = adopted.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
        set_mode(&parent, 0o755);
        assert!(parent.join("cache").exists());
        fs::remove_dir_all(parent).unwrap();
        sandbox.check();
    }
}

#[cfg(target_os = "linux")]
mod mounts {
    use std::process::Command;

    use super::*;
    use support::{mount, unmount, where_it_may_mount};

    #[test]
    fn a_mount_point_is_refused() {
        if !where_it_may_mount(test_name!()) {
            return;
        }
        let sandbox = Sandbox::new();
        let point = sandbox.join("point");
        fs::create_dir(&point).unwrap();
        let bind = || {
            let mut command = Command::new("mount");
            let command = command.arg("--bind").arg(sandbox.join("sibling"));
            assert!(command.arg(&point).status().unwrap().success());
        };
        let mounts: [&dyn Fn(); 2] = [&|| mount(&point), &bind];
        for mount in mounts {
            mount();
            current_thread().block_on(refused(
                &sandbox,
                &point,
                ErrorKind::ResourceBusy,
                "a filesystem is mounted here",
            ));
            unmount(&point);
        }
        fs::remove_dir(point).unwrap();
        sandbox.check();
    }

    #[test]
    fn a_root_on_another_filesystem_says_so() {
        if !where_it_may_mount(test_name!()) {
            return;
        }
        let sandbox = Sandbox::new();
        let point = sandbox.join("point");
        fs::create_dir(&point).unwrap();
        mount(&point);
        let path = cache(&sandbox);
        current_thread().block_on(async {
            let root = TempRoot::open_in("app", &point).await.unwrap();
            let error = root.adopt(&path).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::CrossesDevices, "{error}");
            let message = error.to_string();
            assert!(message.contains("`AsyncTempDir::adopt`"), "{message}");
            assert!(is_whole(&path));
            root.close().await.unwrap();
        });
        unmount(&point);
        fs::remove_dir(point).unwrap();
        fs::remove_dir_all(path).unwrap();
        sandbox.check();
    }
}
