//! Freeing the name of a directory whose files are deleted later.

use std::path::{Path, PathBuf};
use std::time::Instant;

use async_tempdir::{AsyncTempDir, TempRoot, cleanup};
use tokio::process::Command;
use tokio::runtime::Runtime;

use super::Task;
use crate::measure::{Candidate, Kind, Metric, OURS, Rounds, Row, compare_all};
use crate::peers::{bare_dir, micros, millis, multi_thread};
use crate::trees;

pub(super) fn measure(task: Task) -> Vec<Row> {
    let runtime = multi_thread();
    let root = runtime.block_on(TempRoot::open("benches")).unwrap();
    let most = match task.on_disk {
        true => task.effort.pick(20_000, 1_000),
        false => task.effort.pick(100_000, 10_000),
    };
    let row = |count: usize| {
        let files = match count {
            10 => "10",
            1_000 => "1,000",
            10_000 => "10,000",
            20_000 => "20,000",
            _ => "100,000",
        };
        let metrics = [
            Metric::new(
                format!("adopt-name-{count}"),
                format!("until the name of a directory with {files} files is free"),
                "µs",
            ),
            Metric::new(
                format!("adopt-gone-{count}"),
                format!("until its {files} files are deleted"),
                "ms",
            ),
        ];
        let rounds = match count {
            10 => Rounds::new(10, 300, task.effort.pick(10.0, 1.0)),
            _ => Rounds::new(task.effort.pick(4, 1), 21, task.effort.pick(15.0, 1.0)).cold(),
        };
        compare_all(&metrics, rounds, candidates(&runtime, &root, count))
    };
    let rows = [10, most].into_iter().flat_map(row).collect();
    runtime.block_on(root.close().into_future()).unwrap();
    rows
}

/// How long it takes until the name is free, in µs, and until everything is gone, in ms.
fn candidates<'a>(runtime: &'a Runtime, root: &'a TempRoot, files: usize) -> Vec<Candidate<'a>> {
    let prepare = move || {
        let dir = bare_dir();
        trees::files(&dir, files);
        dir
    };
    let candidate = move |name, kind, run: fn(&Runtime, &TempRoot, PathBuf) -> Times| {
        let run = move |dir: PathBuf| {
            let times = run(runtime, root, dir.clone())?;
            assert!(!dir.exists(), "{name} has left something");
            Ok(times)
        };
        Candidate::prepared(name, kind, prepare, run)
    };
    vec![
        candidate(OURS, Kind::Ours, |runtime, _, dir| {
            runtime.block_on(dropped(AsyncTempDir::adopt(dir)))
        }),
        candidate("in a root", Kind::Variant, |runtime, root, dir| {
            runtime.block_on(dropped(root.adopt(dir)))
        }),
        candidate(
            "rename, then tokio::fs in a task",
            Kind::Peer,
            |runtime, _, dir| {
                runtime.block_on(async {
                    let start = Instant::now();
                    let moved = moved(&dir).await?;
                    let name = micros(start.elapsed());
                    let removing = tokio::spawn(tokio::fs::remove_dir_all(moved));
                    let removed = removing.await.map_err(|error| error.to_string())?;
                    removed.map_err(|error| error.to_string())?;
                    Ok(vec![name, millis(start.elapsed())])
                })
            },
        ),
        candidate("rename, then rm -rf", Kind::Peer, |runtime, _, dir| {
            runtime.block_on(async {
                let start = Instant::now();
                let moved = moved(&dir).await?;
                let name = micros(start.elapsed());
                let removed = Command::new("rm").arg("-rf").arg(moved).status().await;
                removed.map_err(|error| error.to_string())?;
                Ok(vec![name, millis(start.elapsed())])
            })
        }),
    ]
}

type Times = Result<Vec<f64>, String>;

async fn dropped(adopt: impl Future<Output = std::io::Result<AsyncTempDir>>) -> Times {
    let start = Instant::now();
    let adopted = adopt.await.map_err(|error| error.to_string())?;
    let name = micros(start.elapsed());
    drop(adopted);
    cleanup::idle().await;
    Ok(vec![name, millis(start.elapsed())])
}

async fn moved(dir: &Path) -> Result<PathBuf, String> {
    let moved = dir.with_extension("moved");
    match tokio::fs::rename(dir, &moved).await {
        Ok(()) => Ok(moved),
        Err(error) => Err(error.to_string()),
    }
}
