//! Many files at once.

use std::io;
use std::path::PathBuf;

use super::{at, content, fresh};
use crate::held::Held;
use crate::manifest::Content;
use crate::record::Step;
use crate::world::Task;

pub(super) const ROWS: &[&str] = &[POPULATE, POPULATE_WIDE, COPY_FROM];

pub(super) const POPULATE: &str = "populate";
const POPULATE_WIDE: &str = "populate: hundreds in one directory";
const COPY_FROM: &str = "copy_from";

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

/// Copies a directory of its own, which no other task writes into, beside that.
pub(super) async fn copy_from(task: &mut Task, held: &Held) {
    let [from, to] = [(); 2].map(|()| PathBuf::from(held.know(|known| known.name('c'))));
    let files: Vec<_> = (0..task.rng.u64(1..100))
        .map(|n| (PathBuf::from(format!("{}/{n}", n % 7)), content(task)))
        .collect();
    let below = |dir: &PathBuf| -> Vec<_> {
        let files = files.iter();
        files
            .map(|(path, content)| (dir.join(path), content.clone()))
            .collect()
    };
    let what = format!("{} {} files", at(held, &from), files.len());
    let step = task.begin(POPULATE, &what);
    populate_with(task, held, step, below(&from)).await;
    if !held.know(|known| known.has_files_in(&from)) {
        return;
    }
    let step = task.begin(COPY_FROM, what);
    let copies = below(&to);
    held.know(|known| copies.iter().for_each(|(path, _)| known.doubt(path)));
    let copied = held.dir().copy_from(held.path().join(&from)).to(&to).await;
    match copied.map_err(io::Error::from) {
        Ok(copied) if copied.files != copies.len() as u64 => {
            step.violation(format!("it says {copied:?} of {} files", copies.len()));
        }
        result => {
            if task.done(step, result).is_some() {
                held.know(|known| {
                    for (path, content) in copies {
                        known.file(&path, content);
                    }
                });
            }
        }
    }
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
