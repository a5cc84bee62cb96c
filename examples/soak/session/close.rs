//! Closing: to its end, with a panic in it, midway, or not at all.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_tempdir::Removed;
use futures::FutureExt;

use crate::chance::Cut;
use crate::held::Held;
use crate::record::Outcome;
use crate::world::{Provoked, Task};

pub(super) const ROWS: &[&str] = &[
    CLOSE,
    CLOSE_OPTIONS,
    CLOSE_PANIC,
    CLOSE_UNPOLLED,
    CLOSE_MIDWAY,
];

const CLOSE: &str = "close";
const CLOSE_OPTIONS: &str = "close: max_threads, on_progress";
const CLOSE_PANIC: &str = "close: on_progress panics";
const CLOSE_UNPOLLED: &str = "close: never polled";
const CLOSE_MIDWAY: &str = "close: perhaps dropped midway";

pub(super) async fn close(task: &mut Task, held: Held) {
    let exact = held.exact();
    let options = task.rng.bool();
    let step = task.begin(if options { CLOSE_OPTIONS } else { CLOSE }, held.label());
    let path = held.path().to_path_buf();
    let (dir, _) = held.into_dir();
    let last = Arc::new(AtomicU64::new(0));
    let closing = match options {
        false => dir.close(),
        true => dir.close().max_threads(task.rng.usize(..5)).on_progress({
            let last = Arc::clone(&last);
            move |removed| last.store(removed.files + removed.dirs, Ordering::SeqCst)
        }),
    };
    let removed = match closing.await {
        Ok(removed) => removed,
        Err(error) => return step.violation(error),
    };
    let told = last.load(Ordering::SeqCst);
    if path.exists() {
        step.violation("it returned, and the directory is there");
    } else if exact.is_some_and(|known| known.entries() != removed) {
        step.violation(format!("it says {removed:?}"));
    } else if options && told != removed.files + removed.dirs {
        step.violation(format!("progress ended at {told}, but it was {removed:?}"));
    } else {
        step.end(Outcome::Done);
    }
}

pub(super) async fn close_panic(task: &mut Task, held: Held) {
    let step = task.begin(CLOSE_PANIC, held.label());
    let path = held.path().to_path_buf();
    let world = Arc::clone(&task.world);
    let progress = move |_: Removed| world.provoke();
    let closing = held.into_dir().0.close().on_progress(progress);
    match AssertUnwindSafe(closing.into_future()).catch_unwind().await {
        Err(panic) if panic.is::<Provoked>() && !path.exists() => step.end(Outcome::Panicked),
        Err(panic) if panic.is::<Provoked>() => step.violation("the directory is there"),
        Err(_) => step.violation("another panic comes out"),
        Ok(result) => step.violation(format!("no panic comes out, but {result:?}")),
    }
}

pub(super) fn close_unpolled(task: &mut Task, held: Held) {
    let step = task.begin(CLOSE_UNPOLLED, held.label());
    // As a future, or not even that.
    let closing = held.into_dir().0.close();
    if task.rng.bool() {
        drop(closing.into_future());
    } else {
        drop(closing);
    }
    step.end(Outcome::Done);
}

pub(super) async fn close_midway(task: &mut Task, held: Held) {
    let step = task.begin(CLOSE_MIDWAY, held.label());
    let cut = Cut::some(&mut task.rng);
    match cut.apply(held.into_dir().0.close().into_future()).await {
        Some(Ok(_)) => step.end(Outcome::Done),
        Some(Err(error)) => step.violation(error),
        None => step.end(Outcome::Cancelled),
    }
}
