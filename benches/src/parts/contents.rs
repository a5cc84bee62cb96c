//! What goes into a directory: one small file after the other, ten thousand, and a large one.

use std::io;
use std::path::PathBuf;
use std::time::Instant;

use async_tempdir::AsyncTempDir;
use futures::stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Runtime;

use super::Task;
use crate::measure::{Candidate, Kind, Metric, OURS, Rounds, Row, compare, compare_all};
use crate::peers::{bare_dir, current_thread, micros, millis, multi_thread, peak, peak_from_now};

const CONTENT: &[u8] = b"hello world";

pub(super) fn measure(task: Task) -> Vec<Row> {
    let mut rows = Vec::new();
    let flavours = [
        ("multi", "multi-thread", multi_thread()),
        ("current", "current-thread", current_thread()),
    ];
    // The disk does not care which.
    let flavours = flavours.into_iter().take(if task.on_disk { 1 } else { 2 });
    for (flavour, word, runtime) in flavours {
        let metric = |id: &str, title: &str, unit| {
            Metric::new(format!("{id}-{flavour}"), format!("{title}, {word}"), unit)
        };
        rows.extend(small(&runtime, task, metric));
        rows.push(many(&runtime, task, metric));
        rows.extend(large(&runtime, task, metric));
    }
    rows
}

/// The same file names, written anew and then replaced.
fn small(
    runtime: &Runtime,
    task: Task,
    metric: impl Fn(&str, &str, &'static str) -> Metric,
) -> Vec<Row> {
    const COUNT: usize = 64;
    let metrics = [
        metric("write", "write a small file", "µs"),
        metric("replace", "replace a small file", "µs"),
    ];
    let candidates = vec![
        Candidate::prepared(OURS, Kind::Ours, PathBuf::new, |_| {
            runtime.block_on(async {
                let dir = AsyncTempDir::new().await.unwrap();
                let mut times = Vec::new();
                for _ in 0..2 {
                    let start = Instant::now();
                    for n in 0..COUNT {
                        dir.write(n.to_string(), CONTENT).await.unwrap();
                    }
                    times.push(micros(start.elapsed()) / COUNT as f64);
                }
                dir.close().await.unwrap();
                Ok(times)
            })
        }),
        Candidate::prepared("tokio::fs", Kind::Peer, bare_dir, |dir| {
            runtime.block_on(async {
                let mut times = Vec::new();
                for _ in 0..2 {
                    let start = Instant::now();
                    for n in 0..COUNT {
                        let path = dir.join(n.to_string());
                        tokio::fs::write(path, CONTENT).await.unwrap();
                    }
                    times.push(micros(start.elapsed()) / COUNT as f64);
                }
                tokio::fs::remove_dir_all(dir).await.unwrap();
                Ok(times)
            })
        }),
    ];
    let rounds = Rounds::new(10, 300, task.effort.pick(5.0, 0.6));
    compare_all(&metrics, rounds, candidates)
}

/// Ten thousand files in a hundred directories.
fn many(runtime: &Runtime, task: Task, metric: impl Fn(&str, &str, &'static str) -> Metric) -> Row {
    let count = if task.on_disk { 2_000 } else { 10_000 };
    let path_of = |n: usize| format!("{}/{n}", n % 100);
    let candidates = vec![
        Candidate::ours(move || {
            runtime.block_on(async {
                let dir = AsyncTempDir::new().await.unwrap();
                let start = Instant::now();
                let files = (0..count).map(|n| (path_of(n), CONTENT));
                dir.populate(files).await.unwrap();
                let time = millis(start.elapsed());
                dir.close().await.unwrap();
                Ok(time)
            })
        }),
        Candidate::peer("tokio::fs", move || {
            runtime.block_on(async {
                let dir = bare_dir();
                let start = Instant::now();
                for n in 0..100 {
                    tokio::fs::create_dir(dir.join(n.to_string()))
                        .await
                        .unwrap();
                }
                for n in 0..count {
                    tokio::fs::write(dir.join(path_of(n)), CONTENT)
                        .await
                        .unwrap();
                }
                let time = millis(start.elapsed());
                tokio::fs::remove_dir_all(dir).await.unwrap();
                Ok(time)
            })
        }),
        Candidate::peer("std in spawn_blocking", move || {
            runtime.block_on(async {
                let dir = bare_dir();
                let start = Instant::now();
                let written = dir.clone();
                let write = move || {
                    for n in 0..100 {
                        std::fs::create_dir(written.join(n.to_string())).unwrap();
                    }
                    for n in 0..count {
                        std::fs::write(written.join(path_of(n)), CONTENT).unwrap();
                    }
                };
                tokio::task::spawn_blocking(write).await.unwrap();
                let time = millis(start.elapsed());
                tokio::fs::remove_dir_all(dir).await.unwrap();
                Ok(time)
            })
        }),
    ];
    let title = if task.on_disk {
        "2,000 files in 100 directories"
    } else {
        "10,000 files in 100 directories"
    };
    let rounds = Rounds::new(task.effort.pick(4, 1), 31, task.effort.pick(6.0, 0.6));
    compare(metric("populate", title, "ms"), rounds, candidates)
}

/// A large file from a stream of chunks.
fn large(
    runtime: &Runtime,
    task: Task,
    metric: impl Fn(&str, &str, &'static str) -> Metric,
) -> Vec<Row> {
    const CHUNK: usize = 64 << 10;
    let size: u64 = task.effort.pick(512 << 20, 128 << 20);
    let chunk: &'static [u8] = vec![7; CHUNK].leak();
    let metrics = [
        metric("stream", "a stream of 64 KiB chunks, each MiB", "µs"),
        metric(
            "stream-memory",
            "a stream of 64 KiB chunks, more memory",
            "KiB",
        ),
    ];
    let mib = (size >> 20) as f64;
    let candidates = vec![
        Candidate::prepared(OURS, Kind::Ours, PathBuf::new, move |_| {
            runtime.block_on(async {
                let dir = AsyncTempDir::new().await.unwrap();
                let chunks = (0..size / CHUNK as u64).map(|_| Ok::<_, io::Error>(chunk));
                let before = peak_from_now();
                let start = Instant::now();
                let written = dir.write_stream("file", stream::iter(chunks)).await;
                let time = micros(start.elapsed());
                let more = peak().saturating_sub(before);
                assert_eq!(written.unwrap(), size);
                dir.close().await.unwrap();
                Ok(vec![time / mib, more as f64])
            })
        }),
        Candidate::prepared("tokio::fs::File", Kind::Peer, bare_dir, move |dir| {
            runtime.block_on(async {
                let before = peak_from_now();
                let start = Instant::now();
                let mut file = tokio::fs::File::create(dir.join("file")).await.unwrap();
                for _ in 0..size / CHUNK as u64 {
                    file.write_all(chunk).await.unwrap();
                }
                file.flush().await.unwrap();
                let time = micros(start.elapsed());
                let more = peak().saturating_sub(before);
                drop(file);
                tokio::fs::remove_dir_all(dir).await.unwrap();
                Ok(vec![time / mib, more as f64])
            })
        }),
        Candidate::prepared("tokio::io::copy", Kind::Peer, bare_dir, move |dir| {
            runtime.block_on(async {
                let before = peak_from_now();
                let start = Instant::now();
                let mut reader = tokio::io::repeat(7).take(size);
                let mut file = tokio::fs::File::create(dir.join("file")).await.unwrap();
                tokio::io::copy(&mut reader, &mut file).await.unwrap();
                file.flush().await.unwrap();
                let time = micros(start.elapsed());
                let more = peak().saturating_sub(before);
                drop(file);
                tokio::fs::remove_dir_all(dir).await.unwrap();
                Ok(vec![time / mib, more as f64])
            })
        }),
        Candidate::prepared("std in spawn_blocking", Kind::Floor, bare_dir, move |dir| {
            runtime.block_on(async {
                let before = peak_from_now();
                let start = Instant::now();
                let written = dir.join("file");
                let write = move || {
                    use std::io::Write;
                    let mut file = std::fs::File::create(written).unwrap();
                    for _ in 0..size / CHUNK as u64 {
                        file.write_all(chunk).unwrap();
                    }
                };
                tokio::task::spawn_blocking(write).await.unwrap();
                let time = micros(start.elapsed());
                let more = peak().saturating_sub(before);
                tokio::fs::remove_dir_all(dir).await.unwrap();
                Ok(vec![time / mib, more as f64])
            })
        }),
    ];
    let rounds = Rounds::new(task.effort.pick(3, 1), 15, task.effort.pick(6.0, 0.6)).cold();
    compare_all(&metrics, rounds, candidates)
}
