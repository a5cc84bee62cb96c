//! The handle: constructors and paths.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::path::Path;

use super::Builder;
use crate::owned::{Owner, Policy};

/// A temporary directory that is removed when this handle is dropped.
///
/// The async form of `tempfile::TempDir`; Python's `tempfile.TemporaryDirectory`.
///
/// It is created empty, private to its owner (mode 0700), and with a name that cannot be guessed.
/// Dropping the handle removes it and everything in it, in the background and without blocking the
/// calling thread. [`close`](Self::close) also removes it, and reports errors.
///
/// There is no `Clone`: share it as an [`Arc`](std::sync::Arc). Methods that work inside it take
/// paths that are relative to the directory, or begin with its [`path`](Self::path) as it is spelled
/// there, and that cannot leave it.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// use async_tempdir::AsyncTempDir;
///
/// let dir = AsyncTempDir::new().await?;
/// let file = dir.write("notes/today.txt", "Awaited.\n").await?;
/// assert_eq!(tokio::fs::read_to_string(&file).await?, "Awaited.\n");
/// dir.close().await?;
/// assert!(!file.exists());
/// # Ok::<(), std::io::Error>(())
/// # }
/// ```
///
/// Pass `&dir` or `dir.path()` where a path is expected, also by value. The handle itself is not a path: passed by value, it would
/// be dropped by the callee, and the directory removed before the caller uses it. This does not
/// compile:
///
/// ```compile_fail
/// fn look_at(path: impl AsRef<std::path::Path>) {}
///
/// async fn mistake(dir: async_tempdir::AsyncTempDir) {
///     look_at(dir);
/// }
/// ```
///
/// ```
/// fn look_at(path: impl AsRef<std::path::Path>) {}
///
/// async fn right(dir: async_tempdir::AsyncTempDir) {
///     look_at(&dir);
/// }
/// ```
#[doc(alias = "TempDir")]
#[doc(alias = "TemporaryDirectory")]
#[doc(alias = "tempdir")]
#[doc(alias = "mkdtemp")]
#[doc(alias = "tmp_path")]
#[must_use = "dropped at once, the directory is removed at once"]
pub struct AsyncTempDir {
    pub(super) owner: Owner,
}

impl AsyncTempDir {
    /// Creates a directory in [`std::env::temp_dir`].
    ///
    /// The async form of `tempfile::TempDir::new`; Python's `TemporaryDirectory()`.
    ///
    /// # Errors
    ///
    /// The same as for [`Builder::create`].
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, no directory is left: see [`Builder::create`].
    pub async fn new() -> io::Result<Self> {
        Self::builder().create().await
    }

    /// Creates a directory in [`std::env::temp_dir`] on the calling thread.
    ///
    /// See [`Builder::create_blocking`], also for what happens outside a Tokio runtime. Python's and
    /// `tempfile`'s way; in async code, use [`new`](Self::new).
    ///
    /// # Errors
    ///
    /// The same as for [`Builder::create_blocking`].
    ///
    /// # Examples
    ///
    /// ```
    /// use async_tempdir::AsyncTempDir;
    ///
    /// fn fixture() -> std::io::Result<AsyncTempDir> {
    ///     let dir = AsyncTempDir::new_blocking()?;
    ///     std::fs::write(dir.path().join("config"), "port = 0\n")?;
    ///     Ok(dir)
    /// }
    /// # fixture()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new_blocking() -> io::Result<Self> {
        Self::builder().create_blocking()
    }

    /// Creates a directory in `parent`.
    ///
    /// The async form of `tempfile::TempDir::new_in`.
    ///
    /// # Errors
    ///
    /// The same as for [`Builder::create`].
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, no directory is left: see [`Builder::create`].
    pub async fn new_in(parent: impl AsRef<Path>) -> io::Result<Self> {
        Self::builder().parent(parent).create().await
    }

    /// Creates a directory whose name begins with `prefix` in [`std::env::temp_dir`].
    ///
    /// The async form of `tempfile::TempDir::with_prefix`.
    ///
    /// # Errors
    ///
    /// The same as for [`Builder::create`].
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, no directory is left: see [`Builder::create`].
    pub async fn with_prefix(prefix: impl AsRef<OsStr>) -> io::Result<Self> {
        Self::builder().prefix(prefix).create().await
    }

    /// Creates a directory whose name begins with `prefix` in `parent`.
    ///
    /// The async form of `tempfile::TempDir::with_prefix_in`.
    ///
    /// # Errors
    ///
    /// The same as for [`Builder::create`].
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, no directory is left: see [`Builder::create`].
    pub async fn with_prefix_in(
        prefix: impl AsRef<OsStr>,
        parent: impl AsRef<Path>,
    ) -> io::Result<Self> {
        Self::builder().prefix(prefix).parent(parent).create().await
    }

    /// Creates a directory whose name ends with `suffix` in [`std::env::temp_dir`].
    ///
    /// The async form of `tempfile::TempDir::with_suffix`.
    ///
    /// # Errors
    ///
    /// The same as for [`Builder::create`].
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, no directory is left: see [`Builder::create`].
    pub async fn with_suffix(suffix: impl AsRef<OsStr>) -> io::Result<Self> {
        Self::builder().suffix(suffix).create().await
    }

    /// Creates a directory whose name ends with `suffix` in `parent`.
    ///
    /// The async form of `tempfile::TempDir::with_suffix_in`.
    ///
    /// # Errors
    ///
    /// The same as for [`Builder::create`].
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, no directory is left: see [`Builder::create`].
    pub async fn with_suffix_in(
        suffix: impl AsRef<OsStr>,
        parent: impl AsRef<Path>,
    ) -> io::Result<Self> {
        Self::builder().suffix(suffix).parent(parent).create().await
    }

    /// Creates a builder with default settings; the same as [`Builder::new`].
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) fn new_owning(mut owner: Owner, policy: Policy) -> Self {
        owner.arm(policy);
        Self { owner }
    }

    /// Returns the directory's path.
    ///
    /// It is absolute, even if `TMPDIR` or the given parent was relative. Symlinks in it are not
    /// resolved.
    pub fn path(&self) -> &Path {
        &self.owner.dir.path
    }

    /// Returns the directory's name, the last component of its [`path`](Self::path).
    pub fn file_name(&self) -> &OsStr {
        self.owner.dir.file_name()
    }
}

/// Implemented for references only: see [`AsyncTempDir`].
impl AsRef<Path> for &AsyncTempDir {
    fn as_ref(&self) -> &Path {
        self.path()
    }
}

/// Implemented for references only: see [`AsyncTempDir`].
impl AsRef<Path> for &mut AsyncTempDir {
    fn as_ref(&self) -> &Path {
        self.path()
    }
}

impl fmt::Debug for AsyncTempDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncTempDir")
            .field("path", &self.path())
            .finish_non_exhaustive()
    }
}
