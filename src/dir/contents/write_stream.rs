//! Writing streams and readers to files: the public side.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::Stream;
use futures::future::FusedFuture;
use tokio::io::AsyncRead;

use super::ReaderChunks;
use super::save::Save;
use crate::dir::AsyncTempDir;

impl AsyncTempDir {
    /// Writes a stream to a file atomically; returns the byte count.
    ///
    /// Use it for an upload or a download; [`max_len`](WriteStream::max_len) limits it, and
    /// [`on_progress`](WriteStream::on_progress) observes it. For the output of a child process, or
    /// any other reader, there is [`write_reader`](Self::write_reader). Nothing happens until the
    /// result is awaited.
    ///
    /// Missing parents are created. The bytes go to a file with a random name, `.….part`, in the same
    /// directory; it is renamed to `path` only when the stream has ended without an error.
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
    /// - `FileTooLarge`: the stream is longer than [`max_len`](WriteStream::max_len).
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
    /// Panics if the stream, the `as_ref` of a chunk, or the progress function does. No part of the
    /// file is left.
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
    pub fn write_stream<S, B, E>(&self, path: impl AsRef<Path>, stream: S) -> WriteStream<'_, S, B>
    where
        S: Stream<Item = Result<B, E>>,
        B: AsRef<[u8]> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let hint = "the stream of its contents failed";
        WriteStream(Some(Save::new(self, path.as_ref(), stream, hint)))
    }

    /// Writes everything that a reader returns to a file atomically; returns the byte count.
    ///
    /// Use it for the output of a child process, a socket, or a decompressor. It is
    /// [`write_stream`](Self::write_stream) with the same options, and with a buffer of 64 KiB into
    /// which it reads.
    ///
    /// # Errors
    ///
    /// The same as for [`write_stream`](Self::write_stream), with the reader's error instead of the
    /// stream's.
    ///
    /// # Panics
    ///
    /// Panics if the reader or the progress function does. No part of the file is left.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the file at the path is either complete or as it was before, as for
    /// [`write_stream`](Self::write_stream). Bytes that were read are lost.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// use std::process::Stdio;
    ///
    /// let dir = async_tempdir::AsyncTempDir::new().await?;
    /// # if cfg!(unix) {
    /// let mut child = tokio::process::Command::new("ls")
    ///     .arg("/")
    ///     .stdout(Stdio::piped())
    ///     .kill_on_drop(true)
    ///     .spawn()?;
    /// let output = child.stdout.take().expect("it is piped");
    /// let bytes = dir.write_reader("listing", output).max_len(1 << 20).await?;
    /// assert!(child.wait().await?.success() && bytes > 0);
    /// # }
    /// # dir.close().await?;
    /// # Ok::<(), std::io::Error>(())
    /// # }
    /// ```
    pub fn write_reader<R>(
        &self,
        path: impl AsRef<Path>,
        reader: R,
    ) -> WriteStream<'_, ReaderChunks<R>, Vec<u8>>
    where
        R: AsyncRead,
    {
        let chunks = ReaderChunks::new(reader);
        let hint = "the reader of its contents failed";
        WriteStream(Some(Save::new(self, path.as_ref(), chunks, hint)))
    }
}

/// The future of a file that is written from a stream, which begins when this is first polled.
///
/// Returned by [`AsyncTempDir::write_stream`] and [`AsyncTempDir::write_reader`], where `S` is the
/// stream, and `B` one of its chunks. Configure it before; after that, its methods have no effect.
/// It is `Send` if the stream is. Awaited again after its end, it waits forever.
#[must_use = "nothing is written until it is awaited"]
pub struct WriteStream<'d, S, B>(
    /// `None` once it has ended, also by a panic.
    Option<Save<'d, S, B>>,
);

impl<'d, S, B> WriteStream<'d, S, B> {
    fn configure(mut self, change: impl FnOnce(&mut Save<'d, S, B>)) -> Self {
        if let Some(save) = self.0.as_mut().filter(|save| !save.has_begun()) {
            change(save);
        }
        self
    }

    /// Sets the maximum length of the file, in bytes (default unlimited).
    ///
    /// A longer stream is an error of the kind `FileTooLarge`, as soon as its next chunk would make the
    /// file longer than `n` bytes. That chunk is not written, and nothing more is taken from the
    /// stream. Like every error, it leaves no part of the file.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// use std::io::ErrorKind;
    ///
    /// let dir = async_tempdir::AsyncTempDir::new().await?;
    /// let body = || &b"0123456789"[..]; // of a request, for instance
    /// assert_eq!(dir.write_reader("upload", body()).max_len(10).await?, 10);
    ///
    /// let error = dir.write_reader("large", body()).max_len(9).await.unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::FileTooLarge); // "413 Content Too Large"
    /// assert!(!dir.try_exists("large").await?);
    /// # dir.close().await?;
    /// # Ok::<(), std::io::Error>(())
    /// # }
    /// ```
    pub fn max_len(self, n: u64) -> Self {
        self.configure(|save| save.set_max_len(n))
    }

    /// Registers a callback that receives the number of bytes written so far.
    ///
    /// `f` is called at most ten times a second, and once when everything is written, right before the
    /// file gets its name. It runs in the task that awaits the result, and must not block. If it
    /// panics, the file is discarded, and the panic continues in that task.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let dir = async_tempdir::AsyncTempDir::new().await?;
    /// let reader = &b"0123456789"[..]; // of a download, for instance
    /// let mut shown = 0;
    /// dir.write_reader("file", reader).on_progress(|bytes| shown = bytes).await?;
    /// assert_eq!(shown, 10);
    /// # dir.close().await?;
    /// # Ok::<(), std::io::Error>(())
    /// # }
    /// ```
    pub fn on_progress(self, f: impl FnMut(u64) + Send + 'd) -> Self {
        self.configure(|save| save.set_on_progress(Box::new(f)))
    }
}

/// The stream is in a box, and nothing else is pinned.
impl<S, B> Unpin for WriteStream<'_, S, B> {}

impl<S, B, E> Future for WriteStream<'_, S, B>
where
    S: Stream<Item = Result<B, E>>,
    B: AsRef<[u8]> + Send + 'static,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    type Output = io::Result<u64>;

    /// After the end, the result is `Pending`, as that of [`Fuse`](futures::future::Fuse).
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Ended, also if this panics.
        let Some(mut save) = self.0.take() else {
            return Poll::Pending;
        };
        let poll = save.poll(cx);
        if poll.is_pending() {
            self.0 = Some(save);
        }
        poll
    }
}

impl<S, B, E> FusedFuture for WriteStream<'_, S, B>
where
    S: Stream<Item = Result<B, E>>,
    B: AsRef<[u8]> + Send + 'static,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    fn is_terminated(&self) -> bool {
        self.0.is_none()
    }
}

impl<S, B> fmt::Debug for WriteStream<'_, S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("WriteStream");
        if let Some(save) = &self.0 {
            debug
                .field("path", &save.path())
                .field("max_len", &save.max_len());
        }
        debug.finish_non_exhaustive()
    }
}
