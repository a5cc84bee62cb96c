//! Removal on Unix: relative to open directories, with a bounded number of them open.
//!
//! One thread, or [several](threads) when that pays, process a [list](crate::walk::list) of work: directories to
//! [read](crate::walk::entries) and batches of names to remove. A [remover](remover) processes one piece. Each directory is
//! a [`node`] that counts what in it is unfinished; the thread that finishes the last of that
//! removes the directory.

mod node;
mod open;
mod remover;
mod rereads;
mod still_open;
mod threads;
mod walk;

use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};

use super::recorder::Recorder;
use crate::sys::{self, Identity};
use crate::walk::descriptors::DescriptorWait;
use crate::walk::open::Opened;
use node::Node;

/// Removes the directory `path`. Failures go to `recorder`.
pub(super) fn remove(path: &Path, identity: Option<&Identity>, recorder: &Arc<Recorder>) {
    let Some(name) = path.file_name() else {
        return recorder.failed(|| path.to_path_buf(), Errno::INVAL);
    };
    // A directory of this crate is usually empty; then two system calls are enough.
    if let Some(identity) = identity {
        match sys::check_same_dir(path, identity) {
            Ok(()) => match rustix::fs::unlinkat(rustix::fs::CWD, path, AtFlags::REMOVEDIR) {
                Ok(()) => return recorder.dir(),
                Err(Errno::NOENT) => return,
                // Not empty, or another error, which is found and reported below.
                Err(_) => {}
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(error) => return recorder.failed(|| path.to_path_buf(), error),
        }
    }

    // A relative path with one component has the empty path as its parent.
    let above = match path.parent() {
        Some(above) if !above.as_os_str().is_empty() => above,
        _ => Path::new("."),
    };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let flags = flags.union(OFlags::PATH);
    let open_above = || rustix::fs::open(above, flags, Mode::empty());
    let above = match DescriptorWait::default().wait(|| Ok(retry_on_intr(open_above)?)) {
        Ok(above) => above,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return,
        Err(error) => return recorder.failed(|| path.to_path_buf(), error),
    };

    empty(above, name, path, identity, recorder);
}

/// Removes the entry of `above` with the last name of `path`, whatever it is.
///
/// Fails if there is nothing.
pub(super) fn remove_entry(above: File, path: &Path, recorder: &Arc<Recorder>) {
    let Some(name) = path.file_name() else {
        return recorder.failed(|| path.to_path_buf(), Errno::INVAL);
    };
    let unlink = || rustix::fs::unlinkat(&above, name, AtFlags::empty());
    let error = match retry_on_intr(unlink) {
        Ok(()) => return recorder.file(),
        // The errors for a directory, which differ between systems and have other causes, too.
        Err(error @ (Errno::ISDIR | Errno::PERM | Errno::ACCESS)) => error,
        Err(error) => return recorder.failed(|| path.to_path_buf(), error),
    };
    let stat = rustix::fs::statat(&above, name, AtFlags::SYMLINK_NOFOLLOW);
    if !stat.is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory) {
        return recorder.failed(|| path.to_path_buf(), error);
    }
    match rustix::fs::unlinkat(&above, name, AtFlags::REMOVEDIR) {
        Ok(()) => recorder.dir(),
        Err(_) => empty(above.into(), name, path, None, recorder),
    }
}

/// Removes the directory `name` in `above` with everything in it.
fn empty(
    above: OwnedFd,
    name: &OsStr,
    path: &Path,
    identity: Option<&Identity>,
    recorder: &Arc<Recorder>,
) {
    let root = match DescriptorWait::default().wait(|| open::dir(&above, name)) {
        Ok(Opened::Dir(root)) => File::from(root),
        Ok(Opened::Gone) => return,
        Ok(Opened::NoDirectory) => return recorder.failed(|| path.to_path_buf(), sys::replaced()),
        Err(error) => {
            // An unreadable directory can still be removed if it is empty.
            let remove = || rustix::fs::unlinkat(&above, name, AtFlags::REMOVEDIR);
            return match identity.is_none().then(remove) {
                Some(Ok(())) => recorder.dir(),
                Some(Err(Errno::NOENT)) => {}
                _ => recorder.failed(|| path.to_path_buf(), error),
            };
        }
    };
    if let Some(identity) = identity {
        match Identity::of_open(&root) {
            Ok(found) if found == *identity => {}
            Ok(_) => return recorder.failed(|| path.to_path_buf(), sys::replaced()),
            Err(error) => return recorder.failed(|| path.to_path_buf(), error),
        }
    }
    let Ok(name) = CString::new(name.as_bytes()) else {
        return recorder.failed(|| path.to_path_buf(), Errno::INVAL);
    };
    let root = Node::new(None, name, root.into());
    threads::remove(above, root, Arc::clone(recorder));
}
