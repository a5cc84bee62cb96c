//! What is known to be in a directory, and whether it is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use async_tempdir::{Removed, Tree, TreeEntry};

/// What a file holds: pieces, each made from its seed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Content(Vec<(u64, usize)>);

impl Content {
    pub(crate) fn new(seed: u64, len: usize) -> Self {
        Self(vec![(seed, len)])
    }

    pub(crate) fn push(&mut self, seed: u64, len: usize) {
        self.0.push((seed, len));
    }

    pub(crate) fn append(&mut self, more: Self) {
        self.0.extend(more.0);
    }

    /// As many pieces as chunks.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = Vec<u8>> + Send + use<> {
        self.0.clone().into_iter().map(|(seed, len)| {
            let mut bytes = vec![0; len];
            fastrand::Rng::with_seed(seed).fill(&mut bytes);
            bytes
        })
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.pieces().flatten().collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.iter().map(|(_, len)| len).sum()
    }
}

/// What is in a directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Manifest {
    files: BTreeMap<PathBuf, Content>,
    dirs: BTreeSet<PathBuf>,
    links: BTreeSet<PathBuf>,
    /// What a cancelled operation may have made, or not.
    doubtful: BTreeSet<PathBuf>,
    /// Files that are as they were (or not there), or wholly new: a stream's whose future was
    /// dropped.
    either: BTreeMap<PathBuf, (Option<Content>, Content)>,
    /// Some of it cannot be looked at.
    is_barred: bool,
    names: u64,
}

impl Manifest {
    /// A name that was not used in the directory yet: of one that a cancelled operation may still
    /// be at, nothing could be said.
    pub(crate) fn name(&mut self, kind: char) -> String {
        self.names += 1;
        format!("{kind}{}", self.names)
    }

    /// An operation begins that may make `path`, and whatever it is in.
    pub(crate) fn doubt(&mut self, path: &Path) {
        self.files.remove(path);
        self.doubtful.insert(path.to_path_buf());
    }

    /// As [`doubt`](Self::doubt), with `path` as it is or wholly of `new`.
    pub(crate) fn doubt_whole(&mut self, path: &Path, new: &Content) {
        let old = self.files.remove(path);
        self.either.insert(path.to_path_buf(), (old, new.clone()));
    }

    pub(crate) fn file(&mut self, path: &Path, content: Content) {
        self.doubtful.remove(path);
        self.either.remove(path);
        self.files.insert(path.to_path_buf(), content);
    }

    pub(crate) fn dir(&mut self, path: &Path) {
        self.doubtful.remove(path);
        self.dirs.insert(path.to_path_buf());
    }

    #[cfg(unix)]
    pub(crate) fn link(&mut self, path: &Path) {
        self.links.insert(path.to_path_buf());
    }

    /// A stream has failed: the file is as it was. Directories may have been made for it, and
    /// stay.
    pub(crate) fn unchanged(&mut self, path: &Path) {
        if let Some((Some(old), _)) = self.either.remove(path) {
            self.files.insert(path.to_path_buf(), old);
        }
        let above = path.parent().unwrap_or(Path::new(""));
        if !above.as_os_str().is_empty() && !self.all_dirs().contains(above) {
            self.doubt(above);
        }
    }

    #[cfg(unix)]
    pub(crate) fn bar(&mut self) {
        self.is_barred = true;
    }

    pub(crate) fn is_barred(&self) -> bool {
        self.is_barred
    }

    /// The directory `path` is being removed with everything in it.
    pub(crate) fn doubt_tree(&mut self, path: &Path) {
        let inside: Vec<PathBuf> = self.all_dirs().into_iter().collect();
        self.doubtful
            .extend(inside.into_iter().filter(|inside| inside.starts_with(path)));
        self.dirs.retain(|inside| !inside.starts_with(path));
        for file in self.files_below(path) {
            self.doubt(&file);
        }
    }

    pub(crate) fn gone(&mut self, path: &Path) {
        self.doubtful.retain(|inside| !inside.starts_with(path));
    }

    fn files_below(&self, path: &Path) -> Vec<PathBuf> {
        let below = self.files.keys().filter(|file| file.starts_with(path));
        below.cloned().collect()
    }

    /// Whether there certainly is a file below `path`.
    pub(crate) fn has_files_in(&self, path: &Path) -> bool {
        !self.files_below(path).is_empty()
    }

    /// A file that is certainly there.
    pub(crate) fn some_file(&self, rng: &mut fastrand::Rng) -> Option<(PathBuf, Content)> {
        let n = rng.usize(..self.files.len().max(1));
        let file = self.files.iter().nth(n);
        file.map(|(path, content)| (path.clone(), content.clone()))
    }

    /// A directory that is certainly there.
    pub(crate) fn some_dir(&self, rng: &mut fastrand::Rng) -> PathBuf {
        let n = rng.usize(..=self.dirs.len());
        self.dirs.iter().nth(n).cloned().unwrap_or_default()
    }

    /// Whether everything in the directory is known.
    pub(crate) fn is_exact(&self) -> bool {
        self.doubtful.is_empty() && self.either.is_empty()
    }

    fn all_dirs(&self) -> BTreeSet<PathBuf> {
        let files = self.files.keys().chain(&self.links);
        let around = files.flat_map(|path| path.ancestors().skip(1));
        let dirs = self.dirs.iter().flat_map(|path| path.ancestors());
        around
            .chain(dirs)
            .filter(|path| !path.as_os_str().is_empty())
            .map(Path::to_path_buf)
            .collect()
    }

    /// What there is to remove, the directory itself included.
    pub(crate) fn entries(&self) -> Removed {
        let mut removed = Removed::default();
        removed.files = (self.files.len() + self.links.len()) as u64;
        removed.dirs = self.all_dirs().len() as u64 + 1;
        removed
    }

    /// Everything in it, sorted by component, if all is known.
    pub(crate) fn list(&self) -> Vec<PathBuf> {
        let mut all = self.all_dirs();
        all.extend(self.files.keys().cloned());
        all.extend(self.links.iter().cloned());
        all.into_iter().collect()
    }

    /// Whether a tree that was read is this.
    pub(crate) fn is_in(&self, tree: &Tree) -> bool {
        let contents = |path| tree.get(path).and_then(TreeEntry::contents);
        let mut files = self.files.iter();
        tree.iter().map(TreeEntry::path).eq(&self.list())
            && files.all(|(path, content)| contents(path) == Some(&content.bytes()))
    }

    /// Compares the directory at `root` with this. Its links are the caller's to look after.
    pub(crate) fn check(&self, root: &Path) -> Result<(), String> {
        let dirs = self.all_dirs();
        let may_be: BTreeSet<&Path> = self
            .doubtful
            .iter()
            .chain(self.either.keys())
            .flat_map(|path| path.ancestors())
            .collect();
        for path in &dirs {
            if !root.join(path).is_dir() {
                return Err(format!("the directory {path:?} is missing"));
            }
        }
        for (path, content) in &self.files {
            match fs::read(root.join(path)) {
                Ok(bytes) if bytes == content.bytes() => {}
                Ok(bytes) => {
                    let (is, was) = (bytes.len(), content.len());
                    return Err(format!("{path:?} has other content: {is} bytes of {was}"));
                }
                Err(error) => return Err(format!("{path:?}: {error}")),
            }
        }
        for (path, (old, new)) in &self.either {
            let bytes = fs::read(root.join(path)).ok();
            let is_old = bytes == old.as_ref().map(Content::bytes);
            if !is_old && bytes.is_none_or(|bytes| bytes != new.bytes()) {
                return Err(format!("{path:?} is neither as it was nor wholly new"));
            }
        }
        for path in list(root)? {
            let is_known = dirs.contains(&path)
                || self.files.contains_key(&path)
                || self.links.contains(&path)
                || may_be.contains(&*path);
            if !is_known {
                return Err(format!("{path:?} is unexpected"));
            }
        }
        Ok(())
    }
}

/// Everything below `root`, as relative paths.
pub(crate) fn list(root: &Path) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    let mut unread = vec![PathBuf::new()];
    while let Some(parent) = unread.pop() {
        let at = root.join(&parent);
        let entries = fs::read_dir(&at).map_err(|error| format!("{at:?}: {error}"))?;
        for entry in entries {
            let entry = entry.map_err(|error| format!("{at:?}: {error}"))?;
            let path = parent.join(entry.file_name());
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                unread.push(path.clone());
            }
            found.push(path);
        }
    }
    found.sort_unstable();
    Ok(found)
}
