//! What the tests share.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test binary has a copy and uses some of it"
)]

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};

/// A parent directory with a sibling in it that nobody may touch. Checks that, and that nothing
/// was left, when the test is done.
pub struct Sandbox {
    dir: tempfile::TempDir,
    checked: bool,
}

const SIBLING: &str = "sibling";

impl Sandbox {
    pub fn new() -> Self {
        Self::new_in(&std::env::temp_dir())
    }

    pub fn new_in(parent: &Path) -> Self {
        let dir = tempfile::tempdir_in(parent).expect("a directory for the test");
        fs::create_dir(dir.path().join(SIBLING)).unwrap();
        fs::write(dir.path().join(SIBLING).join("file"), "untouched").unwrap();
        Self {
            dir,
            checked: false,
        }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// What there is besides the sibling, and besides what ThreadSanitizer has there for a moment
    /// whenever a process starts.
    pub fn leftovers(&self) -> Vec<PathBuf> {
        fs::read_dir(self.path())
            .expect("the parent still stands")
            .map(|entry| entry.unwrap())
            .filter(|entry| {
                let name = entry.file_name();
                name != SIBLING && !name.to_string_lossy().starts_with("tsan.rodata.")
            })
            .map(|entry| entry.path())
            .collect()
    }

    /// Asserts that nothing was left and nothing else touched.
    pub fn check(mut self) {
        self.checked = true;
        self.check_sibling();
        let left = self.leftovers();
        assert!(left.is_empty(), "nothing leaks, but there is {left:?}");
    }

    pub fn check_sibling(&self) {
        let sibling = fs::read_to_string(self.path().join(SIBLING).join("file"));
        assert_eq!(
            sibling.expect("nothing else is touched, but the sibling is gone"),
            "untouched"
        );
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if !self.checked && !std::thread::panicking() {
            panic!("a test ends with `check`");
        }
    }
}

/// A process that does not outlive its test.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Where hundreds of trees are made in no time, if there is such a place.
pub fn in_memory() -> PathBuf {
    let shm = Path::new("/dev/shm");
    match tempfile::tempdir_in(shm) {
        Ok(_) => shm.to_path_buf(),
        Err(_) => std::env::temp_dir(),
    }
}

/// Returns how often something is done, of so many `times`. Fewer on Windows, because a call of
/// Wine's takes far longer; and where the environment says so, because this is only one of many
/// runs of the same tests.
pub fn times(times: usize) -> usize {
    if cfg!(windows) || std::env::var_os("ASYNC_TEMPDIR_TEST_FEWER").is_some() {
        times.div_ceil(10)
    } else {
        times
    }
}

/// One runtime of each flavour.
pub fn runtimes() -> [Runtime; 2] {
    [current_thread(), multi_thread()]
}

pub fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

pub fn multi_thread() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

/// For tests that count something of the whole process: one after the other.
pub fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits for what another thread or process is about to do.
#[track_caller]
pub fn until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(Instant::now() < deadline, "waited a minute until {what}");
        std::thread::yield_now();
    }
}

/// How many descriptors the process has open.
#[cfg(target_os = "linux")]
pub fn descriptors() -> usize {
    // One of them is for reading this.
    fs::read_dir("/proc/self/fd").unwrap().count() - 1
}

/// How many threads the process has.
#[cfg(target_os = "linux")]
pub fn threads() -> usize {
    fs::read_dir("/proc/self/task").unwrap().count()
}

/// A small tree: 11 files and 3 directories besides `dir` itself.
pub fn fill(dir: &Path) {
    for sub in ["a", "a/b", "c"] {
        fs::create_dir(dir.join(sub)).unwrap();
        for file in ["1", "2", "3"] {
            fs::write(dir.join(sub).join(file), file).unwrap();
        }
    }
    fs::write(dir.join("x"), "x").unwrap();
    fs::write(dir.join("y"), "y").unwrap();
}

/// Every file and directory below, and what is in the files.
pub fn snapshot(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut dirs = vec![dir.to_path_buf()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path.clone());
                all.insert(path, Vec::new());
            } else {
                let content = fs::read(&path).unwrap();
                all.insert(path, content);
            }
        }
    }
    all
}

/// Occupies a thread of the runtime's blocking pool until the sender is dropped.
pub fn occupy(runtime: &Runtime) -> mpsc::Sender<()> {
    let (release, released) = mpsc::channel::<()>();
    let (started, has_started) = mpsc::channel();
    runtime.handle().spawn_blocking(move || {
        started.send(()).unwrap();
        let _ = released.recv();
    });
    has_started.recv().unwrap();
    release
}

/// Calls `f` without panics' messages on stderr: they are caught, if not by the test, then by what
/// it tests.
pub fn silently<T>(f: impl FnOnce() -> T) -> std::thread::Result<T> {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let result = catch_unwind(AssertUnwindSafe(f));
    std::panic::set_hook(hook);
    result
}

/// Set to the name of the test in a process that was started for that test alone.
pub const MARK: &str = "ASYNC_TEMPDIR_TEST_CHILD";

/// Whether this process was started for the test `name` alone.
pub fn is_child(name: &str) -> bool {
    std::env::var_os(MARK).is_some_and(|child| child == name)
}

/// Reruns the calling test, `name`, in a process of its own: as it is, or through a command such
/// as `unshare`. True in that process, where the test then does its work; false in the calling
/// one, where it has been done.
#[track_caller]
pub fn in_process(name: &str, through: &[&str]) -> bool {
    in_process_with(name, through, |_| {})
}

/// As [`in_process`], with the command changed before it is run.
#[track_caller]
pub fn in_process_with(name: &str, through: &[&str], change: impl FnOnce(&mut Command)) -> bool {
    if is_child(name) {
        return true;
    }
    let exe = Executable::new();
    let mut words = through
        .iter()
        .copied()
        .map(PathBuf::from)
        .collect::<Vec<_>>();
    words.push(exe.path.clone());
    let mut command = Command::new(&words[0]);
    command
        .args(&words[1..])
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(MARK, name);
    change(&mut command);
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("cannot run {words:?}: {error}"));
    exe.close();
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && stdout.contains("1 passed"),
        "in a process of its own: {}\n{stdout}\n{stderr}",
        output.status
    );
    false
}

/// As [`in_process`], in a namespace where the process may mount filesystems. Some systems forbid
/// ordinary users to make such: then the test cannot be run there, and says so.
#[cfg(target_os = "linux")]
#[track_caller]
pub fn where_it_may_mount(name: &str) -> bool {
    in_namespaces(name, &["--mount"])
}

/// As [`in_process`], in namespaces that `unshare` makes, and in which the process is root.
#[cfg(target_os = "linux")]
#[track_caller]
pub fn in_namespaces(name: &str, kinds: &[&str]) -> bool {
    let unshare = [&["unshare", "--map-root-user"], kinds].concat();
    if !is_child(name) {
        let tried = Command::new(unshare[0])
            .args(&unshare[1..])
            .arg("true")
            .output();
        if !tried.is_ok_and(|tried| tried.status.success()) {
            assert!(
                std::env::var_os("CI").is_none(),
                "CI is where it has to run"
            );
            eprintln!("{name}: not run, for it may not make namespaces here");
            return false;
        }
    }
    in_process(name, &unshare)
}

/// Mounts an empty filesystem at `path`: see [`where_it_may_mount`].
#[cfg(target_os = "linux")]
pub fn mount(path: &Path) {
    let mut command = Command::new("mount");
    let status = command.args(["-t", "tmpfs", "none"]).arg(path).status();
    assert!(status.unwrap().success());
}

/// Takes away what is mounted at `path`.
#[cfg(target_os = "linux")]
pub fn unmount(path: &Path) {
    let status = Command::new("umount").arg(path).status();
    assert!(status.unwrap().success());
}

/// As [`in_process`], and as somebody whom permissions and limits bind, should this be root.
#[cfg(unix)]
#[track_caller]
pub fn as_ordinary_user(name: &str) -> bool {
    if rustix::process::geteuid().is_root() {
        let user = [
            "setpriv",
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
        ];
        in_process(name, &user)
    } else {
        in_process(name, &[])
    }
}

/// A copy of this test's executable where everybody may run it.
struct Executable {
    path: PathBuf,
    dir: tempfile::TempDir,
}

impl Executable {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        }
        let path = dir.path().join("test");
        let exe = std::env::current_exe().unwrap();
        // On Windows no name of what runs can be removed, and this is what runs.
        if cfg!(windows) || fs::hard_link(&exe, &path).is_err() {
            copy(&exe, &path);
        }
        Self { path, dir }
    }

    /// Removes it, as soon as the system has let go of the process that it was.
    fn close(self) {
        let dir = self.dir.keep();
        until("the executable is removed", || {
            fs::remove_dir_all(&dir).is_ok()
        });
    }
}

/// Copies an executable that is to be run at once.
///
/// By another process: those that other tests start meanwhile would have the copy open for writing
/// for a moment, as this one had, and what is open for writing cannot be executed.
#[cfg(unix)]
fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").args([from, to]).status();
    assert!(status.unwrap().success(), "cannot copy {from:?}");
}

#[cfg(not(unix))]
fn copy(from: &Path, to: &Path) {
    fs::copy(from, to).unwrap();
}

/// Inode number and, where the filesystem keeps one, time of birth, in seconds and nanoseconds.
#[cfg(target_os = "linux")]
pub type Identity = (u64, Option<(i64, u32)>);

/// What the filesystem tells a directory from another by.
#[cfg(target_os = "linux")]
pub fn identity(path: &Path) -> Identity {
    use rustix::fs::{AtFlags, CWD, StatxFlags, statx};

    let wanted = StatxFlags::INO | StatxFlags::BTIME;
    let found = statx(CWD, path, AtFlags::empty(), wanted).unwrap();
    let knows = StatxFlags::from_bits_retain(found.stx_mask).contains(StatxFlags::BTIME);
    let born = knows.then_some((found.stx_btime.tv_sec, found.stx_btime.tv_nsec));
    (found.stx_ino, born)
}
