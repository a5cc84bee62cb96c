//! What is on disk, and next to the directory.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::tree::{Entries, Node};

/// Fills `home` with what nobody may touch, under names that the cases use as well.
pub(crate) fn plant_canary(home: &Path) {
    fs::create_dir_all(home.join("a/b")).unwrap();
    fs::write(home.join("a/a"), "canary").unwrap();
    fs::write(home.join("b"), "canary").unwrap();
    fs::set_permissions(home.join("b"), fs::Permissions::from_mode(0o640)).unwrap();
    symlink("a", home.join("c")).unwrap();
}

/// Makes `entries` in `dir`.
pub(crate) fn plant(dir: &Path, entries: &Entries) {
    for (name, node) in entries {
        let path = dir.join(name);
        match node {
            Node::Dir(entries) => {
                fs::create_dir(&path).unwrap();
                plant(&path, entries);
            }
            Node::File(contents) => fs::write(path, contents).unwrap(),
            Node::Link(target) => symlink(target, path).unwrap(),
        }
    }
}

/// What is at `path`. No symlink is followed.
pub(crate) fn read(path: &Path) -> Node {
    let kind = fs::symlink_metadata(path).unwrap().file_type();
    if kind.is_dir() {
        let entries = fs::read_dir(path).unwrap().map(|entry| {
            let entry = entry.unwrap();
            let name = entry
                .file_name()
                .into_string()
                .expect("all names are Unicode");
            (name, read(&entry.path()))
        });
        Node::Dir(entries.collect())
    } else if kind.is_symlink() {
        let target = fs::read_link(path).unwrap().into_os_string();
        Node::Link(target.into_string().expect("all targets are Unicode"))
    } else {
        assert!(kind.is_file(), "{path:?} is of no kind that is ever made");
        Node::File(fs::read_to_string(path).unwrap())
    }
}

/// Everything below `root` but what is in `dir`: names, modes, contents.
pub(crate) fn snapshot(root: &Path, dir: &Path) -> BTreeMap<PathBuf, (u32, Option<Node>)> {
    let mut found = BTreeMap::new();
    let mut unread = vec![root.to_path_buf()];
    while let Some(path) = unread.pop() {
        let metadata = fs::symlink_metadata(&path).unwrap();
        let is_dir = metadata.is_dir();
        if is_dir && path != dir {
            let entries = fs::read_dir(&path).unwrap();
            unread.extend(entries.map(|entry| entry.unwrap().path()));
        }
        let mode = metadata.permissions().mode();
        let node = (!is_dir).then(|| read(&path));
        found.insert(path, (mode, node));
    }
    found
}
