//! A directory of the copy: what is created in it, and its mode.

use std::ffi::{CStr, CString, OsStr};
use std::fs::File;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawMode};
use rustix::io::{Errno, retry_on_intr};

use super::kind::refused;
use crate::copy::no_directory_there;
use crate::sys::{self, Identity};
use crate::util::name;
use crate::walk::descriptors::DescriptorWait;
use crate::walk::file::{kind, raw};
use crate::walk::open::{FLAGS as READ, Opened, beneath};

/// The maximum number of times that a name is made free for a new entry.
const MAX_TRIES: u32 = 16;

/// The bits of a mode that are copied. The others, set-user-ID and the like, are not, as by `cp`.
const COPIED: u32 = 0o777;

/// The owner's permissions: read, write, search.
const OWNER: u32 = 0o700;

/// A directory that is copied into.
pub(super) struct Destination {
    /// `None` while it is suspended, or if it could not be reopened.
    fd: Option<File>,
    /// Known once it has been suspended.
    identity: Option<Identity>,
    /// Its mode, and the one that it gets in the end, unless it was there before.
    modes: Option<(u32, u32)>,
    /// The bits of a mode that new files have here, of those that were asked for.
    granted: AtomicU32,
    /// Those that they do not have, because of the umask or a default ACL.
    masked: AtomicU32,
}

impl Destination {
    /// Returns a directory that keeps its mode.
    pub(super) fn existing(fd: File) -> Self {
        Self {
            fd: Some(fd),
            identity: None,
            modes: None,
            granted: AtomicU32::new(0),
            masked: AtomicU32::new(0),
        }
    }

    /// Returns the new directory `fd`, which gets the `mode` in the end.
    fn created(fd: OwnedFd, mode: u32) -> io::Result<Self> {
        let mut found = raw(rustix::fs::fstat(&fd)?.st_mode) & 0o7777;
        // The umask, or a default ACL, has withheld some.
        if found & OWNER != OWNER {
            found |= OWNER;
            allow_refusal(rustix::fs::fchmod(&fd, of_raw(found)))?;
        }
        // A set-group-ID bit that it has got from its parent stays.
        let mode = found & !COPIED | mode & COPIED;
        Ok(Self {
            modes: Some((found, mode)),
            ..Self::existing(fd.into())
        })
    }

    /// Returns the open new directory `to`, which gets the `mode` in the end.
    pub(super) fn with_mode(to: &File, mode: u32) -> io::Result<Self> {
        let fd = retry_on_intr(|| rustix::fs::openat(to, c".", READ, Mode::empty()))?;
        Self::created(fd, mode)
    }

    /// Returns its descriptor.
    pub(super) fn fd(&self) -> io::Result<BorrowedFd<'_>> {
        match &self.fd {
            Some(fd) => Ok(fd.as_fd()),
            None => Err(io::Error::other(
                "its directory was moved while it was copied into",
            )),
        }
    }

    /// Creates and opens the file `name`, with the `mode` of its source. Replaces an existing file.
    pub(super) fn create_file(&self, name: &CStr, mode: u32) -> io::Result<OwnedFd> {
        const FLAGS: OFlags = OFlags::WRONLY
            .union(OFlags::CREATE)
            .union(OFlags::EXCL)
            .union(OFlags::NOFOLLOW)
            .union(OFlags::CLOEXEC);

        let (fd, mode) = (self.fd()?, mode & COPIED);
        let create = || rustix::fs::openat(fd, name, FLAGS, of_raw(mode));
        let file = self.replacing(name, || Ok(retry_on_intr(create)?))?;
        match self.fit_mode(&file, mode) {
            Ok(()) => Ok(file),
            Err(error) => {
                self.remove_file(name);
                Err(error)
            }
        }
    }

    /// Calls `create` until it does not find an entry of that name; makes room for it.
    pub(super) fn replacing<T>(
        &self,
        name: &CStr,
        create: impl Fn() -> io::Result<T>,
    ) -> io::Result<T> {
        let fd = self.fd()?;
        for _ in 1..MAX_TRIES {
            match create() {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                done => return done,
            }
            check_replaceable(fd, name)?;
            match retry_on_intr(|| rustix::fs::unlinkat(fd, name, AtFlags::empty())) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(error) => return Err(error.into()),
            }
        }
        create()
    }

    /// Calls `link` with the name to create. Replaces an existing file once that has succeeded
    /// under another name.
    pub(super) fn link(
        &self,
        name: &CStr,
        link: impl Fn(BorrowedFd<'_>, &CStr) -> rustix::io::Result<()>,
    ) -> io::Result<()> {
        let fd = self.fd()?;
        let link = |name: &CStr| retry_on_intr(|| link(fd, name));
        match link(name) {
            Err(Errno::EXIST) => {}
            linked => return Ok(linked?),
        }
        check_replaceable(fd, name)?;
        let aside = name::hidden(OsStr::from_bytes(name.to_bytes()), ".new")?;
        let aside = CString::new(aside.into_vec())?;
        link(&aside)?;
        let renamed = retry_on_intr(|| rustix::fs::renameat(fd, &aside, fd, name));
        // It is still there, too, if both are links to one file.
        self.remove_file(&aside);
        Ok(renamed?)
    }

    /// Removes the file `name`, if it is there.
    pub(super) fn remove_file(&self, name: &CStr) {
        if let Ok(fd) = self.fd() {
            let _ = rustix::fs::unlinkat(fd, name, AtFlags::empty());
        }
    }

    /// Creates the directory `name`, for a source with this `mode`, or opens the existing one, unless
    /// something is mounted there: that may be the source.
    pub(super) fn enter(&self, name: &CStr, mode: u32) -> io::Result<Self> {
        let (fd, mode) = (self.fd()?, mode & COPIED);
        // Its owner needs all rights to it until it is left.
        let create = || rustix::fs::mkdirat(fd, name, of_raw(mode | OWNER));
        let is_new = match retry_on_intr(create) {
            Ok(()) => true,
            Err(Errno::EXIST) => false,
            Err(error) => return Err(error.into()),
        };
        // One that exists is entered, whatever its owner's rights to read it are.
        let flags = if is_new { READ } else { sys::HANDLE };
        let opened = match beneath(fd, name, flags) {
            // The umask has withheld the right to read.
            Err(Errno::ACCESS) if is_new => {
                sys::grant_owner(fd, name)?;
                beneath(fd, name, flags)
            }
            opened => opened,
        };
        let opened = match Opened::new(opened)? {
            Opened::Dir(opened) => opened,
            Opened::NoDirectory => return Err(no_directory_there()),
            Opened::Gone => return Err(Errno::NOENT.into()),
        };
        if !is_new {
            return Ok(Self::existing(opened.into()));
        }
        let new = Self::created(opened, mode)?;
        // A default ACL is that of its parent, and the umask the process's.
        let relaxed = Ordering::Relaxed;
        new.granted.store(self.granted.load(relaxed), relaxed);
        new.masked.store(self.masked.load(relaxed), relaxed);
        Ok(new)
    }

    /// Gives the directory its mode, now that it is complete.
    pub(super) fn leave(&self) -> io::Result<()> {
        match self.modes {
            Some((found, mode)) if found != mode => {
                allow_refusal(rustix::fs::fchmod(self.fd()?, of_raw(mode)))
            }
            _ => Ok(()),
        }
    }

    /// Gives a new file the bits of its mode that the umask, or a default ACL, has taken away.
    fn fit_mode(&self, file: &OwnedFd, mode: u32) -> io::Result<()> {
        let granted = self.granted.load(Ordering::Relaxed);
        if mode & !granted == 0 {
            return Ok(());
        }
        if mode & !granted & !self.masked.load(Ordering::Relaxed) != 0 {
            let found = raw(rustix::fs::fstat(file)?.st_mode) & mode;
            self.granted.fetch_or(found, Ordering::Relaxed);
            self.masked.fetch_or(mode & !found, Ordering::Relaxed);
            if found == mode {
                return Ok(());
            }
        }
        allow_refusal(rustix::fs::fchmod(file, of_raw(mode)))
    }

    /// Closes its descriptor. One whose identity is unknown stays open.
    pub(super) fn suspend(&mut self) {
        if let Some(fd) = &self.fd
            && let Ok(identity) = Identity::of_open(fd)
        {
            self.identity = Some(identity);
            self.fd = None;
        }
    }

    /// Opens it again as the parent of `below`, if it is the same directory.
    pub(super) fn reopen(&mut self, below: &Self) {
        let Some(below) = &below.fd else {
            return;
        };
        let flags = if self.modes.is_some() {
            READ
        } else {
            sys::HANDLE
        };
        let open = || {
            Ok(retry_on_intr(|| {
                rustix::fs::openat(below, c"..", flags, Mode::empty())
            })?)
        };
        if self.fd.is_none()
            && let Ok(parent) = DescriptorWait::default().wait(open).map(File::from)
            && Identity::of_open(&parent).ok() == self.identity
        {
            self.fd = Some(parent);
        }
    }
}

/// Returns an error if the entry `name`, if there is one, is no file or symlink.
fn check_replaceable(fd: BorrowedFd<'_>, name: &CStr) -> io::Result<()> {
    match rustix::fs::statat(fd, name, AtFlags::SYMLINK_NOFOLLOW).map(|stat| kind(&stat)) {
        Ok(FileType::RegularFile | FileType::Symlink) | Err(Errno::NOENT) => Ok(()),
        Ok(FileType::Directory) => Err(Errno::ISDIR.into()),
        Ok(kind) => Err(refused(kind)),
        Err(error) => Err(error.into()),
    }
}

/// Ignores that a filesystem has no modes, as FAT.
fn allow_refusal(changed: Result<(), Errno>) -> io::Result<()> {
    match changed {
        Ok(()) | Err(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn of_raw(mode: u32) -> Mode {
    #[allow(clippy::unnecessary_cast, reason = "the widths differ between systems")]
    Mode::from_raw_mode(mode as RawMode)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_file_stays_if_no_link_can_replace_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        fs::write(&path, "old").unwrap();
        let to = Destination::existing(File::open(dir.path()).unwrap());
        let error = to.link(c"a", |_, name| match name == c"a" {
            true => Err(Errno::EXIST),
            false => Err(Errno::XDEV),
        });
        assert_eq!(error.unwrap_err().kind(), io::ErrorKind::CrossesDevices);
        assert_eq!(fs::read(&path).unwrap(), b"old");
    }
}
