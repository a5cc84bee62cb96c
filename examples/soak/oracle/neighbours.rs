//! What is beside the places to work in, and must stay untouched.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::manifest::list;
use crate::record::Record;
use crate::world::Places;

/// The name of the one among the directories that are made and removed.
pub(super) const SIBLING: &str = "sibling";

/// As they were before anything was done.
#[derive(Debug)]
pub(super) struct Neighbours {
    roots: [PathBuf; 2],
    before: BTreeMap<PathBuf, Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    content: Option<Vec<u8>>,
    link: Option<PathBuf>,
    mode: u32,
    /// Of a directory, it tells that something was made in it and removed again.
    modified: Option<std::time::SystemTime>,
}

impl Neighbours {
    /// Makes them. The places must exist.
    pub(super) fn new(places: &Places) -> io::Result<Self> {
        let roots = [places.outside.clone(), places.work.join(SIBLING)];
        for root in &roots {
            fs::create_dir_all(root.join("dir/below"))?;
            for file in ["file", "dir/file", "dir/below/file"] {
                fs::write(root.join(file), file)?;
            }
            #[cfg(unix)]
            std::os::unix::fs::symlink("dir", root.join("link"))?;
        }
        // An ordinary user's removal that went astray would give itself the rights: another thing
        // that is seen.
        set_mode_below(&roots[0], 0o500)?;
        let before = look_at(&roots)?;
        Ok(Self { roots, before })
    }

    pub(super) fn check(&self, record: &Record) {
        match look_at(&self.roots) {
            Ok(now) if now == self.before => {}
            Ok(now) => {
                let changed =
                    |(path, entry): &(&PathBuf, &Entry)| self.before.get(*path) != Some(*entry);
                let changed: Vec<_> = now.iter().filter(changed).collect();
                let gone = self.before.keys().filter(|path| !now.contains_key(*path));
                let gone: Vec<_> = gone.collect();
                record.violation(format!("touched: {changed:?}, gone: {gone:?}"));
            }
            Err(error) => record.violation(format!("a neighbour is gone: {error}")),
        }
    }

    /// Gives back the rights without which an ordinary user cannot remove them.
    pub(super) fn end(self) -> io::Result<()> {
        set_mode_below(&self.roots[0], 0o700)
    }
}

#[cfg(unix)]
fn set_mode_below(root: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(root.join("dir/below"), fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn set_mode_below(_: &Path, _: u32) -> io::Result<()> {
    Ok(())
}

fn look_at(roots: &[PathBuf]) -> io::Result<BTreeMap<PathBuf, Entry>> {
    let mut found = BTreeMap::new();
    for root in roots {
        let below = list(root).map_err(io::Error::other)?;
        let below = below.into_iter().map(|path| root.join(path));
        for path in below.chain([root.clone()]) {
            let data = path.symlink_metadata()?;
            #[cfg(unix)]
            let mode = std::os::unix::fs::MetadataExt::mode(&data);
            #[cfg(not(unix))]
            let mode = u32::from(data.permissions().readonly());
            let entry = Entry {
                content: data.is_file().then(|| fs::read(&path)).transpose()?,
                link: data
                    .is_symlink()
                    .then(|| fs::read_link(&path))
                    .transpose()?,
                mode,
                modified: data.modified().ok(),
            };
            found.insert(path, entry);
        }
    }
    Ok(found)
}
