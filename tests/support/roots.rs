//! Roots of processes that were killed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::tree::fill;

/// The file that is locked as long as a root is in use.
pub const LOCK: &str = ".async-tempdir.lock";

/// The names that a root of `app` has from its creation to its removal.
pub const NEW: &str = ".app-0123456789.new";
pub const ROOT: &str = "app-zyxwvutsrq";
pub const DEAD: &str = ".app-ABCDEFGHIJ.dead";

/// Creates what a killed process leaves: a directory with files, and a lock file that is free.
pub fn plant(parent: &Path, name: &str) -> PathBuf {
    let root = parent.join(name);
    fs::create_dir(&root).unwrap();
    fill(&root);
    File::create(root.join(LOCK)).unwrap();
    root
}

/// Creates what a killed process leaves when it has not locked its root yet, or emptied it.
pub fn plant_empty(parent: &Path, name: &str) -> PathBuf {
    let path = parent.join(name);
    fs::create_dir(&path).unwrap();
    path
}
