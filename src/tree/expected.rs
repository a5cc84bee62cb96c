//! The forms of what a tree is compared with.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, is_separator};

use super::entry::{TreeEntry, TreeKind, normal};
use super::value::Tree;

/// Describes what a [`Tree`] is compared with, by `==` and by [`diff`](Tree::diff).
///
/// That is another tree, or an array, a slice or a vector of
///
/// - `(path, contents)`, as [`populate`](crate::AsyncTempDir::populate) takes them, for files;
/// - `(path, "")` with a separator at the end of the path, for directories;
/// - [`TreeEntry`], for everything.
///
/// They are in any order, and nothing else may be there, except for directories around what is
/// expected. So an empty directory must be expected, too. Modes do not count, except between two
/// trees. If there are several entries for one path, the last one counts, as for `populate`. On
/// Windows, a `/` in a path is as good as a `\`. A path with `..` is nowhere.
///
/// The crate implements this trait, and no other does.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// use async_tempdir::{AsyncTempDir, TreeEntry};
///
/// let dir = AsyncTempDir::new().await?;
/// dir.write("img/a.png", [137, 80]).await?;
/// dir.create_dir("empty").await?;
/// let expected: [(&str, &[u8]); _] = [("img/a.png", &[137, 80]), ("empty/", b"")];
/// assert_eq!(dir.tree().await?, expected);
///
/// # if cfg!(windows) { return Ok(()) } // a privilege
/// dir.symlink("a.png", "img/latest").await?;
/// assert_eq!(
///     dir.tree().await?,
///     [
///         TreeEntry::dir("empty"),
///         TreeEntry::file("img/a.png", [137, 80]),
///         TreeEntry::symlink("img/latest", "a.png"),
///     ]
/// );
/// # dir.close().await?;
/// # Ok::<(), std::io::Error>(())
/// # }
/// ```
pub trait ExpectedTree: sealed::Expected {}

impl<T: sealed::Expected + ?Sized> ExpectedTree for T {}

/// The expected entries, by path.
#[derive(Debug)]
pub struct Expectations<'e>(pub(super) BTreeMap<Cow<'e, Path>, Expectation<'e>>);

#[derive(Debug)]
pub(super) struct Expectation<'e> {
    pub(super) kind: Cow<'e, TreeKind>,
    /// `None` if it does not count.
    pub(super) is_executable: Option<bool>,
    /// It is a directory around something else.
    pub(super) is_implied: bool,
}

pub(super) mod sealed {
    use super::*;

    pub trait Expected {
        fn expectations(&self) -> Expectations<'_>;
    }

    pub trait ExpectedEntry: Sized {
        fn expectation(&self) -> (Cow<'_, Path>, Cow<'_, TreeKind>);

        fn into_entry(self) -> TreeEntry;
    }
}

use sealed::{Expected, ExpectedEntry};

impl<P: AsRef<Path>, C: AsRef<[u8]>> ExpectedEntry for (P, C) {
    fn expectation(&self) -> (Cow<'_, Path>, Cow<'_, TreeKind>) {
        let (path, contents) = (self.0.as_ref(), self.1.as_ref());
        let last = path.as_os_str().as_encoded_bytes().last();
        let is_dir = contents.is_empty() && last.is_some_and(|last| is_separator((*last).into()));
        let kind = match is_dir {
            true => TreeKind::Dir,
            false => TreeKind::File(contents.to_vec()),
        };
        (normal(path).into(), Cow::Owned(kind))
    }

    fn into_entry(self) -> TreeEntry {
        let (path, kind) = self.expectation();
        TreeEntry::found(path.into_owned(), kind.into_owned(), None)
    }
}

impl ExpectedEntry for TreeEntry {
    fn expectation(&self) -> (Cow<'_, Path>, Cow<'_, TreeKind>) {
        (self.path().into(), Cow::Borrowed(self.kind()))
    }

    fn into_entry(self) -> TreeEntry {
        self
    }
}

impl<E: ExpectedEntry> Expected for [E] {
    fn expectations(&self) -> Expectations<'_> {
        let entries = self.iter().map(ExpectedEntry::expectation);
        let expectation = |(path, kind)| {
            let expectation = Expectation {
                kind,
                is_executable: None,
                is_implied: false,
            };
            (path, expectation)
        };
        let mut all: BTreeMap<_, _> = entries.map(expectation).collect();
        let mut around = BTreeMap::new();
        for path in all.keys() {
            for above in path.ancestors().skip(1) {
                // From one that is there on, those above it are its own.
                if above.as_os_str().is_empty() || all.contains_key(above) {
                    break;
                }
                let implied = Expectation {
                    kind: Cow::Owned(TreeKind::Dir),
                    is_executable: None,
                    is_implied: true,
                };
                // Then those above it are there as well.
                if around
                    .insert(Cow::Owned(above.to_path_buf()), implied)
                    .is_some()
                {
                    break;
                }
            }
        }
        all.append(&mut around);
        Expectations(all)
    }
}

impl<E: ExpectedEntry, const N: usize> Expected for [E; N] {
    fn expectations(&self) -> Expectations<'_> {
        self.as_slice().expectations()
    }
}

impl<E: ExpectedEntry> Expected for Vec<E> {
    fn expectations(&self) -> Expectations<'_> {
        self.as_slice().expectations()
    }
}

impl Expected for Tree {
    fn expectations(&self) -> Expectations<'_> {
        let expectation = |entry| {
            let expectation = Expectation {
                kind: Cow::Borrowed(TreeEntry::kind(entry)),
                is_executable: Some(entry.is_executable()),
                is_implied: false,
            };
            (entry.path().into(), expectation)
        };
        Expectations(self.iter().map(expectation).collect())
    }
}

impl<T: Expected + ?Sized> Expected for &T {
    fn expectations(&self) -> Expectations<'_> {
        (**self).expectations()
    }
}

/// Collects what is expected, or some entries of another tree.
///
/// Directories that are missing around them are added. Of two entries with one path, the last
/// counts.
impl<E: ExpectedEntry> FromIterator<E> for Tree {
    fn from_iter<I: IntoIterator<Item = E>>(entries: I) -> Self {
        let entries = entries.into_iter().map(ExpectedEntry::into_entry);
        Self::with_dirs_around(entries.collect())
    }
}
