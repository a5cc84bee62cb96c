//! What is otherwise on Windows: open files stay, read-only files refuse, links are of other kinds,
//! paths have another limit, names differing by case are one.

#![cfg(windows)]

mod support;

use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::os::windows::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use async_tempdir::{AsyncTempDir, Builder, TempRoot, cleanup, remove_dir_all};
use support::{Sandbox, alone, current_thread, multi_thread, runtimes};

/// How long an entry is tried at least: 15 pauses.
const BOUND: Duration = Duration::from_millis(15 * 20);

/// `ERROR_SHARING_VIOLATION`.
const SHARING_VIOLATION: i32 = 32;

/// Opens the file so that nobody may remove it: others may read and write.
fn hold(path: &Path) -> File {
    OpenOptions::new()
        .read(true)
        .share_mode(1 | 2)
        .open(path)
        .unwrap()
}

#[test]
fn what_is_open_at_close_is_tried_for_the_stated_time_and_reported() {
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        runtime.block_on(async {
            let dir = sandbox.dir().await;
            dir.populate([("a", ""), ("sub/held", "held"), ("sub/z", ""), ("z", "")])
                .await
                .unwrap();
            let path = dir.path().to_path_buf();
            let held = path.join("sub").join("held");
            let handle = hold(&held);
            let begun = Instant::now();
            let error = dir.close().await.expect_err("it is open");
            assert!(begun.elapsed() >= BOUND, "it is tried for a while");
            assert_eq!(error.failed(), 1, "{error}");
            let failure = &error.failures()[0];
            assert_eq!(failure.path, held);
            let code = failure.error.raw_os_error();
            assert_eq!(code, Some(SHARING_VIOLATION), "{error}");
            assert_eq!((error.removed().files, error.removed().dirs), (3, 0));
            assert_eq!(fs::read(&held).unwrap(), b"held");

            // Nobody has it any more.
            drop(handle);
            let removed = remove_dir_all(&path).await.unwrap();
            assert_eq!((removed.files, removed.dirs), (1, 2));
        });
        sandbox.check();
    }
}

#[test]
fn what_is_let_go_of_in_time_is_removed() {
    let sandbox = Sandbox::new();
    let runtime = multi_thread();
    // A busy machine may let go too late: then it is another attempt's turn.
    let proved = (0..20).any(|_| {
        let dir = runtime
            .block_on(AsyncTempDir::new_in(sandbox.path()))
            .unwrap();
        runtime.block_on(dir.write("held", "")).unwrap();
        let path = dir.path().to_path_buf();
        let handle = hold(&path.join("held"));
        let (begun, begins) = mpsc::channel();
        let holder = thread::spawn(move || {
            let begun: Instant = begins.recv().unwrap();
            // Tried a few times by now, and to be tried a few times more.
            support::until("some of the time is over", || begun.elapsed() >= BOUND / 3);
            drop(handle);
        });
        let start = Instant::now();
        begun.send(start).unwrap();
        let closed = runtime.block_on(dir.close().into_future());
        let waited = start.elapsed() >= BOUND / 3;
        holder.join().unwrap();
        if closed.is_err() {
            fs::remove_dir_all(path).unwrap();
        }
        closed.is_ok() && waited
    });
    assert!(proved, "what is let go of while it is tried is removed");
    sandbox.check();
}

#[test]
fn what_is_open_at_a_drop_goes_to_the_hook() {
    let _alone = alone();
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        let (tx, rx) = mpsc::channel();
        let tx = Mutex::new(tx);
        cleanup::set_failure_hook(move |error| {
            let paths: Vec<_> = error.failures().iter().map(|f| f.path.to_owned()).collect();
            tx.lock().unwrap().send(paths).unwrap();
        });
        let failures = cleanup::failures();
        let dir = runtime
            .block_on(AsyncTempDir::new_in(sandbox.path()))
            .unwrap();
        let path = dir.path().to_path_buf();
        fs::write(path.join("held"), "").unwrap();
        let handle = hold(&path.join("held"));
        drop(dir);
        runtime.block_on(cleanup::idle());
        assert_eq!(rx.try_recv().unwrap(), [path.join("held")]);
        assert_eq!(cleanup::failures(), failures + 1);
        drop(handle);
        fs::remove_dir_all(path).unwrap();
        cleanup::set_failure_hook(|_| {});
        sandbox.check();
    }
}

/// Many that are open share a bound: each its full time would be five minutes.
#[test]
fn many_that_are_open_are_all_reported() {
    let sandbox = Sandbox::new();
    current_thread().block_on(async {
        let dir = sandbox.dir().await;
        let path = dir.path().to_path_buf();
        let names: Vec<_> = (0..1_000).map(|n| format!("{n}")).collect();
        dir.populate(names.iter().map(|name| (name.clone(), "")))
            .await
            .unwrap();
        let held: Vec<_> = names.iter().map(|name| hold(&path.join(name))).collect();
        let begun = Instant::now();
        let error = dir.close().await.expect_err("all are open");
        // Three seconds of it are spent waiting.
        assert!(begun.elapsed() < Duration::from_secs(100));
        assert_eq!(error.failed(), 1_000);
        drop(held);
        let removed = remove_dir_all(&path).await.unwrap();
        assert_eq!((removed.files, removed.dirs), (1_000, 1));
    });
    sandbox.check();
}

#[test]
fn an_open_file_does_not_hinder_who_keeps_the_directory() {
    let sandbox = Sandbox::new();
    current_thread().block_on(async {
        let dir = sandbox.dir().await;
        let path = dir.write("held", "x").await.unwrap();
        let handle = hold(&path);
        let kept = dir.keep();
        assert_eq!(kept.join("held"), path);
        drop(handle);
        fs::remove_dir_all(kept).unwrap();
    });
    sandbox.check();
}

fn make_read_only(path: &Path) {
    let mut permissions = fs::metadata(path).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(path, permissions).unwrap();
}

#[test]
fn read_only_files_and_directories_are_removed() {
    let sandbox = Sandbox::new();
    let runtime = current_thread();
    for dropped in [false, true] {
        runtime.block_on(async {
            let dir = sandbox.dir().await;
            dir.populate([("file", ""), ("sub/file", ""), ("sub/deep/file", "")])
                .await
                .unwrap();
            for path in ["file", "sub/file", "sub/deep/file", "sub/deep", "sub", ""] {
                make_read_only(&dir.path().join(path));
            }
            if dropped {
                drop(dir);
                cleanup::idle().await;
            } else {
                let removed = dir.close().await.unwrap();
                assert_eq!((removed.files, removed.dirs), (3, 3));
            }
        });
    }
    runtime.block_on(async {
        let dir = sandbox.dir().await;
        dir.write("file", "as it was").await.unwrap();
        make_read_only(&dir.path().join("file"));
        let error = dir.write("file", "new").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
        assert_eq!(dir.read("file").await.unwrap(), b"as it was");
        dir.remove("file").await.unwrap();
        dir.close().await.unwrap();
    });
    sandbox.check();
}

/// Ways of making `link` lead to the directory `target`. Each needs something: a right; NTFS; or a
/// filesystem of Unix underneath, whose symbolic links Wine shows as reparse points.
const WAYS: [&str; 4] = ["symbolic link", "mklink /d", "junction", UNIX];
const UNIX: &str = "ln -s";

/// False if it cannot be made that way here.
fn link(way: &str, target: &Path, link: &Path) -> bool {
    let mklink = |kind: &str| {
        let words = ["/c", "mklink", kind];
        // What became of it is looked at.
        let _ = Command::new("cmd")
            .args(words)
            .arg(link)
            .arg(target)
            .output();
    };
    match way {
        "symbolic link" => _ = std::os::windows::fs::symlink_dir(target, link),
        "mklink /d" => mklink("/D"),
        "junction" => mklink("/J"),
        _ => on_unix("ln", &["-s", "../sibling"], link),
    }
    is_link(link)
}

/// Runs a program of Unix on the entry, if there are any, and waits until it is there, or gone.
fn on_unix(program: &str, words: &[&str], entry: &Path) {
    let program = Path::new(r"Z:\bin").join(program);
    if program.exists() {
        let before = is_link(entry);
        // Wine starts it, but loses sight of it.
        let _ = Command::new(program)
            .args(words)
            .arg(entry.file_name().unwrap())
            .current_dir(entry.parent().unwrap())
            .status();
        support::until("it has done its work", || is_link(entry) != before);
    }
}

/// Whether the listing has it, as something that leads elsewhere.
fn is_link(path: &Path) -> bool {
    const REPARSE_POINT: u32 = 0x400;
    fs::read_dir(path.parent().unwrap())
        .unwrap()
        .map(Result::unwrap)
        .filter(|entry| entry.path() == path)
        .any(|entry| entry.metadata().unwrap().file_attributes() & REPARSE_POINT != 0)
}

#[test]
fn what_leads_elsewhere_is_removed_and_not_entered() {
    let _alone = alone();
    let sandbox = Sandbox::new();
    let target = sandbox.join("sibling");
    let mut tried = 0;
    for (way, dropped) in WAYS.into_iter().flat_map(|way| [(way, false), (way, true)]) {
        current_thread().block_on(async {
            let dir = sandbox.dir().await;
            dir.write("file", "").await.unwrap();
            let entry = dir.path().join("link");
            if !link(way, &target, &entry) {
                eprintln!("{way}: cannot be made here");
                dir.close().await.unwrap();
                return;
            }
            tried += 1;
            let path = dir.path().to_path_buf();
            if dropped {
                drop(dir);
                cleanup::idle().await;
            } else {
                match dir.close().await {
                    Ok(removed) => assert_eq!((removed.files, removed.dirs), (2, 1)),
                    // Wine can remove no symbolic link to a directory.
                    Err(error) => {
                        assert_eq!((error.failed(), way), (1, UNIX), "{error}");
                        assert_eq!(error.failures()[0].path, entry);
                        assert_eq!((error.removed().files, error.removed().dirs), (1, 0));
                    }
                }
            }
            sandbox.check_sibling();
            if way == UNIX && path.exists() {
                assert_eq!(fs::read_dir(&path).unwrap().count(), 1, "the rest is gone");
                on_unix("rm", &[], &entry);
                fs::remove_dir(&path).unwrap();
            }
            assert!(!path.exists());
        });
    }
    assert!(tried > 0, "there is a way to make a link");
    sandbox.check();
}

/// Longer than the 260 characters that names of files had once.
#[test]
fn long_paths() {
    let sandbox = Sandbox::new();
    let runtime = current_thread();
    // From where what is opened has to be no longer, to well beyond.
    for levels in [5, 60] {
        runtime.block_on(async {
            let dir = sandbox.dir().await;
            let mut deep = dir.path().to_path_buf();
            for _ in 0..levels {
                deep.push("a".repeat(40));
                fs::create_dir(&deep).unwrap();
                fs::write(deep.join("file"), "x").unwrap();
            }
            assert!(deep.as_os_str().len() > levels * 41);
            let removed = dir.close().await.unwrap();
            let levels = levels as u64;
            assert_eq!((removed.files, removed.dirs), (levels, levels + 1));
        });
    }
    runtime.block_on(async {
        let dir = sandbox.dir().await;
        // The file's own path is longer; that of the directory it is in need not be.
        let name = "n".repeat(200);
        let path = dir
            .write(Path::new("sub").join(&name), "long")
            .await
            .unwrap();
        assert!(path.as_os_str().len() > 240, "{path:?}");
        assert_eq!(dir.read(format!("sub/{name}")).await.unwrap(), b"long");
        assert_eq!(fs::read(&path).unwrap(), b"long");
        dir.remove(format!("sub/{name}")).await.unwrap();
        dir.close().await.unwrap();

        let dir = Builder::new()
            .prefix("p".repeat(200))
            .parent(sandbox.path())
            .create()
            .await
            .unwrap();
        dir.write("file", "x").await.unwrap();
        dir.close().await.unwrap();
    });
    sandbox.check();
}

#[test]
fn names_that_differ_by_case_are_one() {
    let sandbox = Sandbox::new();
    current_thread().block_on(async {
        let dir = sandbox.dir().await;
        dir.write("Sub/Name", "first").await.unwrap();
        assert_eq!(dir.read("sUB/nAME").await.unwrap(), b"first");
        let error = dir.create_new("sub/NAME").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        let error = dir.create_dir("SUB").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        dir.write("sub/name", "second").await.unwrap();
        let there = [PathBuf::from("Sub"), Path::new("Sub").join("Name")];
        assert_eq!(dir.list().await.unwrap(), there, "it has its first name");
        assert_eq!(dir.read("Sub/Name").await.unwrap(), b"second");
        dir.populate([("p/X", "1"), ("P/x", "2")]).await.unwrap();
        assert_eq!(dir.read("p/x").await.unwrap(), b"2");
        dir.remove("P").await.unwrap();
        dir.remove("SUB").await.unwrap();
        assert!(dir.list().await.unwrap().is_empty());

        // What has the name in other letters is not adopted.
        let named = |name: &str| {
            let builder = Builder::new().prefix(name).random_len(0);
            builder.parent(dir.path()).create()
        };
        let first = named("Fixed").await.unwrap();
        let error = named("fIXED").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        assert!(first.path().exists());
        first.close().await.unwrap();
        dir.close().await.unwrap();
    });
    sandbox.check();
}

#[test]
fn names_that_would_become_something_else() {
    let sandbox = Sandbox::new();
    let outside = sandbox.join("sibling").join("file");
    let drive_relative = format!("{}file", &outside.to_str().unwrap()[..2]);
    current_thread().block_on(async {
        let dir = sandbox.dir().await;
        dir.create_dir("sub").await.unwrap();
        for bad in [
            outside.to_str().unwrap(),
            &drive_relative,
            r"..\sibling\file",
            r"sub\..\..\sibling\file",
            r"\sibling",
            r"\\?\C:\x",
            r"\\server\share\x",
            r"\\.\C:\x",
            "file:stream",
            "file::$DATA",
            "sub:stream/x",
            "NUL",
            "nul.txt",
            "com1",
            "sub/aux",
            "CONIN$",
            "trailing.",
            "trailing ",
            "a<b",
            "a|b",
            "a?b",
            "a*b",
        ] {
            let error = dir.write(bad, "evil").await.expect_err(bad);
            assert!(
                matches!(
                    error.kind(),
                    ErrorKind::InvalidInput | ErrorKind::PermissionDenied
                ),
                "{bad}: {error}"
            );
            assert!(
                dir.populate([(bad.to_owned(), "evil")]).await.is_err(),
                "{bad}"
            );
            assert!(dir.create_dir_all(bad).await.is_err(), "{bad}");
        }
        assert_eq!(dir.list().await.unwrap(), [Path::new("sub")]);
        dir.close().await.unwrap();
    });
    sandbox.check();
}

/// Both separators are.
#[test]
fn either_separator() {
    let sandbox = Sandbox::new();
    current_thread().block_on(async {
        let dir = sandbox.dir().await;
        let path = dir.write("a/b\\c", "x").await.unwrap();
        assert!(path.is_absolute());
        assert_eq!(dir.read(r"a\b/c").await.unwrap(), b"x");
        let expected = [
            PathBuf::from("a"),
            Path::new("a").join("b"),
            Path::new("a").join("b").join("c"),
        ];
        assert_eq!(dir.list().await.unwrap(), expected);
        dir.close().await.unwrap();
    });
    sandbox.check();
}

/// While it lives its lock file cannot be removed, and others who open roots leave it alone.
#[test]
fn a_live_root_is_left_alone_and_a_closed_one_is_gone() {
    let sandbox = Sandbox::new();
    multi_thread().block_on(async {
        let live = TempRoot::open_in("app", sandbox.path()).await.unwrap();
        let dir = live.temp_dir().await.unwrap();
        dir.write("file", "x").await.unwrap();
        let other = TempRoot::open_in("app", sandbox.path()).await.unwrap();
        let reclaimed = other.reclaimed().await;
        assert_eq!(reclaimed.roots(), 0, "{reclaimed:?}");
        assert!(reclaimed.failures().is_empty(), "{reclaimed:?}");
        other.close().await.unwrap();
        assert_eq!(dir.read("file").await.unwrap(), b"x");
        dir.close().await.unwrap();
        live.close().await.unwrap();
    });
    sandbox.check();
}
