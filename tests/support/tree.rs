//! Directory trees.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A small tree: 11 files and 3 directories besides `dir` itself.
pub fn fill(dir: &Path) {
    for sub in ["a", "a/b", "c"] {
        fs::create_dir(dir.join(sub)).unwrap();
        for file in ["1", "2", "3"] {
            fs::write(dir.join(sub).join(file), file).unwrap();
        }
    }
    fs::write(dir.join("x"), "x").unwrap();
    fs::write(dir.join("y"), "y").unwrap();
}

/// Creates a chain of `depth` directories named `d`, with what `each` creates in each.
#[cfg(unix)]
pub fn chain(root: &Path, depth: usize, each: impl Fn(&fs::File)) {
    use rustix::fs::{Mode, OFlags, mkdirat, openat};

    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let mut level = fs::File::open(root).unwrap();
    for _ in 0..depth {
        each(&level);
        mkdirat(&level, "d", Mode::RWXU).unwrap();
        level = openat(&level, "d", flags, Mode::empty()).unwrap().into();
    }
    each(&level);
}

/// Makes a FIFO.
#[cfg(unix)]
pub fn mkfifo(path: &Path) {
    #[cfg(not(target_vendor = "apple"))]
    {
        use rustix::fs::{CWD, FileType, Mode, mknodat};

        mknodat(CWD, path, FileType::Fifo, Mode::RWXU, 0).unwrap();
    }
    // There, rustix has no such call.
    #[cfg(target_vendor = "apple")]
    {
        let made = std::process::Command::new("mkfifo").arg(path).status();
        assert!(made.unwrap().success());
    }
}

/// Every file and directory below, and what is in the files.
pub fn snapshot(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut dirs = vec![dir.to_path_buf()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path.clone());
                all.insert(path, Vec::new());
            } else {
                let content = fs::read(&path).unwrap();
                all.insert(path, content);
            }
        }
    }
    all
}

/// Inode number and, where the filesystem keeps one, time of birth, in seconds and nanoseconds.
#[cfg(target_os = "linux")]
pub type Identity = (u64, Option<(i64, u32)>);

/// What the filesystem tells a directory from another by.
#[cfg(target_os = "linux")]
pub fn identity(path: &Path) -> Identity {
    use rustix::fs::{AtFlags, CWD, StatxFlags, statx};

    let wanted = StatxFlags::INO | StatxFlags::BTIME;
    let found = statx(CWD, path, AtFlags::empty(), wanted).unwrap();
    let knows = StatxFlags::from_bits_retain(found.stx_mask).contains(StatxFlags::BTIME);
    let born = knows.then_some((found.stx_btime.tv_sec, found.stx_btime.tv_nsec));
    (found.stx_ino, born)
}
