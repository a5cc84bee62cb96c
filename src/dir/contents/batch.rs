//! Chunks on their way from a stream to the disk.

use std::io;
use std::mem;

/// The number of bytes that make a batch full.
///
/// Large enough that dispatching it to the blocking pool costs little compared with writing it, and
/// small enough to stay in a processor's cache.
const FULL: usize = 512 * 1024;

/// The size in bytes from which a chunk is written directly instead of copied to a buffer.
const LARGE: usize = 64 * 1024;

/// The number of large chunks that make a batch full, regardless of their size.
const MAX_LARGE: usize = 4;

/// Chunks to be written by one closure on the blocking pool.
#[derive(Debug)]
pub(super) struct Batch<B> {
    pieces: Vec<Piece<B>>,
    bytes: usize,
    large: usize,
    /// A written buffer, reused for the next small chunks.
    spare: Vec<u8>,
}

#[derive(Debug)]
enum Piece<B> {
    /// Concatenated small chunks.
    Gathered(Vec<u8>),
    Large(B),
}

impl<B> Batch<B> {
    pub(super) const fn new() -> Self {
        Self {
            pieces: Vec::new(),
            bytes: 0,
            large: 0,
            spare: Vec::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes >= FULL || self.large >= MAX_LARGE
    }
}

impl<B: AsRef<[u8]>> Batch<B> {
    pub(super) fn push(&mut self, chunk: B) {
        let bytes = chunk.as_ref();
        self.bytes += bytes.len();
        if bytes.len() >= LARGE {
            self.large += 1;
            self.pieces.push(Piece::Large(chunk));
        } else if let Some(Piece::Gathered(buffer)) = self.pieces.last_mut() {
            buffer.extend_from_slice(bytes);
        } else if !bytes.is_empty() {
            let mut buffer = mem::take(&mut self.spare);
            buffer.extend_from_slice(bytes);
            self.pieces.push(Piece::Gathered(buffer));
        }
    }

    /// Passes each piece to `write`, and empties the batch.
    pub(super) fn drain(
        &mut self,
        mut write: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        self.bytes = 0;
        self.large = 0;
        for piece in self.pieces.drain(..) {
            match piece {
                Piece::Large(chunk) => write(chunk.as_ref())?,
                Piece::Gathered(mut buffer) => {
                    write(&buffer)?;
                    buffer.clear();
                    if buffer.capacity() > self.spare.capacity() {
                        self.spare = buffer;
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(batch: &mut Batch<Vec<u8>>) -> Vec<Vec<u8>> {
        let mut pieces = Vec::new();
        batch
            .drain(|bytes| {
                pieces.push(bytes.to_vec());
                Ok(())
            })
            .unwrap();
        assert!(batch.is_empty() && !batch.is_full());
        pieces
    }

    #[test]
    fn small_chunks_are_gathered_and_large_ones_are_not() {
        let mut batch = Batch::new();
        let large = vec![b'l'; LARGE];
        for chunk in [
            b"a".to_vec(),
            vec![],
            b"b".to_vec(),
            large.clone(),
            b"c".to_vec(),
        ] {
            batch.push(chunk);
        }
        let expected = [b"ab".to_vec(), large, b"c".to_vec()];
        assert_eq!(written(&mut batch), expected);
        assert!(written(&mut batch).is_empty());
    }

    #[test]
    fn nothing_is_no_piece() {
        let mut batch = Batch::new();
        batch.push(Vec::new());
        assert!(batch.is_empty());
    }

    #[test]
    fn it_is_full_by_bytes_or_by_large_chunks() {
        let mut batch = Batch::new();
        let small = vec![0; LARGE - 1];
        let mut pushed = 0;
        while !batch.is_full() {
            batch.push(small.clone());
            pushed += 1;
        }
        assert_eq!(pushed, FULL.div_ceil(LARGE - 1));
        assert_eq!(written(&mut batch).len(), 1);

        for _ in 0..MAX_LARGE {
            assert!(!batch.is_full());
            batch.push(vec![0; LARGE]);
        }
        assert!(batch.is_full());
    }

    #[test]
    fn a_failure_ends_it() {
        let mut batch = Batch::new();
        batch.push(vec![0; LARGE]);
        batch.push(vec![0; LARGE]);
        let mut calls = 0;
        let result = batch.drain(|_| {
            calls += 1;
            Err(io::ErrorKind::StorageFull.into())
        });
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(calls, 1);
    }
}
