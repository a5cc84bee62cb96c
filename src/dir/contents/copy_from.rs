//! Copying a tree from outside into the directory.

use std::fmt;
use std::future::Future;
use std::mem;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::future::FusedFuture;

use super::copy_request::{Request, Running, refused};
use crate::copy::{Copied, CopyError, Options};
use crate::dir::AsyncTempDir;
use crate::util::absolute_checked;

impl AsyncTempDir {
    /// Copies everything in a directory outside into this one.
    ///
    /// Like `cp -r source/. directory`, and Python's `shutil.copytree` with `symlinks=True`, but confined
    /// to the directory, with a full report. Its methods change [where](CopyFrom::to) it goes and
    /// [what](CopyFrom::filter) is copied. Nothing happens until the result is awaited.
    ///
    /// The source is never written to. `source` itself may be a symlink; those in it are not followed
    /// but copied, with the same text, wherever they lead. Modes are kept, except for set-user-ID,
    /// set-group-ID and sticky bits; owners, times, extended attributes and ACLs are not. Hard links
    /// become files of their own. Sparse files stay sparse. Where the filesystem can, files share their
    /// bytes until one of them changes (`FICLONE`).
    ///
    /// Existing directories are merged, and keep their mode. An existing file or symlink is
    /// replaced by a new one, not written to: other hard links to it keep their contents.
    ///
    /// An entry that changes meanwhile is copied in some state: a file that grows, as long as it was when
    /// it was opened. A large tree is copied by [several threads](CopyFrom::max_threads).
    ///
    /// # Errors
    ///
    /// A [`CopyError`] with every entry that could not be copied; the rest is copied:
    ///
    /// - `InvalidInput`: it is a FIFO, a socket or a device. They are not opened.
    /// - `CrossesDevices`: a filesystem is mounted there, on either side.
    /// - `PermissionDenied`: it cannot be read.
    /// - `IsADirectory` or `NotADirectory`: something of another kind has its name in the
    ///   destination, such as a symlink in the place of a directory, which is not followed.
    /// - Any other error of the operating system. No part of a file is left then.
    ///
    /// Nothing is copied if
    ///
    /// - the source is missing, or is a file (`NotADirectory`);
    /// - the source contains the destination, or the reverse (`InvalidInput`);
    /// - the destination cannot be opened or created, with the same errors as
    ///   [`create_dir_all`](Self::create_dir_all).
    ///
    /// # Panics
    ///
    /// Panics if the [filter](CopyFrom::filter) does, which ends the copying, or the
    /// [progress function](CopyFrom::on_progress), which does not.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the copying stops soon. What has been copied up to then, including
    /// incomplete files, is removed with the directory, which is not removed before it has stopped.
    ///
    /// # Security
    ///
    /// On Unix, both sides are read and written relative to open directories. A symlink that is
    /// planted in either while they are copied leads nowhere else.
    ///
    /// # Platform notes
    ///
    /// Windows: entries are copied by path, with [`std::fs::copy`], by one thread. Creating a
    /// symlink needs a privilege, or developer mode. A junction becomes a symlink.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// # let fixtures = async_tempdir::AsyncTempDir::new().await?;
    /// # fixtures.populate([("app/Cargo.toml", ""), ("app/src/lib.rs", "mod a;")]).await?;
    /// # let source = fixtures.path().join("app"); // "tests/fixtures/app"
    /// let dir = async_tempdir::AsyncTempDir::new().await?;
    /// let copied = dir.copy_from(source).await?;
    /// assert_eq!((copied.files, copied.dirs), (2, 1));
    /// assert_eq!(dir.read("src/lib.rs").await?, b"mod a;");
    /// # dir.close().await?;
    /// # fixtures.close().await?;
    /// # Ok::<(), std::io::Error>(())
    /// # }
    /// ```
    #[doc(alias = "copytree")]
    pub fn copy_from(&self, source: impl AsRef<Path>) -> CopyFrom<'_> {
        let given = source.as_ref();
        CopyFrom(State::Configured(Request {
            dir: self,
            // Made absolute now, because the current directory may change before this is awaited.
            source: absolute_checked(given),
            given: given.to_path_buf(),
            to: None,
            options: Options::default(),
        }))
    }
}

/// The future of a copy, which begins when this is first polled.
///
/// Returned by [`AsyncTempDir::copy_from`]. Configure it before; after that, its methods have no effect.
/// Awaited again after its end, it waits forever.
#[must_use = "nothing is copied until it is awaited"]
pub struct CopyFrom<'d>(State<'d>);

enum State<'d> {
    Configured(Request<'d>),
    Begun(Running),
    Ended,
}

impl CopyFrom<'_> {
    fn configure(mut self, change: impl FnOnce(&mut Request<'_>)) -> Self {
        if let State::Configured(request) = &mut self.0 {
            change(request);
        }
        self
    }

    /// Sets the path inside that is copied to, instead of the directory itself.
    ///
    /// If it does not exist, it is created, with missing parents, and has the mode of the source in
    /// the end. It is resolved as by [`write`](AsyncTempDir::write).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// # let fixtures = async_tempdir::AsyncTempDir::new().await?;
    /// # fixtures.write("lib.rs", "").await?;
    /// let dir = async_tempdir::AsyncTempDir::new().await?;
    /// dir.copy_from(fixtures.path()).to("work/src").await?;
    /// assert!(dir.try_exists("work/src/lib.rs").await?);
    /// # dir.close().await?;
    /// # fixtures.close().await?;
    /// # Ok::<(), std::io::Error>(())
    /// # }
    /// ```
    pub fn to(self, path: impl AsRef<Path>) -> Self {
        self.configure(|request| request.to = Some(path.as_ref().to_path_buf()))
    }

    /// Registers a function that decides what is copied, by the path relative to the source.
    ///
    /// A directory that it refuses is not entered. It runs on the threads that copy.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// # let project = async_tempdir::AsyncTempDir::new().await?;
    /// # project.populate([("src/lib.rs", ""), ("target/debug/app", "")]).await?;
    /// use std::path::Path;
    ///
    /// let dir = async_tempdir::AsyncTempDir::new().await?;
    /// dir.copy_from(project.path())
    ///     .filter(|path| path != Path::new("target"))
    ///     .await?;
    /// assert!(!dir.try_exists("target").await?);
    /// # dir.close().await?;
    /// # project.close().await?;
    /// # Ok::<(), std::io::Error>(())
    /// # }
    /// ```
    pub fn filter(self, f: impl Fn(&Path) -> bool + Send + Sync + 'static) -> Self {
        self.configure(|request| request.options.filter = Some(Box::new(f)))
    }

    /// Makes hard links to the source's files where that is possible, like `cp -rl`.
    ///
    /// **Whatever writes to such a file then writes to the source.** Use it for what is only read or
    /// replaced. Files that cannot be linked to are copied: on another filesystem, with too many links
    /// already, or on Linux if they belong to another user (`fs.protected_hardlinks`).
    pub fn hard_links(self) -> Self {
        self.configure(|request| request.options.hard_links = true)
    }

    /// Sets the maximum number of blocking threads that copy.
    ///
    /// The default is the number of processors, but at most four; 0 counts as 1. This is an upper
    /// bound: helper threads are requested only when there is enough work, and the copying does not
    /// wait for them to start. On platforms other than Unix, there is always one thread.
    pub fn max_threads(self, n: usize) -> Self {
        self.configure(|request| request.options.max_threads = Some(n.max(1)))
    }

    /// Registers a callback that receives what has been copied so far.
    ///
    /// `f` is called at most ten times a second, and once when the copying has ended, but not if it was
    /// refused. It runs on a thread that copies, which waits for it. If it panics, it is not called
    /// again, the copying continues, and awaiting it panics in the end.
    pub fn on_progress(self, f: impl Fn(Copied) + Send + Sync + 'static) -> Self {
        self.configure(|request| request.options.on_progress = Some(Box::new(f)))
    }
}

impl Future for CopyFrom<'_> {
    type Output = Result<Copied, CopyError>;

    /// After the end, the result is `Pending`, as that of [`Fuse`](futures::future::Fuse).
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Ended, also if this panics.
        let mut running = match mem::replace(&mut self.0, State::Ended) {
            State::Configured(request) => match request.begin() {
                Ok(running) => running,
                Err(error) => return Poll::Ready(Err(error)),
            },
            State::Begun(running) => running,
            State::Ended => return Poll::Pending,
        };
        match Pin::new(&mut running.receiver).poll(cx) {
            Poll::Pending => {
                self.0 = State::Begun(running);
                Poll::Pending
            }
            Poll::Ready(copied) => Poll::Ready(copied.flatten().unwrap_or_else(|error| {
                Err(refused(&running.source, &running.destination, error))
            })),
        }
    }
}

impl FusedFuture for CopyFrom<'_> {
    fn is_terminated(&self) -> bool {
        matches!(self.0, State::Ended)
    }
}

impl fmt::Debug for CopyFrom<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("CopyFrom");
        match &self.0 {
            State::Configured(request) => debug
                .field("source", &request.given)
                .field("destination", &request.destination())
                .field("options", &request.options),
            State::Begun(running) => debug
                .field("source", &running.source)
                .field("destination", &running.destination),
            State::Ended => &mut debug,
        };
        debug.finish_non_exhaustive()
    }
}
