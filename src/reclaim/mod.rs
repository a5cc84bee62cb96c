//! Roots on disk: their names and locks, those that the processes of a run share, and dead ones.
//!
//! Knows neither Tokio nor handles, and blocks.

mod candidate;
mod create;
mod end;
mod index;
mod link;
mod name;
mod reclaimed;
mod root_lock;
mod run;
mod search;

pub(crate) use create::create_root;
pub(crate) use name::{MAX_APP, check_app};
pub(crate) use root_lock::{RootLock, Run};
pub(crate) use run::new_id;
pub(crate) use search::Search;

pub use reclaimed::Reclaimed;

use std::ffi::CStr;
use std::path::{Path, PathBuf};

/// The name of the lock file in a root. It is unlike any other file's name, because it is part of
/// the proof that a directory is a root.
const LOCK: &CStr = c".async-tempdir.lock";

/// Returns the path of the lock file in the root at `path`.
fn lock_in(path: &Path) -> PathBuf {
    path.join(LOCK.to_str().expect("it is ASCII"))
}
