//! A filesystem in user space, which keeps a file that is unlinked while it is open, under another
//! name in the same directory, until it is closed. NFS does so, too.

#![cfg(target_os = "linux")]

mod support;

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use async_tempdir::{AsyncTempDir, RemoveError, TempRoot, cleanup, remove_dir_all};
use support::{LOCK, Need, Running, Sandbox, current_thread, fill, plant, runtimes, until};

/// A directory, mounted a second time through a daemon of FUSE, until it is dropped.
struct Mount {
    at: PathBuf,
    source: PathBuf,
    daemon: Option<Running>,
}

impl Mount {
    fn new(sandbox: &Sandbox) -> Self {
        let (at, source) = (sandbox.join("mounted"), sandbox.join("source"));
        fs::create_dir(&at).unwrap();
        fs::create_dir(&source).unwrap();
        let outside = fs::metadata(&at).unwrap().dev();
        let daemon = Command::new("bindfs")
            .arg("-f")
            .args([&source, &at])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        until("it is mounted", || {
            fs::metadata(&at).is_ok_and(|at| at.dev() != outside)
        });
        let daemon = Some(Running(daemon));
        Self { at, source, daemon }
    }

    /// What is in it.
    fn names(&self) -> Vec<String> {
        names(&self.at)
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return drop(Command::new("umount").arg("-l").arg(&self.at).status());
        }
        let mut unmounted = || {
            let output = Command::new("umount").arg(&self.at).output();
            output.unwrap().status.success()
        };
        until("it is unmounted", &mut unmounted);
        drop(self.daemon.take());
        fs::remove_dir(&self.at).unwrap();
        fs::remove_dir(&self.source).expect("nothing is left on the filesystem");
    }
}

fn names(dir: &Path) -> Vec<String> {
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string();
    let mut names: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| name(entry).unwrap())
        .collect();
    names.sort();
    names
}

/// Runs `test` on each flavour of runtime, in a process that may mount.
fn with_fuse(name: &str, test: impl Fn(&tokio::runtime::Runtime, &Mount)) {
    if !support::is_child(name) {
        let bindfs = Need::Program("bindfs", "--version");
        if !support::require(name, &[Need::Root, bindfs, Need::Path("/dev/fuse")]) {
            return;
        }
    }
    if !support::where_it_may_mount(name) {
        return;
    }
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        let mount = Mount::new(&sandbox);
        test(&runtime, &mount);
        drop(runtime);
        drop(mount);
        sandbox.check();
    }
}

#[test]
fn it_keeps_an_open_file() {
    with_fuse("it_keeps_an_open_file", |_, mount| {
        let file = File::create(mount.at.join("file")).unwrap();
        fs::remove_file(mount.at.join("file")).unwrap();
        let names = mount.names();
        assert!(
            names.len() == 1 && names[0].starts_with(".fuse_hidden"),
            "the other tests mean nothing without that: {names:?}"
        );
        drop(file);
        until("it is gone", || mount.names().is_empty());
    });
}

#[test]
fn a_root_is_removed() {
    with_fuse("a_root_is_removed", |runtime, mount| {
        runtime.block_on(async {
            for close in [true, false] {
                let root = TempRoot::open_in("app", &mount.at).await.unwrap();
                root.reclaimed().await;
                fill(root.path());
                if close {
                    let removed = root.close().await.unwrap();
                    assert_eq!((removed.files, removed.dirs), (12, 4));
                } else {
                    drop(root);
                    cleanup::idle().await;
                }
                assert!(mount.names().is_empty(), "{:?}", mount.names());
            }
            assert_eq!(cleanup::failures(), 0);
        });
    });
}

#[test]
fn a_dead_root_is_reclaimed_once() {
    with_fuse("a_dead_root_is_reclaimed_once", |_, mount| {
        for n in 0..30 {
            plant(&mount.at, &format!("app-{n:010}"));
        }
        let reclaim = || {
            current_thread().block_on(async {
                let root = TempRoot::open_in("app", &mount.at).await.unwrap();
                let reclaimed = root.reclaimed().await;
                assert_eq!(reclaimed.failed_roots(), 0, "{reclaimed:?}");
                let roots = reclaimed.roots();
                root.close().await.unwrap();
                roots
            })
        };
        let reclaimed: u64 = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..3).map(|_| scope.spawn(reclaim)).collect();
            threads.into_iter().map(|t| t.join().unwrap()).sum()
        });
        assert_eq!(reclaimed, 30, "each counts once");
        assert!(mount.names().is_empty(), "{:?}", mount.names());
    });
}

/// Another process that looks whether the root is dead has the file open for a moment.
#[test]
fn a_root_whose_lock_file_is_open_elsewhere_is_removed() {
    let name = "a_root_whose_lock_file_is_open_elsewhere_is_removed";
    with_fuse(name, |runtime, mount| {
        let root = runtime.block_on(TempRoot::open_in("app", &mount.at));
        let root = root.unwrap();
        let open = File::open(root.path().join(LOCK)).unwrap();
        let at = root.path().to_path_buf();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                // It is closed when the removal has come to the lock file.
                let dead = at.with_file_name(format!(
                    ".{}.dead",
                    at.file_name().unwrap().to_str().unwrap()
                ));
                until("the lock file has another name", || {
                    fs::read_dir(&dead)
                        .is_ok_and(|entries| entries.count() > 0 && !dead.join(LOCK).exists())
                });
                drop(open);
            });
            runtime.block_on(root.close().into_future()).unwrap();
        });
    });
}

#[test]
fn a_file_that_is_closed_in_time_is_waited_for() {
    let name = "a_file_that_is_closed_in_time_is_waited_for";
    with_fuse(name, |runtime, mount| {
        let dir = runtime.block_on(AsyncTempDir::new_in(&mount.at)).unwrap();
        fs::create_dir(dir.path().join("sub")).unwrap();
        let path = dir.path().join("sub/file");
        let mut file = File::create(&path).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                until("it is removed", || !path.exists());
                file.write_all(b"late").unwrap();
            });
            let removed = runtime.block_on(dir.close().into_future()).unwrap();
            assert_eq!((removed.files, removed.dirs), (1, 2), "each counts once");
        });
    });
}

/// What the report says of a directory with a file that stays open.
fn check_report(error: &RemoveError) {
    assert_eq!(error.failed(), 1, "{error}");
    let failure = &error.failures()[0];
    let name = failure.path.file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with(".fuse_hidden"), "{error}");
    assert!(failure.path.exists(), "it is there: {error}");
    assert_eq!(failure.error.kind(), ErrorKind::ResourceBusy);
    assert!(error.to_string().contains("still open"), "{error}");
}

#[test]
fn a_file_that_stays_open_is_reported() {
    with_fuse("a_file_that_stays_open_is_reported", |runtime, mount| {
        runtime.block_on(async {
            static TOLD: Mutex<Vec<String>> = Mutex::new(Vec::new());
            cleanup::set_failure_hook(|error| {
                check_report(error);
                TOLD.lock().unwrap().push(error.to_string());
            });
            TOLD.lock().unwrap().clear();
            for close in [true, false] {
                let dir = AsyncTempDir::new_in(&mount.at).await.unwrap();
                let path = dir.path().to_path_buf();
                fill(&path);
                dir.create_dir("sub").await.unwrap();
                let file = File::create(path.join("sub/file")).unwrap();
                if close {
                    let error = dir.close().await.unwrap_err();
                    check_report(&error);
                    assert_eq!(error.removed().files, 12, "each counts once");
                } else {
                    drop(dir);
                    cleanup::idle().await;
                    assert_eq!(TOLD.lock().unwrap().len(), 1, "nothing is silent");
                }
                drop(file);
                // Closing takes effect a moment later.
                remove_dir_all(&path).await.unwrap();
            }
        });
    });
}

/// Of a process that was killed together with the filesystem's daemon.
#[test]
fn a_name_that_was_kept_and_forgotten_is_removed() {
    let sandbox = Sandbox::new();
    let tree = sandbox.join("tree");
    fs::create_dir_all(tree.join("sub")).unwrap();
    for name in [
        ".fuse_hidden0000000300000001",
        "sub/.nfs000000000133d2a300000001",
    ] {
        File::create(tree.join(name)).unwrap();
    }
    let removed = current_thread().block_on(remove_dir_all(&tree).into_future());
    removed.unwrap();
    sandbox.check();
}
