//! How long is waited for others to let go of what is to be removed.

use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

#[cfg(windows)]
use {crate::sys, std::fs};

/// How often an entry that somebody else has open is tried: for about a third of a second. Virus
/// scanners and indexers let go within that.
const MAX_TRIES: u32 = 16;

/// How often one removal waits, whatever the number of entries that somebody has open: for about
/// three seconds.
const MAX_PAUSES: u32 = 160;

/// What is left of the time that one removal waits.
pub(super) struct Patience {
    pauses: u32,
    pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            pauses: MAX_PAUSES,
            pause: Duration::from_millis(20),
        }
    }
}

impl Patience {
    /// Calls `remove` until it succeeds, for a bounded time while somebody else has the entry open.
    /// False if there is nothing (any more).
    pub(super) fn remove(
        &mut self,
        path: &Path,
        remove: impl Fn() -> io::Result<()>,
    ) -> io::Result<bool> {
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
            } else if is_busy(&error) && tries < MAX_TRIES && self.pauses > 0 {
                tries += 1;
                self.pauses -= 1;
                thread::sleep(self.pause);
            } else {
                return Err(error);
            }
        }
    }
}

#[cfg(windows)]
fn clear_read_only(path: &Path) {
    use std::os::windows::fs::MetadataExt;

    // What a link leads to is somebody else's.
    if let Ok(metadata) = fs::symlink_metadata(path)
        && !sys::is_reparse_point(metadata.file_attributes().into())
    {
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// How often an entry is tried that stays busy.
    fn tries(patience: &mut Patience) -> u32 {
        let tries = Cell::new(0);
        let result = patience.remove(Path::new("busy"), || {
            tries.set(tries.get() + 1);
            // `ERROR_SHARING_VIOLATION` and `EBUSY`.
            let code = if cfg!(windows) { 32 } else { 16 };
            Err(io::Error::from_raw_os_error(code))
        });
        assert!(result.is_err());
        tries.get()
    }

    #[test]
    fn an_entry_has_its_bound_and_all_together_have_theirs() {
        let mut patience = Patience {
            pause: Duration::ZERO,
            ..Patience::default()
        };
        for _ in 0..MAX_PAUSES / (MAX_TRIES - 1) {
            assert_eq!(tries(&mut patience), MAX_TRIES);
        }
        assert_eq!(tries(&mut patience), 1 + MAX_PAUSES % (MAX_TRIES - 1));
        assert_eq!(tries(&mut patience), 1);
        assert_eq!(tries(&mut patience), 1);
    }
}
