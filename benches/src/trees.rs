//! What is removed, copied and counted.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};

const CONTENT: &str = "hello world";

pub(crate) fn files(dir: &Path, count: usize) {
    for n in 0..count {
        fs::write(dir.join(n.to_string()), CONTENT).unwrap();
    }
}

pub(crate) fn empty_files(dir: &Path, count: usize) {
    for n in 0..count {
        fs::File::create(dir.join(n.to_string())).unwrap();
    }
}

pub(crate) fn dirs(dir: &Path, count: usize) {
    for n in 0..count {
        fs::create_dir(dir.join(n.to_string())).unwrap();
    }
}

/// Directories of 20 files.
pub(crate) fn wide(dir: &Path, dirs: usize) {
    for n in 0..dirs {
        let sub = dir.join(n.to_string());
        fs::create_dir(&sub).unwrap();
        files(&sub, 20);
    }
}

/// Six directories in each, that many levels of them, and four files in each of the last.
pub(crate) fn nested(dir: &Path, levels: usize) {
    if levels == 0 {
        return files(dir, 4);
    }
    for n in 0..6 {
        let sub = dir.join(format!("d{n}"));
        fs::create_dir(&sub).unwrap();
        nested(&sub, levels - 1);
    }
}

/// 100 files of so many bytes in all.
pub(crate) fn large(dir: &Path, bytes: usize) {
    // Without a pattern that a filesystem could compress.
    let mut number = 0x9E37_79B9_7F4A_7C15_u64;
    let mut content = Vec::with_capacity(bytes / 100 + 8);
    while content.len() < bytes / 100 {
        number ^= number << 13;
        number ^= number >> 7;
        number ^= number << 17;
        content.extend(number.to_le_bytes());
    }
    for n in 0..100 {
        fs::write(dir.join(n.to_string()), &content[..bytes / 100]).unwrap();
    }
}

/// One in the other.
pub(crate) fn chain(dir: &Path, depth: usize) {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let mut level = openat(CWD, dir, flags, Mode::empty()).unwrap();
    for _ in 0..depth {
        mkdirat(&level, "d", Mode::RWXU).unwrap();
        level = openat(&level, "d", flags, Mode::empty()).unwrap();
    }
}

/// A real tree: sources of crates, up to so many entries. What they are differs between machines.
pub(crate) struct Sources(Vec<(PathBuf, bool)>, PathBuf);

impl Sources {
    /// From cargo's registry, if there is one.
    pub(crate) fn find(count: usize) -> Option<Self> {
        let home = std::env::var_os("CARGO_HOME")
            .map(PathBuf::from)
            .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")))?;
        let root = home.join("registry/src");
        let mut found = Vec::new();
        let mut waiting = vec![root.clone()];
        while let Some(dir) = waiting.pop() {
            let entries: io::Result<Vec<_>> = fs::read_dir(dir).ok()?.collect();
            let mut entries = entries.ok()?;
            entries.sort_by_key(fs::DirEntry::file_name);
            for entry in entries {
                let kind = entry.file_type().ok()?;
                if !(kind.is_dir() || kind.is_file()) || found.len() >= count {
                    continue;
                }
                let path = entry.path();
                found.push((path.strip_prefix(&root).ok()?.to_owned(), kind.is_dir()));
                if kind.is_dir() {
                    waiting.push(path);
                }
            }
        }
        (!found.is_empty()).then_some(Self(found, root))
    }

    pub(crate) fn copy(&self, dir: &Path) {
        for (path, is_dir) in &self.0 {
            if *is_dir {
                fs::create_dir(dir.join(path)).unwrap();
            } else {
                fs::copy(self.1.join(path), dir.join(path)).unwrap();
            }
        }
    }
}
