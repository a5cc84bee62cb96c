//! Processes that are killed, and what the next one takes back.

mod support;

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use async_tempdir::{AsyncTempDir, TempRoot};
#[cfg(target_os = "linux")]
use support::plant;
use support::{Sandbox, current_thread, fill, is_child, multi_thread};

/// Processes take longer to start on Windows.
const KILLS: u32 = if cfg!(windows) { 40 } else { 300 };

/// Whether it ended because somebody killed it.
fn was_killed(status: ExitStatus) -> bool {
    #[cfg(unix)]
    {
        const SIGKILL: i32 = 9;
        std::os::unix::process::ExitStatusExt::signal(&status) == Some(SIGKILL)
    }
    #[cfg(windows)]
    {
        // What std has it end with. A failed test ends with 101.
        status.code() == Some(1)
    }
}

/// Where a process that was started for a test works.
const PARENT: &str = "ASYNC_TEMPDIR_TEST_PARENT";

/// A process of this test's executable that runs `test`, working in `parent`.
fn start(test: &str, parent: &Path) -> Child {
    support::this_test(test, &[])
        .env(PARENT, parent)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn parent() -> PathBuf {
    std::env::var_os(PARENT).unwrap().into()
}

/// Numbers without a pattern, the same in every run.
fn scatter(n: u32) -> u32 {
    let mut x = n.wrapping_mul(0x9E37_79B9) ^ 0x85EB_CA6B;
    x ^= x >> 15;
    x = x.wrapping_mul(0x2C1B_3C6D);
    x ^ (x >> 12)
}

/// Tells how far it is: at some such moment it is killed.
fn step() {
    std::io::stdout().write_all(b".").unwrap();
    std::io::stdout().flush().unwrap();
}

/// Whether what it has written is there, as long as it has not been removed.
async fn check(dir: &AsyncTempDir, text: &str) {
    assert_eq!(dir.read_to_string("a/file").await.unwrap(), text);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 4);
}

async fn work(parent: &Path) {
    let root = TempRoot::open_in("app", parent).await.unwrap();
    step();
    let mut dirs = Vec::new();
    for n in 0..6 {
        let dir = root.temp_dir().await.unwrap();
        step();
        fill(dir.path());
        dir.write("a/file", n.to_string()).await.unwrap();
        dirs.push((dir, n.to_string()));
        step();
        for (dir, text) in &dirs {
            check(dir, text).await;
        }
        if n % 2 == 1 {
            drop(dirs.remove(0));
        }
        step();
    }
    root.reclaimed().await;
    for (dir, text) in &dirs {
        check(dir, text).await;
    }
    step();
    let (dir, _) = dirs.remove(0);
    dir.close().await.unwrap();
    step();
    drop(dirs);
    step();
    root.close().await.unwrap();
    step();
}

#[test]
fn worker() {
    if !is_child("worker") {
        return;
    }
    let parent = parent();
    current_thread().block_on(async {
        loop {
            work(&parent).await;
        }
    });
}

/// Several at a time, at moments without a pattern; meanwhile each looks after its own.
#[test]
fn after_hundreds_of_kills_one_open_leaves_nothing_but_its_own() {
    let sandbox = Sandbox::new_in(&support::in_memory());
    let started = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                loop {
                    let n = started.fetch_add(1, Ordering::Relaxed);
                    if n >= KILLS {
                        return;
                    }
                    let mut child = start("worker", sandbox.path());
                    let mut steps = child.stdout.take().unwrap();
                    // The test runner's own words count as steps before the first.
                    let mut seen = vec![0; 16 + scatter(n) as usize % 90];
                    let alive = steps.read_exact(&mut seen).is_ok();
                    // Into what comes after the step.
                    for _ in 0..scatter(!n) % 20_000 {
                        std::hint::spin_loop();
                    }
                    let _ = child.kill();
                    let output = child.wait_with_output().unwrap();
                    let stderr = String::from_utf8_lossy(&output.stderr);
                    assert!(
                        alive && was_killed(output.status),
                        "a live process lost something: {}\n{stderr}",
                        String::from_utf8_lossy(&seen)
                    );
                }
            });
        }
    });
    let left = sandbox.leftovers().len();
    assert!(left > 0, "the last ones to be killed have left something");
    multi_thread().block_on(async {
        let root = TempRoot::open_in("app", sandbox.path()).await.unwrap();
        let reclaimed = root.reclaimed().await;
        assert!(reclaimed.failures().is_empty(), "{reclaimed:?}");
        // Those who were killed before they had put anything there count otherwise.
        assert!(reclaimed.roots() <= left as u64, "{reclaimed:?}");
        assert_eq!(sandbox.leftovers(), [root.path()]);
        root.close().await.unwrap();
    });
    sandbox.check();
}

/// A whole life, with something to reclaim.
#[test]
fn once() {
    if is_child("once") {
        let parent = parent();
        current_thread().block_on(work(&parent));
    }
}

/// The command that runs `once` in `parent`, with a fault of a call.
#[cfg(target_os = "linux")]
fn once_with(call: &str, fault: &str, parent: &Path) -> std::process::Command {
    let (trace, inject) = (format!("trace={call}"), format!("inject={call}:{fault}"));
    // It stops at those calls only, which makes it fast.
    let quick = ["strace", "-f", "-q", "--seccomp-bpf", "-o", "/dev/null"];
    let strace = [&quick[..], &["-e", &trace, "-e", &inject]].concat();
    let mut command = support::this_test("once", &strace);
    command.env(PARENT, parent).stdout(Stdio::null());
    command
}

/// In each step of making, using, reclaiming and removing a root.
#[cfg(target_os = "linux")]
#[test]
fn killed_at_every_call_it_leaves_nothing_that_is_not_taken_back() {
    if !support::require(test_name!(), &[support::Need::Strace]) {
        return;
    }
    let open = if cfg!(target_env = "musl") {
        "open"
    } else {
        "openat"
    };
    let calls = "mkdir rename flock unlinkat openat2 getdents64 statx".split(' ');
    std::thread::scope(|scope| {
        for call in calls.chain([open]) {
            scope.spawn(move || {
                let sandbox = Sandbox::new_in(&support::in_memory());
                let mut kills = 0;
                // Far more than there are of each but the last ones, which are about the same.
                for when in 1..60 {
                    plant(sandbox.path(), &format!("app-{:010}", 2 * when));
                    let fault = format!("signal=SIGKILL:when={when}");
                    let mut once = once_with(call, &fault, sandbox.path());
                    let status = once.status().unwrap();
                    let killed = was_killed(status);
                    assert!(killed || status.success(), "{call}:{fault}: {status}");
                    kills += u32::from(killed);
                    plant(sandbox.path(), &format!("app-{:010}", 2 * when + 1));
                    reclaim(sandbox.path());
                    let left = sandbox.leftovers();
                    assert!(left.is_empty(), "{call}:{fault}: left for ever {left:?}");
                    if !killed {
                        break;
                    }
                }
                assert!(kills > 0, "{call}: that is how it is done");
                sandbox.check();
            });
        }
    });
}

/// While others look at what it is making.
#[cfg(target_os = "linux")]
#[test]
fn one_who_is_slow_to_lock_makes_another() {
    if !support::require(test_name!(), &[support::Need::Strace]) {
        return;
    }
    for call in ["mkdir", "flock", "rename", "openat"] {
        let sandbox = Sandbox::new_in(&support::in_memory());
        let mut slow = once_with(call, "delay_exit=5000", sandbox.path());
        let mut slow = slow.spawn().unwrap();
        let mut looks = 0;
        let status = loop {
            if let Some(status) = slow.try_wait().unwrap() {
                break status;
            }
            // Not as often as it tries.
            if looks < 40 {
                reclaim(sandbox.path());
                looks += 1;
            }
            std::thread::yield_now();
        };
        assert!(status.success(), "{call}: {status}");
        sandbox.check();
    }
}

/// Has a root with a child process of its own, says where, and waits to be killed.
#[cfg(unix)]
fn with_child(make: impl FnOnce()) {
    let parent = parent();
    let runtime = current_thread();
    let root = runtime.block_on(TempRoot::open_in("app", &parent)).unwrap();
    fill(root.path());
    make();
    println!("\nroot {}", root.path().display());
    loop {
        std::thread::park();
    }
}

#[cfg(unix)]
#[test]
fn forks() {
    if is_child("forks") {
        with_child(|| {
            if let fork::Fork::Child = fork::fork().unwrap() {
                // Until the test lets it go.
                let _ = std::io::stdin().read(&mut [0]);
                std::process::exit(0);
            }
        });
    }
}

#[cfg(unix)]
#[test]
fn spawns() {
    if is_child("spawns") {
        with_child(|| {
            // It inherits what the test holds the other end of.
            let child = std::process::Command::new("cat")
                .stdout(Stdio::null())
                .spawn();
            drop(child.unwrap());
        });
    }
}

/// Kills the process that runs `test` as soon as it has a root and a child. Gives the root, and
/// what keeps the child alive.
#[cfg(unix)]
fn orphan(test: &str, parent: &Path) -> (PathBuf, impl Sized + use<>) {
    use std::io::{BufRead, BufReader};

    let mut child = start(test, parent);
    let stdin = child.stdin.take().unwrap();
    let root = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .find_map(|line| line.unwrap().strip_prefix("root ").map(PathBuf::from))
        .expect("it says where its root is");
    child.kill().unwrap();
    child.wait().unwrap();
    (root, stdin)
}

#[cfg(unix)]
fn reclaim(parent: &Path) -> u64 {
    current_thread().block_on(async {
        let root = TempRoot::open_in("app", parent).await.unwrap();
        let roots = root.reclaimed().await.roots();
        root.close().await.unwrap();
        roots
    })
}

#[cfg(unix)]
#[test]
fn a_forked_child_keeps_the_root_for_as_long_as_it_lives() {
    let sandbox = Sandbox::new();
    let (root, child) = orphan("forks", sandbox.path());
    assert_eq!(reclaim(sandbox.path()), 0, "the child still has the lock");
    assert!(root.join("a/b/1").exists());
    drop(child);
    support::until("the child is gone", || reclaim(sandbox.path()) == 1);
    sandbox.check();
}

#[cfg(unix)]
#[test]
fn a_spawned_child_does_not_keep_the_root() {
    let sandbox = Sandbox::new();
    let (root, child) = orphan("spawns", sandbox.path());
    // A program that has just been started may not have come to closing what it does not inherit.
    support::until("it is reclaimed", || reclaim(sandbox.path()) == 1);
    assert!(!root.exists(), "although the child is still there");
    drop(child);
    sandbox.check();
}
