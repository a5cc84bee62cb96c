//! The entries of a listed directory.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::{Arc, Weak};

use super::begin;
use super::metadata::symlink_metadata;
use crate::blocking::oneshot::Receiver;
use crate::owned::OwnedDir;
use crate::util::with_path;

/// The directory that is listed.
#[derive(Debug)]
pub(super) struct Place {
    /// Weak, so that an idle listing delays no removal.
    pub(super) dir: Weak<OwnedDir>,
    /// The temporary directory.
    pub(super) root: PathBuf,
    pub(super) path: PathBuf,
}

impl Place {
    /// Starts an operation in the temporary directory, if that is still there.
    pub(super) fn begin<T, F>(&self, f: F) -> io::Result<Receiver<io::Result<T>>>
    where
        T: Send + 'static,
        F: FnOnce(&cap_std::fs::Dir) -> io::Result<T> + Send + 'static,
    {
        match self.dir.upgrade() {
            Some(dir) => begin(&dir, |dir| f(dir)),
            None => Err(io::Error::new(
                ErrorKind::NotFound,
                "the temporary directory has no handle any more",
            )),
        }
    }
}

/// An entry of a directory, returned by [`ReadDir`](crate::ReadDir).
#[derive(Clone)]
pub struct DirEntry {
    place: Arc<Place>,
    name: OsString,
    kind: FileType,
}

impl DirEntry {
    /// Describes `entry` of the directory `place`.
    pub(super) fn new(place: &Arc<Place>, entry: &cap_std::fs::DirEntry) -> io::Result<Self> {
        Ok(Self {
            place: Arc::clone(place),
            name: entry.file_name(),
            kind: FileType::of(entry)?,
        })
    }

    /// Returns the entry's name.
    pub fn file_name(&self) -> &OsStr {
        &self.name
    }

    /// Returns the entry's absolute path.
    pub fn path(&self) -> PathBuf {
        self.place.path.join(&self.name)
    }

    /// Returns the entry's type, as it was when the directory was read. A symlink is not followed.
    pub fn file_type(&self) -> FileType {
        self.kind
    }

    /// Returns the entry's metadata. A symlink is not followed.
    ///
    /// Like [`symlink_metadata`](crate::AsyncTempDir::symlink_metadata) with the entry's path.
    ///
    /// # Errors
    ///
    /// The same as for [`symlink_metadata`](crate::AsyncTempDir::symlink_metadata).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing on disk.
    pub async fn metadata(&self) -> io::Result<std::fs::Metadata> {
        let (root, path) = (self.place.root.clone(), self.path());
        let begun = self.place.begin(move |dir| {
            let inside = path.strip_prefix(&root).unwrap_or(&path);
            symlink_metadata(dir, &root, inside)
        });
        let metadata = match begun {
            Ok(metadata) => metadata.await.flatten(),
            Err(error) => Err(error),
        };
        metadata.map_err(|error| with_path("read the metadata of", &self.path(), error))
    }
}

impl fmt::Debug for DirEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DirEntry").field(&self.path()).finish()
    }
}

/// The type of a [`DirEntry`].
///
/// None of the three holds for a FIFO, a socket or a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileType(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Dir,
    File,
    Symlink,
    Other,
}

impl FileType {
    /// Returns `true` for a directory.
    pub fn is_dir(&self) -> bool {
        self.0 == Kind::Dir
    }

    /// Returns `true` for a regular file.
    pub fn is_file(&self) -> bool {
        self.0 == Kind::File
    }

    /// Returns `true` for a symlink.
    pub fn is_symlink(&self) -> bool {
        self.0 == Kind::Symlink
    }

    /// Returns the type of `entry`.
    ///
    /// Some filesystems do not return the type of an entry with its name; then this looks it up.
    pub(super) fn of(entry: &cap_std::fs::DirEntry) -> io::Result<Self> {
        Ok(match Self::known(entry.file_type()?) {
            Self(Kind::Other) => Self::known(entry.metadata()?.file_type()),
            known => known,
        })
    }

    fn known(kind: cap_std::fs::FileType) -> Self {
        Self(if kind.is_dir() {
            Kind::Dir
        } else if kind.is_file() {
            Kind::File
        } else if kind.is_symlink() {
            Kind::Symlink
        } else {
            Kind::Other
        })
    }
}
