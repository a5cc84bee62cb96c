//! Tests of each engine without a runtime.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::options::{Options, Spared};
use super::recorder::{Recorder, Removed};
use super::{RemoveError, portable};
use crate::sys::Identity;

type Engine = fn(&Path, Option<&Identity>, &Arc<Recorder>);

fn engines() -> Vec<(&'static str, Engine)> {
    vec![
        ("portable", portable::remove as Engine),
        #[cfg(unix)]
        ("unix", super::unix::remove as Engine),
    ]
}

/// Runs `test` with each engine and a directory of its own, in which a canary must survive.
fn with_each(test: impl Fn(&dyn Fn(&Path) -> Result<Removed, RemoveError>, &Path)) {
    for (name, engine) in engines() {
        let outer = tempfile::tempdir().unwrap();
        let canary = outer.path().join("canary");
        fs::create_dir(&canary).unwrap();
        fs::write(canary.join("file"), "alive").unwrap();
        let root = outer.path().join("root");
        fs::create_dir(&root).unwrap();
        let remove = |path: &Path| {
            let recorder = Recorder::new(path, Options::default());
            engine(path, None, &recorder);
            recorder.finish().result
        };
        test(&remove, &root);
        let alive = fs::read_to_string(canary.join("file"));
        assert_eq!(alive.unwrap(), "alive", "{name}: the canary");
    }
}

fn counted(removed: Removed) -> (u64, u64) {
    (removed.files, removed.dirs)
}

#[test]
fn an_empty_directory() {
    with_each(|remove, root| {
        assert_eq!(counted(remove(root).unwrap()), (0, 1));
        assert!(!root.exists());
    });
}

#[test]
fn what_is_spared_stays_and_the_directory_with_it() {
    for (name, engine) in engines() {
        let outer = tempfile::tempdir().unwrap();
        let root = outer.path().join("root");
        // Deep enough that directories are moved up into the root.
        let deep = (0..200).fold(root.join("deep"), |path, _| path.join("d"));
        fs::create_dir_all(deep.join("kept")).unwrap();
        fs::create_dir_all(root.join("kept/inside")).unwrap();
        for file in ["file", "gone", "kept/file", "deep/file"] {
            fs::write(root.join(file), "x").unwrap();
        }
        let options = Options {
            spared: Some(Arc::new(Spared::from_iter(
                ["kept", "file"].map(AsRef::as_ref),
            ))),
            ..Options::default()
        };
        let recorder = Recorder::new(&root, options);
        engine(&root, Identity::of_path(&root).unwrap().as_ref(), &recorder);
        let removed = recorder.finish().result.unwrap();
        assert_eq!(counted(removed), (2, 202), "{name}: each counts once");
        let mut left: Vec<_> = fs::read_dir(&root)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        left.sort();
        assert_eq!(left, ["file", "kept"], "{name}");
        assert!(root.join("kept/inside").is_dir() && root.join("kept/file").exists());
    }
}

#[test]
fn nothing_there_is_success() {
    with_each(|remove, root| {
        fs::remove_dir(root).unwrap();
        assert_eq!(counted(remove(root).unwrap()), (0, 0));
    });
}

#[test]
fn a_tree_is_counted() {
    with_each(|remove, root| {
        let mut expected = (0, 1);
        for dir in ["a", "a/b", "a/b/c", "d", "e/f/g/h"] {
            fs::create_dir_all(root.join(dir)).unwrap();
        }
        expected.1 += 8;
        for dir in ["", "a", "a/b/c", "e/f/g/h"] {
            for file in 0..100 {
                fs::write(root.join(dir).join(format!("file {file}")), "x").unwrap();
            }
            expected.0 += 100;
        }
        assert_eq!(counted(remove(root).unwrap()), expected);
        assert!(!root.exists());
    });
}

#[cfg(unix)]
#[test]
fn a_symlink_is_removed_and_not_followed() {
    use std::os::unix::fs::symlink;

    with_each(|remove, root| {
        for target in [
            "../canary",
            "../canary/file",
            ".",
            "..",
            "/",
            "nowhere",
            "loop",
        ] {
            let name = target.replace('/', "-");
            symlink(target, root.join(format!("to {name}"))).unwrap();
        }
        symlink("loop", root.join("loop")).unwrap();
        assert_eq!(counted(remove(root).unwrap()), (8, 1));
    });
}

#[cfg(unix)]
#[test]
fn what_is_neither_file_nor_directory() {
    with_each(|remove, root| {
        let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
        let made = std::process::Command::new("mkfifo")
            .arg(root.join("pipe"))
            .status();
        assert!(made.unwrap().success());
        assert_eq!(counted(remove(root).unwrap()), (2, 1));
    });
}

#[cfg(unix)]
#[test]
fn names_of_every_kind() {
    use std::os::unix::ffi::OsStrExt;

    with_each(|remove, root| {
        let long = [b'x'; 255];
        for name in [
            &b"\xff\xfe"[..],
            b"new\nline",
            b" ",
            b"-rf",
            b"*",
            b"...",
            &long,
        ] {
            let name = std::ffi::OsStr::from_bytes(name);
            fs::create_dir(root.join(name)).unwrap();
            fs::write(root.join(name).join(name), "").unwrap();
        }
        assert_eq!(counted(remove(root).unwrap()), (7, 8));
    });
}

/// Deeper than paths can be long and than descriptors there are by default.
#[cfg(unix)]
#[test]
fn a_chain_of_ten_thousand_directories() {
    use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};

    // std's walk, and so this crate's portable one, stops where paths become too long.
    let outer = tempfile::tempdir().unwrap();
    let root = outer.path().join("root");
    mkdirat(CWD, &root, Mode::RWXU).unwrap();
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let mut level = openat(CWD, &root, flags, Mode::empty()).unwrap();
    for _ in 0..10_000 {
        mkdirat(&level, "d", Mode::RWXU).unwrap();
        level = openat(&level, "d", flags, Mode::empty()).unwrap();
    }
    drop(level);
    let removed = super::tree(&root, None, Options::default()).result.unwrap();
    assert_eq!(counted(removed), (0, 10_001));
    assert!(!root.exists());
}

#[test]
fn a_directory_that_is_another_is_left_alone() {
    for (name, engine) in engines() {
        let outer = tempfile::tempdir().unwrap();
        let (ours, theirs) = (outer.path().join("ours"), outer.path().join("theirs"));
        fs::create_dir(&ours).unwrap();
        let identity = Identity::of_path(&ours).unwrap().unwrap();
        // While ours exists, theirs cannot have its inode.
        fs::create_dir(&theirs).unwrap();
        fs::write(theirs.join("file"), "theirs").unwrap();

        let recorder = Recorder::new(&theirs, Options::default());
        engine(&theirs, Some(&identity), &recorder);
        let error = recorder.finish().result.expect_err(name);
        assert_eq!(error.failed(), 1);
        assert!(error.to_string().contains("replaced"), "{name}: {error}");
        assert!(theirs.join("file").exists(), "{name}");

        let recorder = Recorder::new(&ours, Options::default());
        engine(&ours, Some(&identity), &recorder);
        assert_eq!(counted(recorder.finish().result.unwrap()), (0, 1), "{name}");
    }
}

#[test]
fn the_root_and_other_impossible_paths_fail_without_harm() {
    for (name, engine) in engines() {
        if name == "portable" {
            // It is only ever called with the path of a directory entry.
            continue;
        }
        for path in ["/", "..", ""] {
            let path = PathBuf::from(path);
            let recorder = Recorder::new(&path, Options::default());
            engine(&path, None, &recorder);
            let error = io::Error::from(recorder.finish().result.unwrap_err());
            assert_eq!(
                error.kind(),
                io::ErrorKind::InvalidInput,
                "{name}: {path:?}"
            );
        }
    }
}
