//! Handles that end where another runtime is, or none.

use crate::held::Held;
use crate::record::Outcome;
use crate::world::{Live, Task};

pub(super) const ROWS: &[&str] = &[GIVE, ABROAD];

const GIVE: &str = "given to another runtime";
const ABROAD: &str = "given to a thread without a runtime";

/// To a task that goes on with it, or the end of the round.
pub(super) fn give(task: &Task, held: Held) {
    let step = task.begin(GIVE, held.label());
    task.world.give(held);
    step.end(Outcome::Done);
}

/// To the thread without a runtime, where such handles pile up.
pub(super) fn send_abroad(task: &Task, held: Held) {
    let step = task.begin(ABROAD, held.label());
    drop(task.world.send_abroad(held));
    step.end(Outcome::Done);
}

/// To a thread of its own, which ends at once, and may do so after this task.
pub(super) async fn to_own_thread(task: &Task, held: Held) {
    let step = task.begin(ABROAD, held.label());
    let live = Live::new(&task.world);
    let thread = std::thread::spawn(move || {
        let _live = live;
        drop(held);
    });
    let ended = tokio::task::spawn_blocking(|| thread.join()).await;
    match ended {
        Ok(Ok(())) => step.end(Outcome::Done),
        Ok(Err(_)) => step.violation("a drop panicked"),
        Err(_) => step.end(Outcome::ShutDown),
    }
}
