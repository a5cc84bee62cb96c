//! Opens regular files, and refuses those that wait for a peer or act when opened.

use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::thread;
use std::time::Duration;

use cap_std::fs::{Dir, File, FileType, FileTypeExt, OpenOptions, OpenOptionsExt};
use rustix::fd::AsFd;
use rustix::fs::OFlags;
use rustix::io::Errno;

/// Opens a FIFO without waiting for its other end, and a terminal without making it the process's.
/// Neither flag affects regular files, unless another process has a lease on one.
pub(super) const AT_ONCE: OFlags = OFlags::NONBLOCK.union(OFlags::NOCTTY);

/// The number of tries, `PAUSE` apart, for a file that another process has a lease on: five seconds
/// in all. The first try requests the lease, and a live holder responds within
/// milliseconds.
const MAX_TRIES: u32 = 500;
const PAUSE: Duration = Duration::from_millis(10);

/// Opens the regular file `path` beneath `dir`. Refuses anything else without waiting.
pub(crate) fn open_regular(dir: &Dir, path: &Path, options: &OpenOptions) -> io::Result<File> {
    outlast_lease(|| open_at_once(dir, path, options))
}

/// Calls `open`, which does not wait, again while another process has a lease on the file.
pub(crate) fn outlast_lease<T>(open: impl Fn() -> io::Result<T>) -> io::Result<T> {
    for _ in 1..MAX_TRIES {
        match open() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(PAUSE),
            opened => return opened,
        }
    }
    open()
}

fn open_at_once(dir: &Dir, path: &Path, options: &OpenOptions) -> io::Result<File> {
    let mut options = options.clone();
    options.custom_flags(AT_ONCE.bits().cast_signed());
    let kind = match dir.open_with(path, &options) {
        Ok(file) => {
            // Costs half as much as the file's whole metadata, and small files are often written.
            let mode = rustix::fs::fstat(&file)?.st_mode;
            if rustix::fs::FileType::from_raw_mode(mode).is_file() {
                return Ok(file);
            }
            file.metadata()?.file_type()
        }
        Err(error) => match Errno::from_io_error(&error) {
            // Sockets cannot be opened, nor can FIFOs without a reader, nor devices without a
            // driver.
            Some(Errno::NXIO | Errno::OPNOTSUPP | Errno::NODEV) => match dir.metadata(path) {
                Ok(metadata) if !metadata.is_file() => metadata.file_type(),
                _ => return Err(error),
            },
            _ => return Err(error),
        },
    };
    Err(irregular(kind))
}

/// Sets the mode of a file that is created.
pub(crate) fn set_mode(options: &mut OpenOptions, mode: u32) {
    options.mode(mode);
}

/// Returns another descriptor of the same open file.
pub(crate) fn duplicate(file: &impl AsFd) -> io::Result<std::fs::File> {
    Ok(file.as_fd().try_clone_to_owned()?.into())
}

/// Clears the non-blocking flag of a file before it is handed out. `append` says whether the file
/// was opened to append.
///
/// The flag does not affect the kernel's own file operations, but may affect a child process that
/// inherits the descriptor, or io_uring.
pub(crate) fn hand_out(file: &File, append: bool) -> io::Result<()> {
    let flags = if append {
        OFlags::APPEND
    } else {
        OFlags::empty()
    };
    Ok(rustix::fs::fcntl_setfl(file, flags)?)
}

/// Returns the error for anything other than a regular file.
pub(crate) fn irregular(kind: FileType) -> io::Error {
    let what = if kind.is_dir() {
        return Errno::ISDIR.into();
    } else if kind.is_fifo() {
        "a FIFO"
    } else if kind.is_socket() {
        "a socket"
    } else if kind.is_block_device() || kind.is_char_device() {
        "a device"
    } else {
        "something else"
    };
    io::Error::new(
        ErrorKind::InvalidInput,
        format!("it is {what}, no regular file"),
    )
}

/// Creates the symlink `link` beneath `dir`, with `original` as its target.
pub(crate) fn symlink(dir: &Dir, original: &Path, link: &Path) -> io::Result<()> {
    dir.symlink(original, link)
}

/// Accepts every name, because any name in a path can be that of a file.
pub(crate) fn check_name(_name: &OsStr) -> io::Result<()> {
    Ok(())
}
