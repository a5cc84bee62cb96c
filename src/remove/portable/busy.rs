//! Removes an entry that another process may have open.

use std::io;
use std::path::Path;

use crate::remove::patience::{Patience, Pauses};
#[cfg(windows)]
use crate::sys;

/// Calls `remove` until it succeeds, for a bounded time while another process has the entry open.
/// Returns `false` if there is nothing (any more).
pub(super) fn remove(
    patience: &Patience,
    path: &Path,
    remove: impl Fn() -> io::Result<()>,
) -> io::Result<bool> {
    let mut cleared = false;
    let pauses = Pauses::default();
    loop {
        let error = match remove() {
            Ok(()) => {
                patience.take_back(&pauses);
                return Ok(true);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => error,
        };
        if error.kind() == io::ErrorKind::PermissionDenied && !cleared {
            cleared = true;
            clear_read_only(path);
        } else if !is_busy(&error) || !patience.pause(&pauses) {
            return Err(error);
        }
    }
}

#[cfg(windows)]
fn clear_read_only(path: &Path) {
    // If it fails, the removal reports that.
    let _ = sys::clear_read_only(path);
}

/// Elsewhere, the permissions of the parent directory decide whether an entry can be removed.
#[cfg(not(windows))]
fn clear_read_only(_path: &Path) {}

/// Returns whether the error may be temporary: `ERROR_ACCESS_DENIED` (also for a file whose removal
/// is pending), `ERROR_SHARING_VIOLATION`, `ERROR_LOCK_VIOLATION`, `ERROR_DIR_NOT_EMPTY`.
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
    use crate::remove::patience::MAX_TRIES;

    fn busy() -> io::Error {
        // `ERROR_SHARING_VIOLATION` and `EBUSY`.
        io::Error::from_raw_os_error(if cfg!(windows) { 32 } else { 16 })
    }

    #[test]
    fn a_busy_entry_is_tried_again_a_bounded_number_of_times() {
        let tries = Cell::new(0);
        let result = remove(&Patience::quick(), Path::new("busy"), || {
            tries.set(tries.get() + 1);
            Err(busy())
        });
        assert!(result.is_err());
        assert_eq!(tries.get(), MAX_TRIES);
    }

    #[test]
    fn an_entry_that_is_closed_in_time_is_removed() {
        let patience = Patience::quick();
        for _ in 0..1_000 {
            let first = Cell::new(true);
            let removed = remove(&patience, Path::new("busy"), || {
                if first.replace(false) {
                    Err(busy())
                } else {
                    Ok(())
                }
            });
            assert!(removed.unwrap());
        }
    }
}
