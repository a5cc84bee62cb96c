//! Reads a file into memory, within the limit for the whole tree.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Tree;

/// The maximum number of bytes that one call reads, so that a cancelled reading ends soon.
const STEP: u64 = 16 * 1024 * 1024;

/// The number of bytes that the first call reads of a file of unknown length.
const MIN_STEP: u64 = 64;

/// The number of bytes of contents and paths that may still be read.
pub(super) struct Budget(AtomicU64);

impl Budget {
    pub(super) fn new(len: u64) -> Self {
        Self(AtomicU64::new(len))
    }

    pub(super) fn take(&self, len: u64) -> io::Result<()> {
        let relaxed = Ordering::Relaxed;
        let taken = self
            .0
            .fetch_update(relaxed, relaxed, |left| left.checked_sub(len));
        match taken {
            Ok(_) => Ok(()),
            Err(_) => Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!(
                    "a tree is held in memory, and with this, its files and paths exceed {} bytes",
                    Tree::MAX_LEN
                ),
            )),
        }
    }
}

/// Reads an open file of `len` bytes, or fewer if there are no more. `read` reads up to the
/// capacity of the vector, and returns 0 at the end.
pub(super) fn read(
    len: u64,
    budget: &Budget,
    is_cancelled: impl Fn() -> bool,
    mut read: impl FnMut(&mut Vec<u8>) -> io::Result<usize>,
) -> io::Result<Vec<u8>> {
    let mut contents = Vec::new();
    // Some filesystems report no length; a file then ends where reading ends.
    let is_known = len > 0;
    let mut left = if is_known { len } else { u64::MAX };
    if is_known {
        budget.take(len)?;
    }
    while left > 0 && !is_cancelled() {
        let room = match is_known {
            true => left.min(STEP),
            false => (contents.len() as u64).clamp(MIN_STEP, STEP),
        };
        contents.try_reserve_exact(room as usize)?;
        let read = read(&mut contents)? as u64;
        if read == 0 {
            break;
        }
        if !is_known {
            budget.take(read)?;
        }
        left = left.saturating_sub(read);
    }
    if is_known {
        // `try_reserve_exact` may have reserved more.
        contents.truncate(len as usize);
    }
    contents.shrink_to_fit();
    Ok(contents)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads from `file`, which says that it is `len` bytes long, at most `most` bytes at once.
    /// Returns the number of calls, too.
    fn read_from(file: &[u8], len: u64, budget: u64, most: usize) -> (io::Result<Vec<u8>>, u32) {
        let (mut rest, mut calls) = (file, 0);
        let budget = Budget::new(budget);
        let read = read(
            len,
            &budget,
            || false,
            |contents: &mut Vec<u8>| {
                calls += 1;
                let room = contents.capacity() - contents.len();
                let (now, later) = rest.split_at(rest.len().min(room).min(most));
                contents.extend_from_slice(now);
                rest = later;
                Ok(now.len())
            },
        );
        (read, calls)
    }

    #[test]
    fn a_file_that_does_not_change_takes_one_call() {
        for len in [1, 63, 64, 65, 5_000, 1 << 20] {
            let file = vec![b'x'; len];
            let (read, calls) = read_from(&file, len as u64, u64::MAX, usize::MAX);
            assert!(read.unwrap() == file, "{len}");
            assert_eq!(calls, 1, "{len}");
        }
        let (read, calls) = read_from(b"", 0, 0, usize::MAX);
        assert_eq!((read.unwrap().as_slice(), calls), (&b""[..], 1));
    }

    #[test]
    fn a_file_ends_where_it_ended_when_it_was_opened_or_ends_now() {
        let file = [b'x'; 1_000];
        for (len, expected) in [(10, 10), (999, 999), (1_001, 1_000), (1 << 20, 1_000)] {
            for most in [1, 7, usize::MAX] {
                let (read, _) = read_from(&file, len, u64::MAX, most);
                assert_eq!(read.unwrap().len(), expected, "{len}, {most} at once");
            }
        }
    }

    #[test]
    fn a_file_without_a_length_is_read_to_its_end() {
        for len in [1, 64, 65, 100_000] {
            let file = vec![b'x'; len];
            for most in [50, usize::MAX] {
                let (read, _) = read_from(&file, 0, u64::MAX, most);
                assert!(read.unwrap() == file, "{len}, {most} at once");
            }
        }
    }

    #[test]
    fn what_exceeds_the_budget_is_an_error() {
        let file = [b'x'; 1_000];
        for len in [0, 1_000] {
            assert!(read_from(&file, len, 1_000, 100).0.is_ok(), "{len}");
            let error = read_from(&file, len, 999, 100).0.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::FileTooLarge, "{len}");
        }
    }

    #[test]
    fn what_is_cancelled_is_not_read() {
        let read = read(10, &Budget::new(10), || true, |_| panic!("it reads"));
        assert_eq!(read.unwrap(), b"");
    }
}
