//! A tree that has been read.

use std::path::Path;
use std::{slice, vec};

use super::entry::{TreeEntry, TreeKind, normal};

/// Everything in a directory, read into memory by
/// [`AsyncTempDir::tree`](crate::AsyncTempDir::tree).
///
/// The entries are sorted by path, component by component, in the same order on every platform:
/// each directory comes before what is in it. The directory itself is not among them.
///
/// # Comparing
///
/// `==` compares a tree with an array, a slice or a vector of `(path, contents)`. [`ExpectedTree`]
/// tells how to expect empty directories, symlinks and other entries.
///
/// It also compares two trees. Of a mode, only one bit counts then, as in git: whether the owner of a
/// file may execute it. The others depend on the umask; compare [`TreeEntry::mode`] for those.
///
/// [`diff`](Self::diff) returns the first difference. `pretty_assertions::assert_eq!` of two trees
/// marks every line that differs; `Tree::from_iter` turns an array or a map into a tree. The tree of an
/// empty directory is equal to `Tree::default()`.
///
/// # Printing
///
/// The `Debug` form is a listing to read, or to store as a snapshot:
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let dir = async_tempdir::AsyncTempDir::new().await?;
/// dir.create_dir("empty").await?;
/// dir.populate([
///     ("Cargo.toml", b"[package]\nname = \"fixture\"\n".to_vec()),
///     ("img/a.png", vec![0; 1_000]),
///     ("src/lib.rs", b"mod a;".to_vec()),
/// ])
/// .await?;
/// let listing = format!("{:?}", dir.tree().await?);
/// assert_eq!(listing, r#"./
///   "Cargo.toml":
///     "[package]\n"
///     "name = \"fixture\"\n"
///   "empty"/
///   "img"/
///     "a.png": 1000 bytes, FNV-1a b4e1dd95d1a1a945fd5893fbc46a166d
///   "src"/
///     "lib.rs": "mod a;""#);
/// # dir.close().await?;
/// # Ok::<(), std::io::Error>(())
/// # }
/// ```
///
/// Each entry begins with its name in quotes. There and in contents, these are escaped: control
/// characters, invisible characters, characters that change the direction of writing, and bytes that
/// are not UTF-8. Text of more than 1,024 bytes, and other contents of more than 32, are abbreviated to
/// their length and checksum (FNV-1a, 128 bits), so that different trees have different listings. A
/// file that its owner may execute is marked `(executable)`; no other bit of a mode is shown. A symlink
/// is followed by an arrow and its target, and any other entry by its kind.
///
/// The form is the same on every platform and with every version of Rust. It changes only with a new
/// major version of this crate.
///
/// [`ExpectedTree`]: crate::ExpectedTree
#[derive(Clone, Default)]
pub struct Tree(Vec<TreeEntry>);

impl Tree {
    /// The maximum number of bytes in all files and paths of a tree together: 1 GiB.
    ///
    /// Beyond it, [`AsyncTempDir::tree`](crate::AsyncTempDir::tree) fails with `FileTooLarge`, before it
    /// reads the file that exceeds it.
    pub const MAX_LEN: u64 = 1 << 30;

    /// Creates a tree of entries whose directories are among them.
    pub(super) fn new(mut entries: Vec<TreeEntry>) -> Self {
        entries.sort_by(|a, b| a.path().cmp(b.path()));
        // Of two entries with one path, the later one stays. That path was read twice because of a
        // rename meanwhile, or is expected twice.
        entries.dedup_by(|later, earlier| {
            let is_same = later.path() == earlier.path();
            if is_same {
                std::mem::swap(later, earlier);
            }
            is_same
        });
        Self(entries)
    }

    /// Creates a tree of any entries, with the directories around them.
    pub(super) fn with_dirs_around(entries: Vec<TreeEntry>) -> Self {
        let given = Self::new(entries);
        let above = |entry: &TreeEntry| {
            let above = entry.path().ancestors().skip(1);
            // Up to one that is given, from which those above it are found.
            let missing = above
                .take_while(|path| !path.as_os_str().is_empty() && given.position(path).is_none());
            let dir = |path: &Path| TreeEntry::found(path.into(), TreeKind::Dir, None);
            missing.map(dir).collect::<Vec<_>>()
        };
        let missing: Vec<_> = given.iter().flat_map(above).collect();
        match missing.is_empty() {
            true => given,
            false => Self::new(given.0.into_iter().chain(missing).collect()),
        }
    }

    /// Returns the entry at `path`, relative to the directory.
    pub fn get(&self, path: impl AsRef<Path>) -> Option<&TreeEntry> {
        self.position(&normal(path.as_ref())).map(|n| &self.0[n])
    }

    fn position(&self, path: &Path) -> Option<usize> {
        self.0.binary_search_by(|entry| entry.path().cmp(path)).ok()
    }

    /// Returns the entries, sorted by path.
    pub fn iter(&self) -> slice::Iter<'_, TreeEntry> {
        self.0.iter()
    }

    /// Returns the number of entries.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Removes all modes, so that an executable file is like one on Windows, or one of an array.
    pub fn without_modes(mut self) -> Self {
        self.0.iter_mut().for_each(TreeEntry::forget_mode);
        self
    }
}

impl IntoIterator for Tree {
    type Item = TreeEntry;
    type IntoIter = vec::IntoIter<TreeEntry>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'t> IntoIterator for &'t Tree {
    type Item = &'t TreeEntry;
    type IntoIter = slice::Iter<'t, TreeEntry>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
