//! The index of a run's root: the names of the directories in it that were kept.
//!
//! A root without kept directories has no index. A name is recorded before its directory counts as
//! kept, by one write, because all processes of a run append to the same file.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::LOCK;
use crate::remove::Spared;
use crate::sys;

const INDEX: &str = ".async-tempdir.kept";

/// The maximum length of an index that is read: a hundred thousand of the longest usual names.
const MAX_LEN: u64 = 16 * 1024 * 1024;

fn index_in(root: &Path) -> PathBuf {
    root.join(INDEX)
}

/// Records that the entry `name` of the root is kept.
pub(super) fn record(root: &Path, name: &OsStr) -> io::Result<()> {
    let mut index = sys::open_to_append(&index_in(root))?;
    check(&index)?;
    // A NUL on both sides: the one before ends a record that a full disk has cut off.
    let record = [b"\0", name.as_encoded_bytes(), b"\0"].concat();
    index.write_all(&record)
}

/// Returns the entries of the root that stay: the kept ones, the index and the lock file. Returns `None`
/// if no kept one is left.
pub(super) fn kept(root: &Path) -> io::Result<Option<Spared>> {
    let Some(recorded) = read(root)? else {
        return Ok(None);
    };
    let recorded: HashSet<&[u8]> = recorded
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty())
        .collect();
    let mut left = Vec::new();
    for entry in fs::read_dir(root)? {
        let name = entry?.file_name();
        if recorded.contains(name.as_encoded_bytes()) {
            left.push(name);
        }
    }
    let lock = LOCK.to_str().expect("it is ASCII");
    let own = [OsStr::new(INDEX), OsStr::new(lock)];
    let is_any = !left.is_empty();
    Ok(is_any.then(|| left.iter().map(AsRef::as_ref).chain(own).collect()))
}

/// Returns the bytes of the index, if there is one.
fn read(root: &Path) -> io::Result<Option<Vec<u8>>> {
    let index = match sys::open_lock(&index_in(root)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    check(&index)?;
    let mut recorded = Vec::new();
    index.take(MAX_LEN + 1).read_to_end(&mut recorded)?;
    match recorded.len() as u64 > MAX_LEN {
        true => Err(invalid("the index of kept directories is too long")),
        false => Ok(Some(recorded)),
    }
}

fn check(index: &File) -> io::Result<()> {
    let metadata = index.metadata()?;
    match metadata.is_file() && sys::is_own(&metadata) {
        true => Ok(()),
        false => Err(invalid(
            "the index of kept directories is not a regular file of this user",
        )),
    }
}

fn invalid(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_recorded_and_left_is_spared() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        assert!(kept(root).unwrap().is_none(), "there is no index");
        for name in ["a", "b"] {
            record(root, OsStr::new(name)).unwrap();
        }
        assert!(kept(root).unwrap().is_none(), "nothing of it is left");
        for name in ["b", "c"] {
            fs::create_dir(root.join(name)).unwrap();
        }
        let spared = kept(root).unwrap().unwrap();
        for (name, expected) in [
            ("a", false),
            ("b", true),
            ("c", false),
            (INDEX, true),
            (".async-tempdir.lock", true),
        ] {
            assert_eq!(spared.contains(name.as_bytes()), expected, "{name}");
        }
    }

    #[test]
    fn a_record_that_was_cut_off_spoils_no_other() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join(INDEX), "\0cut o").unwrap();
        record(root.path(), OsStr::new("whole")).unwrap();
        fs::create_dir(root.path().join("whole")).unwrap();
        let spared = kept(root.path()).unwrap().unwrap();
        assert!(spared.contains(b"whole"));
    }

    #[test]
    fn an_index_that_is_huge_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        let index = File::create(index_in(root.path())).unwrap();
        index.set_len(MAX_LEN + 1).unwrap();
        let error = kept(root.path()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");
        index.set_len(MAX_LEN).unwrap();
        assert!(kept(root.path()).unwrap().is_none());
    }

    #[cfg(unix)]
    #[test]
    fn an_index_that_is_no_file_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        let (root, index) = (root.path(), index_in(root.path()));
        let target = root.join("target");
        fs::write(&target, "\0target\0").unwrap();
        std::os::unix::fs::symlink(&target, &index).unwrap();
        kept(root).unwrap_err();
        record(root, OsStr::new("x")).unwrap_err();
        assert_eq!(fs::read(&target).unwrap(), b"\0target\0", "not followed");
        #[cfg(not(target_vendor = "apple"))]
        {
            use rustix::fs::{CWD, FileType, Mode};

            fs::remove_file(&index).unwrap();
            rustix::fs::mknodat(CWD, &index, FileType::Fifo, Mode::RWXU, 0).unwrap();
            kept(root).unwrap_err();
            record(root, OsStr::new("x")).unwrap_err();
        }
    }
}
