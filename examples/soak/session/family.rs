//! A directory in a directory, and which of them ends first.

use std::io::ErrorKind;

use async_tempdir::Cleanup;

use super::close::{close, close_midway};
use super::create::{CHILD, born, create};
use crate::fill::fill;
use crate::held::Held;
use crate::record::Outcome;
use crate::world::Task;

pub(super) const ROWS: &[&str] = &[PARENT_FIRST, PARENT_CLOSES, CHILD_KEPT, PERSIST_BUSY];

const PARENT_FIRST: &str = "temp_dir: the parent is dropped first";
const PARENT_CLOSES: &str = "temp_dir: the parent is closed first";
const CHILD_KEPT: &str = "temp_dir: the child is kept";
const PERSIST_BUSY: &str = "persist: a child is held";

/// One inside the other.
pub(super) async fn family(task: &mut Task) {
    let Some(mut parent) = create(task).await else {
        return;
    };
    fill(task, &parent, 2, false).await;
    parent.has_children();
    let step = task.begin(CHILD, parent.label());
    let child = parent.dir().temp_dir().await;
    let Some(child) = task.done(step, child) else {
        return;
    };
    let child = born(task, child, Cleanup::Always, parent.path(), 0o700);
    let steps = task.rng.usize(..4);
    fill(task, &child, steps, false).await;
    let what = format!("{} in {}", child.label(), parent.label());
    match task.rng.u8(..6) {
        0 | 1 => {
            let step = task.begin(PARENT_FIRST, what);
            let path = parent.path().to_path_buf();
            drop(parent);
            // It waits for the child, which can be worked in.
            fill(task, &child, steps, false).await;
            if path.is_dir() && child.path().is_dir() {
                step.end(Outcome::Done);
            } else {
                step.violation("the parent did not wait");
            }
            ends(task, child).await;
        }
        2 => {
            let step = task.begin(PARENT_CLOSES, what);
            let path = child.path().to_path_buf();
            let (parent, _) = parent.into_dir();
            let (child, _) = child.into_dir();
            if let Err(error) = parent.close().await {
                return step.violation(error);
            }
            let written = child.write("f", "x").await;
            task.refused(step, written, &[ErrorKind::NotFound]);
            if path.exists() {
                task.world
                    .record
                    .violation(format!("{path:?} is there again"));
            }
            drop(child);
        }
        3 => {
            let step = task.begin(CHILD_KEPT, what);
            let path = child.into_dir().0.keep();
            fill(task, &parent, 2, false).await;
            if path.is_dir() {
                step.end(Outcome::Done);
            } else {
                step.violation("it was kept, and is gone");
            }
            // Which goes with the one around it.
            ends(task, parent).await;
        }
        4 => {
            let step = task.begin(PERSIST_BUSY, what);
            let (dir, known) = parent.into_dir();
            let target = task.world.name("published");
            let target = task.world.places.published.join(target);
            match dir.persist(&target).await {
                Ok(_) => step.violation("a child is held, and it was published"),
                Err(error) => {
                    task.failed(step, error.error(), &[ErrorKind::ResourceBusy]);
                    let mut parent = Held::again(task, error.into_dir(), known);
                    parent.has_children();
                    drop(child);
                    ends(task, parent).await;
                }
            }
        }
        _ => {
            ends(task, child).await;
            ends(task, parent).await;
        }
    }
}

async fn ends(task: &mut Task, held: Held) {
    match task.rng.u8(..3) {
        0 => drop(held),
        1 => close_midway(task, held).await,
        _ => close(task, held).await,
    }
}
