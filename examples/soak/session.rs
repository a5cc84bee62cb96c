//! What a task does with directories, from their creation to the one end or the other.

mod burst;
mod close;
mod create;
mod elsewhere;
mod family;
mod keep;
mod lone;
mod meanwhile;
mod persist;
mod root;
mod scope;
mod shared;

use crate::chance::Cut;
use crate::world::Task;
use burst::burst;
use family::family;
use lone::{adopted, lone};
use meanwhile::meanwhile;
use persist::rivals;
use root::root;
use scope::scope;
use shared::shared;

pub(crate) const ROWS: &[&[&str]] = &[
    burst::ROWS,
    close::ROWS,
    create::ROWS,
    elsewhere::ROWS,
    family::ROWS,
    keep::ROWS,
    meanwhile::ROWS,
    persist::ROWS,
    root::ROWS,
    scope::ROWS,
    shared::ROWS,
];

/// One session after the other, while there is time.
pub(crate) async fn sessions(mut task: Task) {
    for _ in 0..task.rng.u8(1..6) {
        if task.world.is_over() {
            return;
        }
        let cut = Cut::seldom(&mut task.rng);
        cut.apply(session(&mut task)).await;
    }
}

/// One directory's life, or that of several.
pub(crate) async fn session(task: &mut Task) {
    match task.rng.u8(..36) {
        0..14 => lone(task).await,
        14..17 => adopted(task).await,
        17..20 => shared(task).await,
        20..24 => family(task).await,
        24..27 => scope(task).await,
        27..30 => root(task).await,
        30 => rivals(task).await,
        31..35 => meanwhile(task).await,
        _ => burst(task).await,
    }
}
