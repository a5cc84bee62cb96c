//! Trees of several shapes, beside everybody who removes such.

use super::Task;
use super::shapes::{shape, shapes};
use crate::measure::{Effort, Metric, Rounds, Row, compare};
use crate::peers::{multi_thread, removers, removers_apart};
use crate::trees;

pub(super) fn measure(task: Task) -> Vec<Row> {
    let runtime = multi_thread();
    let mut shapes = shapes(task);
    if !task.on_disk {
        let deep = [
            shape("deep", "a chain of 900 directories", |dir| {
                trees::chain(dir, 900)
            }),
            shape("abyss", "a chain of 20,000 directories", |dir| {
                trees::chain(dir, 20_000)
            }),
        ];
        shapes.splice(4..4, deep);
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
