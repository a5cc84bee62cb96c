//! What is done: to the directory, and to the tree that says what it should be.

use std::future::poll_fn;
use std::io;
use std::path::{Path, PathBuf};
use std::task::Poll;

use async_tempdir::AsyncTempDir;
use futures::{StreamExt, stream};
use tokio::fs::File;
use tokio::io::AsyncWriteExt;

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
    List,
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
            Self::List => "list",
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
            | Self::Plant(_, _, path) => change(path),
            Self::Populate(files) => files.iter_mut().for_each(|(path, _)| change(path)),
            Self::List => {}
        }
    }

    /// The same, with paths that begin with that of `dir` relative to it.
    pub(crate) fn inside(&self, dir: &Path) -> Self {
        let mut inside = self.clone();
        if !matches!(inside, Self::Plant(..)) {
            inside.each_path(|path| match path.strip_prefix(dir.to_str().unwrap()) {
                Some("" | "/") => *path = ".".to_owned(),
                Some(rest) if rest.starts_with('/') => *path = rest[1..].to_owned(),
                _ => {}
            });
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
            Self::List => dir.list().await.map(Value::List),
            Self::Plant(which, name, target) => {
                if let Some(place) = free(tree, which, &name) {
                    let link = dir.path().join(place.join("/"));
                    std::os::unix::fs::symlink(target, link)?;
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
            Self::List => Ok(Value::List(tree.list())),
            Self::Plant(which, name, target) => {
                if let Some(place) = free(tree, *which, name) {
                    tree.insert(&place, Node::Link(target.clone()));
                }
                Ok(Value::Nothing)
            }
        }
    }
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
    // A slash or a dot at the end changes nothing: it is the entry that goes.
    let names = names(path);
    match names.split_last() {
        None | Some((&"..", _)) => Err(Fail::Invalid),
        Some(_) => tree.resolve(&names.join("/"), Last::Itself),
    }
}
