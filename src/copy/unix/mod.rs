//! Copying on Unix: relative to open directories.
//!
//! A [walk](crate::walk) reads the source. The [copier](copier) creates what that finds in
//! [directories of the copy](destination), and copies the [contents](contents) of files.

mod contents;
mod copier;
mod destination;
mod kind;
mod methods;

use std::fs::File;
use std::sync::Arc;

use rustix::fd::{AsFd, BorrowedFd};
use rustix::fs::{AtFlags, Mode, OFlags, Stat};
use rustix::io::{Errno, retry_on_intr};

use super::CopySide::{Destination as To, Source};
use super::recorder::{Failure, OnSide, Recorder};
use super::{into_itself, no_directory};
use crate::sys::{self, Identity};
use crate::walk;
use crate::walk::file::raw;
use crate::walk::threads::Threads;
use copier::Copier;
use destination::Destination;

/// The number of entries after which a helper is requested, if there is more to do.
const WORTHWHILE: usize = 16;

/// Copies what is in the source to `to`. Fails if it copies nothing; other failures go to `recorder`.
pub(super) fn copy(
    to: File,
    identity: Option<&Identity>,
    recorder: &Arc<Recorder>,
) -> Result<(), Failure> {
    const FLAGS: OFlags = OFlags::RDONLY
        .union(OFlags::DIRECTORY)
        .union(OFlags::CLOEXEC);

    let open = || rustix::fs::open(&recorder.source, FLAGS, Mode::empty());
    let source = match retry_on_intr(open) {
        Ok(source) => File::from(source),
        Err(Errno::NOTDIR) => return Err(no_directory()).on(Source),
        Err(error) => return Err(error).on(Source),
    };
    if let Some(identity) = identity
        && Identity::of_open(&source).on(Source)? != *identity
    {
        return Err(sys::replaced()).on(Source);
    }
    let of_source = rustix::fs::fstat(&source).on(Source)?;
    let of_root = rustix::fs::fstat(&to).on(To)?;
    if is_within(source.as_fd(), &of_root) || is_within(to.as_fd(), &of_source) {
        return Err(into_itself()).on(Source);
    }
    let options = &recorder.options;
    let threads = Threads {
        max: options.max_threads,
        spawn_helper: options.spawn_helper.clone(),
    };
    let root = match options.with_mode {
        true => Destination::with_mode(&to, raw(of_source.st_mode)).on(To)?,
        false => Destination::existing(to),
    };
    let copier = Copier::new(Arc::clone(recorder), of_root);
    walk::tree(source, root, Arc::new(copier), threads, WORTHWHILE);
    Ok(())
}

/// Returns whether `dir` is the directory with this `stat`, or is inside it.
fn is_within(dir: BorrowedFd<'_>, stat: &Stat) -> bool {
    let mut path = String::from(".");
    let mut last = None;
    // By path, because the directories above may not be readable. An error ends it: where nothing can
    // be searched, nothing is copied either.
    while let Ok(found) = rustix::fs::statat(dir, &*path, AtFlags::empty()) {
        let found = (found.st_dev, found.st_ino);
        if found == (stat.st_dev, stat.st_ino) {
            return true;
        }
        if last.replace(found) == Some(found) {
            return false;
        }
        path.push_str("/..");
    }
    false
}
