//! A filesystem that does not tell the type of an entry with its name. ext4 and XFS can be made so,
//! and some network and FUSE filesystems are.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use async_tempdir::{AsyncTempDir, TempRoot, TreeEntry, cleanup, remove_dir_all};
use rustix::fs::{CWD, Dir, FileType, Mode, mknodat};

use crate::device::{Disk, where_it_may_mount_images};
use crate::support::{self, Sandbox, runtimes};
use crate::{DEPTH, build};

const UNTYPED: &[&str] = &["mkfs.ext4", "-q", "-O", "^filetype"];

fn assert_untyped(dir: &Path) {
    let entries = Dir::read_from(File::open(dir).unwrap()).unwrap();
    let types = entries.map(|entry| entry.unwrap().file_type());
    assert!(
        types
            .into_iter()
            .all(|of_entry| of_entry == FileType::Unknown),
        "this filesystem tells the types"
    );
}

/// Entries of several types, and directories in directories.
fn several_types(dir: &Path) {
    fs::create_dir_all(dir.join("a/b/c")).unwrap();
    fs::create_dir(dir.join("empty")).unwrap();
    fs::write(dir.join("a/b/file"), "").unwrap();
    fs::write(dir.join("file"), "").unwrap();
    symlink("a", dir.join("link")).unwrap();
    let fifo = dir.join("fifo");
    mknodat(CWD, fifo, FileType::Fifo, Mode::RUSR, 0).unwrap();
}

#[test]
fn lists_every_level_and_follows_no_symlink() {
    let name = crate::test_name!();
    if !where_it_may_mount_images(name, UNTYPED[0]) {
        return;
    }
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        let disk = Disk::in_image(&sandbox, 8 << 20, UNTYPED);
        runtime.block_on(async {
            let dir = AsyncTempDir::new_in(&disk.at).await.unwrap();
            several_types(dir.path());
            assert_untyped(dir.path());
            let expected = [
                "a", "a/b", "a/b/c", "a/b/file", "empty", "fifo", "file", "link",
            ];
            assert_eq!(dir.list().await.unwrap(), expected.map(PathBuf::from));
            let usage = dir.usage().await.unwrap();
            assert_eq!((usage.files, usage.dirs, usage.len), (4, 5, 1));
            let tree = dir.tree().await.unwrap();
            assert_eq!(
                tree.iter().map(TreeEntry::path).collect::<Vec<_>>(),
                expected.map(Path::new)
            );
            let copy = AsyncTempDir::new_in(&disk.at).await.unwrap();
            let error = copy.copy_from(&dir).await.unwrap_err();
            assert_eq!(error.failures()[0].path, dir.path().join("fifo"));
            let copied = error.copied();
            let copied = (copied.files, copied.symlinks, copied.dirs);
            assert_eq!((error.failed(), copied), (1, (2, 1, 4)));
            copy.close().await.unwrap();
            dir.remove("a").await.unwrap();
            let expected = ["empty", "fifo", "file", "link"].map(PathBuf::from);
            assert_eq!(dir.list().await.unwrap(), expected);
            dir.close().await.unwrap();
        });
        drop(runtime);
        drop(disk);
        sandbox.check();
    }
}

/// Enough entries in one directory for helper threads to share.
fn many(dir: &Path) {
    for n in 0..600 {
        let sub = dir.join(format!("directory-{n}"));
        fs::create_dir(&sub).unwrap();
        File::create(sub.join("file")).unwrap();
        File::create(dir.join(format!("file-{n}"))).unwrap();
    }
}

#[test]
fn removal_counts_files_and_directories() {
    let name = crate::test_name!();
    if !where_it_may_mount_images(name, UNTYPED[0]) {
        return;
    }
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        let disk = Disk::in_image(&sandbox, 64 << 20, UNTYPED);
        let at = |name: &str| disk.at.join(name);
        fs::create_dir(at("outside")).unwrap();
        support::fill(&at("outside"));
        let outside = support::snapshot(&at("outside"));
        runtime.block_on(async {
            let dir = AsyncTempDir::new_in(&disk.at).await.unwrap();
            several_types(dir.path());
            symlink(at("outside"), dir.path().join("a/out")).unwrap();
            assert_untyped(&dir.path().join("a"));
            let removed = dir.close().await.unwrap();
            assert_eq!((removed.files, removed.dirs), (5, 5));

            fs::create_dir(at("many")).unwrap();
            many(&at("many"));
            let removed = remove_dir_all(at("many")).await.unwrap();
            assert_eq!((removed.files, removed.dirs), (1_200, 601));

            fs::create_dir(at("deep")).unwrap();
            build(&at("deep"));
            let removed = remove_dir_all(at("deep")).await.unwrap();
            assert_eq!((removed.files, removed.dirs), (11, DEPTH + 4));

            let root = TempRoot::open_in("app", &disk.at).await.unwrap();
            root.reclaimed().await;
            build(root.path());
            let removed = root.close().await.unwrap();
            assert_eq!(
                (removed.files, removed.dirs),
                (12, DEPTH + 4),
                "its lock too"
            );
        });
        assert_eq!(cleanup::failures(), 0);
        assert!(
            support::snapshot(&at("outside")) == outside,
            "nothing else is touched"
        );
        drop(runtime);
        drop(disk);
        sandbox.check();
    }
}
