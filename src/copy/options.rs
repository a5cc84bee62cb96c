//! The options of a copy.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::Copied;
use crate::util::SpawnHelper;
use crate::util::progress::OnProgress;

/// See [`Options::filter`].
pub(crate) type Filter = Box<dyn Fn(&Path) -> bool + Send + Sync>;

/// The options of a copy.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) max_threads: Option<usize>,
    pub(crate) on_progress: Option<OnProgress<Copied>>,
    /// Decides by its path, relative to the source, whether an entry is copied.
    pub(crate) filter: Option<Filter>,
    /// Makes hard links to the source's files where that is possible.
    pub(crate) hard_links: bool,
    /// Gives the destination itself the mode of the source in the end.
    #[cfg_attr(not(unix), expect(dead_code, reason = "there are no modes"))]
    pub(crate) with_mode: bool,
    /// Set when the copying is to stop soon.
    pub(crate) is_cancelled: Arc<AtomicBool>,
    /// `None` means no helpers.
    #[cfg_attr(
        not(unix),
        expect(dead_code, reason = "the portable engine works alone")
    )]
    pub(crate) spawn_helper: Option<SpawnHelper>,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("filter", &self.filter.is_some())
            .field("hard_links", &self.hard_links)
            .field("max_threads", &self.max_threads)
            .field("on_progress", &self.on_progress.is_some())
            .finish_non_exhaustive()
    }
}
