//! The root of a process: locked while it lives, so that the next one knows what the dead left.

mod birth;
mod name;
mod reclaim;
mod reclaimed;
mod sweep;

use std::ffi::CStr;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::runtime::Handle;

pub use reclaimed::Reclaimed;

use crate::cleanup::Lane;
use crate::close::Closing;
use crate::error::located;
use crate::owned::Claim;
use crate::policy::Policy;
use crate::remove::RemoveDirAll;
use crate::reply;
use crate::{AsyncTempDir, Builder, Cleanup};
use reclaim::Reclaiming;

/// The name of the locked file in a root: one that nobody else gives a file, for it is part of the
/// proof that a directory is a root.
const LOCK: &CStr = c".async-tempdir.lock";

/// Where that is in the root at `path`.
fn lock_in(path: &Path) -> PathBuf {
    path.join(LOCK.to_str().expect("it is ASCII"))
}

/// A directory for all temporary directories of one process, which takes back what earlier
/// processes left: the answer to SIGKILL, to the out-of-memory killer and to power loss.
///
/// Nothing a process does can remove its directories when it is killed. So the next one does, by
/// one line when it starts: [`open`](Self::open) makes a root of its own, `<app>-<random>`, then
/// removes in the background the roots of that application whose process is dead.
///
/// That a process lives is proved by a lock that it holds on a file in its root, and which the
/// operating system releases however it ends. Process ids and age are not used: containers do not
/// share the ones, and the other proves nothing. A live root is never touched, be it another
/// process's or of this very one.
///
/// It costs two descriptors (one on Windows), however many
/// directories are made in it.
///
/// Dropped, it goes as an [`AsyncTempDir`] does: after the directories in it whose handles still
/// exist, in the background. A directory in it that was [kept](AsyncTempDir::keep), or whose policy
/// keeps it, goes with the root at the latest: [`persist`](AsyncTempDir::persist) what is to
/// outlive it. A root that stays because the environment
/// [has it so](Cleanup#the-environment-has-the-last-word) loses its lock file: no later process
/// takes it for a dead one's. If the lock file cannot be removed, it stays locked until this process
/// exits, and the [failure hook](crate::cleanup::set_failure_hook) is called: the next process would
/// reclaim the root.
///
/// # Child processes
///
/// A process that was started with [`Command`](std::process::Command) has no part in the lock: when
/// its parent is killed, the root is dead although the child may still work in it. A forked child
/// (`fork` without `exec`) shares the lock: the root lives until both are gone. It removes
/// nothing, and its copies of the handles are dead.
///
/// # Security
///
/// Removed is only what belongs to the effective user: a real directory with a name of this form
/// and a lock file that is free (or, if it was being made or removed, an empty one). Dead roots are not looked for where others could put something
/// else in their place: in a directory that belongs to another user and is writable for group or
/// others without the sticky bit, and in one that is reached through a symlink of another user
/// (who is not root). That is no error: see [`Reclaimed::refused`].
///
/// # Platform notes
///
/// - Network filesystems: a lock has to be known to every machine that opens roots in the same
///   parent. Where it is known to one machine only (NFS mounted with `nolock` or
///   `local_lock=flock`, SMB with `nobrl`, some of FUSE and 9p), a root that another machine uses
///   is taken for dead: give each machine a parent of its own. Where files belong to another user
///   than the one who makes them, nothing is reclaimed.
/// - NFS and FUSE keep the lock file under another name until it is closed, which happens just before
///   the root itself is removed. Should another process have it open at that moment, that is waited
///   for, for a third of a second. A root that is reported for it is empty once the file is closed,
///   and the next process removes it.
/// - Where the filesystem, or Rust's standard library on this system (Android), has no file locks,
///   the root works without, and nothing is ever reclaimed.
/// - Linux: a shared lock on the directory itself keeps systemd-tmpfiles from removing what is in
///   it as too old.
/// - Windows: whose a directory is, and who may write to its parent, is not looked at.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// # let outer = async_tempdir::AsyncTempDir::new().await?;
/// use async_tempdir::TempRoot;
///
/// # let parent = outer.path();
/// let root = TempRoot::open_in("my-server", parent).await?; // `open` for the usual place
/// let upload = root.temp_dir().await?;
/// upload.write("part", "…").await?;
/// upload.close().await?;
///
/// let reclaimed = root.reclaimed().await;
/// println!("{} dead processes had left something", reclaimed.roots());
/// root.close().await?;
/// # outer.close().await?;
/// # Ok::<(), std::io::Error>(())
/// # }
/// ```
#[must_use = "dropped at once, the root is removed at once"]
pub struct TempRoot {
    claim: Claim,
    reclaiming: Arc<Reclaiming>,
}

impl TempRoot {
    /// The longest name of an application, in bytes: a filesystem takes names of 255.
    pub const MAX_APP: usize = name::MAX_APP;

    /// Makes a root for this process in [`std::env::temp_dir`], and begins to remove those of dead
    /// processes of the same `app`.
    ///
    /// It does not wait for that: [`reclaimed`](Self::reclaimed) does, and
    /// [`cleanup::idle`](crate::cleanup::idle). It is done by one thread of the blocking pool, a
    /// few milliseconds at a time, so that others get their turn. When the runtime shuts down, what
    /// is left is left to the next process, also of a root that was removed in part.
    ///
    /// # Errors
    ///
    /// Each names the operation and the parent directory.
    ///
    /// - `InvalidInput`: `app` is empty, longer than [`MAX_APP`](Self::MAX_APP), or has a path
    ///   separator or a NUL; or the environment variable
    ///   [`ASYNC_TEMPDIR_CLEANUP`](Cleanup#the-environment-has-the-last-word) is no policy.
    /// - What [`Builder::create`] says of a directory that cannot be made, and what the operating
    ///   system says of a lock file that cannot.
    /// - `ResourceBusy`: others removed 64 in a row before they were locked.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, no root is left, and nothing is reclaimed.
    pub async fn open(app: impl AsRef<str>) -> io::Result<Self> {
        Self::open_in(app, std::env::temp_dir()).await
    }

    /// As [`open`](Self::open), in `parent`, which must exist.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open).
    ///
    /// # Cancel safety
    ///
    /// That of [`open`](Self::open).
    pub async fn open_in(app: impl AsRef<str>, parent: impl AsRef<Path>) -> io::Result<Self> {
        let (app, parent) = (app.as_ref(), parent.as_ref());
        let fail = |error| located("open a root for temporary directories in", parent, error);
        name::check_app(app).map_err(fail)?;
        let policy = Policy::new(Cleanup::Always).map_err(fail)?;
        let runtime = Handle::try_current().map_err(|error| fail(io::Error::other(error)))?;
        // What it would be relative to may change.
        let absolute = std::path::absolute(parent).map_err(fail)?;
        let lane = Lane::of(&runtime);
        let make = {
            let (app, parent, lane) = (app.to_owned(), absolute.clone(), Arc::clone(&lane));
            move || {
                let born = birth::give(&app, &parent)?;
                let guard = Some(born.guard);
                let claim = Claim::new(born.path, born.identity, lane, None, guard);
                Ok((claim, born.unlocked))
            }
        };
        let made = reply::run(&lane, make).await.map_err(fail)?;
        let (mut claim, unlocked) = made.map_err(fail)?;
        claim.hand_out(policy);
        let reclaiming = match unlocked {
            None => Reclaiming::begin(&runtime, app, absolute),
            Some(error) => Reclaiming::refused(error),
        };
        Ok(Self { claim, reclaiming })
    }

    /// The root's path: absolute, and not resolved through symlinks above it.
    pub fn path(&self) -> &Path {
        self.claim.dir().path()
    }

    /// What dead processes had left, and what became of it. Waits until all of that has been
    /// removed, or cannot be.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the waiting and nothing else.
    pub async fn reclaimed(&self) -> &Reclaimed {
        self.reclaiming.ended().await
    }

    /// Creates a temporary directory in the root, with the defaults of [`Builder`].
    ///
    /// If the root's handle is dropped while the directory's exists, the root stays until that is
    /// dropped, too.
    ///
    /// # Errors
    ///
    /// Those of [`Builder::create`]; `NotFound` if somebody has removed the root, `Other` if
    /// something else has its name.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, no directory is left: see [`Builder::create`].
    pub async fn temp_dir(&self) -> io::Result<AsyncTempDir> {
        self.builder().create().await
    }

    /// A [`Builder`] whose directory is made in the root. While it exists, the root is not removed.
    /// Setting another [`parent`](Builder::parent) detaches it from the root.
    pub fn builder(&self) -> Builder {
        Builder::new().inside(self.claim.dir())
    }

    /// Removes the root with everything in it and says what became of it, as
    /// [`AsyncTempDir::close`] does.
    ///
    /// It is renamed first, to `.<app>-<random>.dead` beside where it was, so that whatever is left
    /// should the process be killed meanwhile is known as such; paths in a report are there.
    ///
    /// Handles of directories in the root lose theirs.
    ///
    /// # Errors
    ///
    /// A [`RemoveError`](crate::RemoveError) with every entry that stays.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future, or not awaiting it at all, does not stop the removal.
    pub fn close(mut self) -> RemoveDirAll {
        // Also if it is never awaited.
        self.claim.condemn();
        RemoveDirAll::new(Box::new(Closing::new(self.claim)))
    }
}

impl fmt::Debug for TempRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TempRoot")
            .field("path", &self.path())
            .finish_non_exhaustive()
    }
}
