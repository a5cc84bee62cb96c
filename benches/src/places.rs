//! Where directories lie.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A tmpfs and a disk.
pub(crate) struct Places {
    pub(crate) memory: PathBuf,
    pub(crate) disk: PathBuf,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            memory: "/dev/shm".into(),
            disk: std::env::temp_dir(),
        }
    }
}

/// The filesystem that a directory is on: `tmpfs`, `ext4`, …
pub(crate) fn filesystem(dir: &Path) -> String {
    let output = Command::new("findmnt")
        .args(["-n", "-o", "FSTYPE", "-T"])
        .arg(dir)
        .output();
    match output {
        Ok(output) if output.status.success() => {
            // Of several on one another, the last is seen.
            let text = String::from_utf8_lossy(&output.stdout);
            text.lines().last().unwrap_or_default().trim().to_owned()
        }
        _ => "unknown filesystem".to_owned(),
    }
}
