//! What the tests share.

#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "each test binary has a copy and uses some of it"
)]

mod exchange;
mod require;
mod roots;
mod runtimes;
mod sandbox;
mod subprocess;
mod tree;
mod wait;

pub use exchange::*;
#[cfg(unix)]
pub use require::{Need, require};
pub use roots::*;
pub use runtimes::*;
pub use sandbox::*;
pub use subprocess::*;
pub use tree::*;
pub use wait::*;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};

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

/// Calls `f` without panics' messages on stderr: they are caught, if not by the test, then by what
/// it tests.
pub fn silently<T>(f: impl FnOnce() -> T) -> std::thread::Result<T> {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let result = catch_unwind(AssertUnwindSafe(f));
    std::panic::set_hook(hook);
    result
}
