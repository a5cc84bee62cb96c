//! How long is waited for others to let go of what is to be removed.

use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

#[cfg(windows)]
use crate::sys;

/// How often an entry that somebody else has open is tried: for about a third of a second. Virus
/// scanners and indexers let go within that.
const MAX_TRIES: u32 = 16;

/// How often one removal waits for entries that are then still open, whatever their number: for
/// about three seconds.
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
                // What was let go of in time was worth its pauses.
                Ok(()) => {
                    self.pauses += tries - 1;
                    return Ok(true);
                }
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
    // If it fails, the removal says so.
    let _ = sys::clear_read_only(path);
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

    fn quick() -> Patience {
        Patience {
            pause: Duration::ZERO,
            ..Patience::default()
        }
    }

    fn busy() -> io::Error {
        // `ERROR_SHARING_VIOLATION` and `EBUSY`.
        io::Error::from_raw_os_error(if cfg!(windows) { 32 } else { 16 })
    }

    /// How often an entry is tried that stays busy.
    fn tries(patience: &mut Patience) -> u32 {
        let tries = Cell::new(0);
        let result = patience.remove(Path::new("busy"), || {
            tries.set(tries.get() + 1);
            Err(busy())
        });
        assert!(result.is_err());
        tries.get()
    }

    #[test]
    fn what_is_let_go_of_costs_the_others_nothing() {
        let mut patience = quick();
        for _ in 0..1_000 {
            let first = Cell::new(true);
            let removed = patience.remove(Path::new("busy"), || {
                if first.replace(false) {
                    Err(busy())
                } else {
                    Ok(())
                }
            });
            assert!(removed.unwrap());
        }
    }

    #[test]
    fn an_entry_has_its_bound_and_all_together_have_theirs() {
        let mut patience = quick();
        for _ in 0..MAX_PAUSES / (MAX_TRIES - 1) {
            assert_eq!(tries(&mut patience), MAX_TRIES);
        }
        assert_eq!(tries(&mut patience), 1 + MAX_PAUSES % (MAX_TRIES - 1));
        assert_eq!(tries(&mut patience), 1);
        assert_eq!(tries(&mut patience), 1);
    }
}
