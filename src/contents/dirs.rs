//! Directories, and whatever else is not about what stands in a file.

use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use cap_std::fs::{Dir, DirEntry};

use super::open::{make_dirs, with_parents};
use crate::AsyncTempDir;
use crate::name;
use crate::remove::{self, Cause, Options, RemoveError, Removed};

impl AsyncTempDir {
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
        self.inside("create directory", path, make_dirs).await?;
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

    /// Removes what is at `path`: a file (`tokio::fs::remove_file`), or a directory with everything
    /// in it ([`remove_dir_all`](crate::remove_dir_all)), contained. A symlink is removed as such,
    /// wherever it leads.
    ///
    /// In a directory in which others [were made](Self::temp_dir), a directory is renamed while it is
    /// being removed, to `.<name>-<random>.removing` beside where it was. What stays of it gets its
    /// name back.
    ///
    /// # Errors
    ///
    /// A [`RemoveError`](crate::RemoveError) with every entry that stays, as the inner error of
    /// the `io::Error`, which has its kind. Or, with nothing touched:
    ///
    /// - `NotFound`: nothing is there.
    /// - `InvalidInput`: the path names no entry of a directory (`.`, or one that ends in `..`).
    ///   The directory itself goes by [`close`](Self::close).
    /// - those of [`write`](Self::write).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, what is at the path may be gone, in part or as a whole, or not.
    pub async fn remove(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let root = self.path().to_path_buf();
        let options = Options {
            helpers: Some(remove::helpers(self.lane().runtime())),
            cause: Cause::current(),
            ..Options::default()
        };
        let steps_aside = self.has_had_children();
        let removed = self
            .inside("remove", path.as_ref(), move |dir, path| {
                remove(dir, &root, path, steps_aside, options)
            })
            .await?;
        // That error names the path itself.
        removed.map(drop).map_err(io::Error::from)
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
}

/// Removes what is at `path` beneath `dir`, which is at `root`.
fn remove(
    dir: &Dir,
    root: &Path,
    path: &Path,
    steps_aside: bool,
    options: Options,
) -> io::Result<Result<Removed, RemoveError>> {
    let Some(name) = path.file_name() else {
        return Err(io::Error::new(
            ErrorKind::InvalidInput,
            "it names no entry of a directory that could be removed",
        ));
    };
    let (above, shown) = match path.parent() {
        Some(above) if above.as_os_str().is_empty() => (dir.open_dir(".")?, root.join(name)),
        // By a path that no link is part of, with its directory open, so that it stays that.
        Some(above) if remove::BY_PATH => {
            let above = dir.canonicalize(above)?;
            (dir.open_dir(&above)?, root.join(above).join(name))
        }
        Some(above) => (dir.open_dir(above)?, root.join(path)),
        None => unreachable!("a path with a last name has a parent"),
    };
    let aside = match steps_aside {
        true => step_aside(&above, name),
        false => None,
    };
    let Some(aside) = aside else {
        return Ok(remove::entry(above.into_std_file(), &shown, options));
    };
    let around = above.try_clone()?;
    let hidden = shown.with_file_name(&aside);
    let removed = remove::entry(above.into_std_file(), &hidden, options);
    // What is left gets its name back, so that the caller can try again.
    Ok(
        removed.map_err(|error| match step_back(&around, &aside, name) {
            Ok(()) => error.moved(&hidden, &shown),
            Err(_) => error,
        }),
    )
}

/// Gives the directory `name` in `above` another name, and returns that. It may be one that is
/// persisted meanwhile, and the removal would follow it to its new name. If this fails, the name
/// stays.
fn step_aside(above: &Dir, name: &OsStr) -> Option<OsString> {
    let is_dir = above.symlink_metadata(name).ok()?.is_dir();
    let aside = is_dir.then(|| name::aside(name).ok()).flatten()?;
    above.rename(name, above, &aside).ok()?;
    Some(aside)
}

/// Gives the directory `aside` its name back, unless there is something of that name.
fn step_back(above: &Dir, aside: &OsStr, name: &OsStr) -> io::Result<()> {
    match above.symlink_metadata(name) {
        Err(error) if error.kind() == ErrorKind::NotFound => above.rename(aside, above, name),
        _ => Err(ErrorKind::AlreadyExists.into()),
    }
}

fn list(dir: &Dir) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut unread = vec![PathBuf::from(".")];
    while let Some(parent) = unread.pop() {
        let entries = match dir.read_dir(&parent) {
            // Removed, or made something else, since its name was read.
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
                    && !found.is_empty() =>
            {
                continue;
            }
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            // `.` is for the first `read_dir` only.
            let path = match parent.as_os_str() == "." {
                true => PathBuf::from(entry.file_name()),
                false => parent.join(entry.file_name()),
            };
            match is_dir(&entry) {
                Ok(true) => unread.push(path.clone()),
                Ok(false) => {}
                // Removed since its name was read.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            }
            found.push(path);
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Whether the entry is a directory. Some filesystems do not tell the type of an entry with its
/// name; then it is looked up.
fn is_dir(entry: &DirEntry) -> io::Result<bool> {
    let kind = entry.file_type()?;
    if kind.is_dir() || kind.is_file() || kind.is_symlink() {
        Ok(kind.is_dir())
    } else {
        Ok(entry.metadata()?.is_dir())
    }
}
