//! Small filesystems, and what fills them.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{self, Sandbox};

/// What a filesystem has no more of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lack {
    /// Room for another directory.
    Dirs,
    /// Room for another file, be it empty.
    Files,
    /// Room for what is in a file.
    Bytes,
}
pub(crate) use Lack::{Bytes, Dirs, Files};

/// A filesystem of its own, until it is dropped.
pub(crate) struct Disk {
    pub(crate) at: PathBuf,
}

impl Disk {
    pub(crate) fn new(sandbox: &Sandbox, options: &[&str], what: impl AsRef<OsStr>) -> Self {
        let at = sandbox.join("disk");
        fs::create_dir(&at).unwrap();
        let mut mount = Command::new("mount");
        run(mount.args(options).arg(what).arg(&at));
        Self { at }
    }

    /// In a file on the disk that is there.
    pub(crate) fn in_image(sandbox: &Sandbox, bytes: u64, make: &[&str]) -> Self {
        let image = sandbox.join("image");
        File::create(&image).unwrap().set_len(bytes).unwrap();
        run(Command::new(make[0]).args(&make[1..]).arg(&image));
        let disk = Self::new(sandbox, &["-o", "loop"], &image);
        // It lasts as long as it is mounted.
        fs::remove_file(image).unwrap();
        disk
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(&self.at).output();
        if !std::thread::panicking() {
            assert!(unmounted.unwrap().status.success(), "it is still in use");
            fs::remove_dir(&self.at).unwrap();
        }
    }
}

pub(crate) fn run(command: &mut Command) {
    let output = command.output();
    let output = output.unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {stderr}");
}

/// As `where_it_may_mount`, for filesystems that only the system's root may mount: in a file, made
/// by `tool`.
pub(crate) fn where_it_may_mount_images(name: &str, tool: &str) -> bool {
    let unshare = ["unshare", "--mount"];
    if !support::is_child(name) {
        if !rustix::process::geteuid().is_root() {
            eprintln!("{name}: not run, for only root may mount such a filesystem");
            return false;
        }
        let has = |words: &[&str]| {
            let tried = Command::new(words[0]).args(&words[1..]).output();
            tried.is_ok_and(|tried| tried.status.success())
        };
        let able = Path::new("/dev/loop-control").exists()
            && has(&["unshare", "--mount", "true"])
            && has(&[tool, "-V"])
            && kernel_knows(tool.trim_start_matches("mkfs."));
        if !able {
            assert!(
                std::env::var_os("CI").is_none(),
                "CI is where it has to run"
            );
            eprintln!(
                "{name}: not run, for there is no {tool}, no such filesystem, or no loop device"
            );
            return false;
        }
    }
    support::in_process(name, &unshare)
}

fn kernel_knows(filesystem: &str) -> bool {
    // It may be a module, and that may be loaded already.
    _ = Command::new("modprobe").arg(filesystem).output();
    let known = fs::read_to_string("/proc/filesystems").unwrap_or_default();
    known.split_whitespace().any(|known| known == filesystem)
}

/// What takes up all that there is of something.
pub(crate) struct Ballast {
    pub(crate) dir: PathBuf,
    lacks: &'static [Lack],
    entries: u32,
}

impl Ballast {
    pub(crate) fn of(disk: &Path, lacks: &'static [Lack]) -> Self {
        let dir = disk.join("ballast");
        fs::create_dir(&dir).unwrap();
        Self {
            dir,
            lacks,
            entries: 0,
        }
    }

    /// Takes what is left, also of what others have given back.
    pub(crate) fn fill(&mut self) {
        if self.lacks.contains(&Bytes) {
            let mut files = File::options();
            files.append(true).create(true);
            // Not its fault if there is no room even for that.
            if let Ok(mut big) = files.open(self.dir.join("big")) {
                while fill(&mut big) {}
            }
        }
        // Some filesystems have kept a little for these.
        if self.lacks.contains(&Dirs) {
            self.make(|path| fs::create_dir(path).is_ok());
        }
        if self.lacks.contains(&Files) {
            self.make(|path| File::create(path).is_ok());
        }
    }

    /// Makes room for one entry.
    pub(crate) fn give_one_back(&mut self) {
        self.entries -= 1;
        let last = self.dir.join(self.entries.to_string());
        fs::remove_file(&last)
            .or_else(|_| fs::remove_dir(last))
            .unwrap();
    }

    fn make(&mut self, make: impl Fn(PathBuf) -> bool) {
        while make(self.dir.join(self.entries.to_string())) {
            self.entries += 1;
        }
    }
}

/// Appends as much as there is room for. False if that was nothing; what the system does later
/// may make some more.
fn fill(file: &mut File) -> bool {
    let mut written = false;
    for size in [1 << 16, 1 << 12] {
        while file.write_all(&vec![b'x'; size]).is_ok() {
            written = true;
        }
    }
    _ = file.sync_all();
    written
}
