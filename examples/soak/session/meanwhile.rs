//! Directories inside that are written to, closed and published while the one around them ends.

use std::io::ErrorKind;
use std::sync::Arc;

use async_tempdir::Cleanup;
use futures::future;

use super::close::{close, close_midway};
use super::create::{CHILD, born, create};
use crate::chance::Cut;
use crate::fill::fill;
use crate::held::Held;
use crate::record::Outcome;
use crate::world::{Live, Task};

pub(super) const ROWS: &[&str] = &[PERSIST_AROUND, PERSIST_INSIDE, CLOSE_INSIDE, WRITE_INSIDE];

const PERSIST_AROUND: &str = "persist: children end meanwhile";
const PERSIST_INSIDE: &str = "persist: the parent ends meanwhile";
const CLOSE_INSIDE: &str = "close: the parent ends meanwhile";
const WRITE_INSIDE: &str = "populate: the parent ends meanwhile";

/// A parent whose end begins while tasks have its children.
pub(super) async fn meanwhile(task: &mut Task) {
    let Some(mut parent) = create(task).await else {
        return;
    };
    // Nothing that a look at what was published could not see.
    fill(task, &parent, 2, true).await;
    parent.has_children();
    let mut children = Vec::<Held>::new();
    for _ in 0..task.rng.usize(1..5) {
        let around = match children.last_mut() {
            Some(last) if task.rng.u8(..4) == 0 => last,
            _ => &mut parent,
        };
        around.has_children();
        let step = task.begin(CHILD, around.label());
        let child = around.dir().temp_dir().await;
        let Some(child) = task.done(step, child) else {
            return;
        };
        let child = born(task, child, Cleanup::Always, around.path(), 0o700);
        let steps = task.rng.usize(..3);
        fill(task, &child, steps, true).await;
        children.push(child);
    }
    let tasks: Vec<_> = children
        .into_iter()
        .enumerate()
        .map(|(n, child)| {
            let mut task = task.fork(n);
            let live = Live::new(&task.world);
            tokio::spawn(async move {
                // Dropped in the order opposite to this.
                let _live = live;
                let child = child;
                inside(&mut task, child).await;
            })
        })
        .collect();
    for _ in 0..task.rng.u8(..3) {
        tokio::task::yield_now().await;
    }
    match task.rng.u8(..8) {
        0 => drop(parent),
        1 => close_midway(task, parent).await,
        2..5 => publish(task, parent, PERSIST_AROUND, &[ErrorKind::ResourceBusy]).await,
        _ => close(task, parent).await,
    }
    for ended in future::join_all(tasks).await {
        if ended.is_err_and(|error| error.is_panic()) {
            task.world.record.violation("a task panicked");
        }
    }
}

async fn inside(task: &mut Task, child: Held) {
    match task.rng.u8(..4) {
        0 => write(task, child).await,
        1 => {
            let step = task.begin(CLOSE_INSIDE, child.label());
            let path = child.path().to_path_buf();
            match child.into_dir().0.close().await {
                Err(error) => step.violation(error),
                Ok(_) if path.exists() => step.violation("it returned, and the directory is there"),
                Ok(_) => step.end(Outcome::Done),
            }
        }
        // Closed may be the one around, and held one inside.
        _ => {
            let kinds = [ErrorKind::NotFound, ErrorKind::ResourceBusy];
            publish(task, child, PERSIST_INSIDE, &kinds).await;
        }
    }
}

/// Writes until the one around is closed, or for a while.
async fn write(task: &mut Task, child: Held) {
    for round in 0..task.rng.u8(1..20) {
        let step = task.begin(WRITE_INSIDE, child.label());
        let files = (0..20).map(|n| (format!("meanwhile/{round}/{n}"), "x"));
        match child.dir().populate(files).await {
            Ok(()) => step.end(Outcome::Done),
            Err(error) => return task.failed(step, &error, &[ErrorKind::NotFound]),
        }
    }
}

/// Publishes what is known of `held`, or else drops it.
async fn publish(task: &mut Task, held: Held, row: &'static str, kinds: &[ErrorKind]) {
    let world = Arc::clone(&task.world);
    let target = world.places.published.join(world.name("published"));
    let step = task.begin(row, format!("{} as {}", held.label(), target.display()));
    let (dir, known) = held.into_dir();
    world.expect(target.clone(), vec![known.clone()], true);
    let cut = Cut::seldom(&mut task.rng);
    match cut.apply(dir.persist(&target)).await {
        None => step.end(Outcome::Cancelled),
        Some(Ok(_)) => {
            world.expect(target, vec![known], false);
            step.end(Outcome::Done);
        }
        Some(Err(error)) => {
            world.expect(target, Vec::new(), true);
            task.failed(step, error.error(), kinds);
        }
    }
}
