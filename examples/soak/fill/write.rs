//! Files written whole: new ones, over others, and where nothing may be written.

use std::io::ErrorKind;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;

use async_tempdir::Contents;
use futures::FutureExt;

use super::{at, content, fresh};
use crate::held::Held;
use crate::record::Outcome;
use crate::world::{Provoked, Task, World};

pub(super) const ROWS: &[&str] = &[WRITE, OVERWRITE, WRITE_PANIC, ESCAPE];

const WRITE: &str = "write";
const OVERWRITE: &str = "write: over a file";
const WRITE_PANIC: &str = "write: the contents panic";
const ESCAPE: &str = "write: by .. or absolute";

pub(crate) async fn write(task: &mut Task, held: &Held) {
    let (path, content) = (fresh(task, held, 'f'), content(task));
    let step = task.begin(WRITE, at(held, &path));
    held.know(|known| known.doubt(&path));
    let written = held.dir().write(&path, content.bytes()).await;
    if let Some(absolute) = task.done(step, written) {
        held.know(|known| known.file(&path, content));
        if absolute != held.path().join(&path) {
            let record = &task.world.record;
            record.violation(format!("write returned {absolute:?} for {path:?}"));
        }
    }
}

pub(super) async fn overwrite(task: &mut Task, held: &Held) {
    let Some((path, _)) = held.some_file(&mut task.rng) else {
        return;
    };
    let content = content(task);
    let step = task.begin(OVERWRITE, at(held, &path));
    held.know(|known| known.doubt(&path));
    let written = held.dir().write(&path, content.bytes()).await;
    if task.done(step, written).is_some() {
        held.know(|known| known.file(&path, content));
    }
}

/// Contents that panic when they are looked at, on whichever thread that is.
struct Explosive(Arc<World>);

impl AsRef<[u8]> for Explosive {
    fn as_ref(&self) -> &[u8] {
        self.0.provoke()
    }
}

pub(super) async fn write_panic(task: &mut Task, held: &Held) {
    let path = fresh(task, held, 'f');
    let step = task.begin(WRITE_PANIC, at(held, &path));
    held.know(|known| known.doubt(&path));
    let explosive = Contents::from_owner(Explosive(Arc::clone(&task.world)));
    let writing = AssertUnwindSafe(held.dir().write(&path, explosive));
    match writing.catch_unwind().await {
        Err(panic) if panic.is::<Provoked>() => step.end(Outcome::Panicked),
        Err(_) => step.violation("another panic comes out"),
        Ok(result) => {
            // Refused without a panic: the pool is gone, and the contents are never read.
            task.refused(step, result, &[]);
        }
    }
}

pub(super) async fn escape(task: &mut Task, held: &Held) {
    let path = match task.rng.u8(..3) {
        0 => PathBuf::from("../escaped"),
        1 => held.path().with_file_name("escaped"),
        _ => PathBuf::from("a/../../escaped"),
    };
    let step = task.begin(ESCAPE, at(held, &path));
    let written = held.dir().write(&path, "x").await;
    // The last leads nowhere, unless there is an `a`.
    task.refused(
        step,
        written,
        &[ErrorKind::PermissionDenied, ErrorKind::NotFound],
    );
}
