//! Names under which a filesystem keeps a file that was unlinked while open.
//!
//! NFS clients keep it as `.nfs…`, FUSE filesystems as `.fuse_hidden…`, in the same directory, until
//! it is closed. Until then the directory cannot be removed.

use std::ffi::{CStr, CString};
use std::io;

use crate::remove::patience::Pauses;
use crate::util::sync::Mutex;

const NFS: &[u8] = b".nfs";
const FUSE: &[u8] = b".fuse_hidden";

/// The maximum number of such names remembered for a directory. Others are processed when these are
/// gone.
const MAX_NAMES: usize = 1024;

/// Returns whether `name` is such a name. It contains a number of at least two times four bytes.
pub(super) fn is_still_open_name(name: &CStr) -> bool {
    let name = name.to_bytes();
    // Almost all names end here.
    if name.first() != Some(&b'.') {
        return false;
    }
    let number = name.strip_prefix(NFS).or_else(|| name.strip_prefix(FUSE));
    number.is_some_and(|digits| digits.len() >= 16 && digits.iter().all(u8::is_ascii_hexdigit))
}

/// Returns whether unlinking such a name may only rename it.
pub(super) fn may_only_be_renamed(name: &CStr) -> bool {
    name.to_bytes().starts_with(FUSE)
}

/// Returns the error for such a name that remains.
pub(super) fn still_open() -> io::Error {
    io::Error::new(
        io::ErrorKind::ResourceBusy,
        "still open; the filesystem keeps it until it is closed",
    )
}

/// The names of this kind in one directory.
#[derive(Debug, Default)]
pub(super) struct StillOpen {
    names: Mutex<Vec<CString>>,
    pub(super) pauses: Pauses,
}

impl StillOpen {
    pub(super) fn is_empty(&self) -> bool {
        self.names.lock().is_empty()
    }

    pub(super) fn add(&self, name: &CStr) {
        let mut names = self.names.lock();
        if names.len() < MAX_NAMES {
            names.push(name.to_owned());
        }
    }

    /// Takes the names read since the last call.
    pub(super) fn take(&self) -> Vec<CString> {
        std::mem::take(&mut *self.names.lock())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_a_system_makes_are_known() {
        for name in [
            c".fuse_hidden0000000300000001",
            c".nfs000000000133d2a300000001",
            c".nfs0000000300000001",
        ] {
            assert!(is_still_open_name(name), "{name:?}");
        }
        for name in [
            c".",
            c".nfs",
            c".nfsrc",
            c".nfs-notes-of-0123456789",
            c"nfs000000000133d2a300000001",
            c".fuse_hidden",
            c".fuse_hidden_by_the_user_for_now",
        ] {
            assert!(!is_still_open_name(name), "{name:?}");
        }
    }
}
