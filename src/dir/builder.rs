//! Configuration of a new directory.

use std::ffi::OsStr;
use std::fs::Permissions;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::AsyncTempDir;
use super::create::CreateRequest;
use crate::blocking::spawn;
use crate::cleanup::RuntimeQueues;
use crate::owned::{Cleanup, OwnedDir, ParentGuard, Policy, Reservation, WrongProcess};
use crate::util::name::{DEFAULT_RANDOM_LEN, Template};
use crate::util::{absolute_parent, with_path, with_tmpdir_hint};

/// Configures and [`create`](Self::create)s a temporary directory.
///
/// The async form of `tempfile::Builder`.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// use async_tempdir::Builder;
///
/// let dir = Builder::new().prefix("upload-").suffix(".d").random_len(6).create().await?;
/// assert_eq!(dir.file_name().len(), "upload-XXXXXX.d".len());
/// dir.close().await?;
/// # Ok::<(), std::io::Error>(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "nothing is created until `create` is awaited"]
pub struct Builder {
    template: Template,
    parent: Option<PathBuf>,
    permissions: Option<Permissions>,
    cleanup: Cleanup,
    /// Keeps the directory that `parent` is, if that is owned. An error in a forked child.
    parent_guard: Result<Option<(Reservation, ParentGuard)>, WrongProcess>,
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl Builder {
    /// The largest [`random_len`](Self::random_len): common filesystems allow no longer names.
    ///
    /// With a larger one, [`create`](Self::create) fails.
    pub const MAX_RANDOM_LEN: usize = 255;

    /// Creates a builder with default settings.
    pub fn new() -> Self {
        Self {
            template: Template {
                prefix: OsStr::new("tmp").into(),
                suffix: OsStr::new("").into(),
                random_len: DEFAULT_RANDOM_LEN,
            },
            parent: None,
            permissions: None,
            cleanup: Cleanup::default(),
            parent_guard: Ok(None),
        }
    }

    /// Sets the name prefix (default `tmp`).
    ///
    /// A distinctive prefix identifies leftovers if the process is killed.
    pub fn prefix(mut self, prefix: impl AsRef<OsStr>) -> Self {
        self.template.prefix = prefix.as_ref().to_owned().into();
        self
    }

    /// Sets the name suffix (default none).
    pub fn suffix(mut self, suffix: impl AsRef<OsStr>) -> Self {
        self.template.suffix = suffix.as_ref().to_owned().into();
        self
    }

    /// Sets the number of random characters between prefix and suffix (default 10).
    ///
    /// At most [`MAX_RANDOM_LEN`](Self::MAX_RANDOM_LEN). The operating system's random number
    /// generator picks them from `A`–`Z`, `a`–`z` and `0`–`9`.
    ///
    /// # Security
    ///
    /// With fewer than six characters, names can be guessed. [`create`](Self::create) still never
    /// adopts an existing directory, but other users can occupy the names.
    #[doc(alias = "rand_bytes")]
    pub fn random_len(mut self, len: usize) -> Self {
        self.template.random_len = len;
        self
    }

    /// Sets the parent directory, which must exist (default [`std::env::temp_dir`]).
    ///
    /// The default is determined when [`create`](Self::create) is awaited. As for `tempfile`, an empty
    /// path, also in `TMPDIR`, is the current directory.
    pub fn parent(mut self, parent: impl AsRef<Path>) -> Self {
        self.parent = Some(parent.as_ref().into());
        self.parent_guard = Ok(None);
        self
    }

    /// Sets the permissions of the directory (default 0700: private to its owner).
    ///
    /// # Platform notes
    ///
    /// Unix: the umask applies, as for every `mkdir`, except to the owner's three bits. Windows:
    /// permissions are ignored; the parent directory determines access.
    pub fn permissions(mut self, permissions: Permissions) -> Self {
        self.permissions = Some(permissions);
        self
    }

    /// Sets the cleanup policy applied on drop (default [`Cleanup::Always`]).
    ///
    /// The environment can [override](Cleanup#the-environment-has-the-last-word) it.
    pub fn cleanup(mut self, cleanup: Cleanup) -> Self {
        self.cleanup = cleanup;
        self
    }

    /// Sets another temporary directory as the parent, as [`AsyncTempDir::temp_dir`] does.
    ///
    /// [`create`](Self::create) then has the errors of that, too.
    /// For a directory in a [`TempRoot`](crate::TempRoot), begin with its
    /// [`builder`](crate::TempRoot::builder). While this builder, or the handle of its directory,
    /// exists, dropping the handle of `dir` does not remove that, and it cannot be
    /// [persisted](AsyncTempDir::persist). With it, the new directory is
    /// removed, whatever its [policy](Cleanup) is. Setting another [`parent`](Self::parent) later
    /// undoes this.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// use async_tempdir::{AsyncTempDir, Builder};
    ///
    /// let dir = AsyncTempDir::new().await?;
    /// let job = Builder::new().prefix("job-").inside(&dir).create().await?;
    /// assert_eq!(job.path().parent(), Some(dir.path()));
    /// # drop(job);
    /// # dir.close().await?;
    /// # Ok::<(), std::io::Error>(())
    /// # }
    /// ```
    pub fn inside(self, dir: &AsyncTempDir) -> Self {
        self.parent_dir(&dir.owner.dir)
    }

    /// Makes the new directory a child of `dir`.
    pub(crate) fn parent_dir(self, dir: &Arc<OwnedDir>) -> Self {
        Self {
            parent_guard: dir
                .parent_guard()
                .map(|guard| Some((Reservation::new(dir), guard))),
            ..self.parent(&dir.path)
        }
    }

    /// Creates the directory; never adopts an existing one.
    ///
    /// # Errors
    ///
    /// Each error names the operation and the parent directory.
    ///
    /// - `InvalidInput`: the prefix or suffix contains a path separator or a NUL, the name would be
    ///   empty, `.` or `..`, or `random_len` is too large; or the environment variable
    ///   [`ASYNC_TEMPDIR_CLEANUP`](Cleanup#the-environment-has-the-last-word) is not a policy.
    /// - `AlreadyExists`: 512 random names in a row were taken, or, without random characters, the
    ///   only possible name.
    /// - `InvalidFilename`: the name is too long for the filesystem.
    /// - `NotFound`, `NotADirectory`, `PermissionDenied`, `StorageFull`, `ReadOnlyFilesystem` and
    ///   any other error that the operating system returns for `mkdir`.
    /// - `Other`: the caller is outside a Tokio runtime, the runtime is shutting down, or the
    ///   system gives it no thread.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the directory is not created, or is removed in the background,
    /// regardless of [`Cleanup`]; [`cleanup::idle`](crate::cleanup::idle) waits for that.
    pub async fn create(self) -> io::Result<AsyncTempDir> {
        let is_default = self.parent.is_none();
        let mut parent = self.parent.clone().unwrap_or_else(std::env::temp_dir);
        // From the start: later changes of TMPDIR or the current directory cannot make it refer to
        // something else.
        let absolute = if parent.is_absolute() {
            Ok(())
        } else {
            absolute_parent(&parent).map(|absolute| parent = absolute)
        };
        let created = match absolute {
            Ok(()) => self.create_in(parent.clone()).await,
            Err(error) => Err(error),
        };
        created.map_err(|error| {
            let error = with_path("create a temporary directory in", &parent, error);
            if is_default {
                with_tmpdir_hint(error)
            } else {
                error
            }
        })
    }

    async fn create_in(self, parent: PathBuf) -> io::Result<AsyncTempDir> {
        self.template.check(Self::MAX_RANDOM_LEN)?;
        let policy = Policy::new(self.cleanup)?;
        // The reservation ends when the handle exists.
        let (_reservation, parent_guard) = match self.parent_guard? {
            Some((reservation, guard)) => {
                let operation = guard.dir.begin_operation()?;
                (Some(reservation), Some((guard, operation)))
            }
            None => (None, None),
        };
        let queues = RuntimeQueues::of(&spawn::current()?);
        let request = CreateRequest {
            parent,
            template: self.template,
            permissions: self.permissions,
            queues: Arc::clone(&queues),
            parent_guard,
        };
        let owner = queues.operations.run(|| request.run()).await??;
        Ok(AsyncTempDir::new_owning(owner, policy))
    }
}
