//! Operations on directories, and on entries of any kind.

use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use cap_std::fs::Dir;

use super::dir_entry::FileType;
use super::open::{make_dirs, requires_dir, with_parents};
use crate::dir::AsyncTempDir;
use crate::removal;
use crate::remove::{self, Options, RemoveError, Removed};
use crate::util::{name, with_path};

impl AsyncTempDir {
    /// Creates a directory, including missing parents. Errors if it exists.
    ///
    /// Returns its absolute path. Like `tokio::fs::create_dir`, but confined to the directory.
    ///
    /// # Errors
    ///
    /// `AlreadyExists`, and the same errors as [`write`](Self::write).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the directory may or may not exist.
    pub async fn create_dir(&self, path: impl AsRef<Path>) -> io::Result<PathBuf> {
        let path = path.as_ref();
        self.run_at("create directory", path, |dir, path| {
            with_parents(dir, path, || dir.create_dir(path))
        })
        .await?;
        Ok(self.path().join(path))
    }

    /// Creates a directory and missing parents; succeeds if it exists.
    ///
    /// Returns its absolute path. Like `tokio::fs::create_dir_all`, but confined to the directory.
    ///
    /// # Errors
    ///
    /// `AlreadyExists` if something other than a directory is at the path, or a dangling symlink in
    /// it; `NotADirectory` if a parent is not a directory; and the same errors as
    /// [`write`](Self::write).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, any of the directories may or may not exist.
    pub async fn create_dir_all(&self, path: impl AsRef<Path>) -> io::Result<PathBuf> {
        let path = path.as_ref();
        self.run_at("create directory", path, make_dirs).await?;
        Ok(self.path().join(path))
    }

    /// Returns `true` if `path` exists inside the directory.
    ///
    /// Like `tokio::fs::try_exists`, but confined to the directory. Symlinks are followed; one that
    /// leads out is an error.
    ///
    /// # Errors
    ///
    /// The same as for [`write`](Self::write).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing on disk.
    pub async fn try_exists(&self, path: impl AsRef<Path>) -> io::Result<bool> {
        self.run_at("look for", path.as_ref(), |dir, path| dir.try_exists(path))
            .await
    }

    /// Removes a file, or a directory recursively.
    ///
    /// Like `tokio::fs::remove_file` and [`remove_dir_all`](crate::remove_dir_all), but confined to
    /// the directory. A symlink itself is removed, wherever it leads.
    ///
    /// If temporary directories [were made](Self::temp_dir) inside this one, a directory is renamed
    /// while it is being removed, to `.<name>-<random>.removing` in the same parent. If part of it
    /// remains, it is renamed back.
    ///
    /// # Errors
    ///
    /// A [`RemoveError`](crate::RemoveError) with every entry that remains, as the inner error of
    /// the `io::Error`, which has its kind; `NotFound` if the path does not exist. In the following
    /// cases nothing is touched, and the inner error is a [`PathError`](crate::PathError):
    ///
    /// - `InvalidInput`: the path does not name an entry (`.`, or a path that ends in `..`). To
    ///   remove the directory itself, [`close`](Self::close) it.
    /// - `NotADirectory`: the path ends in a separator or `.`, and names something other than a
    ///   directory, such as a symlink to one.
    /// - The same errors as for [`write`](Self::write).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the entry may be removed completely, in part, or not at all.
    pub async fn remove(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let root = self.path().to_path_buf();
        let options =
            removal::for_caller(Options::default(), &self.owner.dir.queues_here().runtime);
        let steps_aside = self.owner.dir.has_had_children();
        let removed = self
            .run_at("remove", path.as_ref(), move |dir, path| {
                remove(dir, &root, path, steps_aside, options)
            })
            .await?;
        // The error names the path itself.
        removed.map(drop).map_err(io::Error::from)
    }

    /// Lists all entries recursively, sorted, as relative paths.
    ///
    /// Meant for assertions. Symlinks are listed and not followed. The order is by path component:
    /// a directory comes right before its contents. The incomplete file of a
    /// [`write_stream`](Self::write_stream) is listed as `.….part`.
    ///
    /// # Errors
    ///
    /// The same as for [`write`](Self::write), with the directory's path.
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
        self.run(|dir| list(dir))
            .await
            .map_err(|error| with_path("list", self.path(), error))
    }
}

/// Removes the entry `path` beneath `dir`, which is at `root`.
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
            "refusing to remove the directory itself, or a path that ends in `..`",
        ));
    };
    let (above, shown) = match path.parent() {
        Some(above) if above.as_os_str().is_empty() => (dir.open_dir(".")?, root.join(name)),
        // A path without links; its directory is open, so that it remains one.
        Some(above) if remove::BY_PATH => {
            let above = dir.canonicalize(above)?;
            (dir.open_dir(&above)?, root.join(above).join(name))
        }
        Some(above) => (dir.open_dir(above)?, root.join(path)),
        None => unreachable!("a path with a last name has a parent"),
    };
    // A separator would make path resolution follow a symlink, which is not what is removed.
    if requires_dir(path) && !above.symlink_metadata(name)?.is_dir() {
        return Err(ErrorKind::NotADirectory.into());
    }
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
    // If something remains, restore the name, so that the caller can try again.
    Ok(
        removed.map_err(|error| match step_back(&around, &aside, name) {
            Ok(()) => error.moved(&hidden, &shown),
            Err(_) => error,
        }),
    )
}

/// Renames the directory `name` in `above`, and returns the new name.
///
/// A persist may rename a directory meanwhile, and the removal would follow it to its new name. On
/// failure, the name is unchanged.
fn step_aside(above: &Dir, name: &OsStr) -> Option<OsString> {
    let is_dir = above.symlink_metadata(name).ok()?.is_dir();
    let aside = is_dir.then(|| name::aside(name).ok()).flatten()?;
    above.rename(name, above, &aside).ok()?;
    Some(aside)
}

/// Renames the directory `aside` back, unless its name is taken.
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
            // Removed or replaced since its name was read.
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
            // Only the first `read_dir` needs the `.`.
            let path = match parent.as_os_str() == "." {
                true => PathBuf::from(entry.file_name()),
                false => parent.join(entry.file_name()),
            };
            match FileType::of(&entry) {
                Ok(kind) if kind.is_dir() => unread.push(path.clone()),
                Ok(_) => {}
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
