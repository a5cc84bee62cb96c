//! Thousands of directories dropped at once.

mod support;

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::thread::ThreadId;

use async_tempdir::{AsyncTempDir, cleanup};
use support::{Sandbox, alone, multi_thread};
use tokio::runtime::Builder;

async fn create_many(sandbox: &Sandbox, number: usize) -> Vec<AsyncTempDir> {
    let mut dirs = Vec::with_capacity(number);
    for _ in 0..number {
        dirs.push(sandbox.dir().await);
    }
    dirs
}

#[test]
fn only_a_handful_of_threads_removes() {
    let _alone = alone();
    let sandbox = Sandbox::new();
    let number = support::times(5_000);
    let started = Arc::new(Mutex::new(HashSet::<ThreadId>::new()));
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .on_thread_start({
            let started = Arc::clone(&started);
            move || _ = started.lock().unwrap().insert(std::thread::current().id())
        })
        .build()
        .unwrap();
    runtime.block_on(async {
        let dirs = create_many(&sandbox, number).await;
        #[cfg(target_os = "linux")]
        let descriptors = support::descriptors();
        let before = started.lock().unwrap().len();
        drop(dirs);
        cleanup::idle().await;
        // Each thread that ever started counts, whether or not another had ended.
        let more = started.lock().unwrap().len() - before;
        assert!(
            more <= cleanup::MAX_THREADS,
            "{more} more threads for {number} directories"
        );
        #[cfg(target_os = "linux")]
        support::until("every descriptor is closed", || {
            support::descriptors() <= descriptors
        });
    });
    sandbox.check();
}

#[test]
fn directories_hold_a_few_descriptors_at_most() {
    let _alone = alone();
    let sandbox = Sandbox::new();
    multi_thread().block_on(async {
        let first = sandbox.dir().await;
        #[cfg(target_os = "linux")]
        let descriptors = support::descriptors();
        let dirs = create_many(&sandbox, 1_000).await;
        #[cfg(target_os = "linux")]
        assert_eq!(support::descriptors(), descriptors, "none until it is used");
        for _ in 0..2 {
            for dir in &dirs {
                dir.write("file", "x").await.unwrap();
            }
            #[cfg(target_os = "linux")]
            assert!(support::descriptors() <= descriptors + 16);
        }
        drop((first, dirs));
        cleanup::idle().await;
        #[cfg(target_os = "linux")]
        support::until("every descriptor is closed", || {
            support::descriptors() <= descriptors
        });
    });
    sandbox.check();
}

/// Where the application allows its pool one thread, its own calls still get their turn.
#[test]
fn the_applications_calls_get_their_turn() {
    let _alone = alone();
    let sandbox = Sandbox::new();
    let runtime = Builder::new_current_thread()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    runtime.block_on(async {
        let dirs = create_many(&sandbox, 500).await;
        for dir in &dirs {
            for n in 0..100 {
                std::fs::write(dir.path().join(n.to_string()), "").unwrap();
            }
        }
        drop(dirs);
        let mut calls = 0;
        while cleanup::pending() > 0 {
            tokio::fs::metadata(sandbox.path()).await.unwrap();
            calls += 1;
        }
        // The worker gives its thread up every 5 to 10 ms, and to remove 50,000 files takes a
        // large multiple of that on any disk. Without turns there would be one call.
        assert!(
            calls >= 4,
            "{calls} calls while 500 directories were removed"
        );
    });
    sandbox.check();
}

/// As on the servers' page of the guide, with a disk that deletes nothing: the hook keeps every
/// thread that removes.
#[test]
fn backpressure_bounds_what_is_waiting() {
    const GATE: usize = 20;
    let _alone = alone();
    let sandbox = Sandbox::new();
    let stuck = Arc::new(Mutex::new(()));
    let unstick = stuck.lock().unwrap();
    cleanup::set_failure_hook({
        let stuck = Arc::clone(&stuck);
        move |_| drop(stuck.lock())
    });
    let (mut dropped, mut closed) = (0, 0);
    multi_thread().block_on(async {
        for dir in create_many(&sandbox, cleanup::MAX_THREADS).await {
            // It cannot be removed, which the hook is told of.
            std::fs::remove_dir(dir.path()).unwrap();
            std::fs::write(dir.path(), "a stranger's").unwrap();
        }
        for _ in 0..100 {
            let dir = sandbox.dir().await;
            dir.write("file", "x").await.unwrap();
            if cleanup::pending() < GATE {
                drop(dir);
                dropped += 1;
            } else {
                dir.close().await.unwrap();
                closed += 1;
            }
            assert!(cleanup::pending() <= GATE, "{}", cleanup::pending());
        }
        drop(unstick);
        cleanup::idle().await;
    });
    cleanup::set_failure_hook(|_| {});
    assert!(dropped > 0 && closed > 0, "{dropped} {closed}");
    for path in sandbox.leftovers() {
        std::fs::remove_file(path).unwrap();
    }
    sandbox.check();
}
