//! Writing a stream to a file: the next chunks are awaited while the last ones are written.

use std::error::Error;
use std::future::Future;
use std::io::{self, ErrorKind};
use std::mem;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::Stream;

use super::batch::Batch;
use super::partial::Partial;
use super::{Started, path};
use crate::dir::AsyncTempDir;
use crate::owned::OwnedDir;
use crate::util::progress::RateLimit;
use crate::util::{with_hint, with_path};

/// A stream on its way to a file.
///
/// `B`, the type of a chunk, is a parameter of its own instead of an associated type of `S`. With that,
/// the compiler does not accept futures of some streams of references as `Send`.
pub(super) struct Save<'d, S, B> {
    dir: &'d AsyncTempDir,
    path: PathBuf,
    source: Source<S, B>,
    on_progress: Option<(OnProgress<'d>, RateLimit)>,
    /// `None` until the first poll.
    step: Option<Step<B>>,
}

type OnProgress<'d> = Box<dyn FnMut(u64) + Send + 'd>;

/// The step that has begun, or is next.
enum Step<B> {
    /// Chunks are awaited. The batch is an empty one, with its buffer.
    Gather(FileState, Batch<B>),
    Write(Started<io::Result<Written<B>>>),
    /// Removes the incomplete file, then returns the error.
    Discard(Started<()>, io::Error),
}

impl<'d, S, B> Save<'d, S, B> {
    /// Creates the save of `stream`, whose errors have the hint `hint`.
    pub(super) fn new(dir: &'d AsyncTempDir, path: &Path, stream: S, hint: &'static str) -> Self {
        Self {
            dir,
            path: path.to_path_buf(),
            source: Source {
                stream: Box::pin(stream),
                hint,
                end: None,
                batch: Batch::new(),
                received: 0,
                max_len: None,
            },
            on_progress: None,
            step: None,
        }
    }

    pub(super) fn has_begun(&self) -> bool {
        self.step.is_some()
    }

    /// Returns the absolute path of the file.
    pub(super) fn path(&self) -> PathBuf {
        self.dir.path().join(&self.path)
    }

    pub(super) fn max_len(&self) -> Option<u64> {
        self.source.max_len
    }

    pub(super) fn set_max_len(&mut self, n: u64) {
        self.source.max_len = Some(n);
    }

    pub(super) fn set_on_progress(&mut self, f: OnProgress<'d>) {
        self.on_progress = Some((f, RateLimit::new()));
    }
}

impl<S, B, E> Save<'_, S, B>
where
    S: Stream<Item = Result<B, E>>,
    B: AsRef<[u8]> + Send + 'static,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    /// Must not be polled again after it has ended, or panicked.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        self.poll_steps(cx)
            .map_err(|error| with_path("write", &self.path(), error))
    }

    fn poll_steps(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        loop {
            let next = match self.step.take() {
                None => self.begin(cx)?,
                Some(Step::Gather(file, empty)) => {
                    if self.source.poll_something(cx).is_pending() {
                        self.step = Some(Step::Gather(file, empty));
                        return Poll::Pending;
                    }
                    self.write_or_discard(file, empty)?
                }
                Some(Step::Write(mut writing)) => match Pin::new(&mut writing).poll(cx) {
                    Poll::Pending => {
                        // The stream, too, wakes the task when there is more.
                        let _ = self.source.poll_enough(cx);
                        self.step = Some(Step::Write(writing));
                        return Poll::Pending;
                    }
                    Poll::Ready(written) => match written?.map_err(path::explain)? {
                        Written::All(bytes) => return Poll::Ready(Ok(bytes)),
                        Written::Part(file, empty) => {
                            self.report(&file);
                            Step::Gather(FileState::Created(file), empty)
                        }
                    },
                },
                Some(Step::Discard(mut discarding, error)) => {
                    if Pin::new(&mut discarding).poll(cx).is_pending() {
                        self.step = Some(Step::Discard(discarding, error));
                        return Poll::Pending;
                    }
                    return Poll::Ready(Err(error));
                }
            };
            self.step = Some(next);
        }
    }

    /// Begins to write, even if nothing has come: it shows at once whether the path can be written.
    fn begin(&mut self, cx: &mut Context<'_>) -> io::Result<Step<B>> {
        let path = path::relative(self.dir.path(), &self.path);
        path::check(&path)?;
        let file = FileState::NotCreated(path.into_owned());
        let _ = self.source.poll_enough(cx);
        self.write_or_discard(file, Batch::new())
    }

    /// Writes what has come, and completes the file if that is all; on an error, discards the file.
    fn write_or_discard(&mut self, file: FileState, empty: Batch<B>) -> io::Result<Step<B>> {
        if let Some(Err(error)) = self.source.end.take_if(|end| end.is_err()) {
            if let FileState::Created(partial) = file {
                // If refused, the file is dropped, and removed in the background.
                if let Ok(discarding) = self.dir.start(|_| partial.discard()) {
                    return Ok(Step::Discard(discarding, error));
                }
            }
            return Err(error);
        }
        // A panic of `on_progress` discards the file, so the last call comes before the file is
        // completed.
        let last = self.source.end.is_some() && self.on_progress.is_none();
        let batch = mem::replace(&mut self.source.batch, empty);
        let writing = self.dir.start(move |dir| write(dir, file, batch, last))?;
        Ok(Step::Write(writing))
    }

    /// Calls `on_progress` if a call is due, or if everything is written.
    fn report(&mut self, file: &Partial) {
        let is_whole = self.source.is_written();
        if let Some((on_progress, limit)) = &mut self.on_progress
            && (is_whole || limit.is_due())
        {
            on_progress(file.written());
            limit.restart();
        }
        if is_whole {
            self.on_progress = None;
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
struct Source<S, B> {
    stream: Pin<Box<S>>,
    hint: &'static str,
    /// The end of the stream, after which it must not be polled.
    end: Option<io::Result<()>>,
    batch: Batch<B>,
    /// The number of bytes received.
    received: u64,
    max_len: Option<u64>,
}

/// The number of ready chunks taken from a stream before yielding to other tasks.
const MAX_CHUNKS: u32 = 256;

impl<S, B, E> Source<S, B>
where
    S: Stream<Item = Result<B, E>>,
    B: AsRef<[u8]>,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    /// Gathers chunks until there are enough for now, or no more will come.
    fn poll_enough(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        for _ in 0..MAX_CHUNKS {
            if self.end.is_some() || self.batch.is_full() {
                return Poll::Ready(());
            }
            match ready!(self.stream.as_mut().poll_next(cx)) {
                Some(Ok(chunk)) => self.push(chunk),
                Some(Err(error)) => self.end = Some(Err(failed(error.into(), self.hint))),
                None => self.end = Some(Ok(())),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn push(&mut self, chunk: B) {
        self.received = self.received.saturating_add(chunk.as_ref().len() as u64);
        match self.max_len {
            Some(max_len) if self.received > max_len => {
                let message = format!("its contents are longer than the limit of {max_len} bytes");
                let error = io::Error::new(ErrorKind::FileTooLarge, message);
                self.end = Some(Err(error));
            }
            _ => self.batch.push(chunk),
        }
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

    /// Returns whether the stream has ended and everything received was handed on.
    fn is_written(&self) -> bool {
        matches!(self.end, Some(Ok(()))) && self.batch.is_empty()
    }
}

fn failed(error: Box<dyn Error + Send + Sync>, hint: &'static str) -> io::Error {
    let error = match error.downcast::<io::Error>() {
        Ok(error) => *error,
        Err(error) => io::Error::other(error),
    };
    with_hint(error, hint)
}
