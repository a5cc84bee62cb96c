//! A queued removal.

use std::any::Any;
use std::fmt;
use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use super::{Pending, Verdict};
use crate::remove::{self, Options, Outcome, RemoveError};

/// All that is needed to remove something without a handle.
pub(crate) struct Doomed {
    pub(crate) path: PathBuf,
    pub(crate) what: What,
    /// Dropped when the removal has ended.
    pub(crate) held: Box<dyn Any + Send>,
    // Last: a removal that dropping `held` starts must be counted before this one no longer is.
    pub(crate) pending: Pending,
}

/// The way in which a path is removed.
pub(crate) enum What {
    /// Calls this function, which removes a directory of this crate.
    Owned(Box<dyn FnOnce() -> Outcome + Send>),
    /// Removes the entry of the open directory `above` that has the path's last name. That was
    /// `file`, but may be something else by now, or missing.
    Entry { above: File, file: File },
}

impl What {
    /// Removes what is at `path`. Succeeds if there is nothing.
    pub(crate) fn remove(self, path: &Path) -> Outcome {
        match self {
            Self::Owned(remove) => remove(),
            Self::Entry { above, file } => {
                // Closed first, because some filesystems keep a file unlinked while it is open.
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
    /// Carries out the removal and reports a failure.
    pub(crate) fn remove(self) {
        let Self {
            path,
            what,
            held,
            pending,
        } = self;
        // Nothing here should panic, but if something does, it must not affect the other
        // directories in the lane.
        let outcome = catch_unwind(AssertUnwindSafe(|| what.remove(&path)));
        let outcome = outcome.unwrap_or_else(|_| {
            let panicked = io::Error::other("the removal panicked");
            Outcome::from(Err(RemoveError::whole(&path, panicked)))
        });
        // No caller waits for the result, so a failure goes to the hook.
        drop(Verdict::new(outcome));
        drop(held);
        drop(pending);
    }
}
