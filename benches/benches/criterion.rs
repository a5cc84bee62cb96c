//! Run it with: cargo bench -p async-tempdir-benches
//!
//! Each candidate by itself, with criterion's statistics and plots (`target/criterion/report`), for
//! following one of them over time: criterion measures one candidate after the other, so what is
//! to be compared with another is compared by `cargo run --release -p async-tempdir-benches`.

use std::hint::black_box;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use async_tempdir::{AsyncTempDir, cleanup, remove_dir_all};
use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use tokio::runtime::{Builder, Runtime};

fn runtime() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

fn life(criterion: &mut Criterion) {
    let runtime = runtime();
    let mut group = criterion.benchmark_group("create and close");
    group.bench_function("async-tempdir", |bencher| {
        bencher.iter(|| {
            runtime.block_on(async {
                let dir = AsyncTempDir::new().await.unwrap();
                dir.close().await.unwrap()
            })
        });
    });
    group.bench_function("async-tempfile", |bencher| {
        bencher.iter(|| {
            runtime.block_on(async {
                let dir = async_tempfile::TempDir::new().await.unwrap();
                dir.drop_async().await;
            });
        });
    });
    group.bench_function("tempfile in spawn_blocking", |bencher| {
        bencher.iter(|| {
            runtime.block_on(async {
                let dir = tokio::task::spawn_blocking(tempfile::tempdir).await;
                let dir = dir.unwrap().unwrap();
                let closed = tokio::task::spawn_blocking(|| dir.close()).await;
                closed.unwrap().unwrap();
            });
        });
    });
    group.finish();
}

fn drops(criterion: &mut Criterion) {
    let runtime = runtime();
    let mut group = criterion.benchmark_group("drop");
    for files in [0, 100, 1_000] {
        group.bench_with_input(
            BenchmarkId::new("async-tempdir", files),
            &files,
            |bencher, &files| {
                bencher.iter_custom(|times| {
                    let mut taken = Duration::ZERO;
                    for _ in 0..times {
                        taken += runtime.block_on(async {
                            let dir = AsyncTempDir::new().await.unwrap();
                            fill(dir.path().to_path_buf(), files);
                            let start = Instant::now();
                            drop(dir);
                            let taken = start.elapsed();
                            cleanup::idle().await;
                            taken
                        });
                    }
                    taken
                });
            },
        );
    }
    group.finish();
}

fn removal(criterion: &mut Criterion) {
    let runtime = runtime();
    let mut group = criterion.benchmark_group("remove 1,000 files");
    let make = || {
        let dir = tempfile::tempdir().unwrap().keep();
        fill(dir, 1_000)
    };
    group.bench_function("async-tempdir", |bencher| {
        let remove = |dir| runtime.block_on(async { remove_dir_all(dir).await.unwrap() });
        bencher.iter_batched(make, remove, BatchSize::PerIteration);
    });
    group.bench_function("tokio::fs", |bencher| {
        let remove = |dir| runtime.block_on(tokio::fs::remove_dir_all(dir)).unwrap();
        bencher.iter_batched(make, remove, BatchSize::PerIteration);
    });
    group.bench_function("fuc_engine", |bencher| {
        let remove = |dir: PathBuf| {
            let remove = move || fuc_engine::remove_dir_all(dir).unwrap();
            runtime.block_on(runtime.spawn_blocking(remove)).unwrap();
        };
        bencher.iter_batched(make, remove, BatchSize::PerIteration);
    });
    group.finish();
}

fn contents(criterion: &mut Criterion) {
    let runtime = runtime();
    let dir = runtime.block_on(AsyncTempDir::new()).unwrap();
    let mut group = criterion.benchmark_group("write a small file");
    group.bench_function("async-tempdir", |bencher| {
        bencher.iter(|| {
            runtime
                .block_on(dir.write("ours", black_box("hello world")))
                .unwrap()
        });
    });
    group.bench_function("tokio::fs", |bencher| {
        let path = dir.path().join("theirs");
        bencher.iter(|| {
            runtime
                .block_on(tokio::fs::write(&path, black_box("hello world")))
                .unwrap();
        });
    });
    group.finish();
    criterion.bench_function("populate, 1,000 files", |bencher| {
        let make = || runtime.block_on(AsyncTempDir::new()).unwrap();
        bencher.iter_batched(
            make,
            |dir| {
                let files = (0..1_000).map(|n| (n.to_string(), "hello world"));
                runtime.block_on(dir.populate(files)).unwrap();
                dir
            },
            BatchSize::PerIteration,
        );
        runtime.block_on(cleanup::idle());
    });
    runtime.block_on(async { dir.close().await.unwrap() });
}

fn fill(dir: PathBuf, files: usize) -> PathBuf {
    for n in 0..files {
        std::fs::File::create(dir.join(n.to_string())).unwrap();
    }
    dir
}

criterion_group! {
    name = all;
    config = Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = life, drops, removal, contents
}
criterion_main!(all);
