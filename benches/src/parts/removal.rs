//! Trees of several shapes, beside everybody who removes such.

use std::path::Path;

use super::Task;
use crate::measure::{Effort, Metric, Rounds, Row, compare};
use crate::peers::{multi_thread, removers, removers_apart};
use crate::trees::{self, Sources};

type Make = Box<dyn Fn(&Path)>;

pub(super) fn measure(task: Task) -> Vec<Row> {
    let runtime = multi_thread();
    let shape = |id: &'static str, title: &'static str, make: Make| (id, title, make);
    let mut shapes = vec![shape(
        "tiny",
        "10 files",
        Box::new(|dir| trees::files(dir, 10)),
    )];
    if task.on_disk {
        shapes.extend([
            shape(
                "flat",
                "8,000 files in one directory",
                Box::new(|dir| trees::files(dir, 8_000)),
            ),
            shape(
                "wide",
                "400 directories of 20 files",
                Box::new(|dir| trees::wide(dir, 400)),
            ),
            shape(
                "nested",
                "1,555 directories, 5,184 files",
                Box::new(|dir| trees::nested(dir, 4)),
            ),
        ]);
    } else {
        shapes.extend([
            shape(
                "flat",
                "30,000 files in one directory",
                Box::new(|dir| trees::files(dir, 30_000)),
            ),
            shape(
                "wide",
                "1,500 directories of 20 files",
                Box::new(|dir| trees::wide(dir, 1_500)),
            ),
            shape(
                "nested",
                "9,331 directories, 31,104 files",
                Box::new(|dir| trees::nested(dir, 5)),
            ),
            shape(
                "deep",
                "a chain of 900 directories",
                Box::new(|dir| trees::chain(dir, 900)),
            ),
            shape(
                "abyss",
                "a chain of 20,000 directories",
                Box::new(|dir| trees::chain(dir, 20_000)),
            ),
        ]);
    }
    let count = if task.on_disk { 3_000 } else { 10_000 };
    if let Some(sources) = Sources::find(count) {
        let title = if task.on_disk {
            "sources of crates, 3,000 entries"
        } else {
            "sources of crates, 10,000 entries"
        };
        shapes.push(("sources", title, Box::new(move |dir| sources.copy(dir))));
    }
    if task.on_disk && task.effort == Effort::Quick {
        // The others take a minute.
        shapes.retain(|(id, ..)| ["tiny", "wide"].contains(id));
    }
    let mut rows = Vec::new();
    for (id, title, make) in &shapes {
        let rounds = match *id {
            "tiny" => Rounds::new(10, 300, task.effort.pick(10.0, 1.0)),
            _ if task.on_disk => {
                Rounds::new(task.effort.pick(4, 1), 31, task.effort.pick(12.0, 1.0)).cold()
            }
            _ => Rounds::new(task.effort.pick(5, 1), 31, task.effort.pick(15.0, 1.0)),
        };
        let metric = Metric::new(format!("remove-{id}"), *title, "ms");
        let candidates = match *id {
            "abyss" => removers_apart(&runtime, make),
            _ => removers(&runtime, make),
        };
        rows.push(compare(metric, rounds, candidates));
    }
    rows
}
