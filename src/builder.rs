//! How a directory is to be made.

use std::ffi::OsStr;
use std::fs::Permissions;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::runtime::Handle;

use crate::cleanup::Lane;
use crate::create::Plan;
use crate::error::located;
use crate::name::{DEFAULT_RANDOM_LEN, Template};
use crate::owned::{self, Child, OwnedDir};
use crate::policy::Policy;
use crate::reply;
use crate::{AsyncTempDir, Cleanup};

/// Configures a temporary directory, then [`create`](Self::create)s it: the async form of
/// `tempfile::Builder`.
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
    inside: Inside,
}

/// Whether `parent` is a directory of ours, which waits for those in it.
#[derive(Debug)]
enum Inside {
    Nothing,
    Held(Child),
    /// In a forked child, where nobody may take hold of it.
    Foreign,
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl Builder {
    /// The largest [`random_len`](Self::random_len): no filesystem in use takes longer names.
    /// With more, [`create`](Self::create) fails.
    pub const MAX_RANDOM_LEN: usize = 255;

    /// The defaults of each setting.
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
            inside: Inside::Nothing,
        }
    }

    /// What the name begins with; `tmp` by default. One of your own tells whose leftovers those
    /// are, should the process be killed.
    pub fn prefix(mut self, prefix: impl AsRef<OsStr>) -> Self {
        self.template.prefix = prefix.as_ref().to_owned().into();
        self
    }

    /// What the name ends with; nothing by default.
    pub fn suffix(mut self, suffix: impl AsRef<OsStr>) -> Self {
        self.template.suffix = suffix.as_ref().to_owned().into();
        self
    }

    /// How many random characters stand between prefix and suffix; 10 by default, at most
    /// [`MAX_RANDOM_LEN`](Self::MAX_RANDOM_LEN). They are drawn from `A`–`Z`, `a`–`z` and `0`–`9`
    /// by the operating system's generator.
    ///
    /// # Security
    ///
    /// Fewer than six can be guessed. That never makes [`create`](Self::create) adopt somebody
    /// else's directory, but it lets others occupy the names.
    pub fn random_len(mut self, len: usize) -> Self {
        self.template.random_len = len;
        self
    }

    /// Where the directory is created; [`std::env::temp_dir`] by default, asked when
    /// [`create`](Self::create) is awaited. It must exist.
    pub fn parent(mut self, parent: impl AsRef<Path>) -> Self {
        self.parent = Some(parent.as_ref().into());
        self.inside = Inside::Nothing;
        self
    }

    /// The permissions it is created with; by default 0700, for its owner alone.
    ///
    /// # Platform notes
    ///
    /// Unix: the umask takes its bits away, as from every `mkdir`, except from the owner's three.
    /// Windows: ignored; access follows from the parent directory.
    pub fn permissions(mut self, permissions: Permissions) -> Self {
        self.permissions = Some(permissions);
        self
    }

    /// What dropping the handle does; [`Cleanup::Always`] by default. The environment can
    /// [override](Cleanup#the-environment-has-the-last-word) it.
    pub fn cleanup(mut self, cleanup: Cleanup) -> Self {
        self.cleanup = cleanup;
        self
    }

    /// Makes it a child of `dir`.
    pub(crate) fn inside(self, dir: &Arc<OwnedDir>) -> Self {
        let inside = if dir.is_foreign() {
            Inside::Foreign
        } else {
            Inside::Held(dir.child())
        };
        Self {
            inside,
            ..self.parent(dir.path())
        }
    }

    /// Creates the directory: never one that exists already.
    ///
    /// # Errors
    ///
    /// Each names the operation and the parent directory.
    ///
    /// - `InvalidInput`: prefix or suffix contain a path separator or a NUL, the name would be
    ///   empty, `.` or `..`, or `random_len` is too large; or the environment variable
    ///   [`ASYNC_TEMPDIR_CLEANUP`](Cleanup#the-environment-has-the-last-word) is no policy.
    /// - `AlreadyExists`: 512 random names in a row were taken, or, without random
    ///   characters, the one name is.
    /// - `InvalidFilename`: the filesystem takes no name that long.
    /// - `NotFound`, `NotADirectory`, `PermissionDenied`, `StorageFull`, `ReadOnlyFilesystem` and
    ///   whatever else the operating system says to `mkdir`.
    /// - `Other`: there is no Tokio runtime here, or it is shutting down, or the system gives it no
    ///   thread.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the directory is not created, or is removed again in the
    /// background, whatever the [`Cleanup`]; [`cleanup::idle`](crate::cleanup::idle) waits for it.
    pub async fn create(self) -> io::Result<AsyncTempDir> {
        let parent = self.parent.unwrap_or_else(std::env::temp_dir);
        let fail = |error| located("create a temporary directory in", &parent, error);

        self.template.check(Self::MAX_RANDOM_LEN).map_err(fail)?;
        let policy = Policy::new(self.cleanup).map_err(fail)?;
        let hold = match self.inside {
            Inside::Nothing => None,
            Inside::Held(hold) => {
                let job = hold.dir().job().map_err(fail)?;
                Some((hold, job))
            }
            Inside::Foreign => return Err(fail(owned::foreign())),
        };
        let runtime = Handle::try_current().map_err(|error| fail(io::Error::other(error)))?;
        let lane = Lane::of(&runtime);
        let plan = Plan {
            // Absolute from the start: neither TMPDIR nor the current directory can make it mean
            // something else later.
            parent: if parent.is_absolute() {
                parent.clone()
            } else {
                std::path::absolute(&parent).map_err(fail)?
            },
            template: self.template,
            permissions: self.permissions,
            lane: Arc::clone(&lane),
            hold,
        };
        let claim = reply::run(&lane, || plan.carry_out())
            .await
            .map_err(fail)??;
        Ok(AsyncTempDir::new_owning(claim, policy))
    }
}
