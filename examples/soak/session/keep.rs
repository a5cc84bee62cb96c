//! Directories that stay: kept, published, or by their policy.

use async_tempdir::{AsyncTempDir, Cleanup};

use super::close::close;
use super::persist::{
    PERSIST, PERSIST_NOWHERE, PERSIST_OVER_EMPTY, PERSIST_OVER_FULL, persist, replace,
};
use crate::chance::Cut;
use crate::fill::fill;
use crate::held::Held;
use crate::record::Outcome;
use crate::world::Task;

pub(super) const ROWS: &[&str] = &[KEEP, REMOVE_DIR_ALL, ADOPT];

const KEEP: &str = "keep";
const REMOVE_DIR_ALL: &str = "remove_dir_all: one that was kept";
const ADOPT: &str = "adopt: one that was kept";

pub(super) async fn keep(task: &mut Task, mut held: Held) {
    // In turn, so that a slow disk gets to see each.
    match task.world.turn() % 12 {
        0 => stays(task, held),
        1 => remove_kept(task, held).await,
        2 | 3 => {
            held.set_cleanup(Cleanup::Never);
            // It may be dropped meanwhile, and stays all the same.
            fill(task, &held, 2, true).await;
            if task.rng.u8(..3) == 0 {
                held.set_cleanup(Cleanup::Always);
            }
        }
        4 | 5 => persist(task, held, PERSIST).await,
        6 => replace(task, held).await,
        7 => persist(task, held, PERSIST_OVER_EMPTY).await,
        8 => persist(task, held, PERSIST_OVER_FULL).await,
        9 => persist(task, held, PERSIST_NOWHERE).await,
        _ => adopt(task, held).await,
    }
}

fn stays(task: &Task, held: Held) {
    let step = task.begin(KEEP, held.label());
    let path = held.path().to_path_buf();
    if held.keep() == path && path.is_dir() {
        step.end(Outcome::Done);
    } else {
        step.violation("it was not kept");
    }
}

/// Removes a kept directory by its path.
async fn remove_kept(task: &mut Task, held: Held) {
    // An operation whose future was dropped might bring something back.
    let Some(known) = held.quiet(0) else {
        return stays(task, held);
    };
    let step = task.begin(REMOVE_DIR_ALL, held.label());
    let path = held.keep();
    // Begun, the removal goes on, even if this is dropped.
    task.world.expect(path.clone(), vec![known.clone()], true);
    let removal = async_tempdir::remove_dir_all(&path).max_threads(task.rng.usize(..4));
    match removal.on_progress(|_| ()).await {
        Err(error) => step.violation(error),
        Ok(_) if path.exists() => step.violation("it returned, and the directory is there"),
        Ok(removed) if known.entries() != removed => {
            step.violation(format!("it says {removed:?}"));
        }
        Ok(_) => step.end(Outcome::Done),
    }
}

/// Takes a kept directory over again, and perhaps drops that midway.
async fn adopt(task: &mut Task, held: Held) {
    // An operation whose future was dropped might bring something back.
    let Some(known) = held.quiet(0) else {
        return stays(task, held);
    };
    let step = task.begin(ADOPT, held.label());
    let path = held.keep();
    // In its place and whole, unless it is adopted.
    task.world.expect(path.clone(), vec![known.clone()], true);
    let cut = match task.rng.bool() {
        true => Cut::Never,
        false => Cut::some(&mut task.rng),
    };
    match cut.apply(AsyncTempDir::adopt(&path)).await {
        Some(Ok(_)) if path.exists() => step.violation("it was adopted, and is there"),
        Some(Ok(dir)) => {
            step.end(Outcome::Done);
            let held = Held::again(task, dir, known);
            fill(task, &held, 2, false).await;
            match task.rng.bool() {
                true => drop(held),
                false => close(task, held).await,
            }
        }
        Some(Err(error)) => task.failed(step, &error, &[]),
        None => step.end(Outcome::Cancelled),
    }
}
