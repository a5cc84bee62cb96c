//! Errors of a removal.

use std::error::Error;
use std::ffi::CStr;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::Removed;
use crate::sys::{Identity, Process};
use crate::util::failures::MAX_FAILURES;

/// The error of a removal that left something behind.
///
/// Removal continues past failures. Of the entries that existed when it began, only the failed ones
/// (the first are [listed](Self::failures)), their contents and their ancestors remain.
///
/// The message names the directory, the first failure and its cause, and counts the others. The
/// operating system's errors are those of the failures.
pub struct RemoveError {
    pub(super) path: PathBuf,
    /// At least one.
    pub(super) failures: Vec<RemoveFailure>,
    pub(super) failed: u64,
    pub(super) removed: Removed,
    /// Set if the removal can be tried again.
    pub(super) retry: Option<Box<Retry>>,
}

/// A removal to be tried again, without its path.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Retry {
    /// The directory that it must be, or `None` for whichever is at the path.
    pub(crate) identity: Option<Identity>,
    /// The process that may remove it, if it must be a certain directory.
    pub(crate) process: Option<Process>,
    /// The file in it that is removed when nothing else is left: see [`Last`](super::Last).
    pub(crate) last: Option<&'static CStr>,
}

/// One entry that could not be removed.
#[derive(Debug)]
#[non_exhaustive]
pub struct RemoveFailure {
    /// The entry's path.
    pub path: PathBuf,
    /// The operating system's error, or why the entry was left alone. `ResourceBusy` for `.nfs…`
    /// and `.fuse_hidden…` means that the file is still open.
    pub error: io::Error,
}

impl RemoveError {
    /// The maximum number of failures kept in full.
    ///
    /// Further ones are only [counted](Self::failed), so that a tree of a million files on a
    /// read-only filesystem does not fill the memory with errors.
    pub const MAX_FAILURES: usize = MAX_FAILURES;

    /// Creates the error of a removal that removed nothing, because of `error`.
    pub(crate) fn whole(path: &Path, error: io::Error) -> Self {
        let path = path.to_path_buf();
        Self {
            path: path.clone(),
            failures: vec![RemoveFailure { path, error }],
            failed: 1,
            removed: Removed::default(),
            retry: None,
        }
    }

    /// Makes it possible to try again.
    pub(crate) fn with_retry(self, retry: Retry) -> Self {
        let retry = Some(Box::new(retry));
        Self { retry, ..self }
    }

    /// Returns what is needed to try again, if that is possible.
    pub(crate) fn take_retry(&mut self) -> Option<Box<Retry>> {
        self.retry.take()
    }

    /// Returns the path of the directory that was to be removed.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the kind of the first failure's error.
    pub fn kind(&self) -> io::ErrorKind {
        self.first().error.kind()
    }

    /// Returns the first failures, in the order in which they happened.
    ///
    /// There is at least one, and at most [`MAX_FAILURES`](Self::MAX_FAILURES). A directory that
    /// remains only because something in it does is not a failure of its own.
    pub fn failures(&self) -> &[RemoveFailure] {
        &self.failures
    }

    /// Returns the total number of failures.
    pub fn failed(&self) -> u64 {
        self.failed
    }

    /// Returns how much was removed nevertheless.
    pub fn removed(&self) -> Removed {
        self.removed
    }

    /// Replaces the amount removed: `removed` is that of several removals of the same directory.
    pub(crate) fn of_all(self, removed: Removed) -> Self {
        Self { removed, ..self }
    }

    /// Adjusts the paths after `from` was renamed to `to`.
    pub(crate) fn moved(mut self, from: &Path, to: &Path) -> Self {
        let failures = self.failures.iter_mut().map(|failure| &mut failure.path);
        for path in failures.chain([&mut self.path]) {
            if let Ok(inside) = path.strip_prefix(from) {
                // `join` would add a separator for an empty path.
                *path = to.components().chain(inside.components()).collect();
            }
        }
        self
    }

    /// Returns whether there was nothing to remove.
    pub(crate) fn is_not_found(&self) -> bool {
        self.kind() == io::ErrorKind::NotFound
    }

    fn first(&self) -> &RemoveFailure {
        &self.failures[0]
    }
}

/// The same as `Display`, because `unwrap` and a `main` that returns an error print this.
impl fmt::Debug for RemoveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for RemoveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.first();
        write!(f, "cannot remove ")?;
        if self.failed > 1 || first.path != self.path {
            write!(f, "all of {:?}: ", self.path)?;
        }
        write!(f, "{:?}: {}", first.path, first.error)?;
        match self.failed - 1 {
            0 => Ok(()),
            more => write!(f, " (and {more} more)"),
        }
    }
}

impl Error for RemoveError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        // The message already contains the first failure's error.
        self.first().error.get_ref().and_then(Error::source)
    }
}

impl From<RemoveError> for io::Error {
    /// Keeps the kind of the first failure.
    fn from(error: RemoveError) -> Self {
        Self::new(error.kind(), error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The error of a removal in which `failed` entries failed, `/t/a` first.
    fn of(failed: u64) -> RemoveError {
        let failure = RemoveFailure {
            path: "/t/a".into(),
            error: io::ErrorKind::PermissionDenied.into(),
        };
        RemoveError {
            path: "/t".into(),
            failures: vec![failure],
            failed,
            removed: Removed::default(),
            retry: None,
        }
    }

    #[test]
    fn one_line_names_the_paths_and_the_cause_once() {
        let whole = RemoveError::whole(Path::new("/t"), io::ErrorKind::NotFound.into());
        assert_eq!(whole.to_string(), "cannot remove \"/t\": entity not found");
        assert!(whole.source().is_none());

        let inside = of(1);
        assert_eq!(
            inside.to_string(),
            "cannot remove all of \"/t\": \"/t/a\": permission denied"
        );

        let many = of(40);
        assert_eq!(
            many.to_string(),
            "cannot remove all of \"/t\": \"/t/a\": permission denied (and 39 more)"
        );
        let error = io::Error::from(many);
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        assert!(error.source().is_none(), "the chain repeats the message");
    }
}
