//! Five thousand directories dropped at once: what becomes of the application around them.

use std::time::{Duration, Instant};

use async_tempdir::{AsyncTempDir, cleanup};
use tokio::sync::oneshot;

use super::Task;
use crate::measure::{Candidate, Kind, Metric, OURS, Rounds, Row, compare_all, quantile};
use crate::peers::{micros, millis, multi_thread, peak, peak_from_now, threads};
use crate::trees;

const DIRS: usize = 5_000;
const FILES: usize = 4;

pub(super) fn measure(task: Task) -> Vec<Row> {
    let rounds = Rounds::new(task.effort.pick(3, 1), 9, task.effort.pick(15.0, 1.0)).cold();
    let metric = |id: &str, title: &str, unit| Metric::new(format!("burst-{id}"), title, unit);
    let metrics = [
        metric("median", "tokio::fs::metadata meanwhile, median", "µs"),
        metric("p99", "tokio::fs::metadata meanwhile, 99 %", "µs"),
        metric("most", "tokio::fs::metadata meanwhile, the longest", "µs"),
        metric("threads", "more threads", "threads"),
        metric("memory", "more memory", "KiB"),
        metric("gone", "until all are gone", "ms"),
    ];
    let candidates = vec![
        Candidate::prepared(OURS, Kind::Ours, Default::default, |_| {
            multi_thread().block_on(async {
                let mut dirs = Vec::with_capacity(DIRS);
                for _ in 0..DIRS {
                    let dir = AsyncTempDir::new().await.unwrap();
                    trees::empty_files(dir.path(), FILES);
                    dirs.push(dir);
                }
                Ok(burst(move || drop(dirs), cleanup::idle()).await)
            })
        }),
        Candidate::prepared("async-tempfile", Kind::Peer, Default::default, |_| {
            multi_thread().block_on(async {
                let mut dirs = Vec::with_capacity(DIRS);
                for _ in 0..DIRS {
                    let dir = async_tempfile::TempDir::new().await.unwrap();
                    trees::empty_files(dir.dir_path(), FILES);
                    dirs.push(dir);
                }
                Ok(burst(move || drop(dirs), async {}).await)
            })
        }),
        Candidate::prepared(
            "tempfile in spawn_blocking",
            Kind::Peer,
            Default::default,
            |_| {
                multi_thread().block_on(async {
                    let dirs: Vec<_> = (0..DIRS)
                        .map(|_| {
                            let dir = tempfile::tempdir().unwrap();
                            trees::empty_files(dir.path(), FILES);
                            dir
                        })
                        .collect();
                    let (sender, receiver) = std::sync::mpsc::channel();
                    let drop_all = move || {
                        for dir in dirs {
                            let _ = sender.send(tokio::task::spawn_blocking(|| drop(dir)));
                        }
                    };
                    let all_gone = async {
                        for task in receiver {
                            task.await.unwrap();
                        }
                    };
                    Ok(burst(drop_all, all_gone).await)
                })
            },
        ),
    ];
    compare_all(&metrics, rounds, candidates)
}

/// Has a task drop them all and waits until they are gone, while this one does what applications
/// do.
async fn burst(
    drop_all: impl FnOnce() + Send + 'static,
    all_gone: impl Future<Output = ()>,
) -> Vec<f64> {
    let before = (threads(), peak_from_now());
    let mut most_threads = before.0;
    let mut calls = Vec::new();
    let start = Instant::now();
    let (dropped, was_dropped) = oneshot::channel();
    tokio::spawn(async move {
        drop_all();
        let _ = dropped.send(());
    });
    let mut done = Box::pin(async {
        was_dropped.await.unwrap();
        all_gone.await;
        start.elapsed()
    });
    let gone = loop {
        let begin = Instant::now();
        tokio::fs::metadata("/").await.unwrap();
        calls.push(begin.elapsed());
        most_threads = most_threads.max(threads());
        if let std::task::Poll::Ready(time) = futures::poll!(&mut done) {
            break time;
        }
    };
    let calls: Vec<f64> = calls.into_iter().map(micros).collect();
    let at = |part| quantile(&calls, part).expect("there was one");
    vec![
        at(0.5),
        at(0.99),
        at(1.0),
        (most_threads - before.0) as f64,
        peak().saturating_sub(before.1) as f64,
        millis(gone.max(Duration::from_micros(1))),
    ]
}
