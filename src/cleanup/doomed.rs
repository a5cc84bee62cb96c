//! What is on its way to be removed.

use std::any::Any;
use std::fmt;
use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use super::{Pending, Verdict};
use crate::remove::{self, Options, Outcome, RemoveError};

/// What has to be known to remove something that nobody has a handle of.
pub(crate) struct Doomed {
    pub(crate) path: PathBuf,
    pub(crate) what: What,
    /// Released when the removal has ended.
    pub(crate) held: Box<dyn Any + Send>,
    // Last, so that what `held` hands over in its turn is counted before this no longer is.
    pub(crate) pending: Pending,
}

/// What a path is to be removed as.
pub(crate) enum What {
    /// A directory that knows how.
    Owned(Box<dyn FnOnce() -> Outcome + Send>),
    /// The open file that has the path's last name in the open directory `above`, or whatever has
    /// that name by now; if anything.
    Entry { above: File, file: File },
}

impl What {
    /// Removes what is at `path`. That nothing is there is success.
    pub(crate) fn remove(self, path: &Path) -> Outcome {
        match self {
            Self::Owned(remove) => remove(),
            Self::Entry { above, file } => {
                // First: some filesystems keep a file that is unlinked while it is open.
                drop(file);
                match remove::entry(above, path, Options::default()) {
                    Err(error) if error.is_not_found() => Outcome::from(Ok(error.removed())),
                    result => Outcome::from(result),
                }
            }
        }
    }
}

impl fmt::Debug for Doomed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Doomed")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Doomed {
    /// Removes it and reports what remains.
    pub(crate) fn remove(self) {
        let Self {
            path,
            what,
            held,
            pending,
        } = self;
        // Nothing in there should panic; if something does, the lane's other directories must
        // not suffer from it.
        let outcome = catch_unwind(AssertUnwindSafe(|| what.remove(&path)));
        let outcome = outcome.unwrap_or_else(|_| {
            let panicked = io::Error::other("the removal panicked");
            Outcome::from(Err(RemoveError::whole(&path, panicked)))
        });
        // Nobody waits for it: a failure goes to the hook.
        drop(Verdict::new(outcome));
        drop(held);
        drop(pending);
    }
}
