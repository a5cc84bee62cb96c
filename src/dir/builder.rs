//! Configuration of a new directory.

use std::ffi::OsStr;
use std::fs::Permissions;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::AsyncTempDir;
use super::create::{CreateRequest, NewDir, Place};
use super::parent::Parent;
use super::thread_label;
use crate::blocking::spawn;
use crate::cleanup::RuntimeQueues;
use crate::owned::{Cleanup, OwnedDir, Policy, Reservation, Reserved};
use crate::util::name::{DEFAULT_RANDOM_LEN, Template};

/// The operation in errors.
const CREATE: &str = "create a temporary directory in";

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
/// A clone of it creates another directory of this kind:
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// # use async_tempdir::Builder;
/// let jobs = Builder::new().prefix("job-");
/// let (one, two) = (jobs.clone().create().await?, jobs.create().await?);
/// assert_ne!(one.path(), two.path());
/// # one.close().await?;
/// # two.close().await?;
/// # Ok::<(), std::io::Error>(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is created until `create` is awaited"]
pub struct Builder {
    template: Template,
    parent: Option<PathBuf>,
    permissions: Option<Permissions>,
    cleanup: Cleanup,
    /// Keeps the directory that `parent` is, if that is owned.
    reserved: Option<Reserved>,
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
            reserved: None,
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
    /// If `ASYNC_TEMPDIR_ROOT` is set, the default is instead
    /// [the root of the run](Cleanup#the-environment-sets-a-root).
    ///
    /// The default is determined when [`create`](Self::create) is awaited. As for `tempfile`, an empty
    /// path, also in `TMPDIR`, is the current directory.
    pub fn parent(mut self, parent: impl AsRef<Path>) -> Self {
        self.parent = Some(parent.as_ref().into());
        self.reserved = None;
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
    /// The environment can [keep more](Cleanup#the-environment-keeps-more).
    pub fn cleanup(mut self, cleanup: Cleanup) -> Self {
        self.cleanup = cleanup;
        self
    }

    /// Sets another temporary directory as the parent, as [`AsyncTempDir::temp_dir`] does.
    ///
    /// [`create`](Self::create) then has the errors of that, too.
    /// For a directory in a [`TempRoot`](crate::TempRoot), begin with its
    /// [`dir_builder`](crate::TempRoot::dir_builder). While this builder, or the handle of its directory,
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
            reserved: Some(Reserved::new(dir)),
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
    ///   [`ASYNC_TEMPDIR_CLEANUP`](Cleanup#the-environment-keeps-more) is not a policy.
    /// - `AlreadyExists`: 512 random names in a row were taken, or, without random characters, the
    ///   only possible name.
    /// - `InvalidFilename`: the name is too long for the filesystem.
    /// - `NotFound`, `NotADirectory`, `PermissionDenied`, `StorageFull`, `ReadOnlyFilesystem` and
    ///   any other error that the operating system returns for `mkdir`.
    /// - If [`ASYNC_TEMPDIR_ROOT`](Cleanup#the-environment-sets-a-root) is set, and no parent: any error
    ///   of creating the root of the run; `InvalidInput` for an invalid `ASYNC_TEMPDIR_RETAIN`.
    /// - `Other`: the caller is outside a Tokio runtime (which is no error for a directory
    ///   [`inside`](Self::inside) one that has a runtime), the runtime is shutting down, or the
    ///   system gives it no thread.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the directory is not created, or is removed in the background,
    /// regardless of [`Cleanup`]; [`cleanup::idle`](crate::cleanup::idle) waits for that.
    pub async fn create(self) -> io::Result<AsyncTempDir> {
        let mut parent = Parent::of(self.parent.clone());
        let created = async {
            let (request, policy, _reservation) =
                self.request(&mut parent, || Ok(RuntimeQueues::of(&spawn::current()?)))?;
            let queues = Arc::clone(&request.queues);
            let owner = queues.operations.run(|| request.run()).await??;
            Ok(AsyncTempDir::new_owning(owner, policy))
        };
        created.await.map_err(|error| parent.explain(CREATE, error))
    }

    /// Creates the directory on the calling thread, for code that is not async.
    ///
    /// For constructors and test fixtures that are plain functions: it blocks for one `mkdir`, some
    /// microseconds on a local disk. In async code, use [`create`](Self::create).
    ///
    /// This needs no Tokio runtime, but operations in the directory do. A directory that was created
    /// outside any runtime is removed in the background if it is dropped inside one; otherwise the
    /// drop, or [`close`](AsyncTempDir::close), removes it before it returns.
    ///
    /// # Errors
    ///
    /// The same as for [`create`](Self::create), except those about the runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// use async_tempdir::{AsyncTempDir, Builder};
    ///
    /// struct Cache {
    ///     dir: AsyncTempDir,
    /// }
    ///
    /// impl Cache {
    ///     fn new() -> std::io::Result<Self> {
    ///         let dir = Builder::new().prefix("cache-").create_blocking()?;
    ///         Ok(Self { dir })
    ///     }
    /// }
    /// # let cache = Cache::new()?;
    /// # let path = cache.dir.path().to_path_buf();
    /// # drop(cache);
    /// # assert!(!path.exists());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn create_blocking(self) -> io::Result<AsyncTempDir> {
        let mut parent = Parent::of(self.parent.clone());
        let create = || {
            let (request, policy, _reservation) = self.request(&mut parent, RuntimeQueues::here)?;
            Ok(AsyncTempDir::new_owning(request.run()?, policy))
        };
        create().map_err(|error| parent.explain(CREATE, error))
    }

    /// Prepares the creation. The reservation ends when the handle exists.
    fn request(
        mut self,
        parent: &mut Parent,
        queues: impl FnOnce() -> io::Result<Arc<RuntimeQueues>>,
    ) -> io::Result<(CreateRequest, Policy, Option<Reservation>)> {
        // First, because errors name its path.
        let place = Place::in_parent(parent)?;
        self.template.check(Self::MAX_RANDOM_LEN)?;
        let policy = Policy::new(self.cleanup)?;
        let (queues, reservation, place) = match self.reserved {
            Some(reserved) => {
                let (reservation, guard, operation) = reserved.begin()?;
                // Like an operation in the parent: also outside any runtime, if the parent has one.
                let queues = guard.dir.queues_here();
                (queues, Some(reservation), Place::Inside(guard, operation))
            }
            None => (queues()?, None, place),
        };
        if policy.has_environment() || matches!(place, Place::Run(_)) {
            thread_label::add_to(&mut self.template);
        }
        let request = CreateRequest {
            place,
            new: NewDir {
                template: self.template,
                permissions: self.permissions,
            },
            queues,
        };
        Ok((request, policy, reservation))
    }
}
