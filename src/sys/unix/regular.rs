//! Opening files that are files: what waits for a peer, or acts when it is touched, is refused.

use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::thread;
use std::time::Duration;

use cap_std::fs::{Dir, File, FileType, FileTypeExt, OpenOptions, OpenOptionsExt};
use rustix::fd::AsFd;
use rustix::fs::OFlags;
use rustix::io::Errno;

/// A FIFO is opened without waiting for whoever opens its other end, and a terminal without
/// becoming this process's. To regular files both are nothing, unless somebody has a lease on one.
const AT_ONCE: OFlags = OFlags::NONBLOCK.union(OFlags::NOCTTY);

/// How often a file is tried that somebody has a lease on, `PAUSE` apart: five seconds in all. The
/// first try has asked for it, and a holder that is alive answers within milliseconds.
const MAX_TRIES: u32 = 500;
const PAUSE: Duration = Duration::from_millis(10);

/// Opens the regular file `path` beneath `dir`. Anything else is refused, and at once.
pub(crate) fn open_regular(dir: &Dir, path: &Path, options: &OpenOptions) -> io::Result<File> {
    for _ in 1..MAX_TRIES {
        match open_at_once(dir, path, options) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(PAUSE),
            opened => return opened,
        }
    }
    open_at_once(dir, path, options)
}

fn open_at_once(dir: &Dir, path: &Path, options: &OpenOptions) -> io::Result<File> {
    let mut options = options.clone();
    options.custom_flags(AT_ONCE.bits().cast_signed());
    let kind = match dir.open_with(path, &options) {
        Ok(file) => {
            // Half as dear as the file's whole metadata, and small files are written often.
            let mode = rustix::fs::fstat(&file)?.st_mode;
            if rustix::fs::FileType::from_raw_mode(mode).is_file() {
                return Ok(file);
            }
            file.metadata()?.file_type()
        }
        Err(error) => match Errno::from_io_error(&error) {
            // Sockets cannot be opened, nor can FIFOs that nobody reads, nor devices without a
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

/// Lets a file that is created be its owner's alone.
pub(crate) fn owner_only(options: &mut OpenOptions) -> &mut OpenOptions {
    options.mode(0o600)
}

/// Another descriptor of the same open file.
pub(crate) fn duplicate(file: &impl AsFd) -> io::Result<std::fs::File> {
    Ok(file.as_fd().try_clone_to_owned()?.into())
}

/// Makes of a file that was opened at once an ordinary one, to be handed out: `append` says
/// whether it was opened to append.
///
/// To the kernel's own file operations the flag means nothing, but a child process that inherits
/// the descriptor, or io_uring, may make something of it.
pub(crate) fn hand_out(file: &File, append: bool) -> io::Result<()> {
    let flags = if append {
        OFlags::APPEND
    } else {
        OFlags::empty()
    };
    Ok(rustix::fs::fcntl_setfl(file, flags)?)
}

/// The error for what is no regular file.
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

/// Any name that can be part of a path is one of a file.
pub(crate) fn check_name(_name: &OsStr) -> io::Result<()> {
    Ok(())
}
