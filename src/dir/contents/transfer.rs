//! Renaming and copying.

use std::io::{self, ErrorKind};
use std::path::Path;

use cap_std::fs::Dir;

use super::open::{Access, ends_in_dots, ends_in_separator, open, open_with, with_parents};
use super::open_options::OpenOptions;
use crate::dir::AsyncTempDir;
use crate::sys::Identity;

impl AsyncTempDir {
    /// Renames a file or directory, creating missing parents of the new path.
    ///
    /// Like `tokio::fs::rename`, but confined to the directory: a file at `to` is replaced
    /// atomically, and so is an empty directory by another one. A symlink itself is renamed or
    /// replaced. On Unix, nothing happens if both paths are hard links to one file.
    ///
    /// A directory [made inside](Self::temp_dir) with a handle of its own must not be renamed: its
    /// handle would not find it any more.
    ///
    /// # Errors
    ///
    /// - `NotFound`: there is nothing at `from`; no parent is created.
    /// - `IsADirectory`, `NotADirectory` or `DirectoryNotEmpty` (on XFS, `AlreadyExists`): `to` is a
    ///   directory and `from` is not, or the reverse, or `to` has entries.
    /// - `InvalidInput`: one of the paths ends in `.` or `..`, or `to` is inside `from`, where missing
    ///   parents may have been created.
    /// - `CrossesDevices`: something is mounted between the two.
    /// - The same errors as for [`write`](Self::write), about either path, except for those of files
    ///   that are not regular.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the rename has happened completely or not at all.
    ///
    /// # Platform notes
    ///
    /// On Windows, a directory may replace a file, and may not replace an empty directory, depending on
    /// the version; and what is open in a process that does not share deletion can be neither renamed
    /// nor replaced.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let dir = async_tempdir::AsyncTempDir::new().await?;
    /// dir.write("incoming/file", "complete").await?;
    /// dir.rename("incoming/file", "ready/file").await?;
    /// assert_eq!(dir.read("ready/file").await?, b"complete");
    /// # dir.close().await?;
    /// # Ok::<(), std::io::Error>(())
    /// # }
    /// ```
    pub async fn rename(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
        self.run_between("rename", from.as_ref(), to.as_ref(), rename)
            .await
    }

    /// Copies a file with its permissions, creating missing parents of the new path.
    ///
    /// Returns the number of bytes. Like `tokio::fs::copy`, but for regular files only, and confined
    /// to the directory. Symlinks are followed inside. An existing file at `to` is truncated once
    /// `from` is open.
    ///
    /// # Errors
    ///
    /// - `NotFound`: there is nothing at `from`; no parent is created.
    /// - `InvalidInput`: the two are one file, which is left as it is.
    /// - The same errors as for [`write`](Self::write), about either path. If the copying itself
    ///   fails, the file at `to` may be incomplete.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the file at `to` may be missing, unchanged, incomplete or complete.
    ///
    /// # Platform notes
    ///
    /// On Windows, alternate data streams and attributes other than read-only are not copied.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let dir = async_tempdir::AsyncTempDir::new().await?;
    /// dir.write("template.toml", "port = 0\n").await?;
    /// assert_eq!(dir.copy("template.toml", "etc/app.toml").await?, 9);
    /// # dir.close().await?;
    /// # Ok::<(), std::io::Error>(())
    /// # }
    /// ```
    pub async fn copy(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<u64> {
        self.run_between("copy", from.as_ref(), to.as_ref(), copy)
            .await
    }
}

fn rename(dir: &Dir, from: &Path, to: &Path) -> io::Result<()> {
    if ends_in_dots(from) || ends_in_dots(to) {
        return Err(io::Error::new(
            ErrorKind::InvalidInput,
            "refusing to rename the directory itself, or a path that ends in `.` or `..`",
        ));
    }
    let only_dir = ends_in_separator(from) || ends_in_separator(to);
    // Without separators at the end: some systems follow a symlink that has one, even out of the
    // directory.
    let [from, to] = [from, to].map(|path| path.components().as_path());
    // Otherwise a missing file would look like a missing parent of the new path.
    let metadata = dir.symlink_metadata(from)?;
    if only_dir && !metadata.is_dir() {
        return Err(ErrorKind::NotADirectory.into());
    }
    with_parents(dir, to, || dir.rename(from, dir, to))
}

fn copy(dir: &Dir, from: &Path, to: &Path) -> io::Result<u64> {
    let mut source = open(dir, from, Access::Read)?.into_std();
    let metadata = source.metadata()?;
    let mut options = OpenOptions::new();
    // Private until it has the permissions of the source, and truncated only when it is known to be
    // another file.
    options.write(true).create(true).set_mode(0o600);
    let mut target = open_with(dir, to, &options)?.into_std();
    if Identity::of_open(&source)? == Identity::of_open(&target)? {
        return Err(io::Error::new(
            ErrorKind::InvalidInput,
            "both paths lead to the same file",
        ));
    }
    target.set_len(0)?;
    // Before the contents, so that these are never readable by more users than in the source.
    target.set_permissions(metadata.permissions())?;
    io::copy(&mut source, &mut target)
}
