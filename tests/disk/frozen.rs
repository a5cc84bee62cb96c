//! A filesystem on which every change hangs until it is released.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use async_tempdir::{AsyncTempDir, cleanup};

use crate::device::{Disk, where_it_may_mount_images};
use crate::support::{self, Sandbox, runtimes};

/// A frozen filesystem: threads that create, write, rename or remove on it wait in the kernel,
/// where no signal reaches them. Reading, listing and `stat` go on working.
///
/// It is thawed when this is dropped, and after 30 seconds, even if the process was killed. After
/// those the drop panics, because what the test was about has not happened.
pub(crate) struct Frozen(Child);

/// Thaws the filesystem at the end of the input, or after 30 seconds.
const SCRIPT: &str = r#"
    fsfreeze --freeze "$0" && echo frozen && timeout 30 cat
    released=$?
    fsfreeze --unfreeze "$0" && exit $released
"#;

impl Frozen {
    pub(crate) fn new(disk: &Disk) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", SCRIPT]).arg(&disk.at);
        shell.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut shell = shell.spawn().unwrap();
        let mut said = String::new();
        let mut stdout = BufReader::new(shell.stdout.take().unwrap());
        stdout.read_line(&mut said).unwrap();
        // Before the check: its drop waits for the shell.
        let frozen = Self(shell);
        assert_eq!(said, "frozen\n", "the filesystem cannot be frozen");
        frozen
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let status = self.0.wait().unwrap();
        if !thread::panicking() {
            assert!(status.success(), "the filesystem was not frozen until now");
        }
    }
}

/// Returns the number of threads of this process that hang on a frozen filesystem, which they do
/// where the kernel (5.7 or later) has them wait until it may be written again.
pub(crate) fn hanging() -> usize {
    let threads = fs::read_dir("/proc/self/task").unwrap();
    threads
        .map(|thread| fs::read_to_string(thread.unwrap().path().join("wchan")))
        // A thread that has ended since is not hanging.
        .filter(|at| at.as_deref().is_ok_and(|at| at.contains("percpu_rwsem")))
        .count()
}

#[test]
fn a_removal_that_hangs_goes_on_when_it_can() {
    let name = crate::test_name!();
    if !where_it_may_mount_images(name, "mkfs.ext4") {
        return;
    }
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        let disk = Disk::in_image(&sandbox, 8 << 20, &["mkfs.ext4", "-q"]);
        let dir = runtime.block_on(AsyncTempDir::new_in(&disk.at)).unwrap();
        support::fill(dir.path());
        let path = dir.path().to_path_buf();

        let frozen = Frozen::new(&disk);
        drop(dir);
        support::until("the removal hangs", || hanging() > 0);
        assert_eq!(cleanup::pending(), 1, "it is not given up");
        assert!(path.join("x").exists() && path.join("a/b/3").exists());
        drop(frozen);

        runtime.block_on(cleanup::idle());
        assert!(!path.exists(), "it went on");
        assert_eq!(cleanup::failures(), 0);
        drop(runtime);
        drop(disk);
        sandbox.check();
    }
}

#[test]
fn removals_on_a_filesystem_that_hangs_do_not_hold_up_those_on_others() {
    let name = crate::test_name!();
    if !where_it_may_mount_images(name, "mkfs.ext4") {
        return;
    }
    for hung in 1..cleanup::MAX_THREADS {
        for runtime in runtimes() {
            let sandbox = Sandbox::new();
            let disk = Disk::in_image(&sandbox, 8 << 20, &["mkfs.ext4", "-q"]);
            let create_in = async |parent: &Path, number| {
                let mut dirs = Vec::new();
                for _ in 0..number {
                    dirs.push(AsyncTempDir::new_in(parent).await.unwrap());
                }
                dirs
            };
            let stuck = runtime.block_on(create_in(&disk.at, hung));
            let others = runtime.block_on(create_in(sandbox.path(), 100));

            let frozen = Frozen::new(&disk);
            // No further drop, and no other call, is there to notice that those hang.
            drop((stuck, others));
            support::until("the others are removed", || cleanup::pending() == hung);
            support::until("all of those hang", || hanging() == hung);
            drop(frozen);

            runtime.block_on(cleanup::idle());
            assert_eq!(cleanup::failures(), 0);
            drop(runtime);
            drop(disk);
            sandbox.check();
        }
    }
}
