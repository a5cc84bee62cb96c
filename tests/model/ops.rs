//! What is done: to the directory, and to the tree that says what it should be.

use std::fs::{self, Metadata, Permissions};
use std::future::poll_fn;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::task::Poll;

use async_tempdir::{AsyncTempDir, OpenOptions, TreeKind};
use futures::{StreamExt, TryStreamExt, stream};
use tokio::fs::File;
use tokio::io::AsyncWriteExt;

use crate::support::in_memory;
use crate::tree::{Entries, Fail, Last, Node, Place, Tree, names};

#[derive(Clone, Debug)]
pub(crate) enum Op {
    Write(String, String),
    Append(String, String),
    CreateNew(String, String),
    Stream(String, String),
    /// A stream that ends in an error when the file has been begun.
    Broken(String),
    Populate(Vec<(String, String)>),
    Read(String),
    TryExists(String),
    CreateDir(String),
    CreateDirAll(String),
    Remove(String),
    /// Writes over the beginning of a file that has to be there.
    Update(String, String),
    Rename(String, String),
    Copy(String, String),
    /// A small tree from outside, to this path.
    CopyFrom(String),
    /// Target and path.
    Symlink(String, String),
    HardLink(String, String),
    Metadata(String),
    SymlinkMetadata(String),
    SetPermissions(String),
    ReadDir(String),
    List,
    Usage,
    Tree,
    /// A symlink made by somebody else, in one of the directories: which, its name, its target.
    Plant(usize, String, String),
}

/// What an operation that succeeds returns.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Nothing,
    Path(PathBuf),
    Size(u64),
    Contents(Vec<u8>),
    Exists(bool),
    List(Vec<PathBuf>),
    /// Files and symlinks, directories, bytes.
    Usage(u64, u64, u64),
    Tree(Node),
    /// Of a file, a symlink or a directory, with the size of a file.
    Metadata(&'static str, u64),
    Names(Vec<String>),
}

impl Op {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Write(..) => "write",
            Self::Append(..) => "append",
            Self::CreateNew(..) => "create_new",
            Self::Stream(..) => "write_stream",
            Self::Broken(..) => "write_stream, broken",
            Self::Populate(..) => "populate",
            Self::Read(..) => "read",
            Self::TryExists(..) => "try_exists",
            Self::CreateDir(..) => "create_dir",
            Self::CreateDirAll(..) => "create_dir_all",
            Self::Remove(..) => "remove",
            Self::Update(..) => "open_with",
            Self::Rename(..) => "rename",
            Self::Copy(..) => "copy",
            Self::CopyFrom(..) => "copy_from",
            Self::Symlink(..) => "symlink",
            Self::HardLink(..) => "hard_link",
            Self::Metadata(..) => "metadata",
            Self::SymlinkMetadata(..) => "symlink_metadata",
            Self::SetPermissions(..) => "set_permissions",
            Self::ReadDir(..) => "read_dir",
            Self::List => "list",
            Self::Usage => "usage",
            Self::Tree => "tree",
            Self::Plant(..) => "plant",
        }
    }

    /// Calls `change` for every path and target.
    pub(crate) fn each_path(&mut self, mut change: impl FnMut(&mut String)) {
        match self {
            Self::Write(path, _)
            | Self::Append(path, _)
            | Self::CreateNew(path, _)
            | Self::Stream(path, _)
            | Self::Broken(path)
            | Self::Read(path)
            | Self::TryExists(path)
            | Self::CreateDir(path)
            | Self::CreateDirAll(path)
            | Self::Remove(path)
            | Self::CopyFrom(path)
            | Self::Update(path, _)
            | Self::Metadata(path)
            | Self::SymlinkMetadata(path)
            | Self::SetPermissions(path)
            | Self::ReadDir(path)
            | Self::Plant(_, _, path) => change(path),
            Self::Rename(from, to)
            | Self::Copy(from, to)
            | Self::Symlink(from, to)
            | Self::HardLink(from, to) => {
                change(from);
                change(to);
            }
            Self::Populate(files) => files.iter_mut().for_each(|(path, _)| change(path)),
            Self::List | Self::Usage | Self::Tree => {}
        }
    }

    /// The same, with paths that begin with that of `dir` relative to it.
    pub(crate) fn inside(&self, dir: &Path) -> Self {
        let mut inside = self.clone();
        let change = |path: &mut String| match path.strip_prefix(dir.to_str().unwrap()) {
            Some("" | "/") => *path = ".".to_owned(),
            Some(rest) if rest.starts_with('/') => *path = rest[1..].to_owned(),
            _ => {}
        };
        match &mut inside {
            Self::Plant(..) => {}
            // The target of a symlink is no path inside.
            Self::Symlink(_, path) => change(path),
            _ => inside.each_path(change),
        }
        inside
    }

    /// Does it to the directory.
    pub(crate) async fn run(&self, dir: &AsyncTempDir, tree: &Tree) -> io::Result<Value> {
        match self.clone() {
            Self::Write(path, contents) => dir.write(path, contents).await.map(Value::Path),
            Self::Append(path, contents) => fill(dir.append(path).await?, &contents).await,
            Self::CreateNew(path, contents) => fill(dir.create_new(path).await?, &contents).await,
            Self::Stream(path, contents) => {
                let chunks = stream::iter(contents.into_bytes());
                let chunks = chunks.map(|byte| io::Result::Ok([byte]));
                dir.write_stream(path, chunks).await.map(Value::Size)
            }
            Self::Broken(path) => {
                let broken = stream::once(async {
                    yield_once().await;
                    Err(io::Error::other("broken"))
                });
                let chunks = stream::once(async { Ok("begun") }).chain(broken);
                dir.write_stream(path, chunks).await.map(Value::Size)
            }
            Self::Populate(files) => dir.populate(files).await.map(|()| Value::Nothing),
            Self::Read(path) => dir.read(path).await.map(Value::Contents),
            Self::TryExists(path) => dir.try_exists(path).await.map(Value::Exists),
            Self::CreateDir(path) => dir.create_dir(path).await.map(Value::Path),
            Self::CreateDirAll(path) => dir.create_dir_all(path).await.map(Value::Path),
            Self::Remove(path) => dir.remove(path).await.map(|()| Value::Nothing),
            Self::Update(path, contents) => {
                let mut options = OpenOptions::new();
                let file = dir.open_with(path, options.read(true).write(true));
                fill(file.await?, &contents).await
            }
            Self::Rename(from, to) => dir.rename(from, to).await.map(|()| Value::Nothing),
            Self::Copy(from, to) => dir.copy(from, to).await.map(Value::Size),
            Self::CopyFrom(to) => {
                let source = tempfile::tempdir_in(in_memory())?;
                fs::create_dir(source.path().join("d"))?;
                for file in ["a", "d/a"] {
                    fs::write(source.path().join(file), COPIED)?;
                }
                symlink("a", source.path().join("l"))?;
                let copied = dir.copy_from(source.path()).to(to).await?;
                Ok(Value::Size(copied.bytes))
            }
            Self::Symlink(target, path) => dir.symlink(target, path).await.map(|()| Value::Nothing),
            Self::HardLink(from, to) => {
                dir.hard_link(&from, &to).await?;
                part(&dir.path().join(from), &dir.path().join(to))?;
                Ok(Value::Nothing)
            }
            Self::Metadata(path) => dir.metadata(path).await.map(|found| seen(&found)),
            Self::SymlinkMetadata(path) => {
                dir.symlink_metadata(path).await.map(|found| seen(&found))
            }
            Self::SetPermissions(path) => {
                // The canary's files have other modes.
                let permissions = Permissions::from_mode(0o700);
                dir.set_permissions(path, permissions).await?;
                Ok(Value::Nothing)
            }
            Self::ReadDir(path) => {
                let entries = dir.read_dir(path).await?;
                let names = entries
                    .map_ok(|entry| entry.file_name().to_str().unwrap().to_owned())
                    .try_collect::<Vec<_>>();
                let mut names = names.await?;
                names.sort_unstable();
                Ok(Value::Names(names))
            }
            Self::List => dir.list().await.map(Value::List),
            Self::Usage => {
                let usage = dir.usage().await?;
                Ok(Value::Usage(usage.files, usage.dirs, usage.len))
            }
            Self::Tree => dir.tree().await.map(|tree| Value::Tree(nodes(&tree))),
            Self::Plant(which, name, target) => {
                if let Some(place) = free(tree, which, &name) {
                    let link = dir.path().join(place.join("/"));
                    symlink(target, link)?;
                }
                Ok(Value::Nothing)
            }
        }
    }

    /// Does it to the tree, which is that of the directory `root`.
    pub(crate) fn predict(&self, root: &Path, tree: &mut Tree) -> Result<Value, Fail> {
        match self {
            Self::Write(path, contents) => {
                let place = file(tree, path, Last::Made)?;
                tree.insert(&place, Node::File(contents.clone()));
                Ok(Value::Path(root.join(path)))
            }
            Self::Append(path, contents) => {
                let place = file(tree, path, Last::Made)?;
                let contents = match tree.get(&place) {
                    Some(Node::File(before)) => format!("{before}{contents}"),
                    _ => contents.clone(),
                };
                tree.insert(&place, Node::File(contents));
                Ok(Value::Nothing)
            }
            Self::CreateNew(path, contents) => {
                let place = file(tree, path, Last::Itself)?;
                if tree.get(&place).is_some() {
                    return Err(Fail::Other);
                }
                tree.insert(&place, Node::File(contents.clone()));
                Ok(Value::Nothing)
            }
            Self::Stream(path, contents) => {
                let place = file(tree, path, Last::Made)?;
                tree.insert(&place, Node::File(contents.clone()));
                Ok(Value::Size(contents.len() as u64))
            }
            // The directories stay that it was begun with.
            Self::Broken(path) => file(tree, path, Last::Made).and(Err(Fail::Other)),
            Self::Populate(files) => {
                for (path, contents) in files {
                    let place = file(tree, path, Last::Made)?;
                    tree.insert(&place, Node::File(contents.clone()));
                }
                Ok(Value::Nothing)
            }
            Self::Read(path) => {
                check(path)?;
                let place = tree.resolve(path, Last::Followed)?;
                match tree.get(&place) {
                    Some(Node::File(contents)) => Ok(Value::Contents(contents.clone().into())),
                    Some(_) => Err(Fail::Other),
                    None => Err(Fail::NotFound),
                }
            }
            Self::TryExists(path) => {
                check(path)?;
                match tree.resolve(path, Last::Followed) {
                    Ok(place) => Ok(Value::Exists(tree.get(&place).is_some())),
                    Err(Fail::NotFound) => Ok(Value::Exists(false)),
                    Err(fail) => Err(fail),
                }
            }
            Self::CreateDir(path) => {
                let place = new_dir(tree, path)?;
                tree.insert(&place, Node::Dir(Entries::new()));
                Ok(Value::Path(root.join(path)))
            }
            Self::CreateDirAll(path) => {
                check(path)?;
                tree.make_dirs(path)?;
                Ok(Value::Path(root.join(path)))
            }
            Self::Remove(path) => {
                let place = entry(tree, path)?;
                tree.remove(&place).ok_or(Fail::NotFound)?;
                Ok(Value::Nothing)
            }
            Self::Update(path, contents) => {
                check(path)?;
                let place = tree.resolve(path, Last::Followed)?;
                let Some(Node::File(before)) = tree.get(&place) else {
                    return Err(missing_or_other(tree, &place));
                };
                let rest = before.get(contents.len()..).unwrap_or_default();
                let updated = format!("{contents}{rest}");
                tree.insert(&place, Node::File(updated));
                Ok(Value::Nothing)
            }
            Self::Rename(from, to) => rename(tree, from, to).map(|()| Value::Nothing),
            Self::Copy(from, to) => {
                check(from)?;
                check(to)?;
                let source = tree.resolve(from, Last::Followed)?;
                let Some(Node::File(contents)) = tree.get(&source).cloned() else {
                    return Err(missing_or_other(tree, &source));
                };
                let place = file(tree, to, Last::Made)?;
                if place == source {
                    return Err(Fail::Invalid);
                }
                let size = contents.len() as u64;
                tree.insert(&place, Node::File(contents));
                Ok(Value::Size(size))
            }
            Self::CopyFrom(to) => {
                check(to)?;
                let place = match tree.dir(to) {
                    Err(Fail::NotFound) => {
                        tree.make_dirs(to)?;
                        tree.dir(to)?
                    }
                    place => place?,
                };
                copy_from(tree, &place)
            }
            Self::Symlink(target, path) => {
                check(target)?;
                check(path)?;
                let above = above(path);
                let parent = above.unwrap_or_else(|| Path::new(path).parent().map_or("", text));
                let parent = match tree.dir(parent) {
                    // Nothing is made for a path that no symlink can have.
                    Err(Fail::NotFound) if above.is_some() && tree.make_dirs(parent)? => {
                        tree.dir(parent)?
                    }
                    parent => parent?,
                };
                if leads_out(target, parent.len()) {
                    return Err(Fail::Escape);
                }
                let Some(_) = above else {
                    return Err(escape_or_other(tree, path));
                };
                let place = tree.resolve(path, Last::Itself)?;
                if tree.get(&place).is_some() {
                    return Err(Fail::Other);
                }
                tree.insert(&place, Node::Link(target.clone()));
                Ok(Value::Nothing)
            }
            Self::HardLink(from, to) => {
                check(to)?;
                check(from)?;
                let source = tree.resolve(from, Last::Itself)?;
                let node = tree.get(&source).cloned().ok_or(Fail::NotFound)?;
                let Some(above) = above(to) else {
                    return Err(escape_or_other(tree, to));
                };
                let place = with_parents(tree, to, above, Last::Itself)?;
                if matches!(node, Node::Dir(_)) || tree.get(&place).is_some() {
                    return Err(Fail::Other);
                }
                tree.insert(&place, node);
                Ok(Value::Nothing)
            }
            Self::Metadata(path) => metadata(tree, path, Last::Followed),
            Self::SymlinkMetadata(path) => metadata(tree, path, Last::Itself),
            Self::SetPermissions(path) => {
                metadata(tree, path, Last::Followed).map(|_| Value::Nothing)
            }
            Self::ReadDir(path) => {
                check(path)?;
                let place = tree.dir(path)?;
                let Some(Node::Dir(entries)) = tree.get(&place) else {
                    unreachable!("it is a directory");
                };
                Ok(Value::Names(entries.keys().cloned().collect()))
            }
            Self::List => Ok(Value::List(tree.list())),
            Self::Usage => Ok(usage(tree.root())),
            Self::Tree => Ok(Value::Tree(tree.root().clone())),
            Self::Plant(which, name, target) => {
                if let Some(place) = free(tree, *which, name) {
                    tree.insert(&place, Node::Link(target.clone()));
                }
                Ok(Value::Nothing)
            }
        }
    }
}

/// Checks that two paths are one file, and makes two of it: the tree knows no other.
fn part(from: &Path, to: &Path) -> io::Result<()> {
    let (source, made) = (from.symlink_metadata()?, to.symlink_metadata()?);
    assert_eq!(source.ino(), made.ino(), "a hard link is the same file");
    if made.is_file() {
        let contents = fs::read(to)?;
        fs::remove_file(to)?;
        fs::write(to, contents)?;
    } else {
        let target = fs::read_link(to)?;
        fs::remove_file(to)?;
        symlink(target, to)?;
    }
    Ok(())
}

/// What is in each file that is copied from outside.
const COPIED: &str = "copied";

/// Copies the small tree to the directory at `to`.
fn copy_from(tree: &mut Tree, to: &[String]) -> Result<Value, Fail> {
    let at = |names: &[&str]| {
        let names = names.iter().map(|name| (*name).to_owned());
        to.iter().cloned().chain(names).collect::<Place>()
    };
    let is_dir = |tree: &Tree, place: &Place| matches!(tree.get(place), Some(Node::Dir(_)));
    let mut failed = false;
    let dir = at(&["d"]);
    if tree.get(&dir).is_none() {
        tree.insert(&dir, Node::Dir(Entries::new()));
    }
    let file = || Node::File(COPIED.to_owned());
    let mut new = vec![
        (at(&["a"]), file()),
        (at(&["l"]), Node::Link("a".to_owned())),
    ];
    if is_dir(tree, &dir) {
        new.push((at(&["d", "a"]), file()));
    } else {
        failed = true;
    }
    for (place, node) in new {
        if is_dir(tree, &place) {
            failed = true;
        } else {
            tree.insert(&place, node);
        }
    }
    match failed {
        true => Err(Fail::Other),
        false => Ok(Value::Size(2 * COPIED.len() as u64)),
    }
}

fn seen(metadata: &Metadata) -> Value {
    let kind = metadata.file_type();
    if kind.is_dir() {
        Value::Metadata("directory", 0)
    } else if kind.is_symlink() {
        Value::Metadata("symlink", 0)
    } else {
        Value::Metadata("file", metadata.len())
    }
}

fn usage(node: &Node) -> Value {
    let (mut files, mut dirs, mut len) = (0, 0, 0);
    let mut nodes = vec![node];
    while let Some(node) = nodes.pop() {
        match node {
            Node::Dir(entries) => {
                dirs += 1;
                nodes.extend(entries.values());
            }
            Node::File(text) | Node::Link(text) => {
                files += 1;
                len += text.len() as u64;
            }
        }
    }
    Value::Usage(files, dirs, len)
}

/// The nodes of a tree that was read, whose directories come before what is in them.
fn nodes(tree: &async_tempdir::Tree) -> Node {
    let mut nodes = Tree::new(Entries::new());
    for entry in tree {
        let node = match entry.kind() {
            TreeKind::Dir => Node::Dir(Entries::new()),
            TreeKind::File(contents) => Node::File(String::from_utf8(contents.clone()).unwrap()),
            TreeKind::Symlink(target) => Node::Link(text(target).to_owned()),
            other => unreachable!("{other:?}"),
        };
        let place: Place = entry
            .path()
            .iter()
            .map(|name| name.to_str().unwrap().to_owned())
            .collect();
        nodes.insert(&place, node);
    }
    nodes.root().clone()
}

fn metadata(tree: &Tree, path: &str, last: Last) -> Result<Value, Fail> {
    check(path)?;
    let place = tree.resolve(path, last)?;
    match tree.get(&place).ok_or(Fail::NotFound)? {
        Node::Dir(_) => Ok(Value::Metadata("directory", 0)),
        Node::Link(_) => Ok(Value::Metadata("symlink", 0)),
        Node::File(contents) => Ok(Value::Metadata("file", contents.len() as u64)),
    }
}

fn rename(tree: &mut Tree, from: &str, to: &str) -> Result<(), Fail> {
    check(from)?;
    check(to)?;
    let slash = [from, to].iter().any(|path| path.ends_with('/'));
    let [from, to] = [from, to].map(|path| path.trim_end_matches('/'));
    let (Some(_), Some(above_to)) = (above(from), above(to)) else {
        return Err(Fail::Invalid);
    };
    let source = tree.resolve(from, Last::Itself)?;
    let node = tree.get(&source).cloned().ok_or(Fail::NotFound)?;
    let is_dir = matches!(node, Node::Dir(_));
    if slash && !is_dir {
        return Err(Fail::Other);
    }
    let place = with_parents(tree, to, above_to, Last::Itself)?;
    if place == source {
        return Ok(());
    }
    let fits = match tree.get(&place) {
        None => true,
        Some(Node::Dir(entries)) => is_dir && entries.is_empty(),
        Some(_) => !is_dir,
    };
    if !fits || place.starts_with(&source) {
        return Err(Fail::Other);
    }
    let node = tree.remove(&source).expect("it is there");
    tree.insert(&place, node);
    Ok(())
}

/// Whether the names of a symlink's target lead further up than there is.
fn leads_out(target: &str, mut depth: usize) -> bool {
    target.split('/').any(|name| {
        match name {
            "" | "." => {}
            ".." if depth == 0 => return true,
            ".." => depth -= 1,
            _ => depth += 1,
        }
        false
    })
}

fn missing_or_other(tree: &Tree, place: &[String]) -> Fail {
    match tree.get(place) {
        None => Fail::NotFound,
        Some(_) => Fail::Other,
    }
}

/// Why no link can be made at `path`, which ends in a slash or dots.
fn escape_or_other(tree: &Tree, path: &str) -> Fail {
    match tree.resolve(path, Last::Followed) {
        Err(Fail::Escape) => Fail::Escape,
        _ => Fail::Other,
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("all paths are Unicode")
}

async fn fill(mut file: File, contents: &str) -> io::Result<Value> {
    file.write_all(contents.as_bytes()).await?;
    file.flush().await?;
    Ok(Value::Nothing)
}

async fn yield_once() {
    let mut yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Where a symlink can be planted, unless something is there.
fn free(tree: &Tree, which: usize, name: &str) -> Option<Place> {
    let dirs = tree.dirs();
    let mut place = dirs[which % dirs.len()].clone();
    place.push(name.to_owned());
    tree.get(&place).is_none().then_some(place)
}

/// What the text of a path tells.
fn check(path: &str) -> Result<(), Fail> {
    if path.is_empty() || path.contains('\0') {
        Err(Fail::Invalid)
    } else if path.starts_with('/') {
        Err(Fail::Escape)
    } else {
        Ok(())
    }
}

/// What `path` is in, if it ends in a name that something could be given.
fn above(path: &str) -> Option<&str> {
    let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
    (!["", ".", ".."].contains(&name)).then_some(above)
}

/// Where the file `path` is that is to be written, in directories that are made for it.
fn file(tree: &mut Tree, path: &str, last: Last) -> Result<Place, Fail> {
    check(path)?;
    let Some(above) = above(path) else {
        // No file, then, and nothing is made for it; but out it may lead all the same.
        return match tree.resolve(path, Last::Made) {
            Err(Fail::Escape) => Err(Fail::Escape),
            _ => Err(Fail::Other),
        };
    };
    let place = with_parents(tree, path, above, last)?;
    match tree.get(&place) {
        Some(Node::Dir(_)) => Err(Fail::Other),
        _ => Ok(place),
    }
}

/// Where the directory `path` is to be, in directories that are made for it.
fn new_dir(tree: &mut Tree, path: &str) -> Result<Place, Fail> {
    check(path)?;
    let path = path.trim_end_matches('/');
    let Some(above) = above(path) else {
        return tree.dir(path).and(Err(Fail::Other));
    };
    let place = with_parents(tree, path, above, Last::Itself)?;
    match tree.get(&place) {
        Some(_) => Err(Fail::Other),
        None => Ok(place),
    }
}

fn with_parents(tree: &mut Tree, path: &str, above: &str, last: Last) -> Result<Place, Fail> {
    match tree.resolve(path, last) {
        Err(Fail::NotFound) if tree.make_dirs(above)? => tree.resolve(path, last),
        place => place,
    }
}

/// Where the entry `path` of a directory is, which is to be removed.
fn entry(tree: &Tree, path: &str) -> Result<Place, Fail> {
    check(path)?;
    let names = names(path);
    if matches!(names.last(), None | Some(&"..")) {
        return Err(Fail::Invalid);
    }
    let place = tree.resolve(&names.join("/"), Last::Itself)?;
    // Only a directory has a slash or a dot at the end.
    match tree.get(&place) {
        Some(Node::File(_) | Node::Link(_)) if above(path).is_none() => Err(Fail::Other),
        _ => Ok(place),
    }
}
