//! The example of that name, interrupted at any moment: nothing is left, whichever way it ends.
#![cfg(unix)]

#[path = "../examples/graceful_shutdown.rs"]
#[allow(dead_code, reason = "its main is the test here")]
mod graceful_shutdown;
mod support;

use std::process::{Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use support::{Running, Sandbox, until};

/// Set to the code that is expected of a process that returns.
const CODE: &str = "CODE";
const RETURNS: &str = "returns";
const EXITS: &str = "exits";

#[test]
fn the_application() {
    for way in [RETURNS, EXITS] {
        if support::is_child(way) {
            // Only now: from here on, a signal does not end it at once.
            let code = {
                let runtime = support::multi_thread();
                runtime.block_on(graceful_shutdown::run(way == EXITS))
            };
            let expected: u8 = std::env::var(CODE).unwrap().parse().unwrap();
            assert_eq!(code, std::process::ExitCode::from(expected));
        }
    }
}

/// Runs it and has it stop when so many directories are there.
fn stopped(way: &str, signal: Signal, code: u8, directories: usize) -> ExitStatus {
    let sandbox = Sandbox::new();
    // Not as `this_test` does it, on the main thread: under ThreadSanitizer, a signal would wait there
    // for the thread's next call.
    let mut command = Command::new(std::env::current_exe().unwrap());
    let child = support::without_variables(&mut command)
        .args(["--exact", "the_application", "--nocapture"])
        .env(support::MARK, way)
        .env(CODE, code.to_string())
        .env("TMPDIR", sandbox.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut child = Running(child);
    until("the directories are there", || {
        sandbox.leftovers().len() >= directories
    });
    kill_process(Pid::from_child(&child.0), signal).unwrap();
    let status = child.0.wait().unwrap();
    sandbox.check();
    status
}

#[test]
fn asked_to_stop_it_leaves_nothing() {
    for directories in [1, 4, 8] {
        for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
            assert!(stopped(RETURNS, signal, code, directories).success());
            let status = stopped(EXITS, signal, code, directories);
            assert_eq!(status.code(), Some(code.into()));
        }
    }
}
