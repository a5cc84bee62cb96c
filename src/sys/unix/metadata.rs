//! Metadata and permissions beneath an open directory, without waiting for a peer.
//!
//! The standard library's `Metadata` comes only from a path or an open file. Linux opens anything as
//! a mere reference (`O_PATH`), without permissions or side effects. Elsewhere the path is
//! asked, and the answer compared with that of a lookup that cannot leave the directory.

use std::fs::Permissions;
use std::io;
use std::path::Path;

use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};

use super::regular::AT_ONCE;

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) use by_descriptor::{metadata, set_permissions, symlink_metadata};
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) use {
    by_path::{metadata, symlink_metadata},
    set_opened as set_permissions,
};

#[cfg(any(target_os = "linux", target_os = "android"))]
mod by_descriptor {
    use std::ffi::OsStr;
    use std::fs::{self, File, Metadata, Permissions};
    use std::io;
    use std::os::fd::AsRawFd;
    use std::path::Path;

    use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
    use rustix::fs::{Mode, OFlags, openat};

    /// Returns the metadata of `path` beneath `dir`. Follows symlinks, except out of `dir`.
    pub(crate) fn metadata(dir: &Dir, _root: &Path, path: &Path) -> io::Result<Metadata> {
        reference(dir, path)?.metadata()
    }

    /// Returns the metadata of the entry `name` in `dir`. Does not follow a symlink.
    pub(crate) fn symlink_metadata(dir: &Dir, _root: &Path, name: &OsStr) -> io::Result<Metadata> {
        let flags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
        File::from(openat(dir, name, flags, Mode::empty())?).metadata()
    }

    /// Sets the permissions of `path` beneath `dir`. Follows symlinks, except out of `dir`.
    pub(crate) fn set_permissions(
        dir: &Dir,
        path: &Path,
        permissions: Permissions,
    ) -> io::Result<()> {
        let file = reference(dir, path)?;
        // `fchmod` refuses O_PATH descriptors. The link in /proc leads to the open file itself, not
        // to a name.
        let link = format!("/proc/self/fd/{}", file.as_raw_fd());
        match fs::set_permissions(link, permissions.clone()) {
            // There is no /proc.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                super::set_opened(dir, path, permissions)
            }
            done => done,
        }
    }

    fn reference(dir: &Dir, path: &Path) -> io::Result<File> {
        let mut options = OpenOptions::new();
        // Linux ignores the access mode, but cap-std wants one.
        options
            .read(true)
            .custom_flags(OFlags::PATH.bits().cast_signed());
        Ok(dir.open_with(path, &options)?.into_std())
    }
}

#[cfg(any(test, not(any(target_os = "linux", target_os = "android"))))]
mod by_path {
    use std::ffi::OsStr;
    use std::fs::{self, Metadata};
    use std::io;
    use std::os::unix::fs::MetadataExt;
    use std::path::Path;

    use cap_std::fs::Dir;

    /// The number of tries for an entry that another process replaces again and again.
    const MAX_TRIES: u32 = 16;

    /// Returns the metadata of `path` beneath `dir`, which is at `root`. Follows symlinks, except
    /// out of `dir`.
    pub(crate) fn metadata(dir: &Dir, root: &Path, path: &Path) -> io::Result<Metadata> {
        compared(|| dir.metadata(path), || fs::metadata(root.join(path)))
    }

    /// Returns the metadata of the entry `name` in `dir`, which is at `root`. Does not follow a
    /// symlink.
    pub(crate) fn symlink_metadata(dir: &Dir, root: &Path, name: &OsStr) -> io::Result<Metadata> {
        compared(
            || dir.symlink_metadata(name),
            || fs::symlink_metadata(root.join(name)),
        )
    }

    /// Returns what `at_path` finds, provided that it is the file that `beneath` finds.
    fn compared(
        beneath: impl Fn() -> io::Result<cap_std::fs::Metadata>,
        at_path: impl Fn() -> io::Result<Metadata>,
    ) -> io::Result<Metadata> {
        for _ in 0..MAX_TRIES {
            let inside = {
                use cap_std::fs::MetadataExt;
                let inside = beneath()?;
                (inside.dev(), inside.ino())
            };
            let found = at_path()?;
            if (found.dev(), found.ino()) == inside {
                return Ok(found);
            }
        }
        Err(io::Error::other("another process keeps replacing it"))
    }
}

/// Sets the permissions of `path` beneath `dir`, which is opened for that, and so must be readable
/// or writable.
pub(crate) fn set_opened(dir: &Dir, path: &Path, permissions: Permissions) -> io::Result<()> {
    let flags = AT_ONCE.bits().cast_signed();
    let open = |options: &mut OpenOptions| dir.open_with(path, options.custom_flags(flags));
    let opened = open(OpenOptions::new().read(true)).or_else(|error| match error.kind() {
        io::ErrorKind::PermissionDenied if error.raw_os_error().is_some() => {
            open(OpenOptions::new().write(true)).map_err(|_| error)
        }
        _ => Err(error),
    })?;
    opened.into_std().set_permissions(permissions)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;

    fn fixture() -> (tempfile::TempDir, Dir) {
        let outer = tempfile::tempdir().unwrap();
        let root = outer.path().join("root");
        fs::create_dir_all(root.join("sub")).unwrap();
        fs::write(root.join("sub/file"), "1234").unwrap();
        fs::write(outer.path().join("outside"), "").unwrap();
        symlink("sub/file", root.join("link")).unwrap();
        symlink("../outside", root.join("out")).unwrap();
        let dir = Dir::from_std_file(File::open(&root).unwrap());
        (outer, dir)
    }

    #[test]
    fn by_path_it_is_what_is_inside() {
        let (outer, dir) = fixture();
        let root = outer.path().join("root");
        for path in ["sub/file", "link", "sub", ".", "sub/.."] {
            let found = by_path::metadata(&dir, &root, Path::new(path)).unwrap();
            assert_eq!(found.ino(), fs::metadata(root.join(path)).unwrap().ino());
        }
        let found = by_path::symlink_metadata(&dir, &root, "out".as_ref()).unwrap();
        assert!(found.is_symlink());
        let error = by_path::metadata(&dir, &root, Path::new("out")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        // Another tree at the path has other files.
        let other = tempfile::tempdir().unwrap();
        fs::create_dir(other.path().join("sub")).unwrap();
        fs::write(other.path().join("sub/file"), "").unwrap();
        let error = by_path::metadata(&dir, other.path(), Path::new("sub/file")).unwrap_err();
        assert!(error.to_string().contains("replacing"), "{error}");
    }

    #[test]
    fn an_opened_file_gets_the_permissions() {
        let (outer, dir) = fixture();
        let root = outer.path().join("root");
        let mode = |path: &str| fs::metadata(root.join(path)).unwrap().mode() & 0o7777;
        for bits in [0o400, 0o200, 0o640] {
            let set = set_opened(&dir, Path::new("link"), Permissions::from_mode(bits));
            set.unwrap();
            assert_eq!(mode("sub/file"), bits);
        }
        let before = fs::metadata(outer.path().join("outside")).unwrap().mode();
        let set = set_opened(&dir, Path::new("out"), Permissions::from_mode(0o777));
        assert_eq!(set.unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        let after = fs::metadata(outer.path().join("outside")).unwrap().mode();
        assert_eq!(before, after, "nothing outside is changed");

        #[cfg(any(target_os = "linux", target_os = "android"))]
        {
            use rustix::fs::{AtFlags, CWD, FileType, Mode};

            let fifo = root.join("fifo");
            rustix::fs::mknodat(CWD, &fifo, FileType::Fifo, Mode::RWXU, 0).unwrap();
            let set = set_opened(&dir, Path::new("fifo"), Permissions::from_mode(0o600));
            set.unwrap();
            let found = rustix::fs::statat(CWD, &fifo, AtFlags::empty()).unwrap();
            assert_eq!(found.st_mode & 0o7777, 0o600, "it does not wait for a peer");
        }
    }
}
