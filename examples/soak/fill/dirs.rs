//! Directories in the directory, shallow and deep.

use super::{at, fresh};
use crate::held::Held;
use crate::world::Task;

pub(super) const ROWS: &[&str] = &[CREATE_DIR, CREATE_DIR_ALL, DEEP];

const CREATE_DIR: &str = "create_dir";
const CREATE_DIR_ALL: &str = "create_dir_all";
const DEEP: &str = "create_dir_all: up to 150 levels";

pub(super) async fn create_dir(task: &mut Task, held: &Held) {
    let path = fresh(task, held, 'd');
    let step = task.begin(CREATE_DIR, at(held, &path));
    held.know(|known| known.doubt(&path));
    let created = held.dir().create_dir(&path).await;
    if task.done(step, created).is_some() {
        held.know(|known| known.dir(&path));
    }
}

pub(super) async fn create_dir_all(task: &mut Task, held: &Held, levels: usize) {
    let mut path = fresh(task, held, 'd');
    path.extend((0..task.rng.usize(..levels)).map(|_| "d"));
    let name = if levels > 100 { DEEP } else { CREATE_DIR_ALL };
    let step = task.begin(name, at(held, &path));
    held.know(|known| known.doubt(&path));
    let created = held.dir().create_dir_all(&path).await;
    if task.done(step, created).is_some() {
        held.know(|known| known.dir(&path));
    }
}
