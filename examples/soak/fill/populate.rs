//! Many files at once.

use std::path::PathBuf;

use super::{at, content, fresh};
use crate::held::Held;
use crate::manifest::Content;
use crate::record::Step;
use crate::world::Task;

pub(super) const ROWS: &[&str] = &[POPULATE, POPULATE_WIDE];

pub(super) const POPULATE: &str = "populate";
const POPULATE_WIDE: &str = "populate: hundreds in one directory";

pub(super) async fn populate(task: &mut Task, held: &Held) {
    let files = task.rng.usize(..40);
    let files: Vec<_> = (0..files)
        .map(|_| (fresh(task, held, 'p'), content(task)))
        .collect();
    let step = task.begin(POPULATE, format!("{} {} files", held.label(), files.len()));
    populate_with(task, held, step, files).await;
}

pub(super) async fn populate_wide(task: &mut Task, held: &Held) {
    let dir = fresh(task, held, 'w');
    let files = task.rng.u64(100..1_500);
    let files: Vec<_> = (0..files)
        .map(|n| (dir.join(n.to_string()), Content::new(n, 3)))
        .collect();
    let what = format!("{} {} files", at(held, &dir), files.len());
    let step = task.begin(POPULATE_WIDE, what);
    populate_with(task, held, step, files).await;
}

pub(super) async fn populate_with(
    task: &Task,
    held: &Held,
    step: Step,
    files: Vec<(PathBuf, Content)>,
) {
    held.know(|known| files.iter().for_each(|(path, _)| known.doubt(path)));
    let contents = files.iter().map(|(path, content)| (path, content.bytes()));
    let populated = held.dir().populate(contents).await;
    if task.done(step, populated).is_some() {
        held.know(|known| {
            for (path, content) in files {
                known.file(&path, content);
            }
        });
    }
}
