//! A place for the directories of a test.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use async_tempdir::AsyncTempDir;

/// A parent directory with a sibling in it that must not be touched. Checks that, and that nothing
/// was left, when the test is done.
pub struct Sandbox {
    dir: tempfile::TempDir,
    checked: bool,
}

const SIBLING: &str = "sibling";

impl Sandbox {
    pub fn new() -> Self {
        Self::new_in(&std::env::temp_dir())
    }

    pub fn new_in(parent: &Path) -> Self {
        let dir = tempfile::tempdir_in(parent).expect("a directory for the test");
        fs::create_dir(dir.path().join(SIBLING)).unwrap();
        fs::write(dir.path().join(SIBLING).join("file"), "untouched").unwrap();
        Self {
            dir,
            checked: false,
        }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Creates a temporary directory in it.
    pub async fn dir(&self) -> AsyncTempDir {
        AsyncTempDir::new_in(self.path()).await.unwrap()
    }

    /// What there is besides the sibling, and besides what ThreadSanitizer has there for a moment
    /// whenever a process starts.
    pub fn leftovers(&self) -> Vec<PathBuf> {
        fs::read_dir(self.path())
            .expect("the parent still stands")
            .map(|entry| entry.unwrap())
            .filter(|entry| {
                let name = entry.file_name();
                name != SIBLING && !name.to_string_lossy().starts_with("tsan.rodata.")
            })
            .map(|entry| entry.path())
            .collect()
    }

    /// Asserts that nothing was left and nothing else touched.
    pub fn check(mut self) {
        self.checked = true;
        self.check_sibling();
        let left = self.leftovers();
        assert!(left.is_empty(), "nothing leaks, but there is {left:?}");
    }

    /// Removes it. FUSE filesystems close a file some time after the call has returned, and until then
    /// have it under another name when it is removed.
    fn remove(&self) {
        let give_up = Instant::now() + Duration::from_secs(5);
        while fs::remove_dir_all(self.path()).is_err() && self.path().exists() {
            if Instant::now() > give_up {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn check_sibling(&self) {
        let sibling = fs::read_to_string(self.path().join(SIBLING).join("file"));
        assert_eq!(
            sibling.expect("nothing else is touched, but the sibling is gone"),
            "untouched"
        );
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.remove();
        if !self.checked && !thread::panicking() {
            panic!("a test ends with `check`");
        }
    }
}

/// Where hundreds of trees are made in no time, if there is such a place.
pub fn in_memory() -> PathBuf {
    let shm = Path::new("/dev/shm");
    match tempfile::tempdir_in(shm) {
        Ok(_) => shm.to_path_buf(),
        Err(_) => std::env::temp_dir(),
    }
}
