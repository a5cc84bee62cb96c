//! Trees and operations, out of so few names that they meet all the time.

use std::fmt;
use std::path::Path;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use crate::ops::Op;
use crate::tree::{Entries, Node};

/// What is put in for these once a directory has a name: its parent, itself, its name.
const HOME: &str = "<home>";
const DIR: &str = "<dir>";
const NAME: &str = "<name>";

#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) entries: Entries,
    pub(crate) ops: Vec<Op>,
}

/// One line each, to be read when a case has failed.
impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?}", self.entries)?;
        self.ops.iter().try_for_each(|op| writeln!(f, "{op:?}"))
    }
}

impl Case {
    /// Makes it one for `dir` in `home`.
    pub(crate) fn place(&mut self, home: &Path, dir: &Path) {
        let texts = [
            (HOME, home.to_str().unwrap()),
            (DIR, dir.to_str().unwrap()),
            (NAME, dir.file_name().unwrap().to_str().unwrap()),
        ];
        let put = |path: &mut String| {
            for (mark, text) in texts {
                *path = path.replace(mark, text);
            }
        };
        put_in_links(&mut self.entries, &put);
        self.ops.iter_mut().for_each(|op| op.each_path(put));
    }
}

fn put_in_links(entries: &mut Entries, put: &impl Fn(&mut String)) {
    for node in entries.values_mut() {
        match node {
            Node::Dir(entries) => put_in_links(entries, put),
            Node::Link(target) => put(target),
            Node::File(_) => {}
        }
    }
}

pub(crate) fn case() -> impl Strategy<Value = Case> {
    (entries(), vec(op(), 1..40)).prop_map(|(entries, ops)| Case { entries, ops })
}

fn entries() -> impl Strategy<Value = Entries> {
    let leaf = || {
        prop_oneof![
            contents().prop_map(Node::File),
            target().prop_map(Node::Link),
        ]
    };
    let dir = |node| btree_map(name(), node, 0..5).prop_map(Node::Dir);
    let sub = prop_oneof![2 => leaf(), 1 => dir(leaf().boxed())].boxed();
    let node = prop_oneof![1 => leaf(), 1 => dir(sub)];
    (working_links(), btree_map(name(), node, 0..4)).prop_map(|(mut entries, others)| {
        entries.extend(others);
        entries
    })
}

/// By chance most links would lead nowhere.
fn working_links() -> impl Strategy<Value = Entries> {
    let link = |name: &str, target: &str| (name.to_owned(), Node::Link(target.to_owned()));
    let file = ("a".to_owned(), Node::File("file".to_owned()));
    let inner = Node::Dir([file, link("l", "a"), link("up", "..")].into());
    let entries = Entries::from([
        ("d".to_owned(), inner),
        link("l", "d"),
        link("up", "d/up/d/l"),
    ]);
    prop_oneof![1 => Just(Entries::new()), 4 => Just(entries)]
}

/// Paths through the working links.
fn working_path() -> impl Strategy<Value = String> {
    let paths = ["d/a", "l/a", "d/l", "up", "d/up/d/a", "l/up/l", "d", "l/"];
    prop::sample::select(paths.to_vec()).prop_map(str::to_owned)
}

fn op() -> impl Strategy<Value = Op> {
    let file = || (path(), contents());
    // By chance there is mostly no file to be read, renamed or copied.
    let source = || prop_oneof![1 => path(), 1 => working_path()];
    let two_paths = || (prop_oneof![1 => source(), 2 => working_path()], path());
    prop_oneof![
        file().prop_map(|(path, contents)| Op::Write(path, contents)),
        file().prop_map(|(path, contents)| Op::Append(path, contents)),
        file().prop_map(|(path, contents)| Op::CreateNew(path, contents)),
        file().prop_map(|(path, contents)| Op::Stream(path, contents)),
        path().prop_map(Op::Broken),
        vec(file(), 1..4).prop_map(Op::Populate),
        source().prop_map(Op::Read),
        path().prop_map(Op::TryExists),
        path().prop_map(Op::CreateDir),
        path().prop_map(Op::CreateDirAll),
        path().prop_map(Op::Remove),
        (source(), contents()).prop_map(|(path, contents)| Op::Update(path, contents)),
        two_paths().prop_map(|(from, to)| Op::Rename(from, to)),
        two_paths().prop_map(|(from, to)| Op::Copy(from, to)),
        path().prop_map(Op::CopyFrom),
        (target(), path()).prop_map(|(target, path)| Op::Symlink(target, path)),
        two_paths().prop_map(|(from, to)| Op::HardLink(from, to)),
        path().prop_map(Op::Metadata),
        path().prop_map(Op::SymlinkMetadata),
        path().prop_map(Op::SetPermissions),
        path().prop_map(Op::ReadDir),
        Just(Op::List),
        Just(Op::Usage),
        Just(Op::Tree),
        (0_usize..32, name(), target())
            .prop_map(|(which, name, target)| Op::Plant(which, name, target)),
    ]
}

fn contents() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["", "1", "22", "333"]).prop_map(str::to_owned)
}

fn name() -> impl Strategy<Value = String> {
    let often = prop::sample::select(vec!["a", "b", "d", "l"]);
    let rarely = prop::sample::select(vec!["c", "up", "ü"]);
    prop_oneof![4 => often, 1 => rarely].prop_map(str::to_owned)
}

fn component() -> impl Strategy<Value = String> {
    prop_oneof![
        50 => name(),
        5 => Just("..".to_owned()),
        2 => Just(".".to_owned()),
        1 => Just("n".repeat(300)),
    ]
}

/// Some names in a row, and sometimes what may come after them.
fn relative(longest: usize) -> impl Strategy<Value = String> {
    let slash = prop_oneof![20 => Just("/"), 1 => Just("//")];
    let end = prop_oneof![30 => Just(""), 1 => Just("/"), 1 => Just("/."), 1 => Just("/..")];
    (vec(component(), 1..=longest), slash, end)
        .prop_map(|(names, slash, end)| names.join(slash) + end)
}

/// What leads out, to the canary, to nothing or back in.
fn outward() -> impl Strategy<Value = String> {
    let start = [
        "..",
        "../..",
        "../a",
        "../c",
        "a/../..",
        "../<name>",
        "/",
        HOME,
        DIR,
        "<home>/a",
    ];
    (
        prop::sample::select(start.to_vec()),
        prop_oneof![
            Just(String::new()),
            name().prop_map(|name| format!("/{name}"))
        ],
    )
        .prop_map(|(start, end)| start.to_owned() + &end)
}

fn target() -> impl Strategy<Value = String> {
    prop_oneof![6 => relative(2), 1 => outward()]
}

fn path() -> impl Strategy<Value = String> {
    let strange = ["", ".", "./", "a\0b", "../\0", "/\0"];
    prop_oneof![
        1 => relative(2).prop_map(|path| format!("{DIR}/{path}")),
        4 => relative(1),
        12 => relative(2),
        8 => relative(4),
        2 => outward(),
        1 => prop::sample::select(strange.to_vec()).prop_map(str::to_owned),
    ]
}
