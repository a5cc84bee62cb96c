//! What a drop costs the thread that drops, and how long that keeps others waiting.

use std::path::Path;
use std::time::{Duration, Instant};

use async_tempdir::{AsyncTempDir, cleanup};
use cap_tempfile::cap_std::ambient_authority;
use tokio::runtime::Runtime;

use super::Task;
use crate::measure::{Candidate, Metric, Rounds, Row, compare};
use crate::peers::{current_thread, micros, millis, multi_thread};
use crate::trees;

pub(super) fn measure(task: Task) -> Vec<Row> {
    let runtime = multi_thread();
    let counts: &[usize] = task.effort.pick(
        &[0, 10, 100, 1_000, 10_000, 100_000],
        &[0, 100, 1_000, 10_000],
    );
    let mut rows: Vec<Row> = counts
        .iter()
        .map(|&files| {
            let rounds = Rounds::new(task.effort.pick(5, 3), 50, task.effort.pick(6.0, 0.6));
            let title = format!("drop, {files} files inside");
            let metric = Metric::new(format!("drop-files-{files}"), title, "µs");
            compare(metric, rounds, dropping(&runtime, files))
        })
        .collect();
    let rounds = Rounds::new(3, 15, task.effort.pick(10.0, 1.0));
    let title = "longest stall of a ticking task while ten directories of 2,000 files are dropped";
    rows.push(compare(
        Metric::new("stall", title, "ms"),
        rounds,
        stalling(),
    ));
    rows
}

/// In each: a directory is made and filled, then its drop is timed, then all is waited for.
fn dropping(runtime: &Runtime, files: usize) -> Vec<Candidate<'_>> {
    fn timed<T>(dir: T, path: impl Fn(&T) -> &Path, files: usize, drop: impl FnOnce(T)) -> f64 {
        trees::empty_files(path(&dir), files);
        let start = Instant::now();
        drop(dir);
        micros(start.elapsed())
    }
    vec![
        Candidate::ours(move || {
            runtime.block_on(async {
                let dir = AsyncTempDir::new().await.unwrap();
                let time = timed(dir, AsyncTempDir::path, files, drop);
                cleanup::idle().await;
                Ok(time)
            })
        }),
        Candidate::peer("async-tempfile", move || {
            runtime.block_on(async {
                let dir = async_tempfile::TempDir::new().await.unwrap();
                Ok(timed(dir, |dir| dir.dir_path(), files, drop))
            })
        }),
        Candidate::peer("tempfile", move || {
            let dir = tempfile::tempdir().unwrap();
            Ok(timed(dir, tempfile::TempDir::path, files, drop))
        }),
        Candidate::peer("cap-tempfile", move || {
            let dir = cap_tempfile::tempdir(ambient_authority()).unwrap();
            for n in 0..files {
                dir.create(n.to_string()).unwrap();
            }
            let start = Instant::now();
            drop(dir);
            Ok(micros(start.elapsed()))
        }),
        Candidate::peer("tempfile in spawn_blocking", move || {
            runtime.block_on(async {
                let dir = tempfile::tempdir().unwrap();
                let mut task = None;
                let time = timed(dir, tempfile::TempDir::path, files, |dir| {
                    task = Some(tokio::task::spawn_blocking(|| drop(dir)));
                });
                task.unwrap().await.unwrap();
                Ok(time)
            })
        }),
    ]
}

const DIRS: usize = 10;
const FILES: usize = 2_000;

fn stalling<'a>() -> Vec<Candidate<'a>> {
    vec![
        Candidate::ours(|| {
            Ok(current_thread().block_on(async {
                let mut dirs = Vec::new();
                for _ in 0..DIRS {
                    let dir = AsyncTempDir::new().await.unwrap();
                    trees::empty_files(dir.path(), FILES);
                    dirs.push(dir);
                }
                let stall = longest_stall(dirs.into_iter().map(|dir| move || drop(dir))).await;
                cleanup::idle().await;
                stall
            }))
        }),
        Candidate::peer("async-tempfile", || {
            Ok(current_thread().block_on(async {
                let mut dirs = Vec::new();
                for _ in 0..DIRS {
                    let dir = async_tempfile::TempDir::new().await.unwrap();
                    trees::empty_files(dir.dir_path(), FILES);
                    dirs.push(dir);
                }
                longest_stall(dirs.into_iter().map(|dir| move || drop(dir))).await
            }))
        }),
        Candidate::peer("tempfile", || {
            Ok(current_thread().block_on(longest_stall(filled().map(|dir| move || drop(dir)))))
        }),
        Candidate::peer("tempfile in spawn_blocking", || {
            let drops = filled().map(|dir| {
                move || {
                    tokio::task::spawn_blocking(|| drop(dir));
                }
            });
            Ok(current_thread().block_on(longest_stall(drops)))
        }),
        Candidate::floor("no drops", || {
            Ok(current_thread().block_on(longest_stall((0..DIRS).map(|_| || ()))))
        }),
    ]
}

fn filled() -> impl Iterator<Item = tempfile::TempDir> {
    let dirs: Vec<_> = (0..DIRS)
        .map(|_| {
            let dir = tempfile::tempdir().unwrap();
            trees::empty_files(dir.path(), FILES);
            dir
        })
        .collect();
    dirs.into_iter()
}

/// By how much a task that ticks every millisecond is late at most, in ms, while `drops` happen on
/// the same thread, five ticks apart.
async fn longest_stall<F: FnOnce()>(drops: impl Iterator<Item = F>) -> f64 {
    const TICK: Duration = Duration::from_millis(1);
    let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
    let ticking = tokio::spawn(async move {
        let mut longest = Duration::ZERO;
        while stopped.try_recv().is_err() {
            let before = Instant::now();
            tokio::time::sleep(TICK).await;
            longest = longest.max(before.elapsed().saturating_sub(TICK));
        }
        longest
    });
    for drop in drops {
        tokio::time::sleep(5 * TICK).await;
        drop();
    }
    tokio::time::sleep(5 * TICK).await;
    let _ = stop.send(());
    millis(ticking.await.unwrap())
}
