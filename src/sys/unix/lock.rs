//! File owners, path resolution and locks.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;

/// The maximum number of symlinks followed in one path; the same limit as on Linux.
const MAX_LINKS: u32 = 40;

const ROOT_USER: u32 = 0;

fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Returns whether the file belongs to the effective user.
pub(crate) fn is_own(metadata: &Metadata) -> bool {
    metadata.uid() == user()
}

/// Resolves the absolute path `dir`, provided that no other user can make this process remove
/// files of its own user by way of that directory.
pub(crate) fn safe_to_reclaim_in(dir: &Path) -> io::Result<PathBuf> {
    let resolved = resolve(dir)?;
    let metadata = fs::metadata(&resolved)?;
    let mode = metadata.mode();
    let others_write = mode & 0o022 != 0;
    let sticky = mode & 0o1000 != 0;
    if !is_own(&metadata) && others_write && !sticky {
        return Err(refusal(format!(
            "{resolved:?} belongs to another user, and others may rename what is in it (mode {:o})",
            mode & 0o7777
        )));
    }
    Ok(resolved)
}

/// Follows symlinks of this user and of root, and refuses those of other users.
fn resolve(path: &Path) -> io::Result<PathBuf> {
    let mut resolved = PathBuf::from("/");
    let mut rest: VecDeque<OsString> = names(path).collect();
    let mut links = 0;
    while let Some(name) = rest.pop_front() {
        if name == ".." {
            resolved.pop();
            continue;
        }
        let next = resolved.join(name);
        let metadata = fs::symlink_metadata(&next)?;
        if !metadata.is_symlink() {
            resolved = next;
            continue;
        }
        links += 1;
        if links > MAX_LINKS {
            return Err(rustix::io::Errno::LOOP.into());
        }
        if !is_own(&metadata) && metadata.uid() != ROOT_USER {
            return Err(refusal(format!("{next:?} is a symlink of another user")));
        }
        let target = fs::read_link(&next)?;
        if target.is_absolute() {
            resolved = PathBuf::from("/");
        }
        for name in names(&target).collect::<Vec<_>>().into_iter().rev() {
            rest.push_front(name);
        }
    }
    Ok(resolved)
}

fn names(path: &Path) -> impl Iterator<Item = OsString> + '_ {
    path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    })
}

fn refusal(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, message)
}

/// Creates the lock file `path`, which must not exist, private to its owner.
pub(crate) fn create_lock(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

/// Opens what may be a lock file, without following a symlink or waiting for a peer.
pub(crate) fn open_lock(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK);
    OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(flags.bits() as i32)
        .open(path)
}

/// Opens the file `path` to append to it, without following a symlink or waiting for a peer. Creates
/// it if it is missing, private to its owner.
pub(crate) fn open_to_append(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK);
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
}

/// Returns whether the open file is the one at `path`.
pub(crate) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let open = file.metadata()?;
    match fs::symlink_metadata(path) {
        Ok(there) => Ok(open.dev() == there.dev() && open.ino() == there.ino()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Locks the directory `path`, so that systemd-tmpfiles does not remove it or its contents, however
/// old, as long as the file is open: see systemd's documentation on building a temporary directory
/// safely. On other systems, the lock has no effect.
pub(crate) fn hold_dir(path: &Path) -> io::Result<File> {
    let flags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW);
    let dir = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits() as i32)
        .open(path)?;
    dir.try_lock_shared()?;
    Ok(dir)
}

/// The maximum time to wait for a [`DirLock`], so that a process that was stopped while it held one does
/// not stop the others. Usually, one is held for a few system calls.
const MAX_WAIT: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(1);

/// An advisory lock for changing the entries of a directory.
#[must_use]
pub(crate) struct DirLock(Option<File>);

/// Locks the directory `path`. After [`MAX_WAIT`], or if it cannot be locked, returns without a lock, so
/// what the caller does must be safe in any case.
///
/// After a wait that was in vain, this process does not wait again until it gets a lock.
pub(crate) fn lock_dir(path: &Path) -> DirLock {
    static GAVE_UP: AtomicBool = AtomicBool::new(false);
    let max_wait = match GAVE_UP.load(Ordering::Relaxed) {
        true => Duration::ZERO,
        false => MAX_WAIT,
    };
    let give_up = Instant::now() + max_wait;
    let Ok(dir) = File::open(path) else {
        return DirLock(None);
    };
    loop {
        match dir.try_lock() {
            Ok(()) => {
                GAVE_UP.store(false, Ordering::Relaxed);
                return DirLock(Some(dir));
            }
            Err(TryLockError::WouldBlock) if Instant::now() < give_up => thread::sleep(PAUSE),
            Err(_) => {
                GAVE_UP.store(true, Ordering::Relaxed);
                return DirLock(None);
            }
        }
    }
}

impl Drop for DirLock {
    fn drop(&mut self) {
        // Not only closed: a forked child may have a copy of the descriptor.
        let _ = self.0.as_ref().map(File::unlock);
    }
}

/// Creates the directory `path` and its parents if they are missing.
pub(crate) fn create_dirs(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o755).create(path)
}
