//! Roots, which processes that are killed open as well.

use std::sync::Arc;

use async_tempdir::{Cleanup, TempRoot};

use super::create::{CHILD, born};
use crate::fill::{fill, write};
use crate::record::Outcome;
use crate::world::{APPS, Task};

pub(super) const ROWS: &[&str] = &[OPEN, OPEN_IN, RETAIN, BUILDER, CLOSE, DROP, RECLAIMED];

const OPEN: &str = "TempRoot::open";
const OPEN_IN: &str = "TempRoot::open_in";
const RETAIN: &str = "RootBuilder::retain";
const BUILDER: &str = "TempRoot::dir_builder";
const CLOSE: &str = "TempRoot::close";
const DROP: &str = "TempRoot dropped";
const RECLAIMED: &str = "TempRoot::reclaimed";

/// A root, with directories in it, while other tasks open theirs and remove leftovers.
pub(super) async fn root(task: &mut Task) {
    let app = APPS[task.rng.usize(..APPS.len())];
    let world = Arc::clone(&task.world);
    let (name, parent) = match task.rng.u8(..4) {
        0 => (OPEN, &world.places.tmp),
        1 => (RETAIN, &world.places.roots),
        _ => (OPEN_IN, &world.places.roots),
    };
    let step = task.begin(name, app);
    let root = match name {
        OPEN => TempRoot::open(app).await,
        RETAIN => {
            let builder = TempRoot::builder(app).parent(parent);
            builder.retain(task.rng.usize(..3)).open().await
        }
        _ => TempRoot::open_in(app, parent).await,
    };
    let Some(root) = task.done(step, root) else {
        return;
    };
    let path = root.path().to_path_buf();
    if path.parent() != Some(parent) {
        let what = format!("{path:?} was not opened in {parent:?}");
        world.record.violation(what);
    }
    let mut dirs = Vec::new();
    for _ in 0..task.rng.usize(..4) {
        let dir = match task.rng.bool() {
            true => {
                let step = task.begin(CHILD, root.path().display());
                let dir = root.temp_dir().await;
                task.done(step, dir)
            }
            false => {
                let step = task.begin(BUILDER, root.path().display());
                let dir = root.dir_builder().prefix("tmp-r-").create().await;
                task.done(step, dir)
            }
        };
        let Some(dir) = dir else {
            return;
        };
        let dir = born(task, dir, Cleanup::Always, root.path(), 0o700);
        let steps = task.rng.usize(..4);
        fill(task, &dir, steps, false).await;
        dirs.push(dir);
    }
    if task.rng.bool() {
        let step = task.begin(RECLAIMED, root.path().display());
        let reclaimed = root.reclaimed().await;
        if let Some(failure) = reclaimed.failures().first() {
            step.violation(failure);
        } else if let Some(refused) = reclaimed.skipped_reason() {
            let refused = std::io::Error::new(refused.kind(), refused.to_string());
            task.failed(step, &refused, &[]);
        } else {
            step.end(Outcome::Done);
        }
    }
    match task.rng.u8(..4) {
        0 => {
            // Before the directories in it, for which it waits.
            let step = task.begin(DROP, path.display());
            drop(root);
            for dir in &dirs {
                write(task, dir).await;
            }
            step.end(Outcome::Done);
        }
        1 => {
            let step = task.begin(DROP, path.display());
            drop(dirs);
            drop(root);
            step.end(Outcome::Done);
        }
        _ => {
            let step = task.begin(CLOSE, path.display());
            match root.close().await {
                Err(error) => step.violation(error),
                // Another task may have opened one with the same number since.
                Ok(_) if name != RETAIN && path.exists() => {
                    step.violation("it returned, and the root is there")
                }
                Ok(_) => step.end(Outcome::Done),
            }
        }
    }
}
