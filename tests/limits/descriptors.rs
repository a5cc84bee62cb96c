//! No descriptors: what fails leaves nothing, and what is dropped waits for one.

use std::fs::File;
use std::io;
use std::sync::mpsc;

use async_tempdir::{AsyncTempDir, TempRoot, cleanup, remove_dir_all};
use rustix::fs::{Mode, OFlags, mkdirat, openat};
use rustix::process::Resource;

use crate::support::{self, Sandbox, descriptors, silently, snapshot, until};
use crate::{all_operations, create, ends, limit};

/// All descriptors that the process may have.
fn take_descriptors() -> Vec<File> {
    let mut all = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        all.push(file);
    }
    all
}

#[test]
fn without_descriptors_a_directory_is_published_or_handed_back() {
    if !support::in_process(crate::test_name!(), &[]) {
        return;
    }
    limit(Resource::Nofile, 64);
    let runtime = support::current_thread();
    let sandbox = Sandbox::new();
    let target = sandbox.join("target");
    std::fs::create_dir(&target).unwrap();
    let mut dir = create(&runtime, &sandbox);
    for free in 0..4 {
        let before = snapshot(sandbox.path());
        let mut all = take_descriptors();
        all.truncate(all.len() - free);
        let replacing = dir.replace(&target).default_permissions().sync(true);
        let replaced = ends(&runtime, replacing);
        drop(all);
        let after = snapshot(sandbox.path());
        dir = match replaced {
            Ok(old) => old.expect("it was there"),
            Err(error) => {
                assert!(error.to_string().contains("(os error 24)"), "{error}");
                assert_eq!(after, before, "what fails changes nothing");
                error.into_dir()
            }
        };
    }
    // A rename needs none.
    let all = take_descriptors();
    let replaced = ends(&runtime, dir.replace(&target));
    drop(all);
    let old = replaced.unwrap().expect("it was there");
    ends(&runtime, async { old.close().await }).unwrap();
    std::fs::remove_dir_all(target).unwrap();
    sandbox.check();
}

#[test]
fn without_descriptors_operations_fail_and_leave_nothing() {
    if !support::in_process(crate::test_name!(), &[]) {
        return;
    }
    // What Tokio opens once for all runtimes.
    drop(support::current_thread());
    let open = descriptors();
    limit(Resource::Nofile, 64);
    let runtime = support::multi_thread();
    let mut failed = Vec::new();
    for free in 0..8 {
        // The directory's own descriptor is kept from one operation to the next, or not.
        for kept in [false, true] {
            let sandbox = Sandbox::new();
            let dir = create(&runtime, &sandbox);
            if kept {
                ends(&runtime, dir.write("x", "x")).unwrap();
            }
            let before = snapshot(sandbox.path());
            let mut all = take_descriptors();
            all.truncate(all.len() - free);
            let said = silently(|| {
                ends(&runtime, async {
                    let said = all_operations(&dir, &sandbox).await;
                    cleanup::idle().await;
                    (said, TempRoot::open_in("app", sandbox.path()).await)
                })
            });
            drop(all);
            let (said, root) = said.expect("no operation panics");
            for error in said.iter().filter_map(|(_, result)| result.as_ref().err()) {
                let error = error.to_string();
                assert!(error.contains("(os error 24)"), "{error}");
                assert!(error.contains(sandbox.path().to_str().unwrap()), "{error}");
            }
            failed.push(said.iter().filter(|(_, result)| result.is_err()).count());
            if let Ok(root) = root {
                ends(&runtime, root.close()).unwrap();
            }
            let after = snapshot(sandbox.path());
            if free == 0 {
                assert_eq!(after, before, "what fails makes nothing");
            }
            for new in after.keys().filter(|path| !before.contains_key(*path)) {
                let below = new.strip_prefix(dir.path()).expect("no root is half made");
                assert!(below.starts_with("new"), "{below:?} is left");
                let name = below.file_name().unwrap().to_str().unwrap();
                assert!(!name.ends_with(".part"), "{below:?} is half made");
            }
            for (operation, result) in ends(&runtime, all_operations(&dir, &sandbox)) {
                if let Err(error) = result {
                    // What is there, or gone, since it was tried before.
                    let told = [io::ErrorKind::AlreadyExists, io::ErrorKind::NotFound];
                    assert!(told.contains(&error.kind()), "{operation}: {error}");
                    assert!(free > 0, "{operation}: {error}");
                }
            }
            ends(&runtime, dir.close()).unwrap();
            ends(&runtime, cleanup::idle());
            assert_eq!(cleanup::failures(), 0);
            sandbox.check();
        }
    }
    assert_eq!(failed[0], 21, "all but what only makes a directory");
    assert_eq!(failed.last(), Some(&0), "those are enough");
    drop(runtime);
    until("the runtime's descriptors are closed", || {
        descriptors() <= open
    });
}

/// What is not adopted stays where it is.
#[test]
fn adoption_without_descriptors() {
    if !support::in_process(crate::test_name!(), &[]) {
        return;
    }
    limit(Resource::Nofile, 64);
    let runtime = support::multi_thread();
    let sandbox = Sandbox::new();
    let root = ends(&runtime, TempRoot::open_in("app", sandbox.path())).unwrap();
    let path = sandbox.join("old");
    let (mut refused, mut adopted) = (0, 0);
    for free in 0..6 {
        for in_root in [false, true] {
            std::fs::create_dir_all(&path).unwrap();
            std::fs::write(path.join("file"), "").unwrap();
            let mut all = take_descriptors();
            all.truncate(all.len() - free);
            let dir = ends(&runtime, async {
                match in_root {
                    true => root.adopt(&path).await,
                    false => AsyncTempDir::adopt(&path).await,
                }
            });
            drop(all);
            match dir {
                Ok(dir) => {
                    assert!(!path.exists());
                    ends(&runtime, dir.close()).unwrap();
                    adopted += 1;
                }
                Err(error) => {
                    assert!(error.to_string().contains("(os error 24)"), "{error}");
                    assert!(path.join("file").exists());
                    refused += 1;
                }
            }
        }
    }
    assert!(refused >= 4 && adopted >= 4, "{refused} and {adopted}");
    ends(&runtime, root.close()).unwrap();
    _ = std::fs::remove_dir_all(path);
    sandbox.check();
}

/// Removals wait for descriptors, and many of them do not need more.
#[test]
fn drops_without_descriptors() {
    if !support::in_process(crate::test_name!(), &[]) {
        return;
    }
    drop(support::current_thread());
    let open = descriptors();
    limit(Resource::Nofile, 64);
    for runtime in support::runtimes() {
        let sandbox = Sandbox::new();
        let dirs: Vec<_> = (0..100).map(|_| create(&runtime, &sandbox)).collect();
        let paths: Vec<_> = dirs.iter().map(|dir| dir.path().to_path_buf()).collect();
        let all = take_descriptors();
        let dropped = silently(|| drop(dirs));
        assert!(dropped.is_ok(), "a drop never panics");
        assert!(paths.iter().all(|path| path.exists()), "each waits");
        drop(all);
        ends(&runtime, cleanup::idle());
        assert_eq!(cleanup::failures(), 0);
        sandbox.check();
    }
    until("the runtimes' descriptors are closed", || {
        descriptors() <= open
    });
}

/// What nobody could remove is told, and can be removed later.
#[test]
fn drops_that_never_get_a_descriptor() {
    if !support::in_process(crate::test_name!(), &[]) {
        return;
    }
    limit(Resource::Nofile, 64);
    let (told, tells) = mpsc::channel();
    cleanup::set_failure_hook(move |error| {
        _ = told.send((error.path().to_path_buf(), error.to_string()));
    });
    let sandbox = Sandbox::new();
    let runtime = support::multi_thread();
    let dir = create(&runtime, &sandbox);
    let empty = ends(&runtime, AsyncTempDir::new_in(sandbox.path())).unwrap();
    let (path, empty_path) = (dir.path().to_path_buf(), empty.path().to_path_buf());
    let all = take_descriptors();
    drop((dir, empty));
    ends(&runtime, cleanup::idle());
    assert!(!empty_path.exists(), "an empty one needs no descriptor");
    let (at, error) = tells.try_recv().expect("nothing is silent");
    assert_eq!(at, path);
    assert!(error.contains("(os error 24)"), "{error}");
    assert_eq!(cleanup::failures(), 1);
    drop(all);
    ends(&runtime, remove_dir_all(&path)).unwrap();
    sandbox.check();
}

/// Even if the handle of a child keeps the memory of it.
#[test]
fn a_directory_that_is_gone_or_kept_has_no_descriptor() {
    if !support::in_process(crate::test_name!(), &[]) {
        return;
    }
    let sandbox = Sandbox::new();
    let runtime = support::current_thread();
    let inside = || {
        let links = std::fs::read_dir("/proc/self/fd").unwrap();
        let links = links.filter_map(|link| std::fs::read_link(link.unwrap().path()).ok());
        links
            .filter(|path| path.starts_with(sandbox.path()))
            .count()
    };
    runtime.block_on(async {
        let closed = sandbox.dir().await;
        let kept = sandbox.dir().await;
        let children = [closed.temp_dir().await, kept.temp_dir().await];
        closed.write("file", "").await.unwrap();
        kept.write("file", "").await.unwrap();
        assert_eq!(inside(), 2, "each keeps one");
        closed.close().await.unwrap();
        let kept = kept.keep();
        assert_eq!(inside(), 0);
        drop(children);
        cleanup::idle().await;
        std::fs::remove_dir_all(kept).unwrap();
    });
    drop(runtime);
    sandbox.check();
}

/// However deep the tree, and with something beside the way down at each level.
#[test]
fn a_deep_tree_is_counted_read_and_copied_with_few_descriptors() {
    if !support::in_process(crate::test_name!(), &[]) {
        return;
    }
    drop(support::current_thread());
    limit(Resource::Nofile, 64);
    for runtime in support::runtimes() {
        let sandbox = Sandbox::new();
        let dir = create(&runtime, &sandbox);
        let mut level = File::open(dir.path()).unwrap();
        for _ in 0..200 {
            for name in ["a tooth", "d", "tooth"] {
                mkdirat(&level, name, Mode::RWXU).unwrap();
            }
            level = openat(&level, "d", OFlags::RDONLY, Mode::empty())
                .unwrap()
                .into();
        }
        drop(level);
        let usage = ends(&runtime, dir.usage()).unwrap();
        assert_eq!((usage.files, usage.dirs), (11, 4 + 600));
        let tree = ends(&runtime, dir.tree()).unwrap();
        assert_eq!(tree.len(), 11 + 3 + 600);
        // For those of the copy.
        limit(Resource::Nofile, 160);
        let copy = create(&runtime, &sandbox);
        let copied = ends(&runtime, copy.copy_from(&dir).to("copy").max_threads(1)).unwrap();
        assert_eq!((copied.files, copied.dirs), (11, 3 + 600));
        limit(Resource::Nofile, 64);
        ends(&runtime, copy.close()).unwrap();
        ends(&runtime, dir.close()).unwrap();
        sandbox.check();
    }
}
