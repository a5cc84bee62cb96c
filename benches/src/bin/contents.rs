//! Run it with: cargo run --release -p async-tempdir-benches --bin contents [small|many|stream]
//!
//! What goes into a directory, beside `tokio::fs`, interleaved in one run, medians: a small file,
//! ten thousand small files, a gibibyte from a stream. Directories lie in `TMPDIR`.

use std::time::{Duration, Instant};

use async_tempdir::AsyncTempDir;
use futures::stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::{Builder, Runtime};

fn main() {
    println!("temporary directory: {}", std::env::temp_dir().display());
    let wanted = std::env::args().nth(1);
    type Part = (&'static str, &'static str, fn(&Runtime));
    let parts: [Part; 3] = [
        ("small", "A small file written, µs each", small_files),
        (
            "many",
            "10,000 files of 11 bytes in 100 directories, ms",
            many_files,
        ),
        (
            "stream",
            "1 GiB from a stream, and the growth of resident memory",
            streams,
        ),
    ];
    for (name, title, part) in parts {
        if wanted.as_ref().is_none_or(|wanted| wanted == name) {
            for (flavour, runtime) in [
                ("multi-thread", multi_thread()),
                ("current-thread", current_thread()),
            ] {
                println!("\n# {title} ({flavour})");
                part(&runtime);
            }
        }
    }
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

const CONTENT: &[u8] = b"hello world";

/// Each round, one after the other: by the handle and by `tokio::fs`, files that are new, and then
/// the same again, replaced.
fn small_files(runtime: &Runtime) {
    const ROUNDS: usize = 300;
    const PER_ROUND: usize = 50;

    let mut times = [const { Vec::new() }; 4];
    for round in 0..ROUNDS + 5 {
        runtime.block_on(async {
            let ours = AsyncTempDir::new().await.unwrap();
            let theirs = AsyncTempDir::new().await.unwrap();
            let mut taken = [Duration::ZERO; 4];
            for again in [0, 2] {
                for which in [round % 2, 1 - round % 2] {
                    let start = Instant::now();
                    for n in 0..PER_ROUND {
                        let name = format!("file{n}");
                        if which == 0 {
                            ours.write(name, CONTENT).await.unwrap();
                        } else {
                            tokio::fs::write(theirs.path().join(name), CONTENT)
                                .await
                                .unwrap();
                        }
                    }
                    taken[again + which] = start.elapsed() / PER_ROUND as u32;
                }
            }
            ours.close().await.unwrap();
            theirs.close().await.unwrap();
            // The first rounds warm up.
            if round >= 5 {
                for (times, taken) in times.iter_mut().zip(taken) {
                    times.push(taken);
                }
            }
        });
    }
    let [new, new_peer, again, again_peer] = times.map(median);
    for (what, ours, theirs) in [("new", new, new_peer), ("replaced", again, again_peer)] {
        println!(
            "{what:10} async-tempdir {:6.1}   tokio::fs::write {:6.1}   ratio {:.2}",
            micros(ours),
            micros(theirs),
            ours.as_secs_f64() / theirs.as_secs_f64()
        );
    }
}

fn many_files(runtime: &Runtime) {
    const ROUNDS: usize = 9;

    let path_of = |n: usize| format!("{}/{n}", n % 100);
    let (mut ours, mut theirs, mut std) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        runtime.block_on(async {
            let dir = AsyncTempDir::new().await.unwrap();
            let start = Instant::now();
            dir.populate((0..10_000).map(|n| (path_of(n), CONTENT)))
                .await
                .unwrap();
            ours.push(start.elapsed());
            dir.close().await.unwrap();

            let dir = AsyncTempDir::new().await.unwrap();
            let start = Instant::now();
            for n in 0..100 {
                tokio::fs::create_dir(dir.path().join(n.to_string()))
                    .await
                    .unwrap();
            }
            for n in 0..10_000 {
                tokio::fs::write(dir.path().join(path_of(n)), CONTENT)
                    .await
                    .unwrap();
            }
            theirs.push(start.elapsed());
            dir.close().await.unwrap();

            let dir = AsyncTempDir::new().await.unwrap();
            let path = dir.path().to_path_buf();
            let start = Instant::now();
            tokio::task::spawn_blocking(move || {
                for n in 0..100 {
                    std::fs::create_dir(path.join(n.to_string())).unwrap();
                }
                for n in 0..10_000 {
                    std::fs::write(path.join(path_of(n)), CONTENT).unwrap();
                }
            })
            .await
            .unwrap();
            std.push(start.elapsed());
            dir.close().await.unwrap();
        });
    }
    let ours = median(ours);
    for (what, time) in [
        ("populate", ours),
        ("tokio::fs::write one by one", median(theirs)),
        ("std::fs::write in one hop", median(std)),
    ] {
        println!(
            "{what:28} {:8.1}   populate is {:.2} times as fast",
            micros(time) / 1000.0,
            time.as_secs_f64() / ours.as_secs_f64()
        );
    }
}

fn streams(runtime: &Runtime) {
    const ROUNDS: usize = 5;
    const CHUNK: [usize; 3] = [8 << 10, 64 << 10, 1 << 20];
    const GIB: u64 = 1 << 30;

    let data = vec![7_u8; 1 << 20].leak();
    let mut copies = Vec::new();
    let mut ours = CHUNK.map(|_| Vec::new());
    let mut memory = CHUNK.map(|_| Vec::new());
    let mut copy_memory = Vec::new();
    for _ in 0..ROUNDS {
        runtime.block_on(async {
            let dir = AsyncTempDir::new().await.unwrap();
            let before = peak_from_now();
            let start = Instant::now();
            let mut reader = tokio::io::repeat(7).take(GIB);
            let mut file = tokio::fs::File::create(dir.path().join("copy"))
                .await
                .unwrap();
            tokio::io::copy(&mut reader, &mut file).await.unwrap();
            file.flush().await.unwrap();
            drop(file);
            copies.push(start.elapsed());
            copy_memory.push(peak() - before);
            dir.close().await.unwrap();

            for (chunk, (ours, memory)) in CHUNK.iter().zip(ours.iter_mut().zip(&mut memory)) {
                let dir = AsyncTempDir::new().await.unwrap();
                let chunks =
                    (0..GIB / *chunk as u64).map(|_| Ok::<_, std::io::Error>(&data[..*chunk]));
                let before = peak_from_now();
                let start = Instant::now();
                let written = dir.write_stream("stream", stream::iter(chunks)).await;
                assert_eq!(written.unwrap(), GIB);
                ours.push(start.elapsed());
                memory.push(peak() - before);
                dir.close().await.unwrap();
            }
        });
    }
    let copy = median(copies);
    let rate = |time: Duration| (GIB >> 20) as f64 / time.as_secs_f64();
    println!(
        "tokio::io::copy              {:6.0} MiB/s  {:6} KiB",
        rate(copy),
        copy_memory.iter().max().unwrap()
    );
    for ((chunk, ours), memory) in CHUNK.iter().zip(ours).zip(memory) {
        let time = median(ours);
        println!(
            "write_stream, {:4} KiB chunks {:6.0} MiB/s  {:6} KiB   {:.2} times the throughput",
            chunk >> 10,
            rate(time),
            memory.iter().max().unwrap(),
            copy.as_secs_f64() / time.as_secs_f64()
        );
    }
}

/// Forgets the peak of resident memory, and says how much is resident now, in KiB.
fn peak_from_now() -> u64 {
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    peak()
}

fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
