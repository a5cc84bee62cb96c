//! What `usage` and `tree` have in common: both walk everything inside, which may change meanwhile.

mod support;

use std::fs;
use std::io::ErrorKind;

use async_tempdir::PathError;
use support::{Sandbox, runtimes};

#[test]
fn another_directory_at_the_path_is_not_walked() {
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        runtime.block_on(async {
            let dir = sandbox.dir().await;
            let errors = async || {
                let usage = dir.usage().await.unwrap_err();
                [("measure", usage), ("read", dir.tree().await.unwrap_err())]
            };
            // It stays, so that the other one has another identity.
            fs::rename(dir.path(), sandbox.join("moved")).unwrap();
            for (_, error) in errors().await {
                assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
            }
            fs::create_dir(dir.path()).unwrap();
            for (operation, error) in errors().await {
                let inner = error.get_ref().unwrap().downcast_ref::<PathError>();
                let inner = inner.unwrap();
                assert_eq!(inner.operation(), operation);
                assert_eq!(inner.path(), dir.path());
            }
            fs::remove_dir(dir.path()).unwrap();
            fs::remove_dir(sandbox.join("moved")).unwrap();
        });
        sandbox.check();
    }
}

#[cfg(unix)]
mod unix {
    use std::fs::{File, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::{Path, PathBuf};
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::thread;

    use async_tempdir::{AsyncTempDir, Tree, TreeKind};
    use rustix::fs::{Mode, mkdirat};

    use super::*;
    use crate::support::{chain, fill, in_memory, mkfifo, multi_thread, times};

    fn chmod(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        if !support::as_ordinary_user(crate::test_name!()) {
            return;
        }
        for runtime in runtimes() {
            let sandbox = Sandbox::new();
            runtime.block_on(async {
                let dir = sandbox.dir().await;
                fill(dir.path());
                let [sub, file] = ["a/b", "a/b/2"].map(|path| dir.path().join(path));
                let denied = |result: std::io::Result<()>, begin: String| {
                    let error = result.unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
                    assert!(error.to_string().starts_with(&begin), "{error}");
                };
                for mode in [0o000, 0o300] {
                    chmod(&sub, mode);
                    let usage = dir.usage().await.map(drop);
                    denied(usage, format!("cannot measure {sub:?}: "));
                    let tree = dir.tree().await.map(drop);
                    denied(tree, format!("cannot read {sub:?}: "));
                }
                // It may be listed, but nothing in it looked at.
                chmod(&sub, 0o400);
                let usage = dir.usage().await.map(drop);
                denied(usage, format!("cannot measure \"{}", sub.display()));
                let tree = dir.tree().await.map(drop);
                denied(tree, format!("cannot read \"{}", sub.display()));
                let mode = fs::metadata(&sub).unwrap().permissions().mode();
                assert_eq!(mode & 0o777, 0o400, "nothing is changed");
                chmod(&sub, 0o700);
                chmod(&file, 0o000);
                dir.usage().await.expect("no file is opened to count it");
                let tree = dir.tree().await.map(drop);
                denied(tree, format!("cannot read {file:?}: "));
                dir.close().await.unwrap();
            });
            sandbox.check();
        }
    }

    fn comb(levels: usize) {
        let sandbox = Sandbox::new_in(&in_memory());
        multi_thread().block_on(async {
            let dir = sandbox.dir().await;
            chain(dir.path(), levels, |level| {
                for tooth in ["a", "z"] {
                    mkdirat(level, tooth, Mode::RWXU).unwrap();
                }
            });
            let dirs = levels + 2 * (levels + 1);
            let usage = dir.usage().await.unwrap();
            assert_eq!((usage.files, usage.dirs), (0, 1 + dirs as u64));
            let tree = dir.tree().await.unwrap();
            assert_eq!(tree.len(), dirs);
            let deepest = PathBuf::from_iter(std::iter::repeat_n("d", levels)).join("z");
            assert!(matches!(tree.get(&deepest).unwrap().kind(), TreeKind::Dir));
            assert!(tree == dir.tree().await.unwrap());
            let entries: Vec<_> = tree.iter().cloned().collect();
            assert!(tree == entries);
            let longest = format!("{tree:?}").lines().map(str::len).max();
            assert_eq!(longest, Some(2 * (levels + 1) + "\"z\"/".len()));
            dir.close().await.unwrap();
        });
        sandbox.check();
    }

    #[test]
    fn a_comb_of_five_hundred_levels() {
        comb(500);
    }

    #[test]
    #[ignore = "heavy: 5,000 levels"]
    fn heavy_a_comb_of_five_thousand_levels() {
        comb(5_000);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_mounted_inside_is_left_out() {
        use crate::support::{mount, unmount};

        if !support::where_it_may_mount(crate::test_name!()) {
            return;
        }
        for runtime in runtimes() {
            let sandbox = Sandbox::new_in(&in_memory());
            runtime.block_on(async {
                let dir = sandbox.dir().await;
                fill(dir.path());
                let without = dir.tree().await.unwrap();
                let mounted = dir.path().join("a/b/mounted");
                fs::create_dir(&mounted).unwrap();
                mount(&mounted);
                fs::write(mounted.join("file"), "mounted").unwrap();
                let usage = dir.usage().await.unwrap();
                assert_eq!((usage.files, usage.dirs), (11, 4));
                assert_eq!(dir.tree().await.unwrap(), without);
                unmount(&mounted);
                let usage = dir.usage().await.unwrap();
                assert_eq!((usage.files, usage.dirs), (11, 5));
                assert!(dir.tree().await.unwrap().get("a/b/mounted").is_some());
                dir.close().await.unwrap();
            });
            sandbox.check();
        }
    }

    /// Larger than everything inside together, and too large to be read.
    const CANARY: u64 = 1 << 33;

    /// A sandbox, a directory in it, and one outside of that with the canary.
    struct Race {
        sandbox: Sandbox,
        dir: AsyncTempDir,
        outside: PathBuf,
    }

    impl Race {
        fn new() -> Self {
            let sandbox = Sandbox::new_in(&in_memory());
            let outside = sandbox.join("outside");
            fs::create_dir(&outside).unwrap();
            let canary = File::create(outside.join("canary")).unwrap();
            canary.set_len(CANARY).unwrap();
            let dir = multi_thread().block_on(sandbox.dir());
            Self {
                sandbox,
                dir,
                outside,
            }
        }

        fn inside(&self, path: impl AsRef<Path>) -> PathBuf {
            self.dir.path().join(path)
        }

        /// Walks the directory while `change` is called again and again. Nothing outside may count or
        /// be read, and each tree that is read is passed to `check`.
        fn run(self, mut change: impl FnMut() + Send, check: impl Fn(&Tree)) {
            let runtime = multi_thread();
            let (done, changes) = (AtomicBool::new(false), AtomicUsize::new(0));
            let may_be = |error: &std::io::Error| {
                let (message, causes) = (error.to_string(), ["was moved", "keeps changing"]);
                assert!(causes.iter().any(|part| message.contains(part)), "{error}");
            };
            thread::scope(|scope| {
                scope.spawn(|| {
                    while !done.load(Ordering::Relaxed) {
                        change();
                        changes.fetch_add(1, Ordering::Relaxed);
                    }
                });
                let mut walks = 0;
                while walks < times(100) || changes.load(Ordering::Relaxed) < 10 {
                    match runtime.block_on(self.dir.usage()) {
                        Ok(usage) => assert!(usage.len < CANARY, "{usage:?}"),
                        Err(error) => may_be(&error),
                    }
                    match runtime.block_on(self.dir.tree()) {
                        Ok(tree) => check(&tree),
                        Err(error) => may_be(&error),
                    }
                    walks += 1;
                }
                done.store(true, Ordering::Relaxed);
            });
            multi_thread().block_on(async { self.dir.close().await.unwrap() });
            fs::remove_dir_all(self.outside).unwrap();
            self.sandbox.check();
        }
    }

    #[test]
    fn while_a_file_is_exchanged_for_everything_else() {
        let race = Race::new();
        let outside = race.outside.clone();
        let (path, other) = (race.inside("file"), race.inside("new"));
        fs::write(&path, "content").unwrap();
        let change = || {
            symlink(outside.join("canary"), &other).unwrap();
            fs::rename(&other, &path).unwrap();
            mkfifo(&other);
            fs::rename(&other, &path).unwrap();
            fs::remove_file(&path).unwrap();
            symlink(&outside, &path).unwrap();
            fs::remove_file(&path).unwrap();
            fs::create_dir(&path).unwrap();
            fs::remove_dir(&path).unwrap();
            fs::write(&other, "content").unwrap();
            fs::rename(&other, &path).unwrap();
        };
        race.run(change, |tree| {
            for entry in tree {
                let contents = entry.contents().unwrap_or_default();
                assert!(matches!(contents, b"" | b"content"), "{tree:?}");
            }
        });
    }

    #[test]
    fn while_a_file_grows_and_shrinks() {
        let race = Race::new();
        let path = race.inside("file");
        let full = vec![b'x'; 300_000];
        let change = || {
            fs::write(&path, &full).unwrap();
            let file = File::options().write(true).open(&path).unwrap();
            file.set_len(10).unwrap();
        };
        race.run(change, |tree| {
            for entry in tree {
                let contents = entry.contents().unwrap();
                assert!(full.starts_with(contents), "{tree:?}");
            }
        });
    }

    #[test]
    fn while_a_directory_is_exchanged_for_a_symlink() {
        let race = Race::new();
        fill(race.dir.path());
        let outside = race.outside.clone();
        let (inside, aside) = (race.inside("a"), race.inside("aside"));
        let change = || {
            fs::rename(&inside, &aside).unwrap();
            symlink(&outside, &inside).unwrap();
            fs::remove_file(&inside).unwrap();
            fs::rename(&aside, &inside).unwrap();
        };
        race.run(change, |_| {});
    }

    #[test]
    fn while_part_of_a_deep_tree_is_moved_out() {
        let race = Race::new();
        chain(race.dir.path(), 100, |level| {
            for tooth in ["a", "z"] {
                mkdirat(level, tooth, Mode::RWXU).unwrap();
            }
        });
        let inside = race.inside(PathBuf::from_iter(["d"; 50]));
        let moved = race.outside.join("d");
        let change = || {
            fs::rename(&inside, &moved).unwrap();
            thread::yield_now();
            fs::rename(&moved, &inside).unwrap();
        };
        race.run(change, |_| {});
    }

    #[test]
    fn while_everything_comes_and_goes() {
        let race = Race::new();
        let inside = race.inside("tree");
        let change = || {
            fs::create_dir(&inside).unwrap();
            fill(&inside);
            // A file and a directory of one name, by turns.
            fs::remove_file(inside.join("x")).unwrap();
            fs::create_dir(inside.join("x")).unwrap();
            fs::remove_dir_all(&inside).unwrap();
        };
        race.run(change, |_| {});
    }
}
