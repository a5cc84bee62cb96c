//! Run it with: cargo run --release -p async-tempdir-benches --bin life
//!
//! The life of a directory beside its peers, interleaved in one run, medians: creating and
//! closing, what a drop costs the thread that drops, and what five thousand drops at once cost
//! the application around them. Directories lie in `TMPDIR`.

use std::path::Path;
use std::time::{Duration, Instant};

use async_tempdir::{AsyncTempDir, cleanup};
use tokio::runtime::{Builder, Runtime};

const ROUNDS: usize = 200;
const PER_ROUND: usize = 50;

fn main() {
    println!("temporary directory: {}", std::env::temp_dir().display());
    for (flavour, runtime) in [
        ("multi-thread", multi_thread()),
        ("current-thread", current_thread()),
    ] {
        println!("\n# Create and close an empty directory, µs each ({flavour})");
        create_and_close(&runtime);
    }
    println!("\n# What a drop costs the dropping thread, µs");
    drop_cost(&multi_thread());
    println!("\n# 5,000 directories dropped at once");
    burst(&multi_thread());
}

fn multi_thread() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn create_and_close(runtime: &Runtime) {
    type Candidate = (&'static str, fn(&Runtime));
    let candidates: [Candidate; 5] = [
        ("async-tempdir", |runtime| {
            runtime.block_on(async {
                for _ in 0..PER_ROUND {
                    AsyncTempDir::new().await.unwrap().close().await.unwrap();
                }
            });
        }),
        ("async-tempfile", |runtime| {
            runtime.block_on(async {
                for _ in 0..PER_ROUND {
                    let dir = async_tempfile::TempDir::new().await.unwrap();
                    dir.drop_async().await;
                }
            });
        }),
        ("tempfile in spawn_blocking", |runtime| {
            runtime.block_on(async {
                for _ in 0..PER_ROUND {
                    let dir = tokio::task::spawn_blocking(tempfile::tempdir)
                        .await
                        .unwrap()
                        .unwrap();
                    tokio::task::spawn_blocking(|| dir.close())
                        .await
                        .unwrap()
                        .unwrap();
                }
            });
        }),
        ("tmpdir", |runtime| {
            runtime.block_on(async {
                for _ in 0..PER_ROUND {
                    let dir = tmpdir::TmpDir::new("bench").await.unwrap();
                    dir.close().await.unwrap();
                }
            });
        }),
        ("two empty hops", |runtime| {
            runtime.block_on(async {
                for _ in 0..PER_ROUND {
                    tokio::task::spawn_blocking(|| ()).await.unwrap();
                    tokio::task::spawn_blocking(|| ()).await.unwrap();
                }
            });
        }),
    ];
    let mut times = vec![Vec::new(); candidates.len()];
    for round in 0..ROUNDS + 5 {
        for (candidate, times) in candidates.iter().zip(&mut times) {
            let start = Instant::now();
            (candidate.1)(runtime);
            let each = start.elapsed() / PER_ROUND as u32;
            // The first rounds warm up.
            if round >= 5 {
                times.push(each);
            }
        }
    }
    let medians: Vec<Duration> = times.into_iter().map(median).collect();
    for ((name, _), time) in candidates.iter().zip(&medians) {
        let ratio = medians[0].as_secs_f64() / time.as_secs_f64();
        println!(
            "{name:28} {:7.1}   async-tempdir takes {ratio:.2} of it",
            micros(*time)
        );
    }
}

/// A drop runs on a processor whose caches the files before it have filled, so an empty directory
/// is dropped right beside each full one, in turns before and after it.
fn drop_cost(runtime: &Runtime) {
    println!(
        " files | async-tempdir full: median, most | empty: median, most | async-tempfile: median"
    );
    for files in [10, 1_000, 20_000] {
        let (mut full, mut empty, mut peer) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..30 {
            runtime.block_on(async {
                let filled = AsyncTempDir::new().await.unwrap();
                let bare = AsyncTempDir::new().await.unwrap();
                fill(filled.path(), files);
                let path = filled.path().to_path_buf();
                let mut order = [(&mut full, filled), (&mut empty, bare)];
                if round % 2 == 1 {
                    order.reverse();
                }
                for (times, dir) in order {
                    let start = Instant::now();
                    drop(dir);
                    times.push(start.elapsed());
                    cleanup::idle().await;
                }
                assert!(!path.exists());

                let dir = async_tempfile::TempDir::new().await.unwrap();
                fill(dir.dir_path(), files);
                let start = Instant::now();
                drop(dir);
                peer.push(start.elapsed());
            });
        }
        for times in [&mut full, &mut empty, &mut peer] {
            times.sort();
        }
        println!(
            "{files:6} | {:8.1} {:8.1} | {:8.1} {:8.1} | {:9.1}",
            micros(percentile(&full, 50)),
            micros(percentile(&full, 100)),
            micros(percentile(&empty, 50)),
            micros(percentile(&empty, 100)),
            micros(percentile(&peer, 50)),
        );
    }
}

fn burst(runtime: &Runtime) {
    runtime.block_on(async {
        for run in 1..=3 {
            let mut dirs = Vec::new();
            for _ in 0..5_000 {
                dirs.push(AsyncTempDir::new().await.unwrap());
            }
            let before = calls_while(|calls| calls < 2_000).await;
            let threads = threads();
            let start = Instant::now();
            drop(dirs);
            let dropped = start.elapsed();
            let mut most_threads = 0;
            let during = calls_while(|_| {
                most_threads = most_threads.max(self::threads());
                cleanup::pending() > 0
            })
            .await;
            cleanup::idle().await;
            println!(
                "run {run}: dropping took {:.1} µs each, removing {:.0} ms, {} more threads (at \
                 most {} are promised)",
                micros(dropped) / 5_000.0,
                start.elapsed().as_secs_f64() * 1e3,
                most_threads.saturating_sub(threads),
                cleanup::MAX_THREADS,
            );
            println!(
                "       tokio::fs::metadata before: median {:.1} µs, p99 {:.1}, most {:.1}; during: \
                 median {:.1}, p99 {:.1}, most {:.1} ({} calls)",
                micros(percentile(&before, 50)),
                micros(percentile(&before, 99)),
                micros(percentile(&before, 100)),
                micros(percentile(&during, 50)),
                micros(percentile(&during, 99)),
                micros(percentile(&during, 100)),
                during.len(),
            );
        }
    });
}

/// How long the application's own calls take, sorted.
async fn calls_while(mut more: impl FnMut(usize) -> bool) -> Vec<Duration> {
    let mut times = Vec::new();
    while more(times.len()) {
        let start = Instant::now();
        tokio::fs::metadata("/").await.unwrap();
        times.push(start.elapsed());
    }
    times.sort();
    times
}

fn fill(dir: &Path, files: usize) {
    for n in 0..files {
        std::fs::write(dir.join(n.to_string()), "").unwrap();
    }
}

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    percentile(&times, 50)
}

fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let last = sorted.len().saturating_sub(1);
    sorted
        .get(last * percent / 100)
        .copied()
        .unwrap_or_default()
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
