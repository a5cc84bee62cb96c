//! A process that has no more descriptors, no more threads, or hardly any more memory.

#![cfg(target_os = "linux")]

mod descriptors;
mod memory;
#[path = "../support/mod.rs"]
mod support;
mod threads;

use std::io;
use std::time::Duration;

use async_tempdir::AsyncTempDir;
use futures::stream;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use support::{Sandbox, fill};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

/// What a thread has for its stack: so much that none is kept for the next thread.
const STACK: usize = 64 << 20;

/// One of each flavour, whose blocking threads go as soon as they have nothing to do.
fn runtimes() -> [Runtime; 2] {
    runtimes_with(512)
}

/// The same, with so many blocking threads at most.
fn runtimes_with(blocking_threads: usize) -> [Runtime; 2] {
    [Builder::new_current_thread(), Builder::new_multi_thread()].map(|mut builder| {
        builder
            .worker_threads(2)
            .max_blocking_threads(blocking_threads)
            .thread_keep_alive(Duration::from_millis(1))
            .thread_stack_size(STACK)
            .enable_all()
            .build()
            .unwrap()
    })
}

/// What `future` comes to; nothing here may hang.
fn ends<F: IntoFuture>(runtime: &Runtime, future: F) -> F::Output {
    let future = future.into_future();
    let ended = runtime.block_on(async { timeout(Duration::from_secs(60), future).await });
    ended.expect("it ends")
}

fn create(runtime: &Runtime, sandbox: &Sandbox) -> AsyncTempDir {
    let new = AsyncTempDir::new_in(sandbox.path());
    let dir = ends(runtime, new).unwrap();
    fill(dir.path());
    dir
}

fn limit(resource: Resource, to: u64) -> Rlimit {
    let usual = getrlimit(resource);
    let lower = Rlimit {
        current: Some(to),
        maximum: usual.maximum,
    };
    setrlimit(resource, lower).unwrap();
    usual
}

/// Every operation that a handle has, and what it says.
async fn all_operations(
    dir: &AsyncTempDir,
    sandbox: &Sandbox,
) -> Vec<(&'static str, io::Result<()>)> {
    let chunks = || stream::iter([Ok::<_, io::Error>("x")]);
    macro_rules! said {
        ($($operation:expr),* $(,)?) => {
            vec![$((stringify!($operation), $operation.await.map(drop))),*]
        };
    }
    said![
        dir.write("a/1", "x"),
        dir.write("new/1", "x"),
        dir.write_stream("new/2", chunks()),
        dir.write_reader("new/9", &b"x"[..]),
        dir.populate([("new/3", "x"), ("new/4", "x")]),
        async { Ok(dir.copy_from(sandbox.join("sibling")).to("new/10").await?) },
        dir.create("a/2"),
        dir.create_new("new/5"),
        dir.append("a/3"),
        dir.open("x"),
        dir.read("x"),
        dir.read_to_string("a/b/1"),
        dir.list(),
        dir.usage(),
        dir.tree(),
        dir.try_exists("a/b/1"),
        dir.create_dir("new/6"),
        dir.create_dir_all("new/7/8"),
        dir.remove("c"),
        dir.remove("a/b/2"),
        dir.temp_file(),
        dir.temp_dir(),
        AsyncTempDir::new_in(sandbox.path()),
    ]
}
