//! Symlinks and hard links.

use std::io::{self, ErrorKind};
use std::path::{Component, Path};

use cap_std::fs::Dir;

use super::open::{parent, requires_dir, with_parents};
use super::path;
use crate::dir::AsyncTempDir;
use crate::sys;
use crate::util::with_path;

impl AsyncTempDir {
    /// Creates a symlink at `link` that leads to `original`, creating missing parents.
    ///
    /// Like `tokio::fs::symlink`, but confined to the directory. The target is stored as it is given,
    /// relative to the directory that `link` is in, and need not exist.
    ///
    /// # Errors
    ///
    /// - `PermissionDenied`: the target is absolute, or leads out of the directory by its text: no
    ///   method would follow it. Parents that were created remain.
    /// - `AlreadyExists`: there is something at `link`.
    /// - The same errors as for [`write`](Self::write), about `link`.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the symlink may or may not exist.
    ///
    /// # Security
    ///
    /// Only the text of the target is checked. If a symlink is a part of it, it may still lead out;
    /// methods of this type then refuse to follow it, and other programs do not.
    ///
    /// # Platform notes
    ///
    /// On Windows, creating a symlink requires a privilege or developer mode. It leads to a directory
    /// if the target is one now, and to a file otherwise. There, use `\` in a target: the system
    /// follows no `/`.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// # if cfg!(windows) { return Ok(()) } // a privilege
    /// let dir = async_tempdir::AsyncTempDir::new().await?;
    /// dir.write("releases/2/app", "new").await?;
    /// dir.symlink("2", "releases/current").await?;
    /// assert_eq!(dir.read("releases/current/app").await?, b"new");
    /// # dir.close().await?;
    /// # Ok::<(), std::io::Error>(())
    /// # }
    /// ```
    pub async fn symlink(
        &self,
        original: impl AsRef<Path>,
        link: impl AsRef<Path>,
    ) -> io::Result<()> {
        const OPERATION: &str = "create symlink";
        let (original, link) = (original.as_ref().to_path_buf(), link.as_ref());
        check_text(&original)
            .map_err(|error| with_path(OPERATION, &self.path().join(link), error))?;
        self.run_at(OPERATION, link, move |dir, link| {
            symlink(dir, &original, link)
        })
        .await
    }

    /// Creates a hard link at `link` to the file `original`, creating missing parents.
    ///
    /// Like `tokio::fs::hard_link`, but confined to the directory. If `original` is a symlink, the new
    /// link is one to the symlink itself.
    ///
    /// # Errors
    ///
    /// - `NotFound`: there is nothing at `original`; no parent is created.
    /// - `AlreadyExists`: there is something at `link`.
    /// - `PermissionDenied`: `original` is a directory, or a path leads out of the directory.
    /// - The same errors as for [`write`](Self::write), about either path.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the hard link may or may not exist.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let dir = async_tempdir::AsyncTempDir::new().await?;
    /// dir.write("cache/file", "large").await?;
    /// dir.hard_link("cache/file", "job/file").await?;
    /// dir.remove("cache").await?;
    /// assert_eq!(dir.read("job/file").await?, b"large");
    /// # dir.close().await?;
    /// # Ok::<(), std::io::Error>(())
    /// # }
    /// ```
    pub async fn hard_link(
        &self,
        original: impl AsRef<Path>,
        link: impl AsRef<Path>,
    ) -> io::Result<()> {
        self.run_between(
            "create a hard link from",
            link.as_ref(),
            original.as_ref(),
            |dir, link, original| {
                // Otherwise a missing file would look like a missing parent of the link. (cap-std's
                // `symlink_metadata` overlooks a separator or dot at the end.)
                match requires_dir(original) {
                    true => dir.metadata(original)?,
                    false => dir.symlink_metadata(original)?,
                };
                new_link(dir, link, || dir.hard_link(original, dir, link))
            },
        )
        .await
    }
}

/// Refuses what no symlink inside may have as its target, wherever it is.
fn check_text(target: &Path) -> io::Result<()> {
    match target.components().next() {
        Some(Component::Prefix(_) | Component::RootDir) => path::check_target(target, 0),
        _ if target.as_os_str().is_empty() => Err(io::Error::new(
            ErrorKind::InvalidInput,
            "the target is empty",
        )),
        _ => path::check(target),
    }
}

fn symlink(dir: &Dir, original: &Path, link: &Path) -> io::Result<()> {
    new_link(dir, link, || {
        // Where the link really is: its own path may lead through symlinks. The dot keeps a FIFO from
        // being opened, which would wait for its peer.
        let place = dir.canonicalize(parent(link).join("."))?;
        let depth = place
            .components()
            .filter(|component| matches!(component, Component::Normal(_)));
        path::check_target(original, depth.count())?;
        sys::symlink(dir, original, link)
    })
}

/// Calls `create`, if necessary after creating the parents of `link`.
fn new_link(dir: &Dir, link: &Path, create: impl Fn() -> io::Result<()>) -> io::Result<()> {
    if requires_dir(link) {
        // No link has such a path: this is an error.
        create()
    } else {
        with_parents(dir, link, create)
    }
}
