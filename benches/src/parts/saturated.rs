//! A blocking pool whose threads are all busy with the application's own calls.

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use async_tempdir::{AsyncTempDir, cleanup};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

use super::Task;
use crate::measure::{Candidate, Kind, Metric, OURS, Rounds, Row, compare_all};
use crate::peers::{micros, millis};
use crate::trees;

/// Tasks of the application that each make one blocking call after the other.
const CALLERS: usize = 64;
/// Tasks that each write one small file after the other.
const WRITERS: usize = 500;
/// Directories dropped at once, and files in each.
const DIRS: usize = 2_000;
const FILES: usize = 20;

/// What saturates a pool: how many threads it has, and how long the application's calls take.
#[derive(Clone, Copy)]
struct Load {
    threads: usize,
    call: Duration,
}

pub(super) fn measure(task: Task) -> Vec<Row> {
    let loads = [(8, 10), (16, 50), (1, 10), (4, 1)];
    let count = task.effort.pick(loads.len(), 1);
    loads[..count]
        .iter()
        .flat_map(|&(threads, call)| {
            let load = Load {
                threads,
                call: Duration::from_millis(call),
            };
            let mut rows = writes(task, load);
            rows.extend(drops(task, load));
            rows
        })
        .collect()
}

fn metrics(load: Load, id: &str, of: [(&str, &str, &'static str); 3]) -> [Metric; 3] {
    let Load { threads, call } = load;
    let pool = format!(
        "{threads} blocking threads, calls of {} ms",
        call.as_millis()
    );
    let word = format!("saturated-{threads}-{}-{id}", call.as_millis());
    of.map(|(id, title, unit)| {
        Metric::new(format!("{word}-{id}"), format!("{title}; {pool}"), unit)
    })
}

/// Small files written all the time, for a second.
fn writes(task: Task, load: Load) -> Vec<Row> {
    let time = Duration::from_secs_f64(task.effort.pick(1.5, 0.5));
    let rounds = Rounds::new(task.effort.pick(3, 1), 7, task.effort.pick(20.0, 1.0)).cold();
    let metrics = metrics(
        load,
        "write",
        [
            ("each", "write of a small file, 500 at a time", "µs"),
            ("worst", "the same, the longest", "ms"),
            ("calls", "meanwhile, a call of the application", "µs"),
        ],
    );
    let candidates = vec![
        Candidate::prepared(OURS, Kind::Ours, Default::default, move |_| {
            load.runtime().block_on(async {
                let dir = Arc::new(AsyncTempDir::new().await.unwrap());
                let writer = |n: usize| Writer::Ours(Arc::clone(&dir), n.to_string());
                let measured = writing(load, time, writer).await;
                Arc::into_inner(dir).unwrap().close().await.unwrap();
                Ok(measured)
            })
        }),
        Candidate::prepared("tokio::fs", Kind::Peer, Default::default, move |_| {
            let dir = tempfile::tempdir().unwrap();
            load.runtime().block_on(async {
                let writer = |n: usize| Writer::Tokio(dir.path().join(n.to_string()));
                Ok(writing(load, time, writer).await)
            })
        }),
    ];
    compare_all(&metrics, rounds, candidates)
}

/// Many directories dropped at once.
fn drops(task: Task, load: Load) -> Vec<Row> {
    let rounds = Rounds::new(task.effort.pick(3, 1), 7, task.effort.pick(20.0, 1.0)).cold();
    let metrics = metrics(
        load,
        "drop",
        [
            (
                "gone",
                "2,000 directories of 20 files dropped: until all are gone",
                "ms",
            ),
            ("calls", "meanwhile, a call of the application", "µs"),
            (
                "longest",
                "meanwhile, the longest wait of the application",
                "ms",
            ),
        ],
    );
    let candidates = vec![
        Candidate::prepared(OURS, Kind::Ours, Default::default, move |_| {
            load.runtime().block_on(async {
                let mut dirs = Vec::with_capacity(DIRS);
                for _ in 0..DIRS {
                    let dir = AsyncTempDir::new().await.unwrap();
                    trees::empty_files(dir.path(), FILES);
                    dirs.push(dir);
                }
                Ok(dropping(load, || drop(dirs), cleanup::idle()).await)
            })
        }),
        Candidate::prepared(
            "tempfile in spawn_blocking",
            Kind::Peer,
            Default::default,
            move |_| {
                let dirs: Vec<_> = (0..DIRS)
                    .map(|_| {
                        let dir = tempfile::tempdir().unwrap();
                        trees::empty_files(dir.path(), FILES);
                        dir
                    })
                    .collect();
                load.runtime().block_on(async {
                    let tasks = RefCell::new(JoinSet::new());
                    let drop_all = || {
                        for dir in dirs {
                            tasks.borrow_mut().spawn_blocking(|| drop(dir));
                        }
                    };
                    let all_gone = async {
                        tasks.take().join_all().await;
                    };
                    Ok(dropping(load, drop_all, all_gone).await)
                })
            },
        ),
    ];
    compare_all(&metrics, rounds, candidates)
}

impl Load {
    fn runtime(self) -> Runtime {
        Builder::new_multi_thread()
            .worker_threads(2)
            .max_blocking_threads(self.threads)
            .enable_all()
            .build()
            .unwrap()
    }
}

/// The application, whose calls keep the pool busy until it is told to end.
struct Application {
    tasks: JoinSet<Duration>,
    over: Arc<AtomicBool>,
    calls: Arc<AtomicU64>,
}

impl Application {
    async fn start(load: Load) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let calls = Arc::new(AtomicU64::new(0));
        let mut tasks = JoinSet::new();
        for _ in 0..CALLERS {
            let (over, calls) = (Arc::clone(&over), Arc::clone(&calls));
            tasks.spawn(async move {
                let mut longest = Duration::ZERO;
                while !over.load(Ordering::Relaxed) {
                    let begin = Instant::now();
                    tokio::task::spawn_blocking(move || thread::sleep(load.call))
                        .await
                        .unwrap();
                    calls.fetch_add(1, Ordering::Relaxed);
                    longest = longest.max(begin.elapsed());
                }
                longest
            });
        }
        // Until the pool's threads are all busy, and as many calls as there are tasks wait.
        tokio::time::sleep(load.call * (CALLERS / load.threads).min(16) as u32).await;
        Self { tasks, over, calls }
    }

    fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// The longest that a call took.
    async fn end(self) -> Duration {
        self.over.store(true, Ordering::Relaxed);
        let longest = self.tasks.join_all().await;
        longest.into_iter().max().unwrap_or_default()
    }
}

/// Time by write, the longest write, and time by call of the application.
async fn writing(load: Load, time: Duration, writer: impl Fn(usize) -> Writer) -> Vec<f64> {
    let application = Application::start(load).await;
    let calls_before = application.calls();
    let writes = Arc::new(AtomicU64::new(0));
    let begin = Instant::now();
    let mut writers = JoinSet::new();
    for n in 0..WRITERS {
        let writer = writer(n);
        let writes = Arc::clone(&writes);
        writers.spawn(async move {
            let mut longest = Duration::ZERO;
            while begin.elapsed() < time {
                let before = Instant::now();
                writer.write().await;
                // Those that end later than the time belong to it no more.
                if begin.elapsed() < time {
                    writes.fetch_add(1, Ordering::Relaxed);
                }
                longest = longest.max(before.elapsed());
            }
            longest
        });
    }
    tokio::time::sleep_until((begin + time).into()).await;
    let calls = application.calls() - calls_before;
    let writes = writes.load(Ordering::Relaxed);
    let longest = writers
        .join_all()
        .await
        .into_iter()
        .max()
        .unwrap_or_default();
    application.end().await;
    let each = |count: u64| micros(time) / count.max(1) as f64;
    vec![each(writes), millis(longest), each(calls)]
}

/// Writes one file again and again.
enum Writer {
    Ours(Arc<AsyncTempDir>, String),
    Tokio(PathBuf),
}

impl Writer {
    async fn write(&self) {
        const CONTENTS: &str = "hello world";
        match self {
            Self::Ours(dir, name) => drop(dir.write(name, CONTENTS).await.unwrap()),
            Self::Tokio(path) => tokio::fs::write(path, CONTENTS).await.unwrap(),
        }
    }
}

/// Time until all are gone, time by call of the application, and its longest call.
async fn dropping(
    load: Load,
    drop_all: impl FnOnce(),
    all_gone: impl Future<Output = ()>,
) -> Vec<f64> {
    let application = Application::start(load).await;
    let calls_before = application.calls();
    let begin = Instant::now();
    drop_all();
    all_gone.await;
    let time = begin.elapsed();
    let calls = application.calls() - calls_before;
    let longest = application.end().await;
    vec![
        millis(time),
        micros(time) / calls.max(1) as f64,
        millis(longest),
    ]
}
