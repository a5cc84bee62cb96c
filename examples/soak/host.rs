//! Runtimes of all kinds, which come, have tasks, and end in all ways.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use async_tempdir::cleanup;
use fastrand::Rng;
use tokio::runtime::{Builder, Runtime};
use tokio::task::{AbortHandle, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use crate::held::Held;
use crate::oracle::check_left;
use crate::record::Outcome;
use crate::session::{session, sessions};
use crate::world::{Home, Live, Provoked, Task, World};

pub(crate) const ROWS: &[&str] = &[
    CURRENT_THREAD,
    MULTI_THREAD,
    ABORT,
    END_JOINED,
    END_DROP,
    END_TIMEOUT,
    END_BACKGROUND,
    CLOSE_ABROAD,
    DROP_AT_END,
    SUDDEN_END,
];

const CURRENT_THREAD: &str = "runtime: current_thread";
const MULTI_THREAD: &str = "runtime: multi_thread";
const ABORT: &str = "a task aborted";
const END_JOINED: &str = "runtime ends: its tasks have";
const END_DROP: &str = "runtime ends: dropped among its tasks";
const END_TIMEOUT: &str = "runtime ends: shutdown_timeout";
const END_BACKGROUND: &str = "runtime ends: shutdown_background";
const CLOSE_ABROAD: &str = "close: no runtime here";
const SUDDEN_END: &str = "all tasks aborted, then idle";
const DROP_AT_END: &str = "drop: by the end of a thread";

/// Has one runtime after the other until the round is over.
pub(crate) fn host(world: &Arc<World>, name: &str, mut rng: Rng) {
    let mut n = 0;
    while !world.is_over() {
        n += 1;
        let (runtime, kind) = build(&mut rng);
        let home = Home::new(format!("{name}.{n}"), runtime.handle().id());
        let step = world.record.begin(&home.name, kind, "");
        let joined = runtime.block_on(drive(world, &home, &mut rng));
        let for_good = end(world, &home, runtime, joined, &mut rng);
        home.goes(for_good);
        step.end(Outcome::Done);
    }
}

fn build(rng: &mut Rng) -> (Runtime, &'static str) {
    let (mut builder, kind) = match rng.u8(..5) {
        0 | 1 => (Builder::new_current_thread(), CURRENT_THREAD),
        _ => (Builder::new_multi_thread(), MULTI_THREAD),
    };
    builder
        .worker_threads(rng.usize(1..4))
        .thread_keep_alive(Duration::from_millis(rng.u64(1..200)))
        // Not I/O: with it, Tokio opens sockets for signals that stay open as long as the process.
        .enable_time();
    match rng.u8(..4) {
        0 => _ = builder.max_blocking_threads(1),
        1 => _ = builder.max_blocking_threads(rng.usize(2..5)),
        _ => {}
    }
    (builder.build().expect("a runtime"), kind)
}

/// Spawns tasks and aborts some, for a while. True if it has waited for them all.
async fn drive(world: &Arc<World>, home: &Arc<Home>, rng: &mut Rng) -> bool {
    let until = Instant::now() + Duration::from_millis(rng.u64(1..150));
    let wanted = rng.usize(2..20);
    let mut tasks = JoinSet::new();
    let mut aborts: Vec<AbortHandle> = Vec::new();
    let mut spawned = 0;
    loop {
        while tasks.len() < wanted {
            spawned += 1;
            let task = Task {
                world: Arc::clone(world),
                home: Arc::clone(home),
                rng: rng.fork(),
                name: format!("{}/{spawned}", home.name),
            };
            let live = Live::new(world);
            aborts.push(tasks.spawn(async move {
                let _live = live;
                sessions(task).await;
            }));
        }
        tokio::select! {
            () = sleep_until(until) => break,
            Some(ended) = tasks.join_next() => judge(world, ended),
        }
        if world.is_over() {
            break;
        }
        if rng.u8(..6) == 0 {
            let n = rng.usize(..aborts.len());
            let step = world.record.begin(&home.name, ABORT, "");
            aborts.swap_remove(n).abort();
            step.end(Outcome::Done);
        }
    }
    if rng.u8(..4) == 0 {
        while let Some(ended) = tasks.join_next().await {
            judge(world, ended);
        }
        return true;
    }
    // Left to the runtime, for its end.
    tasks.detach_all();
    false
}

/// Cancels many tasks at their work, and looks at what is left as soon as they are known to have
/// ended and [`cleanup::idle`] has returned: on a runtime that lives, and with the operations that
/// were under way still being so.
pub(crate) fn sudden_end(world: &Arc<World>, name: &str, mut rng: Rng) {
    let (runtime, _) = build(&mut rng);
    let home = Home::new(name.to_owned(), runtime.handle().id());
    let step = world.record.begin(name, SUDDEN_END, "");
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for n in 0..rng.usize(1..30) {
            let task = Task {
                world: Arc::clone(world),
                home: Arc::clone(&home),
                rng: rng.fork(),
                name: format!("{name}/{n}"),
            };
            let live = Live::new(world);
            tasks.spawn(async move {
                let _live = live;
                session(&mut { task }).await;
            });
        }
        let until = Instant::now() + Duration::from_micros(rng.u64(..4_000));
        while Instant::now() < until {
            tokio::task::yield_now().await;
        }
        tasks.abort_all();
        while let Some(ended) = tasks.join_next().await {
            judge(world, ended);
        }
        // Those that they had spawned.
        while world.live.load(Ordering::SeqCst) > 0 {
            tokio::task::yield_now().await;
        }
        while let Some(held) = world.take(&mut rng) {
            drop(held);
        }
        cleanup::idle().await;
        check_left(world);
    });
    home.ends();
    drop(runtime);
    home.goes(true);
    step.end(Outcome::Done);
}

fn judge(world: &World, ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && let Ok(panic) = error.try_into_panic()
        && !panic.is::<Provoked>()
    {
        world.record.violation("a task has panicked");
    }
}

/// Ends a runtime. True if none of its threads is left then.
fn end(world: &World, home: &Home, runtime: Runtime, joined: bool, rng: &mut Rng) -> bool {
    home.ends();
    let way = match rng.u8(..3) {
        _ if joined => END_JOINED,
        0 => END_DROP,
        1 => END_TIMEOUT,
        _ => END_BACKGROUND,
    };
    let step = world.record.begin(&home.name, way, "");
    match way {
        END_TIMEOUT => runtime.shutdown_timeout(Duration::from_millis(rng.u64(..30))),
        END_BACKGROUND => runtime.shutdown_background(),
        _ => drop(runtime),
    }
    step.end(Outcome::Done);
    way == END_JOINED || way == END_DROP
}

/// Ends the handles that come to a thread where no runtime is.
pub(crate) fn abroad(world: &World, handles: &Receiver<Held>, mut rng: Rng) {
    thread_local! {
        static LAST: std::cell::RefCell<Option<Held>> = const { std::cell::RefCell::new(None) };
    }
    while let Ok(held) = handles.recv() {
        // They pile up, so that some outlive their runtimes.
        if rng.u8(..3) == 0 {
            std::thread::sleep(Duration::from_millis(rng.u64(..30)));
        }
        match rng.u8(..4) {
            0 => {
                let step = world.record.begin("abroad", CLOSE_ABROAD, held.label());
                let path = held.path().to_path_buf();
                let closing = held.into_dir().0.close().into_future();
                match futures::executor::block_on(closing) {
                    Ok(_) if path.exists() => step.violation("the directory is there"),
                    Ok(_) => step.end(Outcome::Done),
                    Err(error) => step.violation(error),
                }
            }
            1 => {
                let step = world.record.begin("abroad", DROP_AT_END, held.label());
                let ended = std::thread::spawn(move || LAST.set(Some(held))).join();
                match ended {
                    Ok(()) => step.end(Outcome::Done),
                    Err(_) => step.violation("a drop panicked"),
                }
            }
            _ => drop(held),
        }
    }
}
