//! A directory with one handle, from its creation to the one end or the other.

use async_tempdir::Cleanup;

use super::close::{close, close_midway, close_panic, close_unpolled};
use super::create::create;
use super::elsewhere::{give, send_abroad, to_own_thread};
use super::keep::keep;
use crate::chance::Cut;
use crate::fill::fill;
use crate::held::Held;
use crate::world::Task;

pub(super) async fn lone(task: &mut Task) {
    let cut = Cut::seldom(&mut task.rng);
    let Some(Some(held)) = cut.apply(create(task)).await else {
        return;
    };
    work(task, held).await;
}

/// Goes on where a task of another runtime has left off.
pub(super) async fn adopted(task: &mut Task) {
    match task.world.take(&mut task.rng) {
        Some(held) => work(task, held).await,
        None => lone(task).await,
    }
}

async fn work(task: &mut Task, mut held: Held) {
    // What cannot be looked at later must not stay.
    let stays = task.rng.u8(..4) == 0 && !held.know(|known| known.is_barred());
    let steps = task.rng.usize(..8);
    fill(task, &held, steps, stays).await;
    if stays {
        return keep(task, held).await;
    }
    match task.rng.u8(..24) {
        0..5 => drop(held),
        5..9 => close(task, held).await,
        9 => close_panic(task, held).await,
        10 => close_unpolled(task, held),
        11..14 => close_midway(task, held).await,
        14 => {
            // As above: what a panic keeps is looked at, too.
            let may_stay = task.rng.bool() && !held.know(|known| known.is_barred());
            if may_stay && task.world.ticket() {
                held.set_cleanup(Cleanup::OnSuccess);
            }
            task.world.provoke();
        }
        15 => {
            // Without a panic, this removes.
            held.set_cleanup(Cleanup::OnSuccess);
            drop(held);
        }
        16..19 => give(task, held),
        19..22 => send_abroad(task, held),
        _ => to_own_thread(task, held).await,
    }
}
