//! A directory that is lent to a closure.

use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;

use async_tempdir::AsyncTempDir;
use futures::FutureExt;

use crate::chance::Cut;
use crate::record::Outcome;
use crate::world::{Provoked, Task};

pub(super) const ROWS: &[&str] = &[SCOPE, SCOPE_PANIC];

const SCOPE: &str = "scope";
const SCOPE_PANIC: &str = "scope: panics";

pub(super) async fn scope(task: &mut Task) {
    let panics = task.rng.u8(..3) == 0;
    let step = task.begin(if panics { SCOPE_PANIC } else { SCOPE }, "");
    let mut at = PathBuf::new();
    let world = Arc::clone(&task.world);
    let scoped = AssertUnwindSafe(AsyncTempDir::scope(async |dir| {
        at = dir.path().to_path_buf();
        let text = format!("{at:?}");
        dir.write("a/b", text.clone()).await?;
        dir.populate((0..50).map(|n| (format!("c/{n}"), "x")))
            .await?;
        if panics {
            world.provoke();
        }
        let read = dir.read_to_string("a/b").await?;
        Ok::<_, std::io::Error>(read == text && at.is_dir())
    }));
    let outcome = Cut::seldom(&mut task.rng)
        .apply(scoped.catch_unwind())
        .await;
    let Some(outcome) = outcome else {
        return step.end(Outcome::Cancelled);
    };
    if at != PathBuf::new() && at.exists() {
        return step.violation(format!("it returned, and {at:?} is there"));
    }
    match outcome {
        Err(panic) if panics && panic.is::<Provoked>() => step.end(Outcome::Panicked),
        Err(_) => step.violation("another panic comes out"),
        Ok(Ok(false)) => step.violation("other text than was written"),
        Ok(scoped) => _ = task.done(step, scoped.map_err(std::io::Error::from)),
    }
}
