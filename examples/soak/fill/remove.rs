//! Files and whole trees removed from the directory.

use std::path::{Path, PathBuf};

use super::at;
use super::populate::{POPULATE, populate_with};
use crate::held::Held;
use crate::manifest::Content;
use crate::world::Task;

pub(super) const ROWS: &[&str] = &[REMOVE, REMOVE_TREE];

const REMOVE: &str = "remove: a file";
const REMOVE_TREE: &str = "remove: a directory";

pub(super) async fn remove(task: &mut Task, held: &Held) {
    let Some((path, _)) = held.some_file(&mut task.rng) else {
        return;
    };
    let step = task.begin(REMOVE, at(held, &path));
    held.know(|known| {
        // It stays, whatever becomes of what is in it.
        let above = path.parent().unwrap_or(Path::new(""));
        known.dir(above);
        known.doubt(&path);
    });
    let removed = held.dir().remove(&path).await;
    if task.done(step, removed).is_some() {
        held.know(|known| known.gone(&path));
    }
}

pub(super) async fn remove_tree(task: &mut Task, held: &Held) {
    // A directory of its own, which no other task writes into.
    let dir = PathBuf::from(held.know(|known| known.name('r')));
    let files: Vec<_> = (0..task.rng.usize(1..100))
        .map(|n| (dir.join(format!("{}/{n}", n % 7)), Content::new(1, 1)))
        .collect();
    let what = format!("{} {} files", at(held, &dir), files.len());
    let step = task.begin(POPULATE, &what);
    populate_with(task, held, step, files).await;
    let is_known = held.know(|known| known.has_files_in(&dir));
    if !is_known {
        return;
    }
    let step = task.begin(REMOVE_TREE, what);
    held.know(|known| known.doubt_tree(&dir));
    let removed = held.dir().remove(&dir).await;
    if task.done(step, removed).is_some() {
        held.know(|known| known.gone(&dir));
    }
}
