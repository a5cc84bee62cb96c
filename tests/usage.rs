//! What is inside, counted.

mod support;

use std::fs;

use async_tempdir::Usage;
use support::{Sandbox, fill, runtimes, times};

fn counts(usage: Usage) -> (u64, u64, u64) {
    (usage.files, usage.dirs, usage.len)
}

#[test]
fn what_comes_and_goes_is_counted() {
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        runtime.block_on(async {
            let dir = sandbox.dir().await;
            assert_eq!(counts(dir.usage().await.unwrap()), (0, 1, 0));
            fill(dir.path());
            assert_eq!(counts(dir.usage().await.unwrap()), (11, 4, 11));
            dir.write("a/large", vec![0; 1_000_000]).await.unwrap();
            let child = dir.temp_dir().await.unwrap();
            child.write("d/e/f", "123").await.unwrap();
            let usage = dir.usage().await.unwrap();
            assert_eq!(counts(usage), (13, 7, 1_000_014));
            assert!(usage.allocated >= usage.len, "{usage:?}");
            assert_eq!(counts(child.usage().await.unwrap()), (1, 3, 3));
            child.close().await.unwrap();
            dir.remove("a").await.unwrap();
            let usage = dir.usage().await.unwrap();
            assert_eq!(counts(usage), (5, 2, 5));
            let removed = dir.close().await.unwrap();
            assert_eq!((removed.files, removed.dirs), (usage.files, usage.dirs));
        });
        sandbox.check();
    }
}

#[test]
fn thousands_are_counted_by_several_threads() {
    for runtime in runtimes() {
        let sandbox = Sandbox::new_in(&support::in_memory());
        runtime.block_on(async {
            let dir = sandbox.dir().await;
            let (files, dirs) = (times(400), times(700));
            let some = |dir: &'static str| (0..files).map(move |n| (format!("{dir}/{n}"), "12"));
            dir.populate(["a", "a/b", "c", "d/e/f"].into_iter().flat_map(some))
                .await
                .unwrap();
            for n in 0..dirs {
                fs::create_dir(dir.path().join(format!("c/dir {n}"))).unwrap();
            }
            let (files, dirs) = (4 * files as u64, 7 + dirs as u64);
            for _ in 0..times(5) {
                let usage = dir.usage().await.unwrap();
                assert_eq!(counts(usage), (files, dirs, 2 * files));
            }
            dir.close().await.unwrap();
        });
        sandbox.check();
    }
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{MetadataExt, symlink};
    #[cfg(target_os = "linux")]
    use std::{fs::File, path::Path};

    use rustix::fs::{Mode, mkdirat};

    use super::*;
    use crate::support::{chain, in_memory, multi_thread};

    #[test]
    fn each_file_counts_once_however_many_links_it_has() {
        for runtime in runtimes() {
            let sandbox = Sandbox::new();
            runtime.block_on(async {
                let dir = sandbox.dir().await;
                let path = |name: &str| dir.path().join(name);
                fs::create_dir(path("sub")).unwrap();
                fs::write(path("file"), vec![b'x'; 10_000]).unwrap();
                let one = dir.usage().await.unwrap();
                for link in ["a", "b", "sub/c"] {
                    fs::hard_link(path("file"), path(link)).unwrap();
                }
                // Counted, although the file has another link outside.
                fs::hard_link(path("file"), sandbox.join("outside")).unwrap();
                let usage = dir.usage().await.unwrap();
                assert_eq!(counts(usage), (4, 2, 10_000));
                let of_dirs = [path("."), path("sub")].map(|dir| {
                    let metadata = fs::metadata(dir).unwrap();
                    metadata.blocks() * 512
                });
                let of_file = fs::metadata(path("file")).unwrap().blocks() * 512;
                assert_eq!(usage.allocated, of_dirs.iter().sum::<u64>() + of_file);
                assert!(one.allocated <= usage.allocated);
                fs::remove_file(sandbox.join("outside")).unwrap();
                dir.close().await.unwrap();
            });
            sandbox.check();
        }
    }

    #[test]
    fn symlinks_are_not_followed() {
        let sandbox = Sandbox::new();
        multi_thread().block_on(async {
            let dir = sandbox.dir().await;
            let sibling = sandbox.join("sibling");
            symlink("../sibling", dir.path().join("1")).unwrap();
            symlink(&sibling, dir.path().join("2")).unwrap();
            symlink(".", dir.path().join("3")).unwrap();
            symlink("nowhere", dir.path().join("4")).unwrap();
            let len = 10 + sibling.as_os_str().len() as u64 + 1 + 7;
            assert_eq!(counts(dir.usage().await.unwrap()), (4, 1, len));
            dir.close().await.unwrap();
        });
        sandbox.check();
    }

    #[test]
    #[ignore = "heavy: 20,000 levels"]
    fn heavy_twenty_thousand_levels() {
        let sandbox = Sandbox::new_in(&in_memory());
        multi_thread().block_on(async {
            let dir = sandbox.dir().await;
            chain(dir.path(), 20_000, |level| {
                mkdirat(level, "tooth", Mode::RWXU).unwrap();
            });
            let usage = dir.usage().await.unwrap();
            assert_eq!(counts(usage), (0, 20_001 + 20_001, 0));
            dir.close().await.unwrap();
        });
        sandbox.check();
    }

    /// What `du` prints for `path`.
    #[cfg(target_os = "linux")]
    fn du(path: &Path, options: &[&str]) -> u64 {
        let output = std::process::Command::new("du")
            .args(["-s", "-x", "-B1"])
            .args(options)
            .arg(path)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let output = String::from_utf8(output.stdout).unwrap();
        output.split('\t').next().unwrap().parse().unwrap()
    }

    /// What `du` prints as the apparent size of `path`, without that of directories: from coreutils
    /// 9.2 on, it does so itself.
    #[cfg(target_os = "linux")]
    fn apparent_size(path: &Path) -> u64 {
        // Nothing but directories has a length there.
        let probe = tempfile::tempdir_in(path.parent().unwrap()).unwrap();
        fs::write(probe.path().join("file"), "").unwrap();
        let size = du(path, &["--apparent-size"]);
        if du(probe.path(), &["--apparent-size"]) == 0 {
            return size;
        }
        let (mut dirs, mut of_dirs) = (vec![path.to_path_buf()], 0);
        while let Some(dir) = dirs.pop() {
            of_dirs += fs::metadata(&dir).unwrap().len();
            for entry in fs::read_dir(dir).unwrap() {
                let entry = entry.unwrap();
                if entry.file_type().unwrap().is_dir() {
                    dirs.push(entry.path());
                }
            }
        }
        size - of_dirs
    }

    /// Everything that a directory can hold.
    #[cfg(target_os = "linux")]
    fn fill_with_everything(dir: &Path) {
        use std::io::{Seek, SeekFrom, Write};
        use std::os::unix::net::UnixListener;

        use rustix::fs::{CWD, FileType, mknodat};

        fill(dir);
        for n in 0..300 {
            fs::write(dir.join("a").join(format!("file {n}")), vec![b'x'; n * 37]).unwrap();
            fs::create_dir(dir.join("c").join(format!("dir {n}"))).unwrap();
        }
        for n in 0..50 {
            let link = dir.join("c").join(format!("dir {n}")).join("link");
            fs::hard_link(dir.join("a/file 299"), link).unwrap();
        }
        let mut sparse = File::create(dir.join("sparse")).unwrap();
        sparse.seek(SeekFrom::Start(50_000_000)).unwrap();
        sparse.write_all(b"end").unwrap();
        sparse.set_len(100_000_000).unwrap();
        symlink("../sibling", dir.join("short")).unwrap();
        symlink("x".repeat(200), dir.join("long")).unwrap();
        fs::hard_link(dir.join("long"), dir.join("a/long")).unwrap();
        mknodat(CWD, dir.join("fifo"), FileType::Fifo, Mode::RWXU, 0).unwrap();
        drop(UnixListener::bind(dir.join("socket")).unwrap());
        // The blocks of a file are not all allocated before it is written back.
        rustix::fs::syncfs(File::open(dir).unwrap()).unwrap();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_sums_are_those_of_du() {
        use crate::support::{Need, require};

        if !require("usage", &[Need::Program("du", "--version")]) {
            return;
        }
        for place in [std::env::temp_dir(), in_memory()] {
            let sandbox = Sandbox::new_in(&place);
            multi_thread().block_on(async {
                let dir = sandbox.dir().await;
                fill_with_everything(dir.path());
                let usage = dir.usage().await.unwrap();
                assert_eq!(usage.allocated, du(dir.path(), &[]), "{place:?}");
                assert_eq!(usage.len, apparent_size(dir.path()), "{place:?}");
                dir.close().await.unwrap();
            });
            sandbox.check();
        }
    }
}
