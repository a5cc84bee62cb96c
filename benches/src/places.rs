//! Where directories lie.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::Outcome;

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

/// A new filesystem in a file, mounted for as long as this exists. Only root may do that.
pub(crate) struct ImageMount(TempDir);

impl ImageMount {
    pub(crate) fn new(filesystem: &str, place: &Path) -> Outcome<Self> {
        let home = tempfile::tempdir_in(place)?;
        let (image, point) = (home.path().join("image"), home.path().join("mounted"));
        std::fs::create_dir(&point)?;
        // Sparse: it takes what is written.
        std::fs::File::create(&image)?.set_len(8 << 30)?;
        run(Command::new(format!("mkfs.{filesystem}"))
            .arg("-q")
            .arg(&image))?;
        run(Command::new("mount")
            .args(["-o", "loop"])
            .args([&image, &point]))?;
        Ok(Self(home))
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().join("mounted")
    }
}

impl Drop for ImageMount {
    fn drop(&mut self) {
        if let Err(error) = run(Command::new("umount").arg(self.path())) {
            eprintln!("{error}");
        }
    }
}

fn run(command: &mut Command) -> Outcome<()> {
    let output = command.stdin(Stdio::null()).output()?;
    match output.status.success() {
        true => Ok(()),
        false => {
            let text = String::from_utf8_lossy(&output.stderr);
            let why = text.trim().lines().last().unwrap_or("it fails").to_owned();
            Err(format!("{}: {why}", command.get_program().display()).into())
        }
    }
}
