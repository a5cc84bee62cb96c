//! Creating a directory and ending it, one after the other and many at a time.

use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use async_tempdir::{AsyncTempDir, cleanup};
use cap_tempfile::cap_std::ambient_authority;
use cap_tempfile::cap_std::fs::Dir;
use tokio::runtime::Runtime;
use tokio::task::spawn_blocking;

use super::Task;
use crate::measure::{Candidate, Effort, Metric, Rounds, Row, compare};
use crate::peers::{current_thread, micros, multi_thread};

pub(super) fn measure(task: Task) -> Vec<Row> {
    let mut rows = Vec::new();
    let flavours = [
        ("multi", "multi-thread", multi_thread()),
        ("current", "current-thread", current_thread()),
    ];
    // The disk takes its time for so many.
    let quick_on_disk = task.on_disk && task.effort == Effort::Quick;
    let flavours = flavours.into_iter().take(if quick_on_disk { 1 } else { 2 });
    for (flavour, word, runtime) in flavours {
        for at_once in [1, 64] {
            let least = if task.on_disk { 3 } else { 10 };
            let rounds = Rounds::new(least, 300, task.effort.pick(5.0, 0.6));
            // Long enough to be timed, short enough to be disturbed together.
            let load = Load {
                runtime: &runtime,
                at_once,
                count: if at_once == 1 { 64 } else { 512 },
            };
            let metric = |id: &str, title: &str| {
                Metric::new(
                    format!("{id}-{at_once}-{flavour}"),
                    format!("{title}, {at_once} at a time, {word}"),
                    "µs",
                )
            };
            rows.push(compare(
                metric("close", "create and close"),
                rounds,
                closing(load),
            ));
            rows.push(compare(
                metric("drop", "create and drop, until all are gone"),
                rounds,
                dropping(load),
            ));
        }
    }
    rows
}

/// How often something is done, and how much of it at a time.
#[derive(Clone, Copy)]
struct Load<'a> {
    runtime: &'a Runtime,
    at_once: usize,
    count: usize,
}

impl Load<'_> {
    /// What one takes, in µs, up to the end of `after`.
    fn time<F, A>(
        self,
        one: impl Fn() -> F + Clone + Send + 'static,
        after: impl FnOnce() -> A,
    ) -> Result<f64, String>
    where
        F: Future<Output = ()> + Send + 'static,
        A: Future<Output = ()>,
    {
        let start = Instant::now();
        self.runtime.block_on(async {
            let tasks: Vec<_> = (0..self.at_once)
                .map(|_| {
                    let one = one.clone();
                    tokio::spawn(async move {
                        for _ in 0..self.count / self.at_once {
                            one().await;
                        }
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
            after().await;
        });
        Ok(micros(start.elapsed()) / self.count as f64)
    }
}

async fn nothing() {}

async fn blocking<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> T {
    spawn_blocking(f).await.unwrap()
}

fn closing(load: Load<'_>) -> Vec<Candidate<'_>> {
    let parent = Dir::open_ambient_dir(std::env::temp_dir(), ambient_authority()).unwrap();
    let parent = Arc::new(parent);
    vec![
        Candidate::ours(move || {
            let one = || async {
                let dir = AsyncTempDir::new().await.unwrap();
                dir.close().await.unwrap();
            };
            load.time(one, nothing)
        }),
        Candidate::peer("async-tempfile", move || {
            let one = || async {
                let dir = async_tempfile::TempDir::new().await.unwrap();
                dir.drop_async().await;
            };
            load.time(one, nothing)
        }),
        Candidate::peer("tempfile in spawn_blocking", move || {
            let one = || async {
                let dir = blocking(tempfile::tempdir).await.unwrap();
                blocking(|| dir.close()).await.unwrap();
            };
            load.time(one, nothing)
        }),
        Candidate::peer("tmpdir", move || {
            let one = || async {
                let dir = tmpdir::TmpDir::new("bench").await.unwrap();
                dir.close().await.unwrap();
            };
            load.time(one, nothing)
        }),
        Candidate::peer("cap-tempfile in spawn_blocking", move || {
            let parent = Arc::clone(&parent);
            let one = move || {
                let parent = Arc::clone(&parent);
                async move {
                    let dir = blocking(move || cap_tempfile::TempDir::new_in(&parent)).await;
                    let dir = dir.unwrap();
                    blocking(|| dir.close()).await.unwrap();
                }
            };
            load.time(one, nothing)
        }),
        Candidate::floor("two empty hops", move || {
            let one = || async {
                blocking(|| ()).await;
                blocking(|| ()).await;
            };
            load.time(one, nothing)
        }),
        Candidate::floor("mkdir and rmdir", move || {
            let path = std::env::temp_dir().join("floor");
            let start = Instant::now();
            for _ in 0..load.count {
                std::fs::create_dir(&path).unwrap();
                std::fs::remove_dir(&path).unwrap();
            }
            Ok(micros(start.elapsed()) / load.count as f64)
        }),
    ]
}

fn dropping(load: Load<'_>) -> Vec<Candidate<'_>> {
    vec![
        Candidate::ours(move || {
            let one = || async { drop(AsyncTempDir::new().await.unwrap()) };
            load.time(one, cleanup::idle)
        }),
        Candidate::peer("async-tempfile", move || {
            let one = || async { drop(async_tempfile::TempDir::new().await.unwrap()) };
            load.time(one, nothing)
        }),
        Candidate::peer("tempfile in spawn_blocking", move || {
            // The home-made way: the drop in a task of its own, that nobody waits for until the end.
            let (sender, receiver) = std::sync::mpsc::channel();
            let one = move || {
                let sender = sender.clone();
                async move {
                    let dir = blocking(tempfile::tempdir).await.unwrap();
                    let _ = sender.send(spawn_blocking(|| drop(dir)));
                }
            };
            load.time(one, || async {
                while let Ok(task) = receiver.try_recv() {
                    task.await.unwrap();
                }
            })
        }),
        // Not tmpdir: its drop spawns a task that nobody can wait for.
    ]
}
