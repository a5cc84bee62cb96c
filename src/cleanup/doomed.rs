//! A directory on its way to be removed.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;

use super::{Pending, Verdict};
use crate::remove::{self, Options, Outcome, RemoveError};
use crate::sys::Identity;

/// What has to be known to remove a directory that nobody has a handle of.
pub(crate) struct Doomed {
    pub(crate) path: PathBuf,
    /// Which directory it has to be.
    pub(crate) identity: Identity,
    /// Released when the removal has ended.
    pub(crate) held: Arc<dyn Any + Send + Sync>,
    // Last, so that what `held` hands over in its turn is counted before this no longer is.
    pub(crate) pending: Pending,
}

impl fmt::Debug for Doomed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Doomed")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Doomed {
    /// Removes the directory and reports what remains of it.
    pub(crate) fn remove(self) {
        // Nothing in there should panic; if something does, the lane's other directories must
        // not suffer from it.
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            remove::tree(&self.path, Some(&self.identity), &Options::default())
        }));
        let outcome = outcome.unwrap_or_else(|_| {
            let panicked = std::io::Error::other("the removal panicked");
            Outcome::from(Err(RemoveError::whole(&self.path, panicked)))
        });
        // Nobody waits for it: a failure goes to the hook.
        drop(Verdict::new(outcome));
        let Self { held, pending, .. } = self;
        drop(held);
        drop(pending);
    }
}
