//! Publishes a directory: moves it to its target, where it stays.

use std::fmt;
use std::fs::Permissions;
use std::future::Future;
use std::mem;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::future::FusedFuture;

use super::publish::Request;
use super::{AsyncTempDir, PersistError};
use crate::owned::{NewPermissions, Owner, Policy};
use crate::util::resolve_entry;

impl AsyncTempDir {
    /// Publishes the directory: moves it to `target` by an atomic rename and keeps it there.
    ///
    /// No reader at `target` sees it half-finished: before the rename, this waits for operations
    /// inside whose future was dropped. A directory inside that was [kept](Self::keep) is published
    /// with it. To publish it in the place of another directory, use [`replace`](Self::replace).
    ///
    /// Nothing happens until the result is awaited; its [methods](Persist) set permissions, and ask
    /// for a sync. It returns the target's absolute path. Permissions do not change otherwise: by
    /// default, the directory is its owner's alone (mode 0700).
    ///
    /// # Across filesystems
    ///
    /// A target on another filesystem, such as a volume of a container, gets a copy: it is made under
    /// a hidden name beside the target (`.<name>-<random>.new`), synced to the disk, and renamed. Only then is
    /// the original removed, in the background; [`cleanup::idle`](crate::cleanup::idle) waits for that,
    /// and a failure goes to the [failure hook](crate::cleanup::set_failure_hook). If the copy cannot
    /// be completed, it is removed in the background, and the directory stays as it was. A
    /// process that is killed leaves both, or, between the rename and the removal, the original and the
    /// complete target. Modes, except for set-user-ID, set-group-ID and sticky bits, and symlinks are
    /// copied as they are; owners and times are not. Of a file with several names, there may be several
    /// copies. A FIFO, a socket or a device is an error.
    ///
    /// # Errors
    ///
    /// The error contains the handle; the directory is not moved. Converted into an
    /// [`io::Error`](std::io::Error), also by `?`, it [keeps](PersistError) the directory.
    ///
    /// - `NotFound`: the target's parent does not exist, or a directory that contains this one was
    ///   closed.
    /// - `DirectoryNotEmpty`, `NotADirectory` or, on XFS, `AlreadyExists`: the target exists.
    ///   (Unix: an empty directory is replaced.)
    /// - `InvalidInput`: the target is empty, contains a NUL, is `/` or `.`, or ends in `..`; or it
    ///   lies inside the directory.
    /// - `CrossesDevices`: the target cannot even be renamed from beside it, or a filesystem is
    ///   mounted inside the directory.
    /// - `ResourceBusy`: a handle of a directory [inside](Self::temp_dir), at any depth, or a
    ///   [builder](crate::Builder::inside) for one, still exists. (If it was dropped, or its [`close`](Self::close) has begun, this waits until its
    ///   directory is gone.)
    /// - `Other`: the directory's path now refers to something else; or a directory inside could
    ///   not be removed and is still there, in which case the error names it.
    /// - `StorageFull` and any other error of a copy across filesystems, with its path.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the directory is either complete at the target, or removed as if
    /// the handle had been dropped. Across filesystems, the copying stops soon, and what was copied is
    /// removed in the background.
    ///
    /// # Platform notes
    ///
    /// Unix: a directory without write permission for its owner cannot be moved into another one. It is
    /// given that permission for the moment of the rename, as is one that is replaced.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// # let outer = async_tempdir::AsyncTempDir::new().await?;
    /// # let srv = outer.path();
    /// let site = async_tempdir::AsyncTempDir::new().await?;
    /// site.write("index.html", "<h1>Hello</h1>").await?;
    /// let published = site.persist(srv.join("site")).default_permissions().sync(true).await?;
    /// assert!(published.join("index.html").exists());
    /// # outer.close().await?;
    /// # Ok::<(), std::io::Error>(())
    /// # }
    /// ```
    pub fn persist(self, target: impl AsRef<Path>) -> Persist<PathBuf> {
        Persist::new(self, target.as_ref(), false, |target, _| target)
    }

    /// Publishes the directory in the place of whatever directory is at `target`, atomically.
    ///
    /// A reader sees the old directory whole or the new one whole, and never nothing. (One that goes
    /// by path from file to file may see both, one after the other; one that opens the directory first
    /// stays in that.) Like [`persist`](Self::persist) otherwise, with the same settings, errors and
    /// behaviour across filesystems.
    ///
    /// Returns the handle of the old directory, or `None` if nothing was at `target`. Dropped, the
    /// handle removes the old directory in the background, unless the environment
    /// [keeps](crate::Cleanup#the-environment-keeps-more) it. It is at the former path of this one, so that
    /// in a [`TempRoot`](crate::TempRoot) it is reclaimed even if the process is killed. After a copy
    /// across filesystems, it is at the hidden name beside the target.
    ///
    /// If `target` is the directory of another handle, that handle then finds another directory at its
    /// path, which it leaves alone and reports; its own is the one returned here.
    ///
    /// # Errors
    ///
    /// The same as for `persist`, except that a directory at the target is none; also, with both
    /// directories where they were:
    ///
    /// - `NotADirectory`: the target is a file or a symlink, even with a trailing slash. (To have a
    ///   symlink lead to a new directory, rename a new symlink over it.)
    /// - `InvalidInput`: the target is the directory itself, contains it, or lies inside; or the
    ///   environment variable
    ///   [`ASYNC_TEMPDIR_CLEANUP`](crate::Cleanup#the-environment-keeps-more) is not a policy.
    /// - `ResourceBusy`: the target is a mount point; or other processes keep creating and removing
    ///   it.
    /// - `PermissionDenied`: for example, the old directory is another user's, and so cannot be moved to
    ///   where this one is.
    ///
    /// # Cancel safety
    ///
    /// The same as for `persist`. If the directory is at the target, the old one is removed.
    ///
    /// # Platform notes
    ///
    /// Linux, Android and Apple's systems exchange two directories in one step. On others, and on
    /// filesystems that cannot (some network and FUSE filesystems, and ZFS before 2.2), the old
    /// directory is renamed to `.<name>-<random>.replaced` in the same parent, the new one is renamed
    /// to the target, and the old one to the former path of the new one. If the second step fails, the
    /// first is undone. Readers see a moment of nothing between these two, and a process that is killed
    /// there leaves the old directory under the hidden name, and nothing at the target.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// use async_tempdir::AsyncTempDir;
    ///
    /// # let outer = AsyncTempDir::new().await?;
    /// # let target = outer.path().join("site");
    /// for version in 1..=2 {
    ///     // Beside the target, on the same filesystem.
    ///     let site = AsyncTempDir::new_in(target.parent().unwrap()).await?;
    ///     site.write("index.html", format!("<h1>Version {version}</h1>")).await?;
    ///     let old = site.replace(&target).default_permissions().await?;
    ///     assert_eq!(old.is_some(), version == 2);
    ///     // `old` is dropped here, and removed in the background.
    /// }
    /// let index = tokio::fs::read_to_string(target.join("index.html")).await?;
    /// assert_eq!(index, "<h1>Version 2</h1>");
    /// # outer.close().await?;
    /// # Ok::<(), std::io::Error>(())
    /// # }
    /// ```
    #[doc(alias = "swap")]
    #[doc(alias = "exchange")]
    #[doc(alias = "RENAME_EXCHANGE")]
    pub fn replace(self, target: impl AsRef<Path>) -> Persist<Option<Self>> {
        Persist::new(self, target.as_ref(), true, |_, old| {
            old.map(|(owner, policy)| Self::new_owning(owner, policy))
        })
    }
}

/// The future of a publication, which begins when this is first polled.
///
/// Returned by [`AsyncTempDir::persist`] and [`replace`](AsyncTempDir::replace), with `T` on success.
/// Configure it before; after that, its methods have no effect.
///
/// Dropped before it is polled, it drops the handle. Awaited again after its end, it waits forever.
#[must_use = "nothing is published until this is awaited: dropped, the directory is removed"]
pub struct Persist<T>(State<T>);

enum State<T> {
    Configured(Box<Request<T>>),
    Begun(Pin<Box<Publishing<T>>>),
    Ended,
}

type Publishing<T> = dyn Future<Output = Result<T, PersistError>> + Send + Sync;

impl<T> Persist<T> {
    fn new(
        dir: AsyncTempDir,
        target: &Path,
        replaces: bool,
        output: fn(PathBuf, Option<(Owner, Policy)>) -> T,
    ) -> Self {
        Self(State::Configured(Box::new(Request {
            dir,
            given: target.to_path_buf(),
            resolved: resolve_entry(target),
            replaces,
            syncs: false,
            permissions: NewPermissions::Unchanged,
            output,
        })))
    }

    fn configure(mut self, change: impl FnOnce(&mut Request<T>)) -> Self {
        if let State::Configured(request) = &mut self.0 {
            change(request);
        }
        self
    }

    /// Sets whether the publication survives a loss of power (default: that is up to the system).
    ///
    /// Everything in the directory is written to the disk before it is moved, and the entries of both
    /// parents are after that. If the latter fails, the directory is moved back, unless another process
    /// has replaced it by then. This may take seconds.
    ///
    /// # Platform notes
    ///
    /// Linux and Android: the whole filesystem is synced, in one call (that of the target, if it is
    /// another one). It reports errors since Linux 5.8. Others: each file is. Windows: only files are,
    /// and one that is read-only is an error.
    #[doc(alias = "fsync")]
    pub fn sync(self, sync: bool) -> Self {
        self.configure(|request| request.syncs = sync)
    }

    /// Gives the directory the permissions that `mkdir` would have given it there.
    ///
    /// These are 0777 less the umask, unless an access control list of the target's parent decides;
    /// with the set-group-ID bit where that is inherited. A directory is created beside the target and removed, to see
    /// them. The directory has them before it appears at the target. Its group, and permissions of what
    /// is inside, do not change.
    ///
    /// # Platform notes
    ///
    /// Windows: no effect; the new parent directory does not change access, either.
    #[doc(alias = "umask")]
    pub fn default_permissions(self) -> Self {
        self.configure(|request| request.permissions = NewPermissions::Default)
    }

    /// Sets the permissions of the directory (default: they do not change).
    ///
    /// The umask does not apply. The directory has them before it appears at the target; only the
    /// owner may have more until the move is done. Permissions of what is inside do not change.
    ///
    /// # Platform notes
    ///
    /// Windows: permissions are ignored.
    #[doc(alias = "mode")]
    #[doc(alias = "chmod")]
    pub fn permissions(self, permissions: Permissions) -> Self {
        self.configure(|request| request.permissions = NewPermissions::Exactly(permissions))
    }
}

/// The state is in a box, and nothing is pinned.
impl<T> Unpin for Persist<T> {}

impl<T: 'static> Future for Persist<T> {
    type Output = Result<T, PersistError>;

    /// After the end, the result is `Pending`, as that of [`Fuse`](futures::future::Fuse).
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Ended, also if this panics.
        let mut publishing: Pin<Box<Publishing<T>>> = match mem::replace(&mut self.0, State::Ended)
        {
            State::Configured(request) => Box::pin(request.publish()),
            State::Begun(publishing) => publishing,
            State::Ended => return Poll::Pending,
        };
        let poll = publishing.as_mut().poll(cx);
        if poll.is_pending() {
            self.0 = State::Begun(publishing);
        }
        poll
    }
}

impl<T: 'static> FusedFuture for Persist<T> {
    fn is_terminated(&self) -> bool {
        matches!(self.0, State::Ended)
    }
}

impl<T> fmt::Debug for Persist<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Persist");
        if let State::Configured(request) = &self.0 {
            debug
                .field("path", &request.dir.path())
                .field("target", &request.given)
                .field("sync", &request.syncs)
                .field("permissions", &request.permissions);
        }
        debug.finish_non_exhaustive()
    }
}
