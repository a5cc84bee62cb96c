//! The system calls of runs: stopped at each of them, and counted.

use std::path::Path;
use std::process::Stdio;
use std::{env, fs};

use async_tempdir::Builder;

use crate::support::{self, Sandbox};
use crate::{ROOT, check_last_runs, names, player, player_through, run, told};

/// Kills runs at each of their `calls`, or lets that fail: in each step of opening a root, of reclaiming
/// others, of keeping a directory and of the end.
fn stopped_at_every_call(calls: &[&str]) {
    let sandbox = Sandbox::new_in(&support::in_memory());
    let root = sandbox.join("root");
    for _ in 0..4 {
        run(&mut player("keep", &root));
    }
    for (call, fault) in calls
        .iter()
        .flat_map(|call| ["signal=KILL", "error=ENOSPC"].map(|fault| (call, fault)))
        // Without a lock, nothing is ever reclaimed.
        .filter(|(call, fault)| **call != "flock" || fault.starts_with("signal"))
    {
        for when in 1.. {
            let begin = ["strace", "-f", "-qq", "--seccomp-bpf", "-o"];
            let log = sandbox.join("log");
            let log_name = log.to_str().unwrap();
            let [trace, inject] = [
                format!("trace={call}"),
                format!("inject={call}:{fault}:when={when}"),
            ];
            let strace = [&begin[..], &[log_name, "-e", &trace, "-e", &inject]].concat();
            let mut command = player_through(&strace, "keep", &root);
            let output = command.stdin(Stdio::null()).output().unwrap();
            let stdout = String::from_utf8_lossy(&output.stdout);
            run(&mut player("once", &root));
            for kept in stdout.lines().filter_map(told) {
                assert!(kept.join("a/b/1").exists(), "{call}:{fault}:{when}");
            }
            check_last_runs(&root);
            assert_eq!(names(&root).len(), 3, "{call}:{fault}:{when}");
            let log = fs::read_to_string(log).unwrap();
            if !log.contains("INJECTED") && output.status.success() {
                assert!(when > 1, "{call}: that is how it is done");
                break;
            }
        }
    }
    fs::remove_file(sandbox.join("log")).unwrap();
    fs::remove_dir_all(root).unwrap();
    sandbox.check();
}

#[test]
fn stopped_anywhere_a_run_leaves_what_the_next_one_takes_back() {
    if support::require(crate::test_name!(), &[support::Need::Strace]) {
        stopped_at_every_call(&["renameat2", "symlink"]);
    }
}

#[test]
#[ignore = "heavy: two hundred processes under strace"]
fn heavy_stopped_anywhere_a_run_leaves_what_the_next_one_takes_back() {
    if support::require(crate::test_name!(), &[support::Need::Strace]) {
        stopped_at_every_call(&[
            "mkdir",
            "flock",
            "rename",
            "unlinkat",
            "openat2",
            "getdents64",
        ]);
    }
}

/// Makes directories, first with a parent that was given, then without.
pub(crate) fn is_traced() {
    let temp = env::temp_dir();
    let mark = |name: &str| _ = fs::symlink_metadata(temp.join(name));
    // What happens once in a process.
    drop(Builder::new().parent(&temp).create_blocking().unwrap());
    mark("mark-given");
    drop(Builder::new().parent(&temp).create_blocking().unwrap());
    mark("mark-default");
    drop(Builder::new().create_blocking().unwrap());
    mark("mark-end");
}

/// The variables are not looked at for a directory with a parent.
#[test]
fn unset_they_cost_no_system_call() {
    let name = crate::test_name!();
    if !support::require(name, &[support::Need::Strace]) {
        return;
    }
    let sandbox = Sandbox::new();
    let temp = sandbox.join("temp");
    fs::create_dir(&temp).unwrap();
    let log = sandbox.join("log");
    let log_name = log.to_str().unwrap();
    let through = ["strace", "-f", "-qq", "-o", log_name];
    let mut command = player_through(&through, "trace", Path::new(""));
    run(command.env_remove(ROOT).env("TMPDIR", &temp));
    let log_text = fs::read_to_string(&log).unwrap();
    let end = log_text.find("mark-end").unwrap();
    let [given, default] = ["mark-given", "mark-default"].map(|mark| log_text.find(mark).unwrap());
    // The lines of that thread, without the arguments. A line begins with the thread's id.
    let calls = |text: &str| -> Vec<String> {
        let lines = text.lines().skip(1);
        let thread = log_text[..given]
            .lines()
            .last()
            .unwrap()
            .split(' ')
            .next()
            .unwrap();
        lines
            .filter_map(|line| line.split_once(char::is_whitespace))
            .filter(|(id, _)| *id == thread)
            .filter_map(|(_, call)| call.trim_start().split_once('('))
            .map(|(call, _)| call.to_owned())
            // The allocator's, which depend on what was freed before.
            .filter(|call| !["brk", "mmap", "munmap", "madvise"].contains(&&**call))
            .collect()
    };
    let [given, default] = [&log_text[given..default], &log_text[default..end]].map(calls);
    assert!(
        given.iter().any(|call| call.starts_with("mkdir")),
        "{given:?}"
    );
    assert_eq!(default, given);
    fs::remove_file(log).unwrap();
    fs::remove_dir(temp).unwrap();
    sandbox.check();
}
