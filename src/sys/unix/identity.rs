//! Identifies a directory, whatever its name.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fd::AsFd;
use rustix::fs::{AtFlags, CWD, FileType, RawMode, Stat, statat};
#[cfg(target_os = "linux")]
use rustix::io::Errno;
use rustix::path::Arg;

/// The identity of a directory: device, inode and, on Linux, creation time.
///
/// Device and inode number alone are not enough: ext4 gives a freed inode number to the very next
/// directory. The creation time, where the filesystem stores one, distinguishes these, at the
/// resolution of the kernel's clock tick (1 to 10 ms). It is used only on Linux, where it never
/// changes; on the BSDs and macOS it follows a modification time that is set to before it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identity {
    pub(super) dev: u64,
    pub(super) ino: u64,
    /// Seconds and nanoseconds since 1970.
    created: Option<(i64, u32)>,
}

impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        // Network filesystems return the creation time on one call and not on the next.
        let created =
            self.created.is_none() || other.created.is_none() || self.created == other.created;
        self.dev == other.dev && self.ino == other.ino && created
    }
}

impl Identity {
    pub(crate) fn of_open(dir: &File) -> io::Result<Self> {
        Ok(Seen::open(dir)?.identity)
    }

    /// Returns `None` for anything other than a directory, including a symlink to one.
    pub(crate) fn of_path(path: &Path) -> io::Result<Option<Self>> {
        let seen = Seen::path(path)?;
        Ok(seen.is_dir().then_some(seen.identity))
    }

    pub(crate) fn shares_filesystem(&self, other: &Self) -> bool {
        self.dev == other.dev
    }
}

/// The identity and mode of a file, from one system call.
pub(super) struct Seen {
    pub(super) identity: Identity,
    mode: RawMode,
}

impl Seen {
    pub(super) fn open(file: impl AsFd) -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        return Self::at(file, c"", AtFlags::EMPTY_PATH);
        #[cfg(not(target_os = "linux"))]
        return Ok(Self::of(&rustix::fs::fstat(file)?));
    }

    /// Does not follow a symlink.
    pub(super) fn path(path: &Path) -> io::Result<Self> {
        Self::at(CWD, path, AtFlags::SYMLINK_NOFOLLOW)
    }

    /// Like [`path`](Self::path), but from the filesystem itself instead of a cache.
    ///
    /// gocryptfs returns a mode from `mkdir`, then removes rights from it, and the kernel caches
    /// the first mode for a second.
    pub(super) fn path_uncached(path: &Path) -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        return Self::at(
            CWD,
            path,
            AtFlags::SYMLINK_NOFOLLOW.union(AtFlags::STATX_FORCE_SYNC),
        );
        #[cfg(not(target_os = "linux"))]
        return Self::path(path);
    }

    /// Not with std, which has no creation time on musl. Not on Android, where older versions kill
    /// a process that calls `statx`.
    #[cfg(target_os = "linux")]
    fn at(at: impl AsFd, path: impl Arg + Copy, flags: AtFlags) -> io::Result<Self> {
        use rustix::fs::{StatxFlags, makedev, statx};

        let wanted = StatxFlags::BASIC_STATS.union(StatxFlags::BTIME);
        match statx(&at, path, flags, wanted) {
            Ok(found) => {
                let knows = found.stx_mask & StatxFlags::BTIME.bits() != 0;
                Ok(Self {
                    identity: Identity {
                        dev: makedev(found.stx_dev_major, found.stx_dev_minor),
                        ino: found.stx_ino,
                        created: knows.then_some((found.stx_btime.tv_sec, found.stx_btime.tv_nsec)),
                    },
                    mode: found.stx_mode.into(),
                })
            }
            // Linux before 4.11, and sandboxes that do not know newer calls.
            Err(Errno::NOSYS) => {
                let flags = flags.difference(AtFlags::STATX_FORCE_SYNC);
                Ok(Self::of(&statat(at, path, flags)?))
            }
            Err(error) => Err(error.into()),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn at(at: impl AsFd, path: impl Arg, flags: AtFlags) -> io::Result<Self> {
        Ok(Self::of(&statat(at, path, flags)?))
    }

    #[allow(clippy::unnecessary_cast, reason = "the widths differ between systems")]
    fn of(stat: &Stat) -> Self {
        Self {
            identity: Identity {
                dev: stat.st_dev as u64,
                ino: stat.st_ino as u64,
                created: None,
            },
            mode: stat.st_mode as RawMode,
        }
    }

    pub(super) fn is_dir(&self) -> bool {
        FileType::from_raw_mode(self.mode) == FileType::Directory
    }

    /// The bits that `chmod` sets.
    #[allow(
        clippy::useless_conversion,
        reason = "the widths differ between systems"
    )]
    pub(super) fn permissions(&self) -> u32 {
        u32::from(self.mode) & 0o7777
    }
}
