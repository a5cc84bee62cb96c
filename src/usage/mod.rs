//! Counts what is in a tree: the engine behind `usage`. Knows neither Tokio nor handles.

#[cfg(any(not(unix), test))]
mod portable;
#[cfg(test)]
mod tests;
#[cfg(unix)]
mod unix;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use cap_std::fs::Dir;

use crate::util::SpawnHelper;
use crate::util::first_failure::Failure;

#[cfg(not(unix))]
use portable as engine;
#[cfg(unix)]
use unix as engine;

/// The numbers that [`AsyncTempDir::usage`](crate::AsyncTempDir::usage) returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Usage {
    /// Everything other than directories: files, symlinks, sockets, pipes, devices. Each name of a
    /// file with several hard links counts.
    pub files: u64,
    /// Directories, including the one that was asked for.
    pub dirs: u64,
    /// The number of bytes in files, holes included, and in the targets of symlinks. A file with
    /// several hard links counts once; directories do not count.
    ///
    /// This is what `du -sb` prints from coreutils 9.2 on; before, `du` added the lengths of
    /// directories, which mean something else on every filesystem.
    pub len: u64,
    /// The number of bytes that are allocated on the disk, for directories as well. A file with several
    /// hard links counts once.
    ///
    /// This is what `du -sxB1` prints. On platforms other than Unix, it is the same as `len`.
    pub allocated: u64,
}

impl Usage {
    fn add(&mut self, other: Self) {
        self.files = self.files.saturating_add(other.files);
        self.dirs = self.dirs.saturating_add(other.dirs);
        self.len = self.len.saturating_add(other.len);
        self.allocated = self.allocated.saturating_add(other.allocated);
    }
}

/// Counts what is in `dir`, until `is_cancelled`, blocking the thread.
pub(crate) fn tree(
    dir: &Dir,
    is_cancelled: Arc<AtomicBool>,
    spawn_helper: SpawnHelper,
) -> Result<Usage, Failure> {
    engine::tree(dir, is_cancelled, spawn_helper)
}
