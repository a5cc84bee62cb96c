//! Windows: volume serial number and file index.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::windows::fs::{MetadataExt, OpenOptionsExt};
use std::os::windows::io::AsHandle;
use std::path::Path;

mod inside;
mod lock;
mod movable;
mod pointer;
mod rename;

pub(crate) use inside::{metadata, set_permissions, symlink, symlink_metadata};
pub(crate) use lock::{
    create_dirs, create_lock, hold_dir, is_at, is_own, lock_dir, open_lock, open_to_append,
    safe_to_reclaim_in,
};
pub(crate) use movable::MovableDir;
pub(crate) use pointer::{create_pointer, read_pointer};

pub(crate) use rename::{
    exchange, lend_right_to_move, open_to_sync, rename_new, set_dir_permissions, sync_dir,
    with_owner_rights,
};

use super::windows_names;
use cap_std::fs::{Dir, File as CapFile, FileType, OpenOptions as CapOptions};

/// `FILE_FLAG_BACKUP_SEMANTICS`, without which no directory opens, and
/// `FILE_FLAG_OPEN_REPARSE_POINT`, with which a link opens as itself.
const DIRECTORY_ITSELF: u32 = 0x0200_0000 | 0x0020_0000;
const FILE_SHARE_READ: u32 = 1;
const FILE_SHARE_WRITE: u32 = 2;
const FILE_ATTRIBUTE_DIRECTORY: u64 = 0x10;
const FILE_ATTRIBUTE_REPARSE_POINT: u64 = 0x400;

/// The identity of a directory, whatever its name: its volume, and its file index there, which on
/// NTFS and ReFS contains a sequence number and so is never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    volume: u64,
    index: u64,
}

impl Identity {
    pub(crate) fn of_open(dir: &File) -> io::Result<Self> {
        let information = winapi_util::file::information(dir)?;
        Ok(Self {
            volume: information.volume_serial_number(),
            index: information.file_index(),
        })
    }

    /// Returns `None` for anything other than a directory, including a link or junction.
    pub(crate) fn of_path(path: &Path) -> io::Result<Option<Self>> {
        let handle = open_itself(path)?;
        is_plain_dir(&handle)?
            .then(|| Self::of_open(&handle))
            .transpose()
    }

    pub(crate) fn shares_filesystem(&self, other: &Self) -> bool {
        self.volume == other.volume
    }
}

/// Creates the directory `path`, which must not exist, and returns its identity.
///
/// Windows derives access from the parent directory: a user's temporary directory is private to
/// that user. The read-only flag, all that `Permissions` contain here, has no effect on a
/// directory.
pub(crate) fn create_private_dir(
    path: &Path,
    _permissions: Option<&Permissions>,
) -> io::Result<Identity> {
    fs::create_dir(path)?;
    Identity::of_path(path)
        .and_then(|identity| identity.ok_or_else(super::replaced))
        .inspect_err(|_| {
            let _ = fs::remove_dir(path);
        })
}

/// Opens the directory at `path` for operations relative to it. Refuses a link or junction.
///
/// While it is open, it cannot be renamed or removed, because cap-std sometimes uses its path.
pub(crate) fn open_dir(path: &Path) -> io::Result<File> {
    let handle = OpenOptions::new()
        .read(true)
        .share_mode(FILE_SHARE_READ | FILE_SHARE_WRITE)
        .custom_flags(DIRECTORY_ITSELF)
        .open(path)?;
    if is_plain_dir(&handle)? {
        Ok(handle)
    } else {
        Err(super::replaced())
    }
}

fn open_itself(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags(DIRECTORY_ITSELF)
        .open(path)
}

fn is_plain_dir(handle: &File) -> io::Result<bool> {
    let attributes = winapi_util::file::information(handle)?.file_attributes();
    Ok(attributes & FILE_ATTRIBUTE_DIRECTORY != 0 && !is_reparse_point(attributes))
}

/// Returns whether these are the attributes of a link of some kind: a symlink, a junction, or one
/// of another driver.
pub(crate) fn is_reparse_point(attributes: u64) -> bool {
    attributes & FILE_ATTRIBUTE_REPARSE_POINT != 0
}

/// Clears the read-only attribute of the entry at `path`: of a link itself, and not of its target,
/// which is not to be removed.
pub(crate) fn clear_read_only(path: &Path) -> io::Result<()> {
    /// `FILE_READ_ATTRIBUTES` and `FILE_WRITE_ATTRIBUTES`.
    const ATTRIBUTES: u32 = 0x80 | 0x100;

    let metadata = fs::symlink_metadata(path)?;
    let mut permissions = metadata.permissions();
    #[expect(
        clippy::permissions_set_readonly_false,
        reason = "on Windows it is one attribute and opens nothing to the world"
    )]
    permissions.set_readonly(false);
    if is_reparse_point(metadata.file_attributes().into()) {
        OpenOptions::new()
            .access_mode(ATTRIBUTES)
            .custom_flags(DIRECTORY_ITSELF)
            .open(path)?
            .set_permissions(permissions)
    } else {
        // Wine does not open a read-only file to change its attributes.
        fs::set_permissions(path, permissions)
    }
}

/// Opens the regular file `path` beneath `dir`. Devices have reserved names here, which are refused
/// before this.
pub(crate) fn open_regular(dir: &Dir, path: &Path, options: &CapOptions) -> io::Result<CapFile> {
    let kind = match dir.open_with(path, options) {
        Ok(file) => {
            let kind = file.metadata()?.file_type();
            if kind.is_file() {
                return Ok(file);
            }
            kind
        }
        // Also the error for a directory.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => match dir.metadata(path) {
            Ok(metadata) if metadata.is_dir() => metadata.file_type(),
            _ => return Err(error),
        },
        Err(error) => return Err(error),
    };
    Err(irregular(kind))
}

/// Returns the error for anything other than a regular file.
pub(crate) fn irregular(kind: FileType) -> io::Error {
    if kind.is_dir() {
        io::ErrorKind::IsADirectory.into()
    } else {
        io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file")
    }
}

/// Does nothing: a file is opened here as it is handed out.
pub(crate) fn hand_out(_file: &CapFile, _append: bool) -> io::Result<()> {
    Ok(())
}

/// Does nothing: a file's access derives from its directory here.
pub(crate) fn set_mode(_options: &mut CapOptions, _mode: u32) {}

/// Returns another handle of the same open file.
pub(crate) fn duplicate(file: &impl AsHandle) -> io::Result<File> {
    Ok(file.as_handle().try_clone_to_owned()?.into())
}

/// Returns an error for a name that would not become a file of that name.
pub(crate) fn check_name(name: &OsStr) -> io::Result<()> {
    // Parts that are not Unicode contain none of the characters that matter.
    match windows_names::refused(&name.to_string_lossy()) {
        None => Ok(()),
        Some(reason) => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("Windows has no file {name:?}: {reason}"),
        )),
    }
}
