//! Roots, which processes that are killed open as well.

use async_tempdir::{Cleanup, TempRoot};

use super::create::{CHILD, born};
use crate::fill::{fill, write};
use crate::record::Outcome;
use crate::world::{APPS, Task};

pub(super) const ROWS: &[&str] = &[ROOT_OPEN, ROOT_CLOSE, ROOT_DROP, RECLAIMED];

const ROOT_OPEN: &str = "TempRoot::open_in";
const ROOT_CLOSE: &str = "TempRoot::close";
const ROOT_DROP: &str = "TempRoot dropped";
const RECLAIMED: &str = "TempRoot::reclaimed";

/// A root, with directories in it, while others open theirs and take back what was left.
pub(super) async fn root(task: &mut Task) {
    let app = APPS[task.rng.usize(..APPS.len())];
    let step = task.begin(ROOT_OPEN, app);
    let root = TempRoot::open_in(app, &task.world.places.roots).await;
    let Some(root) = task.done(step, root) else {
        return;
    };
    let mut dirs = Vec::new();
    for _ in 0..task.rng.usize(..4) {
        let step = task.begin(CHILD, root.path().display());
        let dir = root.temp_dir().await;
        let Some(dir) = task.done(step, dir) else {
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
        } else if let Some(refused) = reclaimed.refused() {
            let refused = std::io::Error::new(refused.kind(), refused.to_string());
            task.failed(step, &refused, &[]);
        } else {
            step.end(Outcome::Done);
        }
    }
    let path = root.path().to_path_buf();
    match task.rng.u8(..4) {
        0 => {
            // Before the directories in it, for which it waits.
            let step = task.begin(ROOT_DROP, path.display());
            drop(root);
            for dir in &dirs {
                write(task, dir).await;
            }
            step.end(Outcome::Done);
        }
        1 => {
            let step = task.begin(ROOT_DROP, path.display());
            drop(dirs);
            drop(root);
            step.end(Outcome::Done);
        }
        _ => {
            let step = task.begin(ROOT_CLOSE, path.display());
            match root.close().await {
                Err(error) => step.violation(error),
                Ok(_) if path.exists() => step.violation("it returned, and the root is there"),
                Ok(_) => step.end(Outcome::Done),
            }
        }
    }
}
