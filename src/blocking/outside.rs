//! The stand-in for a runtime where there is none.
//!
//! It refuses every task, like a runtime that is gone, and is not even asked: its lock may be held
//! forever in a forked child.

use std::io;
use std::sync::OnceLock;

use tokio::runtime::{Builder, Handle};

static STAND_IN: OnceLock<Handle> = OnceLock::new();

/// Returns the stand-in.
pub(crate) fn stand_in() -> io::Result<Handle> {
    if let Some(made) = STAND_IN.get() {
        return Ok(made.clone());
    }
    let runtime = Builder::new_current_thread().build()?;
    let handle = runtime.handle().clone();
    runtime.shutdown_background();
    Ok(STAND_IN.get_or_init(|| handle).clone())
}

/// Returns whether `runtime` is the stand-in.
pub(crate) fn is_stand_in(runtime: &Handle) -> bool {
    let made = STAND_IN.get();
    made.is_some_and(|made| made.id() == runtime.id())
}
