//! Whether two directories can be exchanged in one step.

use std::path::Path;

/// Returns whether the filesystem of `dir` exchanges directories. Some of FUSE do not.
pub fn can_exchange(dir: &Path) -> bool {
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};

        let dir = tempfile::tempdir_in(dir).unwrap();
        let [a, b] = ["a", "b"].map(|name| dir.path().join(name));
        std::fs::create_dir(&a).unwrap();
        std::fs::create_dir(&b).unwrap();
        renameat_with(CWD, &a, CWD, &b, RenameFlags::EXCHANGE).is_ok()
    }
    #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
    {
        _ = dir;
        false
    }
}
