//! Files and directories inside.
//!
//! Not `tokio::fs`: it resolves a path through whatever symlinks it finds, also out of the
//! directory, and an operation of several calls would be several hops to the blocking pool. Each
//! operation here is one hop, in which [cap-std](cap_std) resolves the path beneath an open
//! directory.

use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};

use cap_std::fs::{Dir, File, OpenOptions};

use crate::AsyncTempDir;
use crate::error::located;
use crate::owned;
use crate::reply;
use crate::sys;

impl AsyncTempDir {
    /// Writes `contents` to the file `path`, which is created, with the directories it is in, or
    /// replaced: `tokio::fs::write`, contained. Returns the absolute path.
    ///
    /// # Errors
    ///
    /// Each names operation and path.
    ///
    /// - `InvalidInput`: the path is empty or contains a NUL.
    /// - `PermissionDenied`: the path leads out of the directory (by `..`, by being absolute,
    ///   through a symlink), or the operating system refuses.
    /// - `IsADirectory` and whatever else the operating system says.
    /// - `Other`: something else has the directory's name by now, or the runtime shuts down.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the file may be there, whole or in part, or not. It is in the
    /// directory and goes with it; the directory is not removed before the operation has ended.
    pub async fn write(
        &self,
        path: impl AsRef<Path>,
        contents: impl AsRef<[u8]> + Send + 'static,
    ) -> io::Result<PathBuf> {
        let path = path.as_ref();
        self.inside("write", path, move |dir, path| {
            let mut file = create(
                dir,
                path,
                OpenOptions::new().write(true).create(true).truncate(true),
            )?;
            file.write_all(contents.as_ref())
        })
        .await?;
        Ok(self.path().join(path))
    }

    /// Reads the whole file `path`: `tokio::fs::read`, contained.
    ///
    /// # Errors
    ///
    /// `NotFound`, or those of [`write`](Self::write).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing on disk.
    pub async fn read(&self, path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
        self.inside("read", path.as_ref(), |dir, path| dir.read(path))
            .await
    }

    /// Reads the whole file `path` as UTF-8: `tokio::fs::read_to_string`, contained.
    ///
    /// # Errors
    ///
    /// `InvalidData`: it is not UTF-8; `NotFound`; or those of [`write`](Self::write).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing on disk.
    pub async fn read_to_string(&self, path: impl AsRef<Path>) -> io::Result<String> {
        self.inside("read", path.as_ref(), |dir, path| {
            let mut text = String::new();
            dir.open(path)?.read_to_string(&mut text)?;
            Ok(text)
        })
        .await
    }

    /// Opens the file `path` for writing; it is created, with the directories it is in, or
    /// truncated: `tokio::fs::File::create`, contained.
    ///
    /// # Errors
    ///
    /// Those of [`write`](Self::write).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the file may be there, empty, or not.
    pub async fn create(&self, path: impl AsRef<Path>) -> io::Result<tokio::fs::File> {
        let file = self
            .inside("create", path.as_ref(), |dir, path| {
                create(
                    dir,
                    path,
                    OpenOptions::new().write(true).create(true).truncate(true),
                )
            })
            .await?;
        Ok(tokio::fs::File::from_std(file.into_std()))
    }

    /// Opens the file `path` for reading: `tokio::fs::File::open`, contained.
    ///
    /// # Errors
    ///
    /// `NotFound`, or those of [`write`](Self::write).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing on disk.
    pub async fn open(&self, path: impl AsRef<Path>) -> io::Result<tokio::fs::File> {
        let file = self
            .inside("open", path.as_ref(), |dir, path| dir.open(path))
            .await?;
        Ok(tokio::fs::File::from_std(file.into_std()))
    }

    /// Creates the directory `path`, which must not exist, with the directories it is in:
    /// `tokio::fs::create_dir`, contained. Returns the absolute path.
    ///
    /// # Errors
    ///
    /// `AlreadyExists`, or those of [`write`](Self::write).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the directory may be there or not.
    pub async fn create_dir(&self, path: impl AsRef<Path>) -> io::Result<PathBuf> {
        let path = path.as_ref();
        self.inside("create directory", path, |dir, path| {
            with_parents(dir, path, || dir.create_dir(path))
        })
        .await?;
        Ok(self.path().join(path))
    }

    /// Creates the directory `path` and those it is in, unless they exist:
    /// `tokio::fs::create_dir_all`, contained. Returns the absolute path.
    ///
    /// # Errors
    ///
    /// `AlreadyExists`: it, or what it should be in, is no directory; or those of
    /// [`write`](Self::write).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, any of the directories may be there or not.
    pub async fn create_dir_all(&self, path: impl AsRef<Path>) -> io::Result<PathBuf> {
        let path = path.as_ref();
        self.inside("create directory", path, |dir, path| {
            dir.create_dir_all(path)
        })
        .await?;
        Ok(self.path().join(path))
    }

    /// Whether there is something at `path`: `tokio::fs::try_exists`, contained. A symlink counts
    /// as what it leads to, if that is inside.
    ///
    /// # Errors
    ///
    /// Those of [`write`](Self::write).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing on disk.
    pub async fn try_exists(&self, path: impl AsRef<Path>) -> io::Result<bool> {
        self.inside("look for", path.as_ref(), |dir, path| dir.try_exists(path))
            .await
    }

    /// Every file and directory below, as relative paths, sorted: for assertions.
    ///
    /// A symlink is listed and not followed. Sorted is by component, so that a directory stands
    /// right before what is in it.
    ///
    /// # Errors
    ///
    /// Those of [`write`](Self::write); the path is the directory's.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing on disk.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// # use std::path::Path;
    /// let dir = async_tempdir::AsyncTempDir::new().await?;
    /// dir.write("a/b.txt", "").await?;
    /// dir.write("c.txt", "").await?;
    /// let expected = ["a", "a/b.txt", "c.txt"].map(Path::new);
    /// assert_eq!(dir.list().await?, expected);
    /// # dir.close().await?;
    /// # Ok::<(), std::io::Error>(())
    /// # }
    /// ```
    pub async fn list(&self) -> io::Result<Vec<PathBuf>> {
        self.inside("list", Path::new("."), |dir, _| list(dir))
            .await
    }

    /// Runs `operation` on the blocking pool, in the directory that this handle created, wherever
    /// its name leads by now.
    async fn inside<T, F>(&self, operation: &'static str, path: &Path, job: F) -> io::Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Dir, &Path) -> io::Result<T> + Send + 'static,
    {
        let result = match check(path) {
            // Its pool has no threads here.
            Ok(()) if self.is_foreign() => Err(owned::foreign()),
            Ok(()) => {
                // Should the future be dropped, the removal waits for the job.
                let hold = self.job();
                let path = path.to_path_buf();
                reply::run(&self.runtime(), move || {
                    // Opened afresh each time: thousands of directories must not hold thousands
                    // of descriptors.
                    let dir = sys::open_same_dir(hold.dir().path(), hold.dir().identity())?;
                    job(&Dir::from_std_file(dir), &path)
                })
                .await
                .flatten()
            }
            Err(error) => Err(error),
        };
        result.map_err(|error| located(operation, &self.path().join(path), error))
    }
}

/// Refuses what cannot be a path inside, with a better reason than the system would give.
fn check(path: &Path) -> io::Result<()> {
    let refuse = |kind, message| Err(io::Error::new(kind, message));
    if path.as_os_str().is_empty() {
        return refuse(io::ErrorKind::InvalidInput, "the path is empty");
    }
    if path.as_os_str().as_encoded_bytes().contains(&0) {
        return refuse(io::ErrorKind::InvalidInput, "the path has a NUL");
    }
    match path.components().next() {
        Some(Component::Prefix(_) | Component::RootDir) => refuse(
            io::ErrorKind::PermissionDenied,
            "the path is not relative to the directory, and so leads out of it",
        ),
        _ => Ok(()),
    }
}

/// Opens `path` as `options` say, creating the directories it is in if that is what is missing.
fn create(dir: &Dir, path: &Path, options: &OpenOptions) -> io::Result<File> {
    with_parents(dir, path, || dir.open_with(path, options))
}

/// Tries `create`, and once more with the parents of `path` created: they mostly exist, and then
/// cost nothing.
fn with_parents<T>(dir: &Dir, path: &Path, create: impl Fn() -> io::Result<T>) -> io::Result<T> {
    match (create(), path.parent()) {
        (Err(error), Some(parent))
            if error.kind() == io::ErrorKind::NotFound && !parent.as_os_str().is_empty() =>
        {
            dir.create_dir_all(parent)?;
            create()
        }
        (done, _) => done,
    }
}

fn list(dir: &Dir) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut unread = vec![PathBuf::from(".")];
    while let Some(parent) = unread.pop() {
        for entry in dir.read_dir(&parent)? {
            let entry = entry?;
            // `.` is for the first `read_dir` only.
            let path = match parent.as_os_str() == "." {
                true => PathBuf::from(entry.file_name()),
                false => parent.join(entry.file_name()),
            };
            if entry.file_type()?.is_dir() {
                unread.push(path.clone());
            }
            found.push(path);
        }
    }
    found.sort_unstable();
    Ok(found)
}
