//! What an operation takes of the processors, and how long it takes, in several patterns of use.

use std::future::Future;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use async_tempdir::AsyncTempDir;
use rustix::thread::{CpuSet, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::Runtime;
use tokio::task::{spawn_blocking, yield_now};

use super::Task;
use crate::measure::{Candidate, Effort, Kind, Metric, OURS, Rounds, Row, compare_all};
use crate::peers::{bare_dir, current_thread, micros, multi_thread};

/// Operations one after the other, some at a time, or with a pause between them.
pub(super) fn measure(task: Task) -> Vec<Row> {
    let patterns = [
        Pattern::tight("tight", "back to back"),
        Pattern::paused("ms", "one each millisecond", 1),
        Pattern::paused("10ms", "one each 10 ms", 10),
        Pattern::busy(1),
        Pattern::busy(8),
        Pattern::busy(64),
        Pattern::busy(500),
    ];
    rows(task, &patterns)
}

/// The same on one processor.
pub(super) fn pinned(task: Task) -> Vec<Row> {
    let mut one = CpuSet::new();
    one.set(0);
    sched_setaffinity(None, &one).expect("a process may give up processors");
    rows(task, &[Pattern::tight("pinned", "on one processor")])
}

#[derive(Clone)]
struct Pattern {
    id: String,
    title: String,
    /// The time from the beginning of one operation to that of the next.
    period: Option<Duration>,
    at_once: usize,
    /// Other processes compute, one for each processor.
    is_busy: bool,
}

impl Pattern {
    fn tight(id: &str, title: &str) -> Self {
        Self {
            id: id.to_owned(),
            title: title.to_owned(),
            period: None,
            at_once: 1,
            is_busy: false,
        }
    }

    fn paused(id: &str, title: &str, millis: u64) -> Self {
        Self {
            period: Some(Duration::from_millis(millis)),
            ..Self::tight(id, title)
        }
    }

    fn busy(at_once: usize) -> Self {
        Self {
            at_once,
            is_busy: true,
            ..Self::tight(
                &format!("busy-{at_once}"),
                &format!("{at_once} at a time beside busy processors"),
            )
        }
    }

    /// Whether other tasks could be held up by operations.
    fn has_stall(&self) -> bool {
        self.period.is_none() && !self.is_busy
    }

    fn count(&self, effort: Effort) -> usize {
        match self.period {
            None => effort.pick(512, 64).max(2 * self.at_once),
            Some(period) => {
                let time = Duration::from_millis(effort.pick(300, 50));
                (time.as_micros() / period.as_micros()) as usize
            }
        }
    }
}

fn rows(task: Task, patterns: &[Pattern]) -> Vec<Row> {
    let flavours = [
        ("multi", "multi-thread", multi_thread()),
        ("current", "current-thread", current_thread()),
    ];
    let mut rows = Vec::new();
    for (flavour, word, runtime) in &flavours {
        for pattern in patterns {
            let _busy = pattern.is_busy.then(Busy::start);
            let metrics = |what: &str, title: &str| {
                let Pattern { id, title: how, .. } = pattern;
                let id = |metric| format!("cost-{what}-{id}-{metric}-{flavour}");
                [
                    ("time", "", "µs"),
                    ("cpu", ", processor time", "µs"),
                    ("stall", ", longest stall of another task", "µs"),
                ]
                .into_iter()
                .take(if pattern.has_stall() { 3 } else { 2 })
                .map(|(metric, more, unit)| {
                    Metric::new(id(metric), format!("{title}, {how}{more}, {word}"), unit)
                })
                .collect::<Vec<_>>()
            };
            let rounds = Rounds::new(task.effort.pick(6, 1), 40, task.effort.pick(3.0, 0.2));
            let load = Load {
                runtime,
                pattern,
                count: pattern.count(task.effort),
            };
            rows.extend(compare_all(
                &metrics("life", "create and close"),
                rounds,
                lives(load),
            ));
            rows.extend(compare_all(
                &metrics("write", "write a small file"),
                rounds,
                writes(load),
            ));
        }
    }
    rows
}

/// Processes that compute, until this is dropped.
struct Busy(Vec<Child>);

impl Busy {
    fn start() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let compute = || {
            Command::new("sh")
                .args(["-c", "while :; do :; done"])
                .spawn()
                .expect("there is a shell")
        };
        Self((0..processors).map(|_| compute()).collect())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[derive(Clone, Copy)]
struct Load<'a> {
    runtime: &'a Runtime,
    pattern: &'a Pattern,
    count: usize,
}

impl Load<'_> {
    /// The time of one operation, the processor time for each, and in some patterns the longest time
    /// for which a task that yields all the time did not run, all in µs.
    async fn measure<F: Future<Output = ()>>(self, one: impl Fn(usize) -> F) -> Vec<f64> {
        let Pattern {
            period, at_once, ..
        } = *self.pattern;
        let mut next = period.map(tokio::time::interval);
        let cpu = cpu_time();
        let start = Instant::now();
        let mut waited = Duration::ZERO;
        let mut n = 0;
        while n < self.count {
            if let Some(next) = &mut next {
                let begin = Instant::now();
                next.tick().await;
                waited += begin.elapsed();
            }
            let operations = n..n + at_once;
            futures::future::join_all(operations.map(&one)).await;
            n += at_once;
        }
        let time = start.elapsed() - waited;
        let cpu = cpu_time() - cpu;
        let each = |time| micros(time) / n as f64;
        let mut measured = vec![each(time), each(cpu)];
        if self.pattern.has_stall() {
            measured.push(micros(self.stall(one).await));
        }
        measured
    }

    /// Apart from the measuring of time, because the other task takes some.
    async fn stall<F: Future<Output = ()>>(self, one: impl Fn(usize) -> F) -> Duration {
        let operations = async {
            for n in 0..64 {
                one(n).await;
            }
        };
        let mut longest = Duration::ZERO;
        let ticking = async {
            let mut last = Instant::now();
            loop {
                yield_now().await;
                longest = longest.max(last.elapsed());
                last = Instant::now();
            }
        };
        // Both in one task, so that an operation holds up the other whatever the runtime.
        futures::future::select(std::pin::pin!(operations), std::pin::pin!(ticking)).await;
        longest
    }
}

/// The time that the process has had of the processors.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn lives(load: Load<'_>) -> Vec<Candidate<'_>> {
    vec![
        Candidate::prepared(OURS, Kind::Ours, PathBuf::new, move |_| {
            let one = async |_| {
                let dir = AsyncTempDir::new().await.unwrap();
                dir.close().await.unwrap();
            };
            Ok(load.runtime.block_on(load.measure(one)))
        }),
        Candidate::prepared(
            "tempfile in spawn_blocking",
            Kind::Peer,
            PathBuf::new,
            move |_| {
                let one = async |_| {
                    let dir = spawn_blocking(tempfile::tempdir).await.unwrap().unwrap();
                    spawn_blocking(|| dir.close()).await.unwrap().unwrap();
                };
                Ok(load.runtime.block_on(load.measure(one)))
            },
        ),
    ]
}

fn writes(load: Load<'_>) -> Vec<Candidate<'_>> {
    const CONTENT: &[u8] = b"hello world";
    vec![
        Candidate::prepared(OURS, Kind::Ours, PathBuf::new, move |_| {
            let dir = load.runtime.block_on(AsyncTempDir::new()).unwrap();
            let one = async |n: usize| {
                dir.write(n.to_string(), CONTENT).await.unwrap();
            };
            let measured = load.runtime.block_on(load.measure(one));
            load.runtime.block_on(dir.close()).unwrap();
            Ok(measured)
        }),
        Candidate::prepared("tokio::fs", Kind::Peer, bare_dir, move |dir| {
            let one = async |n: usize| {
                let path = dir.join(n.to_string());
                tokio::fs::write(path, CONTENT).await.unwrap();
            };
            let measured = load.runtime.block_on(load.measure(one));
            std::fs::remove_dir_all(dir).unwrap();
            Ok(measured)
        }),
    ]
}
