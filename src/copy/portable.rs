//! Copying with only std, for Windows and other platforms that are not Unix.
//!
//! Entries are copied by path, so this engine relies on their parent directories not being replaced
//! meanwhile.

use std::fs::{self, DirEntry, File, FileType, ReadDir};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::CopySide::{Destination as To, Source};
use super::recorder::{Copied, Failure, OnSide, Recorder};
use crate::sys::{self, Identity};

/// A directory that is being copied.
struct Level {
    entries: ReadDir,
    /// Relative to the source.
    path: PathBuf,
    to: PathBuf,
}

/// Copies what is in the source to `to`, whose path the recorder has. Fails if it copies nothing; other
/// failures go to `recorder`.
pub(super) fn copy(
    to: File,
    identity: Option<&Identity>,
    recorder: &Arc<Recorder>,
) -> Result<(), Failure> {
    copy_all(begin(identity, recorder)?, recorder);
    // Kept open until now, so that it could not be replaced by a link.
    drop(to);
    Ok(())
}

fn begin(identity: Option<&Identity>, recorder: &Recorder) -> Result<Level, Failure> {
    let (source, to) = (&recorder.source, &recorder.destination);
    if let Some(identity) = identity {
        sys::check_same_dir(source, identity).on(Source)?;
    }
    super::check_source(source).on(Source)?;
    let resolved = fs::canonicalize(source).on(Source)?;
    let resolved_to = fs::canonicalize(to).on(To)?;
    if resolved.starts_with(&resolved_to) || resolved_to.starts_with(&resolved) {
        return Err(super::into_itself()).on(Source);
    }
    Ok(Level {
        entries: fs::read_dir(source).on(Source)?,
        path: PathBuf::new(),
        to: to.clone(),
    })
}

fn copy_all(root: Level, recorder: &Recorder) {
    let mut levels = vec![root];
    while let Some(level) = levels.last_mut() {
        if recorder.is_cancelled() {
            return;
        }
        let entry = match level.entries.next() {
            Some(Ok(entry)) => entry,
            Some(Err(error)) => {
                let path = level.path.clone();
                recorder.failed(|| path, failure(error));
                levels.pop();
                continue;
            }
            None => {
                levels.pop();
                continue;
            }
        };
        let path = level.path.join(entry.file_name());
        if !recorder.accepts(|| &path) {
            continue;
        }
        let to = level.to.join(entry.file_name());
        match copy_entry(&entry, &to, recorder) {
            Ok((mut copied, entries)) => {
                recorder.add(&mut copied);
                levels.extend(entries.map(|entries| Level { entries, path, to }));
            }
            Err(failure) => recorder.failed(|| path, failure),
        }
    }
}

fn failure(error: io::Error) -> Failure {
    Failure {
        side: Source,
        error,
    }
}

/// Copies one entry. Returns the entries of a directory, which are still to be copied.
fn copy_entry(
    entry: &DirEntry,
    to: &Path,
    recorder: &Recorder,
) -> Result<(Copied, Option<ReadDir>), Failure> {
    let kind = match entry.file_type() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok((Copied::default(), None)),
        kind => kind.on(Source)?,
    };
    let mut copied = Copied::default();
    let mut entries = None;
    if kind.is_symlink() {
        let target = fs::read_link(entry.path()).on(Source)?;
        replacing(to, || symlink(kind, &target, to)).on(To)?;
        copied.symlinks = 1;
    } else if kind.is_dir() {
        if is_link_of_other_kind(entry) {
            return Err(io::Error::new(
                ErrorKind::InvalidInput,
                "it is a reparse point, which is not entered",
            ))
            .on(Source);
        }
        entries = Some(fs::read_dir(entry.path()).on(Source)?);
        create_dir(to).on(To)?;
        copied.dirs = 1;
    } else if kind.is_file() {
        let path = entry.path();
        let is_link =
            recorder.options.hard_links && replacing(to, || fs::hard_link(&path, to)).is_ok();
        if is_link {
            copied.hard_links = 1;
        } else {
            make_room(to).on(To)?;
            // The system does not say which of the two failed.
            fs::copy(&path, to).on(Source)?;
            // Wine's `copy` returns 0.
            copied.bytes = fs::metadata(to).on(To)?.len();
        }
        copied.files = 1;
    } else {
        return Err(io::Error::new(
            ErrorKind::InvalidInput,
            "it is no regular file",
        ))
        .on(Source);
    }
    Ok((copied, entries))
}

/// Returns whether a directory leads elsewhere, as what drivers other than those of links make.
#[cfg(windows)]
fn is_link_of_other_kind(entry: &DirEntry) -> bool {
    use std::os::windows::fs::MetadataExt;

    entry
        .metadata()
        .is_ok_and(|metadata| sys::is_reparse_point(metadata.file_attributes().into()))
}

#[cfg(not(windows))]
fn is_link_of_other_kind(_entry: &DirEntry) -> bool {
    false
}

#[cfg(windows)]
fn symlink(kind: FileType, target: &Path, to: &Path) -> io::Result<()> {
    use std::os::windows::fs::{FileTypeExt, symlink_dir, symlink_file};

    match kind.is_symlink_dir() {
        true => symlink_dir(target, to),
        false => symlink_file(target, to),
    }
}

#[cfg(unix)]
fn symlink(_kind: FileType, target: &Path, to: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, to)
}

/// Creates a directory, unless it exists.
fn create_dir(to: &Path) -> io::Result<()> {
    match fs::create_dir(to) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            // A link to a directory counts as a link here.
            match fs::symlink_metadata(to)?.is_dir() {
                true => Ok(()),
                false => Err(super::no_directory_there()),
            }
        }
        done => done,
    }
}

/// Calls `create` again after making room if it finds something.
fn replacing(to: &Path, create: impl Fn() -> io::Result<()>) -> io::Result<()> {
    match create() {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            make_room(to)?;
            create()
        }
        done => done,
    }
}

/// Removes a file or link.
fn make_room(to: &Path) -> io::Result<()> {
    match fs::symlink_metadata(to) {
        Ok(metadata) if metadata.is_dir() => Err(ErrorKind::IsADirectory.into()),
        // Links to directories must be removed like directories.
        Ok(_) => fs::remove_file(to).or_else(|error| fs::remove_dir(to).map_err(|_| error)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}
