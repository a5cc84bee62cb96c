//! Writing a stream to a file: the next chunks are awaited while the last ones are written.

use std::error::Error;
use std::future::{Future, poll_fn};
use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::Stream;

use super::batch::Batch;
use super::partial::Partial;
use super::path;
use crate::dir::AsyncTempDir;
use crate::owned::OwnedDir;
use crate::util::{with_hint, with_path};

impl AsyncTempDir {
    /// Writes a stream to a file atomically; returns the byte count.
    ///
    /// Use it for an upload, a download, or the output of a child process. Missing parents are
    /// created. The bytes go to a file with a random name, `.….part`, in the same directory; it is
    /// renamed to `path` only when the stream has ended without an error.
    ///
    /// An existing file is replaced by a new one with default permissions, not truncated: open
    /// handles and other hard links keep the old contents.
    ///
    /// Memory does not grow with the stream: two buffers of 512 KiB gather small chunks, and at
    /// most eight large ones (64 KiB and more) are held. While some chunks are written, the next
    /// are awaited; waiting for the stream occupies no thread of the blocking pool.
    ///
    /// # Errors
    ///
    /// - The stream's error, as the cause, with a message that says so. If it is no `io::Error`, the
    ///   kind is `Other`, and it is the inner error of [`PathError::io_error`].
    /// - The same errors as for [`write`](Self::write), at once, even before the first chunk.
    /// - `ResourceBusy`: something is mounted on the file.
    ///
    /// [`PathError::io_error`]: crate::PathError::io_error
    ///
    /// Then no part of the file is left, and an existing file at the path is unchanged. Parents
    /// that were created remain.
    ///
    /// # Panics
    ///
    /// Panics if the stream, or the `as_ref` of a chunk, does. No part of the file is left.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the file at the path is either complete or as it was before. The
    /// incomplete file is removed in the background, which [`cleanup::idle`](crate::cleanup::idle)
    /// waits for.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// use futures::stream;
    ///
    /// let dir = async_tempdir::AsyncTempDir::new().await?;
    /// let chunks = ["from ", "a ", "stream"].map(Ok::<_, std::io::Error>);
    /// let chunks = stream::iter(chunks);
    /// assert_eq!(dir.write_stream("a/b.txt", chunks).await?, 13);
    /// assert_eq!(dir.read("a/b.txt").await?, b"from a stream");
    /// # dir.close().await?;
    /// # Ok::<(), std::io::Error>(())
    /// # }
    /// ```
    pub async fn write_stream<S, B, E>(&self, path: impl AsRef<Path>, stream: S) -> io::Result<u64>
    where
        S: Stream<Item = Result<B, E>>,
        B: AsRef<[u8]> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let path = path.as_ref();
        self.save(path, pin!(stream))
            .await
            .map_err(|error| with_path("write", &self.path().join(path), error))
    }

    async fn save<S, B, E>(&self, path: &Path, stream: Pin<&mut S>) -> io::Result<u64>
    where
        S: Stream<Item = Result<B, E>>,
        B: AsRef<[u8]> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let path = path::relative(self.path(), path);
        path::check(&path)?;
        let mut file = FileState::NotCreated(path.into_owned());
        let mut source = Source {
            stream,
            end: None,
            batch: Batch::new(),
        };
        let mut spare = Batch::new();
        // The first round need not have anything to write: it shows at once whether the path can be
        // written.
        poll_fn(|cx| Poll::Ready(source.poll_enough(cx).is_ready())).await;
        loop {
            let last = match source.end.take() {
                None => false,
                Some(Ok(())) => true,
                Some(Err(error)) => {
                    if let FileState::Created(partial) = file {
                        // If refused, the file is dropped, and removed in the background.
                        if let Ok(discarding) = self.start(|_| partial.discard()) {
                            let _ = discarding.await;
                        }
                    }
                    return Err(stream_failed(error.into()));
                }
            };
            let batch = mem::replace(&mut source.batch, spare);
            let mut writing = pin!(self.start(move |dir| write(dir, file, batch, last))?);
            let written = poll_fn(|cx| {
                let written = writing.as_mut().poll(cx);
                if written.is_pending() && !last {
                    // The stream, too, wakes the task when there is more.
                    let _ = source.poll_enough(cx);
                }
                written
            })
            .await;
            match written?.map_err(path::explain)? {
                Written::Part(made, written) => {
                    file = FileState::Created(made);
                    spare = written;
                }
                Written::All(bytes) => return Ok(bytes),
            }
            poll_fn(|cx| source.poll_something(cx)).await;
        }
    }
}

/// The file while no thread works on it.
enum FileState {
    NotCreated(PathBuf),
    Created(Partial),
}

/// The result of a thread's work on the file.
enum Written<B> {
    Part(Partial, Batch<B>),
    All(u64),
}

fn write<B: AsRef<[u8]>>(
    dir: &Arc<OwnedDir>,
    file: FileState,
    mut batch: Batch<B>,
    last: bool,
) -> io::Result<Written<B>> {
    let mut file = match file {
        FileState::NotCreated(path) => Partial::new(dir, &path)?,
        FileState::Created(file) => file,
    };
    if let Err(error) = batch.drain(|bytes| file.write(bytes)) {
        file.discard();
        return Err(error);
    }
    if last {
        file.complete().map(Written::All)
    } else {
        Ok(Written::Part(file, batch))
    }
}

/// The stream, and the chunks received from it that are not being written yet.
struct Source<'s, S, B, E> {
    stream: Pin<&'s mut S>,
    /// The end of the stream, after which it must not be polled.
    end: Option<Result<(), E>>,
    batch: Batch<B>,
}

/// The number of ready chunks taken from a stream before yielding to other tasks.
const MAX_CHUNKS: u32 = 256;

impl<S, B, E> Source<'_, S, B, E>
where
    S: Stream<Item = Result<B, E>>,
    B: AsRef<[u8]>,
{
    /// Gathers chunks until there are enough for now, or no more will come.
    fn poll_enough(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        for _ in 0..MAX_CHUNKS {
            if self.end.is_some() || self.batch.is_full() {
                return Poll::Ready(());
            }
            match ready!(self.stream.as_mut().poll_next(cx)) {
                Some(Ok(chunk)) => self.batch.push(chunk),
                Some(Err(error)) => self.end = Some(Err(error)),
                None => self.end = Some(Ok(())),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Like [`poll_enough`](Self::poll_enough), but one chunk is enough if the next is not ready.
    fn poll_something(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let enough = self.poll_enough(cx);
        if self.batch.is_empty() {
            enough
        } else {
            Poll::Ready(())
        }
    }
}

fn stream_failed(error: Box<dyn Error + Send + Sync>) -> io::Error {
    let error = match error.downcast::<io::Error>() {
        Ok(error) => *error,
        Err(error) => io::Error::other(error),
    };
    with_hint(error, "the stream of its contents failed")
}
