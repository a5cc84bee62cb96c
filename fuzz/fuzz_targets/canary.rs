//! What is outside, and has to stay as it is.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

/// No capital letter: those are what is written inside.
const SECRET: &[u8] = b"what is outside, nobody inside may read";

/// A directory with a file, a directory and a symlink, in an otherwise empty parent.
pub struct Canary {
    parent: TempDir,
    path: PathBuf,
    before: Vec<(PathBuf, Looks)>,
}

/// What can be seen of a file, a directory or a symlink.
#[derive(Debug, PartialEq)]
struct Looks {
    mode: u32,
    links: u64,
    modified: SystemTime,
    contents: Vec<u8>,
}

impl Canary {
    /// A new one for each input, so that none is left behind when the fuzzer has had enough.
    pub fn new() -> Self {
        let parent = TempDir::new().expect("the outside is made");
        let path = parent.path().join("canary");
        fs::create_dir_all(path.join("sub")).expect("directories are made");
        fs::write(path.join("secret"), SECRET).expect("a file is made");
        symlink("secret", path.join("link")).expect("a symlink is made");
        for made in [&path, &path.join("sub"), &path.join("secret")] {
            set_old(made);
        }
        let before = look(&path);
        Self {
            parent,
            path,
            before,
        }
    }

    pub fn parent(&self) -> &Path {
        self.parent.path()
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Checks that all is as it was, and that next to it there is what is `expected`, and no more.
    pub fn check(&self, expected: &[&OsStr]) {
        assert_eq!(look(&self.path), self.before, "the outside is as it was");
        let mut beside = names(self.parent());
        beside.retain(|name| name != "canary");
        assert_eq!(beside, expected, "nothing is made or removed outside");
    }
}

/// Dates something back: the clock that files are dated by is too slow to tell a change from what
/// was made right before it.
fn set_old(path: &Path) {
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
    File::open(path)
        .and_then(|file| file.set_modified(old))
        .expect("a time is set");
}

/// What is at `root` and below.
fn look(root: &Path) -> Vec<(PathBuf, Looks)> {
    let mut paths = walk(root);
    paths.push(PathBuf::new());
    paths
        .into_iter()
        .map(|path| {
            let looks = Looks::at(&root.join(&path));
            (path, looks)
        })
        .collect()
}

impl Looks {
    fn at(path: &Path) -> Self {
        let metadata = path.symlink_metadata().expect("what is there has metadata");
        Self {
            mode: metadata.mode(),
            links: metadata.nlink(),
            modified: metadata.modified().expect("it has a time"),
            contents: contents(path, &metadata),
        }
    }
}

fn contents(path: &Path, metadata: &Metadata) -> Vec<u8> {
    if metadata.is_file() {
        fs::read(path).expect("the canary's file is read")
    } else if metadata.is_symlink() {
        let target = fs::read_link(path).expect("the canary's symlink is read");
        target.as_os_str().as_bytes().to_vec()
    } else {
        Vec::new()
    }
}

/// Everything below `root`, as relative paths, sorted.
pub fn walk(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut unread = vec![PathBuf::new()];
    while let Some(parent) = unread.pop() {
        for name in names(&root.join(&parent)) {
            let path = parent.join(name);
            let metadata = root.join(&path).symlink_metadata();
            if metadata.expect("nobody else removes it").is_dir() {
                unread.push(path.clone());
            }
            found.push(path);
        }
    }
    found.sort_unstable();
    found
}

fn names(dir: &Path) -> Vec<std::ffi::OsString> {
    fs::read_dir(dir)
        .expect("a directory is read")
        .map(|entry| entry.expect("an entry is read").file_name())
        .collect()
}
