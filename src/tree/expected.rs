//! The forms of what a tree is compared with.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, is_separator};

use super::entry::{TreeEntry, TreeKind, normal};
use super::value::Tree;

/// Describes what a [`Tree`] can be compared with, by `==` or by [`diff`](Tree::diff).
///
/// That is another tree, or an array, a slice or a vector of:
///
/// - `(path, contents)`, as [`populate`](crate::AsyncTempDir::populate) takes them, for files;
/// - `(path, "")`, for directories, with a separator at the end of the path;
/// - [`TreeEntry`], for every kind of entry.
///
/// The order does not matter. The parent directories of an expected entry are expected, too; any other
/// entry is a difference, so list empty directories. Modes do not count, except between two trees. Of
/// several entries with one path, the last one counts, as for `populate`. On Windows, `/` and `\` in a
/// path are the same. A path with `..` matches no entry.
///
/// This trait is sealed: other crates cannot implement it.
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
    /// `None` if that does not count.
    pub(super) is_executable: Option<bool>,
    /// Set for the parent directory of an expected entry that is not itself expected.
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
                // Those above one that is expected itself are found from that one.
                if above.as_os_str().is_empty() || all.contains_key(above) {
                    break;
                }
                let implied = Expectation {
                    kind: Cow::Owned(TreeKind::Dir),
                    is_executable: None,
                    is_implied: true,
                };
                // Those above it have been inserted with it.
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

/// Collects expected entries, or some entries of another tree.
///
/// Missing parent directories are added. Of several entries with one path, the last one counts.
impl<E: ExpectedEntry> FromIterator<E> for Tree {
    fn from_iter<I: IntoIterator<Item = E>>(entries: I) -> Self {
        let entries = entries.into_iter().map(ExpectedEntry::into_entry);
        Self::with_dirs_around(entries.collect())
    }
}
