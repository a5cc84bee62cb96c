//! Removal with nothing but std, for Windows and whatever else is not Unix.
//!
//! A link, or any other reparse point, is removed as such and never followed. Entries are named by
//! path, so this engine trusts the directories above them not to be exchanged meanwhile.

use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::log::{Log, Tally};
use crate::sys::{self, Identity};

/// How often an entry that somebody else has open is tried, `PAUSE` apart: about a third of a
/// second in all. Virus scanners and indexers let go within that.
const MAX_TRIES: u32 = 16;
const PAUSE: Duration = Duration::from_millis(20);

/// A directory and what is still to remove in it.
struct Level {
    path: PathBuf,
    entries: Vec<DirEntry>,
    failures_before: u64,
}

/// Removes the directory `path`. Failures go to `log`.
pub(super) fn remove(path: &Path, identity: Option<&Identity>, log: &Arc<Log>) {
    if let Some(identity) = identity {
        match sys::check_same_dir(path, identity) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(error) => return log.failed(|| path.to_path_buf(), error),
        }
    }
    let mut tally = Tally::new(log);
    // What is to go when nothing else is left.
    let last = log.options().last.and_then(|name| name.to_str().ok());
    let mut levels = Vec::from_iter(read(path.to_path_buf(), log));
    if let (Some(last), Some(root)) = (last, levels.first_mut()) {
        root.entries.retain(|entry| entry.file_name() != last);
    }
    while let Some(level) = levels.last_mut() {
        match level.entries.pop() {
            Some(entry) => {
                let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
                if is_dir {
                    levels.extend(read(entry.path(), log));
                } else {
                    remove_other(&entry.path(), log, &mut tally);
                }
            }
            None => {
                let level = levels.pop().expect("it was the last");
                if let Some(last) = last
                    && levels.is_empty()
                    && log.failures() == level.failures_before
                {
                    remove_other(&level.path.join(last), log, &mut tally);
                }
                leave(&level, log, &mut tally);
            }
        }
    }
}

/// Removes what is at `path`, whatever it is. That nothing is there is a failure.
#[cfg(not(unix))]
pub(super) fn remove_entry(above: fs::File, path: &Path, log: &Arc<Log>) {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => remove(path, None, log),
        Ok(_) => remove_other(path, log, &mut Tally::new(log)),
        Err(error) => log.failed(|| path.to_path_buf(), error),
    }
    // Open until now, so that it could not be exchanged for a link.
    drop(above);
}

fn read(path: PathBuf, log: &Log) -> Option<Level> {
    let failures_before = log.failures();
    match fs::read_dir(&path).and_then(Iterator::collect) {
        Ok(entries) => Some(Level {
            path,
            entries,
            failures_before,
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            log.failed(|| path, error);
            None
        }
    }
}

/// A file, or a link of either kind.
fn remove_other(path: &Path, log: &Log, tally: &mut Tally<'_>) {
    match patiently(path, || {
        // Links to directories are directories of a kind, and go as such.
        fs::remove_file(path).or_else(|error| match fs::remove_dir(path) {
            Ok(()) => Ok(()),
            Err(_) => Err(error),
        })
    }) {
        Ok(true) => tally.file(),
        Ok(false) => {}
        Err(error) => log.failed(|| path.to_path_buf(), error),
    }
}

fn leave(level: &Level, log: &Log, tally: &mut Tally<'_>) {
    if log.failures() > level.failures_before {
        // It cannot be empty, and what is in it has been recorded.
        return;
    }
    match patiently(&level.path, || fs::remove_dir(&level.path)) {
        Ok(true) => tally.dir(),
        Ok(false) => {}
        Err(error) => log.failed(|| level.path.clone(), error),
    }
}

/// Calls `remove` until it succeeds, for a bounded time while somebody else has the entry open.
/// False if there is nothing (any more).
fn patiently(path: &Path, remove: impl Fn() -> io::Result<()>) -> io::Result<bool> {
    let mut cleared = false;
    let mut tries = 1;
    loop {
        let error = match remove() {
            Ok(()) => return Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => error,
        };
        if error.kind() == io::ErrorKind::PermissionDenied && !cleared {
            cleared = true;
            clear_read_only(path);
        } else if is_busy(&error) && tries < MAX_TRIES {
            tries += 1;
            thread::sleep(PAUSE);
        } else {
            return Err(error);
        }
    }
}

#[cfg(windows)]
fn clear_read_only(path: &Path) {
    if let Ok(metadata) = fs::symlink_metadata(path) {
        let mut permissions = metadata.permissions();
        #[expect(
            clippy::permissions_set_readonly_false,
            reason = "on Windows it is one attribute and opens nothing to the world"
        )]
        permissions.set_readonly(false);
        // If it fails, the removal says so.
        let _ = fs::set_permissions(path, permissions);
    }
}

/// Elsewhere the right to remove an entry is a matter of the directory it is in.
#[cfg(not(windows))]
fn clear_read_only(_path: &Path) {}

/// Whether the error may go away by itself: `ERROR_ACCESS_DENIED` (also said of a file that is
/// about to vanish), `ERROR_SHARING_VIOLATION`, `ERROR_LOCK_VIOLATION`, `ERROR_DIR_NOT_EMPTY`.
#[cfg(windows)]
fn is_busy(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(5 | 32 | 33 | 145))
}

#[cfg(not(windows))]
fn is_busy(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ResourceBusy | io::ErrorKind::DirectoryNotEmpty
    )
}
