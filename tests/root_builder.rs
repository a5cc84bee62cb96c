//! `TempRoot::builder`: numbered roots, and what was kept in the last of them.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use async_tempdir::{AsyncTempDir, Builder, Cleanup, Ending, TempRoot, cleanup};
use support::{LOCK, Sandbox, current_thread, fill, multi_thread, plant, runtimes};

const INDEX: &str = ".async-tempdir.kept";

async fn open(parent: &Path, runs: usize) -> TempRoot {
    let builder = TempRoot::builder("app").parent(parent).retain(runs);
    builder.open().await.unwrap()
}

async fn filled(root: &TempRoot) -> AsyncTempDir {
    let dir = root.temp_dir().await.unwrap();
    fill(dir.path());
    dir
}

/// The names in `dir`, sorted, without the sandbox's own.
fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name != "sibling").collect();
    names.sort();
    names
}

fn remove(sandbox: &Sandbox) {
    for left in sandbox.leftovers() {
        match fs::symlink_metadata(&left).unwrap().is_dir() {
            true => fs::remove_dir_all(left).unwrap(),
            false => fs::remove_file(left).unwrap(),
        }
    }
}

#[test]
fn without_a_number_it_is_as_ever() {
    let sandbox = Sandbox::new();
    current_thread().block_on(async {
        let builder = TempRoot::builder("app").parent(sandbox.path());
        let root = builder.open().await.unwrap();
        let name = root.path().file_name().unwrap();
        assert_eq!(name.len(), "app-0123456789".len(), "{name:?}");
        filled(&root).await.keep();
        root.close().await.unwrap();
    });
    sandbox.check();
}

#[test]
fn the_path_of_the_parent_is_made_plain() {
    let sandbox = Sandbox::new();
    current_thread().block_on(async {
        let odd = sandbox.path().join(".").join("");
        let root = TempRoot::open_in("app", &odd).await.unwrap();
        let plain = sandbox.path().join(root.path().file_name().unwrap());
        // Not as paths, which are the same.
        assert_eq!(root.path().as_os_str(), plain.as_os_str());
        root.close().await.unwrap();
    });
    sandbox.check();
}

#[test]
fn what_was_kept_in_the_last_runs_is_retained() {
    for (closes, runtime) in [true, false].into_iter().zip(runtimes()) {
        let sandbox = Sandbox::new();
        let mut kept = Vec::new();
        for number in 1..=5 {
            kept.push(runtime.block_on(async {
                let root = open(sandbox.path(), 2).await;
                assert_eq!(root.path(), sandbox.join(&format!("app-{number}")));
                let kept = filled(&root).await.keep();
                let dropped = filled(&root).await;
                fs::write(root.path().join("file"), "x").unwrap();
                assert!(root.reclaimed().await.skipped_reason().is_none());
                if closes {
                    drop(dropped);
                    cleanup::idle().await;
                    let removed = root.close().await.unwrap();
                    assert_eq!((removed.files, removed.dirs), (1, 0), "what was left");
                } else {
                    let removed = dropped.removed();
                    drop((root, dropped));
                    assert_eq!(removed.await, Ending::Removed);
                    cleanup::idle().await;
                }
                kept
            }));
        }
        assert_eq!(names(sandbox.path()), ["app-4", "app-5", "app-current"]);
        for path in &kept[3..] {
            assert!(path.join("a/b/1").exists(), "{path:?}");
            assert_eq!(
                names(path.parent().unwrap()).len(),
                3,
                "lock, index and this"
            );
        }
        // With 0, nothing is.
        runtime.block_on(async {
            let root = open(sandbox.path(), 0).await;
            let reclaimed = root.reclaimed().await;
            assert_eq!((reclaimed.roots(), reclaimed.failed_roots()), (2, 0));
            filled(&root).await.keep();
            root.close().await.unwrap();
        });
        sandbox.check();
    }
}

/// One that is kept survives the root, and others are removed with it, whatever they are in.
#[test]
fn what_is_kept_is_directly_in_the_root() {
    let sandbox = Sandbox::new();
    multi_thread().block_on(async {
        let root = open(sandbox.path(), 1).await;
        let outer = filled(&root).await;
        let inner = outer.temp_dir().await.unwrap().keep();
        let policy = root.dir_builder().cleanup(Cleanup::Never).create().await;
        let by_policy = policy.unwrap().path().to_path_buf();
        let scoped = root.dir_builder().cleanup(Cleanup::OnClose);
        let scoped = scoped.scope(async |dir| Err::<(), _>(dir.path().to_path_buf()));
        let Err(async_tempdir::ScopeError::Function(by_scope)) = scoped.await else {
            panic!("it fails");
        };
        fs::create_dir(sandbox.join("old")).unwrap();
        let adopted = root.adopt(sandbox.join("old")).await.unwrap().keep();
        let error = filled(&root).await.persist("/missing/x").await.unwrap_err();
        let by_error = error.dir().path().to_path_buf();
        let message = std::io::Error::from(error).to_string();
        assert!(
            message.contains(&format!("kept at {by_error:?}")),
            "{message}"
        );
        let persisted = filled(&root).await;
        let target = sandbox.join("target");
        persisted.persist(&target).await.unwrap();
        // Also in the root, out of another directory in it.
        let published = sandbox.join("app-1/published");
        let inside = outer.temp_dir().await.unwrap();
        inside.persist(&published).await.unwrap();
        // A handle that exists keeps nothing.
        let held = filled(&root).await;
        root.close().await.unwrap();
        assert!(!held.path().exists() && !outer.path().exists() && !inner.exists());
        for path in [by_policy, by_scope, adopted, by_error, target, published] {
            assert!(path.exists(), "{path:?}");
        }
        assert_eq!(names(&sandbox.join("app-1")).len(), 5 + 2);
        drop((held, outer));
        cleanup::idle().await;
    });
    remove(&sandbox);
    sandbox.check();
}

#[test]
fn live_roots_are_left_alone() {
    let sandbox = Sandbox::new();
    multi_thread().block_on(async {
        let mut roots = Vec::new();
        for number in 1..=4 {
            let root = open(sandbox.path(), 1).await;
            assert_eq!(root.path(), sandbox.join(&format!("app-{number}")));
            assert_eq!(root.reclaimed().await.roots(), 0);
            let kept = filled(&root).await.keep();
            roots.push((root, kept));
        }
        // A root with a random name reclaims none with a number.
        let root = TempRoot::open_in("app", sandbox.path()).await.unwrap();
        assert_eq!(root.reclaimed().await.roots(), 0);
        root.close().await.unwrap();
        for (root, kept) in &roots {
            assert!(root.path().exists() && kept.join("a/b/1").exists());
        }
        for (root, _) in roots {
            root.close().await.unwrap();
        }
    });
    assert_eq!(
        names(sandbox.path()),
        ["app-4", "app-current"],
        "the newest"
    );
    remove(&sandbox);
    sandbox.check();
}

#[test]
fn dead_roots_of_both_kinds_are_reclaimed() {
    let sandbox = Sandbox::new();
    for name in [support::ROOT, support::DEAD, "app-1", ".app-2.dead"] {
        plant(sandbox.path(), name);
    }
    for name in [".app-3.new", ".app-4.dead"] {
        support::plant_empty(sandbox.path(), name);
    }
    let kept = plant(sandbox.path(), "app-5");
    fs::write(kept.join(INDEX), "\0a\0").unwrap();
    current_thread().block_on(async {
        let root = open(sandbox.path(), 3).await;
        assert_eq!(root.path(), sandbox.join("app-6"));
        let reclaimed = root.reclaimed().await;
        assert_eq!(
            (reclaimed.roots(), reclaimed.failed_roots()),
            (4, 0),
            "{reclaimed:?}"
        );
        assert_eq!(names(&kept), [INDEX, LOCK, "a"]);
        root.close().await.unwrap();
    });
    assert_eq!(names(sandbox.path()), ["app-5"]);
    remove(&sandbox);
    sandbox.check();
}

#[test]
fn what_cannot_be_opened_says_why() {
    current_thread().block_on(async {
        let sandbox = Sandbox::new();
        for bad in ["", "a/b", "a\0b", &"x".repeat(TempRoot::MAX_APP + 1)] {
            let builder = TempRoot::builder(bad).parent(sandbox.path()).retain(1);
            let error = builder.open().await.unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput, "{error}");
        }
        let missing: PathBuf = sandbox.join("missing");
        let builder = TempRoot::builder("app").parent(&missing).retain(1);
        let error = builder.open().await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
        assert!(error.to_string().contains("missing"), "{error}");
        sandbox.check();
    });
}

/// A directory that another one keeps is at its own path, also with the random part set to nothing.
#[test]
fn an_exact_name_is_kept_once() {
    let sandbox = Sandbox::new();
    current_thread().block_on(async {
        let root = open(sandbox.path(), 1).await;
        let exact = || root.dir_builder().prefix("result").random_len(0);
        exact().create().await.unwrap().close().await.unwrap();
        let kept = exact().create().await.unwrap().keep();
        let taken: std::io::Result<AsyncTempDir> = Builder::create(exact()).await;
        assert_eq!(taken.unwrap_err().kind(), std::io::ErrorKind::AlreadyExists);
        root.close().await.unwrap();
        assert!(kept.exists());
    });
    remove(&sandbox);
    sandbox.check();
}
