//! A pool that is saturated by the application's own calls.

use std::thread;
use std::time::Duration;

use futures::future;

use super::burst::burst;
use crate::world::Task;

pub(super) const ROWS: &[&str] = &[SATURATED];

const SATURATED: &str = "a burst in a pool saturated by other calls";

/// Many at once, behind more calls than most pools of the soak have threads.
pub(super) async fn saturated(task: &mut Task) {
    let calls = task.rng.usize(4..40);
    let time = Duration::from_millis(task.rng.u64(1..5));
    let step = task.begin(SATURATED, calls);
    let calls: Vec<_> = (0..calls)
        .map(|_| tokio::task::spawn_blocking(move || thread::sleep(time)))
        .collect();
    burst(task).await;
    // Those that the end of a runtime has refused are errors, and nothing of the crate's.
    future::join_all(calls).await;
    task.done(step, Ok::<_, std::io::Error>(()));
}
