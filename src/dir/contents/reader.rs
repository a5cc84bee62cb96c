//! A reader as a stream of chunks.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::Stream;
use tokio::io::{AsyncRead, ReadBuf};

/// The most bytes that are read at once: as many as a pipe holds on Linux.
const MAX_READ: usize = 64 * 1024;

/// The bytes of a reader, as a stream of chunks.
///
/// It is the stream of [`AsyncTempDir::write_reader`](crate::AsyncTempDir::write_reader), and only
/// the name of that method's return type.
pub struct ReaderChunks<R> {
    reader: Pin<Box<R>>,
    /// Reused by every read.
    buffer: Box<[u8]>,
}

impl<R> ReaderChunks<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader: Box::pin(reader),
            buffer: vec![0; MAX_READ].into_boxed_slice(),
        }
    }
}

impl<R: AsyncRead> Stream for ReaderChunks<R> {
    type Item = io::Result<Vec<u8>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { reader, buffer } = &mut *self;
        let mut buffer = ReadBuf::new(buffer);
        ready!(reader.as_mut().poll_read(cx, &mut buffer))?;
        let read = buffer.filled();
        Poll::Ready((!read.is_empty()).then(|| Ok(read.to_vec())))
    }
}

impl<R> fmt::Debug for ReaderChunks<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReaderChunks").finish_non_exhaustive()
    }
}
