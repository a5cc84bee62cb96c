//! Trees of several shapes, which other parts remove, copy or count.

use std::path::Path;

use super::Task;
use crate::trees::{self, Sources};

pub(super) type Make = Box<dyn Fn(&Path)>;

/// What rows know it by, its title, and how it is made.
pub(super) type Shape = (&'static str, &'static str, Make);

pub(super) fn shape(
    id: &'static str,
    title: &'static str,
    make: impl Fn(&Path) + 'static,
) -> Shape {
    (id, title, Box::new(make))
}

/// Returns the trees for the task's place: a disk takes long, and gets smaller ones.
pub(super) fn shapes(task: Task) -> Vec<Shape> {
    let mut shapes = vec![shape("tiny", "10 files", |dir| trees::files(dir, 10))];
    if task.on_disk {
        shapes.extend([
            shape("flat", "8,000 files in one directory", |dir| {
                trees::files(dir, 8_000)
            }),
            shape("wide", "400 directories of 20 files", |dir| {
                trees::wide(dir, 400)
            }),
            shape("nested", "1,555 directories, 5,184 files", |dir| {
                trees::nested(dir, 4)
            }),
        ]);
    } else {
        shapes.extend([
            shape("flat", "30,000 files in one directory", |dir| {
                trees::files(dir, 30_000)
            }),
            shape("wide", "1,500 directories of 20 files", |dir| {
                trees::wide(dir, 1_500)
            }),
            shape("nested", "9,331 directories, 31,104 files", |dir| {
                trees::nested(dir, 5)
            }),
        ]);
    }
    let (count, title) = match task.on_disk {
        true => (3_000, "sources of crates, 3,000 entries"),
        false => (10_000, "sources of crates, 10,000 entries"),
    };
    if let Some(sources) = Sources::find(count) {
        shapes.push(shape("sources", title, move |dir| sources.copy(dir)));
    }
    shapes
}
