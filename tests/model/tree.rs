//! What there should be: a tree in memory, and what a path means in it.
//!
//! Written after what a kernel does, not after cap-std: component by component, down and up again
//! through the directories that are really entered.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// How many symlinks a path may lead through, and how long a name may be.
const MAX_LINKS: u32 = 40;
const MAX_NAME: usize = 255;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    Dir(Entries),
    File(String),
    Link(String),
}

pub(crate) type Entries = BTreeMap<String, Node>;

/// Why something fails, as far as the test tells failures apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fail {
    /// The path leads out.
    Escape,
    /// It is no path that the operation takes.
    Invalid,
    NotFound,
    /// Whatever it is called: there the systems differ.
    Other,
}

/// What a symlink means that is the last name of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Last {
    Followed,
    /// As `Followed`, to a file that is made if it is missing: no slash may come after its name,
    /// be it in the path or in a link.
    Made,
    Itself,
}

/// Where something is or would be: names from the top down, none but the last a symlink.
pub(crate) type Place = Vec<String>;

#[derive(Debug)]
pub(crate) struct Tree {
    root: Node,
    /// Whether a symlink was followed since this was last asked.
    followed: Cell<bool>,
}

impl Tree {
    pub(crate) fn new(entries: Entries) -> Self {
        Self {
            root: Node::Dir(entries),
            followed: Cell::new(false),
        }
    }

    pub(crate) fn root(&self) -> &Node {
        &self.root
    }

    pub(crate) fn has_followed(&self) -> bool {
        self.followed.take()
    }

    pub(crate) fn get(&self, place: &[String]) -> Option<&Node> {
        place.iter().try_fold(&self.root, |node, name| match node {
            Node::Dir(entries) => entries.get(name),
            Node::File(_) | Node::Link(_) => None,
        })
    }

    pub(crate) fn insert(&mut self, place: &[String], node: Node) {
        let (name, above) = place.split_last().expect("the top is always there");
        self.entries(above).insert(name.clone(), node);
    }

    pub(crate) fn remove(&mut self, place: &[String]) -> Option<Node> {
        let (name, above) = place.split_last()?;
        self.entries(above).remove(name)
    }

    fn entries(&mut self, place: &[String]) -> &mut Entries {
        let node = place.iter().try_fold(&mut self.root, |node, name| {
            let Node::Dir(entries) = node else {
                return None;
            };
            entries.get_mut(name)
        });
        let Some(Node::Dir(entries)) = node else {
            panic!("{place:?} is a directory");
        };
        entries
    }

    /// Where `path` leads. What is there may be missing, but not what it would be in.
    pub(crate) fn resolve(&self, path: &str, last: Last) -> Result<Place, Fail> {
        let mut place = Place::new();
        let mut todo = components(path).rev().collect::<Vec<_>>();
        let mut links = 0;
        while let Some(name) = todo.pop() {
            match name {
                "" | "." => continue,
                // The place is a directory here, so this is the physical parent.
                ".." => {
                    place.pop().ok_or(Fail::Escape)?;
                    continue;
                }
                _ if name.len() > MAX_NAME => return Err(Fail::Other),
                _ => place.push(name.to_owned()),
            }
            let slash = !todo.is_empty();
            let is_last = todo.iter().all(|name| name.is_empty());
            if is_last && slash && last == Last::Made {
                return Err(Fail::Other);
            }
            match self.get(&place) {
                Some(Node::Dir(_)) => {}
                Some(Node::Link(target)) if slash || last != Last::Itself => {
                    links += 1;
                    self.followed.set(true);
                    if links > MAX_LINKS {
                        return Err(Fail::Other);
                    }
                    if target.starts_with('/') {
                        return Err(Fail::Escape);
                    }
                    place.pop();
                    todo.extend(components(target).rev());
                }
                None if is_last => return Ok(place),
                None => return Err(Fail::NotFound),
                Some(_) if slash => return Err(Fail::Other),
                Some(_) => return Ok(place),
            }
        }
        Ok(place)
    }

    /// The directory that `path` leads to.
    pub(crate) fn dir(&self, path: &str) -> Result<Place, Fail> {
        let place = self.resolve(path, Last::Followed)?;
        match self.get(&place) {
            Some(Node::Dir(_)) => Ok(place),
            Some(_) => Err(Fail::Other),
            None => Err(Fail::NotFound),
        }
    }

    /// Makes the directory `path` and those it is in. Nothing is made if a `..` comes behind what
    /// is missing. Says whether there was anything to make.
    pub(crate) fn make_dirs(&mut self, path: &str) -> Result<bool, Fail> {
        let names = names(path);
        let mut place = Place::new();
        for (done, name) in names.iter().enumerate() {
            match self.dir(&names[..=done].join("/")) {
                Ok(found) => place = found,
                Err(Fail::NotFound) if names[done..].contains(&"..") => {
                    return Err(Fail::NotFound);
                }
                Err(Fail::NotFound) => {
                    place.push((*name).to_owned());
                    if self.get(&place).is_some() {
                        // A symlink that leads nowhere.
                        return Err(Fail::Other);
                    }
                    place.pop();
                    return self.make_all(place, &names[done..]);
                }
                Err(fail) => return Err(fail),
            }
        }
        Ok(false)
    }

    fn make_all(&mut self, mut place: Place, names: &[&str]) -> Result<bool, Fail> {
        for name in names {
            if name.len() > MAX_NAME {
                return Err(Fail::Other);
            }
            place.push((*name).to_owned());
            self.insert(&place, Node::Dir(Entries::new()));
        }
        Ok(true)
    }

    /// Everything there is, sorted by component.
    pub(crate) fn list(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        list(&self.root, Path::new(""), &mut found);
        found.sort();
        found
    }

    /// Every directory.
    pub(crate) fn dirs(&self) -> Vec<Place> {
        let mut found = vec![Place::new()];
        let mut next = 0;
        while let Some(above) = found.get(next).cloned() {
            if let Some(Node::Dir(entries)) = self.get(&above) {
                let dirs = entries.iter().filter(|(_, node)| is_dir(node));
                found.extend(dirs.map(|(name, _)| {
                    let mut place = above.clone();
                    place.push(name.clone());
                    place
                }));
            }
            next += 1;
        }
        found
    }
}

fn is_dir(node: &Node) -> bool {
    matches!(node, Node::Dir(_))
}

fn list(node: &Node, path: &Path, found: &mut Vec<PathBuf>) {
    if let Node::Dir(entries) = node {
        for (name, node) in entries {
            found.push(path.join(name));
            list(node, &path.join(name), found);
        }
    }
}

/// The names in a path with its dots, and with an empty one for slashes at the end, which a link
/// before them does not hide.
fn components(path: &str) -> impl DoubleEndedIterator<Item = &str> {
    let slash = path.ends_with('/').then_some("");
    path.split('/').filter(|name| !name.is_empty()).chain(slash)
}

/// The names in a path as `Path` has them.
pub(crate) fn names(path: &str) -> Vec<&str> {
    path.split('/')
        .filter(|name| !["", "."].contains(name))
        .collect()
}
