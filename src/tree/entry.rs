//! An entry of a tree.

use std::path::{Component, Path, PathBuf};

/// An entry of a [`Tree`](crate::Tree), or one that is [expected](crate::ExpectedTree) there.
///
/// The `Debug` form is one line, as in the listing of a tree, with the whole path.
///
/// # Examples
///
/// ```
/// use async_tempdir::{TreeEntry, TreeKind};
///
/// let entry = TreeEntry::file("src/lib.rs", "mod a;\n");
/// assert_eq!(entry.contents(), Some(b"mod a;\n".as_slice()));
/// assert_eq!(format!("{entry:?}"), r#""src/lib.rs": "mod a;\n""#);
/// let entry = TreeEntry::new("pipe", TreeKind::Fifo);
/// assert_eq!(format!("{entry:?}"), r#""pipe": FIFO"#);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct TreeEntry {
    path: PathBuf,
    kind: TreeKind,
    mode: Option<u32>,
}

/// The kind of a [`TreeEntry`], with the contents of a file and the target of a symlink.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TreeKind {
    /// A directory.
    Dir,
    /// A regular file, with its contents.
    File(Vec<u8>),
    /// A symlink, with its target as it is stored.
    Symlink(PathBuf),
    /// A named pipe.
    Fifo,
    /// A Unix-domain socket.
    Socket,
    /// A block device.
    BlockDevice,
    /// A character device.
    CharDevice,
    /// Anything else.
    Other,
}

impl TreeEntry {
    /// Creates an entry at `path`, relative to the directory.
    pub fn new(path: impl AsRef<Path>, kind: TreeKind) -> Self {
        Self::found(normal(path.as_ref()), kind, None)
    }

    /// Creates an entry for a file with these `contents`.
    pub fn file(path: impl AsRef<Path>, contents: impl Into<Vec<u8>>) -> Self {
        Self::new(path, TreeKind::File(contents.into()))
    }

    /// Creates an entry for a directory.
    pub fn dir(path: impl AsRef<Path>) -> Self {
        Self::new(path, TreeKind::Dir)
    }

    /// Creates an entry for a symlink to `target`.
    pub fn symlink(path: impl AsRef<Path>, target: impl Into<PathBuf>) -> Self {
        Self::new(path, TreeKind::Symlink(target.into()))
    }

    /// Creates an entry whose path is normal already.
    pub(super) fn found(path: PathBuf, kind: TreeKind, mode: Option<u32>) -> Self {
        Self { path, kind, mode }
    }

    /// Returns the path relative to the directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the kind, with the contents of a file and the target of a symlink.
    pub fn kind(&self) -> &TreeKind {
        &self.kind
    }

    /// Returns the contents, if this is a file.
    pub fn contents(&self) -> Option<&[u8]> {
        match &self.kind {
            TreeKind::File(contents) => Some(contents),
            _ => None,
        }
    }

    /// Returns the permission bits, as `chmod` takes them.
    ///
    /// `None` for a symlink, on platforms other than Unix, and for an entry that was not read.
    pub fn mode(&self) -> Option<u32> {
        self.mode
    }

    /// Returns whether it is a file that its owner may execute: all of a mode that counts when
    /// trees are compared.
    pub(super) fn is_executable(&self) -> bool {
        matches!(self.kind, TreeKind::File(_)) && self.mode.is_some_and(|mode| mode & 0o100 != 0)
    }

    pub(super) fn forget_mode(&mut self) {
        self.mode = None;
    }
}

/// Returns `path` without `.` and redundant separators.
pub(super) fn normal(path: &Path) -> PathBuf {
    let components = path.components();
    components
        .filter(|component| *component != Component::CurDir)
        .collect()
}
