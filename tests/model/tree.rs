//! What the directory should be: a tree in memory, and what a path means in it.
//!
//! Written from what a kernel does, not from what cap-std does: component by component, down and
//! up again through the directories that were really entered.

use std::cell::Cell;
use std::collections::BTreeMap;

/// How many symlinks a path may lead through, and how long a name may be.
const MAX_LINKS: u32 = 40;
const MAX_NAME: usize = 255;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    Dir(BTreeMap<String, Node>),
    File(String),
    Link(String),
}

/// Why an operation fails, as far as the test tells failures apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fail {
    /// The path leads out.
    Escape,
    /// No system call takes the path.
    Invalid,
    NotFound,
    /// Whatever the system calls it: the systems differ.
    Other,
}

/// What becomes of the last name of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Last {
    /// A symlink is followed.
    Followed,
    /// A symlink is followed to a file that may be missing: so no slash may come after the name,
    /// be it in the path or in a link.
    Opened,
    /// A symlink is what is meant.
    Itself,
}

/// Where something is, or would be: names from the top of the directory, none of them a link but
/// maybe the last.
pub type Place = Vec<String>;

#[derive(Debug)]
pub struct Tree {
    pub root: Node,
    /// How many symlinks have been followed so far.
    pub followed: Cell<u32>,
}

impl Tree {
    pub fn new(root: Node) -> Self {
        Self {
            root,
            followed: Cell::new(0),
        }
    }

    pub fn get(&self, place: &[String]) -> Option<&Node> {
        place.iter().try_fold(&self.root, |node, name| match node {
            Node::Dir(entries) => entries.get(name),
            _ => None,
        })
    }

    /// The directory that holds `place`, and the name there.
    fn above<'p>(&mut self, place: &'p [String]) -> (&mut BTreeMap<String, Node>, &'p String) {
        let (name, above) = place.split_last().expect("it is not the top");
        let mut node = &mut self.root;
        for name in above.iter().map(Some).chain([None]) {
            let Node::Dir(entries) = node else {
                panic!("{place:?} is in a directory");
            };
            match name {
                Some(name) => node = entries.get_mut(name).expect("what is above exists"),
                None => return (entries, name_of(place, name.unwrap_or(&place[place.len() - 1]))),
            }
        }
        unreachable!("{name}")
    }
}
