//! Writes to the disk what the system has in memory.

#[cfg(any(test, not(any(target_os = "linux", target_os = "android"))))]
use std::fs;
#[cfg(any(target_os = "linux", target_os = "android"))]
use std::fs::File;
use std::io;
use std::path::Path;

#[cfg(unix)]
use super::unix as system;
#[cfg(windows)]
use super::windows as system;

/// Writes everything in the directory `dir` to the disk: one call for its whole filesystem, which
/// reports errors since Linux 5.8.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn sync_tree(dir: &Path) -> io::Result<()> {
    Ok(rustix::fs::syncfs(File::open(dir)?)?)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) use sync_each as sync_tree;

/// Writes `dir` and every file and directory in it to the disk.
#[cfg(any(test, not(any(target_os = "linux", target_os = "android"))))]
pub(crate) fn sync_each(dir: &Path) -> io::Result<()> {
    let mut dirs = vec![dir.to_path_buf()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                dirs.push(entry.path());
            } else if kind.is_file() {
                system::open_to_sync(&entry.path())?.sync_all()?;
            }
        }
        sync_dir(&dir)?;
    }
    Ok(())
}

/// Writes the entries of the directory `dir` to the disk, where the filesystem can do that.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    match system::sync_dir(dir) {
        // Some FUSE and network filesystems.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported
            ) =>
        {
            Ok(())
        }
        synced => synced,
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn each_file_is_synced_and_nothing_else_is_opened() {
        let outer = tempfile::tempdir().unwrap();
        let dir = outer.path().join("dir");
        fs::create_dir_all(dir.join("a/b")).unwrap();
        fs::write(dir.join("a/b/file"), "x").unwrap();
        std::os::unix::fs::symlink("missing", dir.join("a/link")).unwrap();
        sync_each(&dir).unwrap();
        sync_tree(&dir).unwrap();
        assert!(sync_each(&dir.join("missing")).is_err());
    }
}
