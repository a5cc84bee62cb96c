//! The options of a removal.

use std::collections::HashSet;
use std::ffi::{CStr, OsStr};
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use super::{Removed, SpanContext};
use crate::util::SpawnHelper;
use crate::util::progress::OnProgress;

/// The options of a removal.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) max_threads: Option<usize>,
    pub(crate) on_progress: Option<OnProgress<Removed>>,
    pub(crate) span: SpanContext,
    pub(crate) last: Option<Last>,
    /// If this is set, everything else in the directory is removed, and the directory stays.
    pub(crate) spared: Option<Arc<Spared>>,
    /// When the removal stops even if something is left: [`Outcome::stopped`]. Another removal can
    /// continue from there.
    pub(crate) until: Option<Instant>,
    /// Lets another thread call the given closure soon, late or never. `None` means no helpers.
    #[cfg_attr(
        not(unix),
        expect(dead_code, reason = "the portable engine works alone")
    )]
    pub(crate) spawn_helper: Option<SpawnHelper>,
}

/// Names of entries of the directory that stay.
#[derive(Debug, Default)]
pub(crate) struct Spared(HashSet<Vec<u8>>);

impl Spared {
    /// Returns whether the entry `name`, in the encoding of [`OsStr`], stays.
    pub(crate) fn contains(&self, name: &[u8]) -> bool {
        self.0.contains(name)
    }
}

impl<'n> FromIterator<&'n OsStr> for Spared {
    fn from_iter<I: IntoIterator<Item = &'n OsStr>>(names: I) -> Self {
        let names = names.into_iter();
        Self(names.map(|name| name.as_encoded_bytes().into()).collect())
    }
}

/// A file in the directory that is removed when nothing else is left, and stays if something does.
///
/// It tells other processes that the directory is in use.
pub(crate) struct Last {
    pub(crate) name: &'static CStr,
    /// Closes the file, if the filesystem removes neither it nor its directory while it is open.
    /// May be called any number of times.
    pub(crate) release: Box<dyn Fn() + Send + Sync>,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("max_threads", &self.max_threads)
            .field("on_progress", &self.on_progress.is_some())
            .finish_non_exhaustive()
    }
}
