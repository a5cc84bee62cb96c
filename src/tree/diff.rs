//! The first difference between a tree and what is expected.

use std::fmt::{self, Debug, Display};
use std::path::{Path, PathBuf};

use super::entry::{TreeEntry, TreeKind};
use super::expected::sealed::ExpectedEntry;
use super::expected::{Expectation, ExpectedTree};
use super::listing::is_text;
use super::quoted::{Quoted, QuotedPath};
use super::value::Tree;

/// The first difference, by path, between a [`Tree`] and what is expected.
///
/// Returned by [`Tree::diff`]. The `Debug` form is the same as the `Display` form, so that `assert_eq!`
/// prints the message.
#[derive(Clone, PartialEq, Eq)]
pub struct TreeDiff {
    path: PathBuf,
    text: String,
}

impl TreeDiff {
    fn new(path: &Path, text: impl Display) -> Self {
        Self {
            path: path.to_path_buf(),
            text: format!("{} {text}", QuotedPath(path)),
        }
    }

    /// Returns the path that differs, relative to the directory.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Display for TreeDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Debug for TreeDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Tree {
    /// Returns the first difference from what is expected, or `None` if there is none.
    ///
    /// It names the first path that is missing, not expected, or different. For text, it also shows the
    /// first line that differs; for other contents, the first byte.
    ///
    /// # Examples
    ///
    /// In a test, `assert_eq!(tree.diff(&expected), None)` prints less than `assert_eq!(tree,
    /// expected)`:
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let dir = async_tempdir::AsyncTempDir::new().await?;
    /// dir.write("src/lib.rs", "mod a;\nmod b;\n").await?;
    /// let tree = dir.tree().await?;
    /// assert_eq!(tree.diff(&[("src/lib.rs", "mod a;\nmod b;\n")]), None);
    ///
    /// let diff = tree.diff(&[("src/lib.rs", "mod a;\nmod c;\n")]).unwrap();
    /// assert_eq!(diff.to_string(), r#""src/lib.rs" differs in line 2:
    ///   is       "mod b;\n"
    ///   expected "mod c;\n""#);
    /// # dir.close().await?;
    /// # Ok::<(), std::io::Error>(())
    /// # }
    /// ```
    pub fn diff(&self, expected: &(impl ExpectedTree + ?Sized)) -> Option<TreeDiff> {
        let expected = expected.expectations().0;
        let mut entries = self.iter().peekable();
        for (path, expectation) in &expected {
            if let Some(entry) = entries.next_if(|entry| entry.path() < &**path) {
                return Some(unexpected(entry));
            }
            match entries.next_if(|entry| entry.path() == &**path) {
                Some(entry) => {
                    if let Some(text) = difference(entry, expectation) {
                        return Some(TreeDiff::new(path, text));
                    }
                }
                // The expected entry in it is missing as well, and says more.
                None if expectation.is_implied => {}
                None => {
                    let what = described(&expectation.kind);
                    return Some(TreeDiff::new(path, format!("is missing: expected {what}")));
                }
            }
        }
        entries.next().map(unexpected)
    }
}

fn unexpected(entry: &TreeEntry) -> TreeDiff {
    let what = described(entry.kind());
    TreeDiff::new(entry.path(), format!("is not expected: it is {what}"))
}

/// Returns how an entry differs from what is expected at its path.
fn difference(entry: &TreeEntry, expected: &Expectation<'_>) -> Option<String> {
    match (entry.kind(), &*expected.kind) {
        (TreeKind::File(is), TreeKind::File(should)) if is != should => {
            Some(of_contents(is, should))
        }
        (TreeKind::File(_), TreeKind::File(_)) => match expected.is_executable? {
            true if !entry.is_executable() => Some("is not executable, but should be".to_owned()),
            false if entry.is_executable() => Some("is executable, but should not be".to_owned()),
            _ => None,
        },
        (TreeKind::Symlink(is), TreeKind::Symlink(should)) => {
            // A separator at the end, which comparing paths leaves out, has a meaning.
            let is_same = match cfg!(windows) {
                true => is == should,
                false => is.as_os_str() == should.as_os_str(),
            };
            let (is, should) = (QuotedPath(is), QuotedPath(should));
            (!is_same).then(|| format!("is a symlink to {is}, expected one to {should}"))
        }
        (is, should) if is == should => None,
        (is, should) => Some(format!(
            "is {}, expected {}",
            described(is),
            described(should)
        )),
    }
}

fn described(kind: &TreeKind) -> String {
    match kind {
        TreeKind::Dir => "a directory".to_owned(),
        TreeKind::File(contents) => format!("a file of {}", bytes(contents.len())),
        TreeKind::Symlink(target) => format!("a symlink to {}", QuotedPath(target)),
        TreeKind::Fifo => "a FIFO".to_owned(),
        TreeKind::Socket => "a socket".to_owned(),
        TreeKind::BlockDevice => "a block device".to_owned(),
        TreeKind::CharDevice => "a character device".to_owned(),
        TreeKind::Other => "neither a file nor a directory".to_owned(),
    }
}

fn bytes(len: usize) -> String {
    match len {
        1 => "1 byte".to_owned(),
        _ => format!("{len} bytes"),
    }
}

/// The number of bytes that are shown of a line, and of contents that are not text.
const SHOWN: usize = 100;
const SHOWN_BYTES: usize = 16;

/// Describes where contents that differ do so first.
fn of_contents(is: &[u8], should: &[u8]) -> String {
    let position = is.iter().zip(should).take_while(|(a, b)| a == b).count();
    if !is_text(is) || !is_text(should) {
        let shown = |contents: &[u8]| {
            let end = contents.len().min(position + SHOWN_BYTES);
            let shown = Quoted(&contents[position..end]);
            format!("{shown} of {}", bytes(contents.len()))
        };
        let (is, should) = (shown(is), shown(should));
        return format!("differs from byte {position} on:\n  is       {is}\n  expected {should}");
    }
    let number = is[..position].iter().filter(|byte| **byte == b'\n').count() + 1;
    let start = is[..position].iter().rposition(|byte| *byte == b'\n');
    let start = start.map_or(0, |newline| newline + 1);
    let (is, should) = (line(is, start, position), line(should, start, position));
    format!("differs in line {number}:\n  is       {is}\n  expected {should}")
}

/// Returns the line that begins at `start`, shortened to what is around `position`.
fn line(text: &[u8], start: usize, position: usize) -> String {
    let rest = &text[start..];
    if rest.is_empty() {
        return "no such line".to_owned();
    }
    let len = rest.iter().position(|byte| *byte == b'\n');
    let end = start + len.map_or(rest.len(), |newline| newline + 1);
    let (mut from, mut to) = (start, end);
    if end - start > SHOWN {
        // Between two characters: the bytes inside one begin with 10.
        let is_inside = |at: usize| text.get(at).is_some_and(|byte| byte & 0xc0 == 0x80);
        from = position.saturating_sub(SHOWN / 2).max(start);
        to = (from + SHOWN).min(end);
        while is_inside(from) {
            from -= 1;
        }
        while is_inside(to) {
            to += 1;
        }
    }
    let before = if from > start { "…" } else { "" };
    let after = if to < end { "…" } else { "" };
    format!("{before}{}{after}", Quoted(&text[from..to]))
}

/// Two trees are equal, or a tree is as expected, if there is no [difference](Tree::diff).
impl<T: ExpectedTree + ?Sized> PartialEq<T> for Tree {
    fn eq(&self, expected: &T) -> bool {
        self.diff(expected).is_none()
    }
}

impl Eq for Tree {}

impl<E: ExpectedEntry> PartialEq<Tree> for [E] {
    fn eq(&self, tree: &Tree) -> bool {
        tree == self
    }
}

impl<E: ExpectedEntry> PartialEq<Tree> for &[E] {
    fn eq(&self, tree: &Tree) -> bool {
        tree == *self
    }
}

impl<E: ExpectedEntry, const N: usize> PartialEq<Tree> for [E; N] {
    fn eq(&self, tree: &Tree) -> bool {
        tree == self
    }
}

impl<E: ExpectedEntry> PartialEq<Tree> for Vec<E> {
    fn eq(&self, tree: &Tree) -> bool {
        tree == self
    }
}
