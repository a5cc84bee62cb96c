//! Processes that a test starts: itself once more, or others.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

#[cfg(unix)]
use super::require::{Need, require};
use super::wait::until;

/// A process that does not outlive its test.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Set to the name of the test in a process that was started for that test alone.
pub const MARK: &str = "ASYNC_TEMPDIR_TEST_CHILD";

/// Whether this process was started for the test `name` alone.
pub fn is_child(name: &str) -> bool {
    std::env::var_os(MARK).is_some_and(|child| child == name)
}

/// Returns the name of the calling test, as `--exact` takes it.
#[macro_export]
macro_rules! test_name {
    () => {{
        fn here() {}
        let name = std::any::type_name_of_val(&here);
        let name = name
            .trim_end_matches("::here")
            .trim_end_matches("::{{closure}}");
        name.split_once("::").expect("it is in a crate").1
    }};
}

/// Returns the command that runs the test `name` of this executable, for that test alone: see
/// [`is_child`]. It begins with the words `through`, such as `strace` and its options.
pub fn this_test(name: &str, through: &[&str]) -> Command {
    command(&std::env::current_exe().unwrap(), name, through)
}

/// Variables that change where directories are made, how they are named, and what is kept.
const VARIABLES: [&str; 5] = [
    "ASYNC_TEMPDIR_ROOT",
    "ASYNC_TEMPDIR_RETAIN",
    "ASYNC_TEMPDIR_CLEANUP",
    "NEXTEST_RUN_ID",
    "NEXTEST_TEST_NAME",
];

/// Takes these variables, which a developer or a test runner may have set, from the command's process.
pub fn without_variables(command: &mut Command) -> &mut Command {
    for variable in VARIABLES {
        command.env_remove(variable);
    }
    command
}

fn command(executable: &Path, name: &str, through: &[&str]) -> Command {
    let mut words = through
        .iter()
        .map(OsStr::new)
        .chain([executable.as_os_str()]);
    let mut command = Command::new(words.next().expect("there is the executable"));
    without_variables(&mut command)
        .args(words)
        .args([
            "--exact",
            name,
            "--include-ignored",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(MARK, name);
    if through.contains(&"strace") {
        // LeakSanitizer cannot look at a process that strace looks at, and fails.
        command.env("LSAN_OPTIONS", "detect_leaks=0");
    }
    command
}

/// Reruns the calling test, `name`, in a process of its own, [`without_variables`]: as it is, or
/// through a command such as `unshare`. True in that process, where the test then does its work;
/// false in the calling one, where it has been done.
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
    let mut command = command(&exe.path, name, through);
    change(&mut command);
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
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
/// ordinary users to make such.
#[cfg(target_os = "linux")]
#[track_caller]
pub fn where_it_may_mount(name: &str) -> bool {
    in_namespaces(name, &["--map-root-user", "--mount"])
}

/// As [`in_process`], in namespaces that `unshare` makes.
#[cfg(target_os = "linux")]
#[track_caller]
pub fn in_namespaces(name: &str, kinds: &'static [&'static str]) -> bool {
    if !is_child(name) && !require(name, &[Need::Namespaces(kinds)]) {
        return false;
    }
    in_process(name, &[&["unshare"], kinds].concat())
}

/// Mounts an empty filesystem at `path`: see [`where_it_may_mount`].
#[cfg(target_os = "linux")]
pub fn mount(path: &Path) {
    let mut command = Command::new("mount");
    let status = command.args(["-t", "tmpfs", "none"]).arg(path).status();
    assert!(status.unwrap().success());
}

/// Mounts the directory `original` at `path`, too.
#[cfg(target_os = "linux")]
pub fn bind(original: &Path, path: &Path) {
    let mut command = Command::new("mount");
    let status = command.arg("--bind").args([original, path]).status();
    assert!(status.unwrap().success());
}

/// Takes away what is mounted at `path`.
#[cfg(target_os = "linux")]
pub fn unmount(path: &Path) {
    let status = Command::new("umount").arg(path).status();
    assert!(status.unwrap().success());
}

/// The words that run a command as a user whom permissions and limits bind, should this be root.
#[cfg(unix)]
pub fn ordinary_user() -> &'static [&'static str] {
    const USER: [&str; 4] = [
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
    ];
    if rustix::process::geteuid().is_root() {
        &USER
    } else {
        &[]
    }
}

/// As [`in_process`], as an [`ordinary_user`].
#[cfg(unix)]
#[track_caller]
pub fn as_ordinary_user(name: &str) -> bool {
    in_process(name, ordinary_user())
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
