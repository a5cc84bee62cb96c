//! Opens what is to be written to the disk.

use std::fs::File;
use std::io;
use std::path::Path;

/// Opens the file `path` without waiting for a peer, should it be a FIFO by now.
#[cfg(any(test, not(any(target_os = "linux", target_os = "android"))))]
pub(crate) fn open_to_sync(path: &Path) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags};

    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | super::regular::AT_ONCE;
    Ok(rustix::fs::open(path, flags, Mode::empty())?.into())
}

pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
