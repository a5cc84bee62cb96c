//! Removal with only std, for Windows and other platforms that are not Unix.
//!
//! A link, or any other reparse point, is removed as such and never followed. Entries are removed
//! by path, so this engine relies on their parent directories not being replaced meanwhile.

use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::patience::Patience;
use super::recorder::Recorder;
use crate::sys::{self, Identity};

mod busy;

/// A directory and the entries in it still to be removed.
struct Level {
    path: PathBuf,
    entries: Vec<DirEntry>,
    failures_before: u64,
}

/// Removes the directory `path`. Failures go to `recorder`.
pub(super) fn remove(path: &Path, identity: Option<&Identity>, recorder: &Arc<Recorder>) {
    if let Some(identity) = identity {
        match sys::check_same_dir(path, identity) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(error) => return recorder.failed(|| path.to_path_buf(), error),
        }
    }
    let patience = Patience::default();
    let last = recorder.options().last.as_ref();
    let last_name = last.and_then(|last| last.name.to_str().ok());
    let spared = recorder.options().spared.as_deref();
    let mut levels = Vec::from_iter(read(path.to_path_buf(), recorder));
    if let Some(root) = levels.first_mut() {
        root.entries.retain(|entry| {
            let name = entry.file_name();
            let is_spared = spared.is_some_and(|spared| spared.contains(name.as_encoded_bytes()));
            last_name.is_none_or(|last| name != last) && !is_spared
        });
    }
    while let Some(level) = levels.last_mut() {
        if recorder.is_stopped() {
            return;
        }
        match level.entries.pop() {
            Some(entry) => {
                if holds_entries(&entry) {
                    levels.extend(read(entry.path(), recorder));
                } else {
                    remove_other(&entry.path(), recorder, &patience);
                }
            }
            None => {
                let level = levels.pop().expect("it was the last");
                if levels.is_empty() && spared.is_some() {
                    return;
                }
                if let (Some(last), Some(name)) = (last, last_name)
                    && levels.is_empty()
                    && recorder.failures() == level.failures_before
                {
                    remove_other(&level.path.join(name), recorder, &patience);
                    (last.release)();
                }
                leave(&level, recorder, &patience);
            }
        }
    }
}

/// Removes what is at `path`, whatever it is. Fails if there is nothing.
#[cfg(not(unix))]
pub(super) fn remove_entry(above: fs::File, path: &Path, recorder: &Arc<Recorder>) {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => remove(path, None, recorder),
        Ok(_) => remove_other(path, recorder, &Patience::default()),
        Err(error) => recorder.failed(|| path.to_path_buf(), error),
    }
    // Kept open until now, so that it could not be replaced by a link.
    drop(above);
}

/// Returns whether the entry is a directory with entries of its own. A directory that leads
/// elsewhere has none, whatever kind of reparse point it is; std knows two kinds as links.
#[cfg(windows)]
fn holds_entries(entry: &DirEntry) -> bool {
    use std::os::windows::fs::MetadataExt;

    // Known from the listing, without a system call.
    entry.metadata().is_ok_and(|metadata| {
        metadata.is_dir() && !sys::is_reparse_point(metadata.file_attributes().into())
    })
}

#[cfg(not(windows))]
fn holds_entries(entry: &DirEntry) -> bool {
    entry.file_type().is_ok_and(|kind| kind.is_dir())
}

fn read(path: PathBuf, recorder: &Recorder) -> Option<Level> {
    let failures_before = recorder.failures();
    match fs::read_dir(&path).and_then(Iterator::collect) {
        Ok(entries) => Some(Level {
            path,
            entries,
            failures_before,
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            recorder.failed(|| path, error);
            None
        }
    }
}

/// Removes a file, or a link of either kind.
fn remove_other(path: &Path, recorder: &Recorder, patience: &Patience) {
    match busy::remove(patience, path, || {
        // Links to directories must be removed like directories.
        fs::remove_file(path).or_else(|error| match fs::remove_dir(path) {
            Ok(()) => Ok(()),
            Err(_) => Err(error),
        })
    }) {
        Ok(true) => recorder.file(),
        Ok(false) => {}
        Err(error) => recorder.failed(|| path.to_path_buf(), error),
    }
}

fn leave(level: &Level, recorder: &Recorder, patience: &Patience) {
    if recorder.failures() > level.failures_before {
        // It cannot be empty, and the failures in it have been recorded.
        return;
    }
    match busy::remove(patience, &level.path, || fs::remove_dir(&level.path)) {
        Ok(true) => recorder.dir(),
        Ok(false) => {}
        Err(error) => recorder.failed(|| level.path.clone(), error),
    }
}
