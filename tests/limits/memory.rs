//! Hardly any memory: a failed allocation ends the process, so what is shown is how little it takes.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

use async_tempdir::{AsyncTempDir, cleanup, remove_dir_all};
use rustix::process::{Resource, Rlimit, setrlimit};
use tokio::runtime::{Builder, Runtime};

use crate::support::{self, Sandbox, in_memory, occupy, silently, threads, until};
use crate::{STACK, create, ends, limit, runtimes};

const MIB: u64 = 1 << 20;

/// How many bytes of addresses the process uses.
fn used() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmSize:"));
    let kib = line.unwrap().trim().trim_end_matches(" kB");
    kib.parse::<u64>().unwrap() * 1024
}

/// Lets the process have `more` bytes than it has now.
fn allow(more: u64) -> Rlimit {
    limit(Resource::As, used() + more)
}

/// As `in_process`, and without the heaps of single threads: each of those takes as many addresses
/// from the start as it may ever need.
fn measured(name: &str) -> bool {
    support::in_process_with(name, &[], |command| {
        command.env("MALLOC_ARENA_MAX", "1");
    })
}

/// A runtime with so many threads, and the memory that they will ever have for a start.
fn warm(threads: usize) -> Runtime {
    let runtime = Builder::new_current_thread()
        .max_blocking_threads(threads)
        // However long it takes to make the files: no other thread could be had then.
        .thread_keep_alive(Duration::from_secs(3600))
        .enable_time()
        .build()
        .unwrap();
    let all: Vec<_> = (0..threads).map(|_| occupy(&runtime)).collect();
    drop(all);
    let sandbox = Sandbox::new_in(&in_memory());
    let tree = sandbox.join("tree");
    for n in 0..500 {
        fs::create_dir_all(tree.join(n.to_string())).unwrap();
    }
    ends(&runtime, remove_dir_all(tree).max_threads(threads)).unwrap();
    sandbox.check();
    runtime
}

/// Their names alone are ten times as many bytes as a removal may take.
const MANY: u64 = 50_000;

fn name(n: u64) -> String {
    format!("{n:0200}")
}

fn removed_within(more: u64, make: impl Fn(&Path)) {
    let runtime = warm(3);
    let sandbox = Sandbox::new_in(&in_memory());
    let tree = sandbox.join("tree");
    fs::create_dir(&tree).unwrap();
    for n in 0..MANY {
        make(&tree.join(name(n)));
    }
    let usual = allow(more);
    let removed = ends(&runtime, remove_dir_all(tree).max_threads(3));
    setrlimit(Resource::As, usual).unwrap();
    let removed = removed.unwrap();
    assert_eq!(removed.files + removed.dirs, MANY + 1);
    sandbox.check();
}

#[test]
fn many_files_take_no_more_memory_than_few() {
    if measured("memory::many_files_take_no_more_memory_than_few") {
        removed_within(MIB, |path| fs::write(path, "").unwrap());
    }
}

#[test]
fn many_directories_take_no_more_memory_than_few() {
    if measured("memory::many_directories_take_no_more_memory_than_few") {
        removed_within(MIB, |path| fs::create_dir(path).unwrap());
    }
}

fn counted_within(more: u64, make: impl Fn(&Path)) {
    let runtime = warm(3);
    let sandbox = Sandbox::new_in(&in_memory());
    let dir = ends(&runtime, AsyncTempDir::new_in(sandbox.path())).unwrap();
    for n in 0..MANY {
        make(&dir.path().join(name(n)));
    }
    let usual = allow(more);
    let usage = ends(&runtime, dir.usage());
    setrlimit(Resource::As, usual).unwrap();
    let usage = usage.unwrap();
    assert_eq!(usage.files + usage.dirs, MANY + 1);
    ends(&runtime, dir.close()).unwrap();
    sandbox.check();
}

#[test]
fn many_files_are_counted_in_no_more_memory_than_few() {
    if measured("memory::many_files_are_counted_in_no_more_memory_than_few") {
        counted_within(MIB, |path| fs::write(path, "").unwrap());
    }
}

#[test]
fn many_directories_are_counted_in_no_more_memory_than_few() {
    if measured("memory::many_directories_are_counted_in_no_more_memory_than_few") {
        counted_within(MIB, |path| fs::create_dir(path).unwrap());
    }
}

/// Its memory is asked for in steps that may fail, unlike that of anything else here.
#[test]
fn a_file_that_memory_is_too_small_for_is_an_error() {
    if !measured(crate::test_name!()) {
        return;
    }
    let runtime = warm(3);
    let sandbox = Sandbox::new_in(&in_memory());
    let dir = ends(&runtime, AsyncTempDir::new_in(sandbox.path())).unwrap();
    let sparse = File::create(dir.path().join("sparse")).unwrap();
    sparse.set_len(200 * MIB).unwrap();
    let usual = allow(60 * MIB);
    let tree = ends(&runtime, dir.tree());
    setrlimit(Resource::As, usual).unwrap();
    let error = tree.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::OutOfMemory, "{error}");
    let path = dir.path().join("sparse");
    let message = format!("cannot read {path:?}: ");
    assert!(error.to_string().starts_with(&message), "{error}");
    assert_eq!(ends(&runtime, dir.tree()).unwrap().len(), 1);
    ends(&runtime, dir.close()).unwrap();
    sandbox.check();
}

fn copied_within(more: u64, make: impl Fn(&Path)) {
    let runtime = warm(3);
    let sandbox = Sandbox::new_in(&in_memory());
    let source = sandbox.join("source");
    fs::create_dir(&source).unwrap();
    for n in 0..MANY {
        make(&source.join(name(n)));
    }
    let dir = ends(&runtime, AsyncTempDir::new_in(sandbox.path())).unwrap();
    let usual = allow(more);
    let copied = ends(&runtime, dir.copy_from(&source).max_threads(3));
    setrlimit(Resource::As, usual).unwrap();
    let copied = copied.unwrap();
    assert_eq!(copied.files + copied.dirs, MANY);
    ends(&runtime, dir.close()).unwrap();
    fs::remove_dir_all(source).unwrap();
    sandbox.check();
}

/// With a buffer for each thread.
#[test]
fn many_files_are_copied_in_no_more_memory_than_few() {
    if measured("memory::many_files_are_copied_in_no_more_memory_than_few") {
        copied_within(2 * MIB, |path| fs::write(path, "x").unwrap());
    }
}

#[test]
fn many_directories_are_copied_in_no_more_memory_than_few() {
    if measured("memory::many_directories_are_copied_in_no_more_memory_than_few") {
        copied_within(MIB, |path| fs::create_dir(path).unwrap());
    }
}

const DROPS: u64 = 5_000;
/// What each directory that waits may have: "a few hundred bytes", say the docs.
const EACH: u64 = 400;

#[test]
fn a_burst_of_drops_takes_little_memory() {
    if !measured("memory::a_burst_of_drops_takes_little_memory") {
        return;
    }
    let runtime = warm(1);
    let sandbox = Sandbox::new_in(&in_memory());
    let dirs: Vec<_> = (0..DROPS).map(|_| create(&runtime, &sandbox)).collect();
    let release = occupy(&runtime);
    let usual = allow(DROPS * EACH);
    drop(dirs);
    assert_eq!(cleanup::pending(), DROPS as usize, "all of them wait");
    drop(release);
    ends(&runtime, cleanup::idle());
    setrlimit(Resource::As, usual).unwrap();
    assert_eq!(cleanup::failures(), 0);
    sandbox.check();
}

/// There is memory, but not as much as another thread needs for its stack.
#[test]
fn without_memory_for_a_thread() {
    if !measured("memory::without_memory_for_a_thread") {
        return;
    }
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        let own = threads();
        let dirs: Vec<_> = (0..100).map(|_| create(&runtime, &sandbox)).collect();
        let [dir, closed] = [(); 2].map(|()| create(&runtime, &sandbox));
        until("the pool's threads have gone", || threads() <= own);
        let usual = allow(MIB);
        let spawned = thread::Builder::new().stack_size(STACK).spawn(|| ());
        assert!(spawned.is_err(), "the limit binds");
        let done = silently(|| {
            let failed = ends(&runtime, dir.write("new", "")).is_err();
            drop(dirs);
            drop(dir);
            ends(&runtime, cleanup::idle());
            (failed, ends(&runtime, closed.close()))
        });
        setrlimit(Resource::As, usual).unwrap();
        let (failed, closed) = done.expect("nothing panics");
        assert!(failed);
        assert_eq!(closed.unwrap().files, 11);
        assert_eq!(cleanup::failures(), 0);
        sandbox.check();
    }
}
