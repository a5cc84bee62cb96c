//! Listing one directory inside, as a stream.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind};
use std::mem;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::Stream;

use super::dir_entry::{DirEntry, Place};
use crate::blocking::oneshot::Receiver;
use crate::dir::AsyncTempDir;
use crate::util::with_path;

/// The number of entries that are read by one task on the blocking pool, and held in memory.
const BATCH: usize = 256;

impl AsyncTempDir {
    /// Returns the entries of one directory inside, in no particular order.
    ///
    /// Like `tokio::fs::read_dir`, but confined to the directory. Pass `.` for the directory itself.
    /// [`list`](Self::list) lists recursively.
    ///
    /// # Errors
    ///
    /// `NotFound`, `NotADirectory`, and the same errors as [`write`](Self::write).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing on disk.
    ///
    /// # Platform notes
    ///
    /// Until the [`ReadDir`] is dropped or has reached its end, it holds a file descriptor (two on
    /// Linux). On Windows, the directory may not be removable as long, and a batch that is read
    /// meanwhile may make [`persist`](Self::persist) fail.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let dir = async_tempdir::AsyncTempDir::new().await?;
    /// dir.write("logs/a.log", "").await?;
    /// let mut entries = dir.read_dir("logs").await?;
    /// while let Some(entry) = entries.next_entry().await? {
    ///     assert!(entry.file_type().is_file());
    ///     assert_eq!(entry.path(), dir.path().join("logs/a.log"));
    /// }
    /// # dir.close().await?;
    /// # Ok::<(), std::io::Error>(())
    /// # }
    /// ```
    pub async fn read_dir(&self, path: impl AsRef<Path>) -> io::Result<ReadDir> {
        let path = path.as_ref();
        let root = self.path().to_path_buf();
        let place = Arc::new(Place {
            dir: Arc::downgrade(&self.owner.dir),
            // Collected without dots and separators that have no meaning in a longer path.
            path: root.join(path).components().collect(),
            root,
        });
        let batch = self.run_at(OPERATION, path, {
            let place = Arc::clone(&place);
            move |dir, path| Ok(Batch::read(&place, Box::new(dir.read_dir(path)?)))
        });
        let Batch { entries, rest } = batch.await?;
        Ok(ReadDir {
            place,
            entries,
            rest,
        })
    }
}

const OPERATION: &str = "read directory";

/// The entries of a directory.
///
/// Returned by [`AsyncTempDir::read_dir`]. Read it with [`next_entry`](Self::next_entry), or as a
/// [`Stream`]. At most 256 entries are held in memory.
///
/// It does not keep the temporary directory: that is removed as if this did not exist, and the next
/// batch is then an error.
#[must_use = "entries are returned by `next_entry`, or as a stream"]
pub struct ReadDir {
    place: Arc<Place>,
    entries: VecDeque<io::Result<DirEntry>>,
    rest: Rest,
}

/// The entries that are not in memory yet.
enum Rest {
    /// In a box, because it has a whole entry in it on Windows.
    Unread(Box<cap_std::fs::ReadDir>),
    Reading(Receiver<io::Result<Batch>>),
    /// The end was reached, or an error.
    End,
}

struct Batch {
    entries: VecDeque<io::Result<DirEntry>>,
    rest: Rest,
}

impl Batch {
    /// Reads as many entries as may be held in memory.
    fn read(place: &Arc<Place>, mut unread: Box<cap_std::fs::ReadDir>) -> Self {
        let mut entries = VecDeque::new();
        while entries.len() < BATCH {
            let entry = unread.next();
            match entry.map(|entry| DirEntry::new(place, &entry?)) {
                Some(Ok(entry)) => entries.push_back(Ok(entry)),
                // Removed since its name was read.
                Some(Err(error)) if error.kind() == ErrorKind::NotFound => {}
                last => {
                    entries.extend(last);
                    let rest = Rest::End;
                    return Self { entries, rest };
                }
            }
        }
        let rest = Rest::Unread(unread);
        Self { entries, rest }
    }
}

impl ReadDir {
    /// Returns the next entry, or `None` at the end.
    ///
    /// Like `tokio::fs::ReadDir::next_entry`. After an error, it returns `None`.
    ///
    /// # Errors
    ///
    /// Any error of the operating system. `NotFound` if the temporary directory was removed,
    /// [closed](AsyncTempDir::close), or [kept](AsyncTempDir::keep). `Other` as for
    /// [`write`](AsyncTempDir::write).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, no entry is lost: the next call returns it.
    pub async fn next_entry(&mut self) -> io::Result<Option<DirEntry>> {
        poll_fn(|cx| self.poll_next_entry(cx)).await.transpose()
    }

    fn poll_next_entry(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<DirEntry>>> {
        loop {
            if let Some(entry) = self.entries.pop_front() {
                return Poll::Ready(Some(self.with_place(entry)));
            }
            let done = match mem::replace(&mut self.rest, Rest::End) {
                Rest::End => return Poll::Ready(None),
                Rest::Unread(unread) => {
                    let place = Arc::clone(&self.place);
                    let begun = self.place.begin(move |_| Ok(Batch::read(&place, unread)));
                    begun.map(|reading| self.rest = Rest::Reading(reading))
                }
                Rest::Reading(mut reading) => match Pin::new(&mut reading).poll(cx) {
                    Poll::Pending => {
                        self.rest = Rest::Reading(reading);
                        return Poll::Pending;
                    }
                    Poll::Ready(batch) => batch.flatten().map(|Batch { entries, rest }| {
                        self.entries = entries;
                        self.rest = rest;
                    }),
                },
            };
            if let Err(error) = done {
                return Poll::Ready(Some(self.with_place(Err(error))));
            }
        }
    }

    fn with_place(&self, entry: io::Result<DirEntry>) -> io::Result<DirEntry> {
        entry.map_err(|error| with_path(OPERATION, &self.place.path, error))
    }
}

impl Stream for ReadDir {
    type Item = io::Result<DirEntry>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_next_entry(cx)
    }
}

impl fmt::Debug for ReadDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReadDir").field(&self.place.path).finish()
    }
}
