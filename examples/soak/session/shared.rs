//! One handle of several tasks.

use std::sync::Arc;

use futures::future;

use super::close::close;
use super::create::create;
use crate::fill::fill;
use crate::record::Outcome;
use crate::world::{Live, Task};

pub(super) const ROWS: &[&str] = &[SHARED];

const SHARED: &str = "shared among tasks";

/// Several tasks, some of them aborted, in one directory, whose last holder removes it.
pub(super) async fn shared(task: &mut Task) {
    let Some(held) = create(task).await else {
        return;
    };
    let step = task.begin(SHARED, held.label());
    let held = held.shared();
    let tasks: Vec<_> = (0..task.rng.usize(2..6))
        .map(|n| {
            let (held, mut task) = (Arc::clone(&held), task.fork(n));
            let live = Live::new(&task.world);
            tokio::spawn(async move {
                // Dropped in the order opposite to this, and what is only captured after that.
                let _live = live;
                let held = held;
                let steps = task.rng.usize(..6);
                fill(&mut task, &held, steps, false).await;
            })
        })
        .collect();
    if task.rng.u8(..4) == 0 {
        // They have it, and go on.
        return step.end(Outcome::Done);
    }
    for task_of_it in &tasks {
        if task.rng.u8(..5) == 0 {
            task_of_it.abort();
        }
    }
    for ended in future::join_all(tasks).await {
        if let Err(error) = ended
            && error.is_panic()
        {
            return step.violation("a task panicked");
        }
    }
    step.end(Outcome::Done);
    match Arc::try_unwrap(held) {
        Ok(mut held) => {
            held.no_longer_shared();
            close(task, held).await;
        }
        Err(_) => task.world.record.violation("an ended task has a handle"),
    }
}
