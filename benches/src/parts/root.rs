//! Opening a root beside a thousand that dead processes have left: nobody else does that, so that it
//! is compared with opening one beside none.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use async_tempdir::TempRoot;

use super::Task;
use crate::measure::{Candidate, Kind, Metric, OURS, Rounds, Row, compare_all};
use crate::peers::{bare_dir, millis, multi_thread};

const DEAD: usize = 1_000;

pub(super) fn measure(task: Task) -> Vec<Row> {
    let runtime = multi_thread();
    let open = |dir: PathBuf| {
        let times = runtime
            .block_on(open(&dir))
            .map_err(|error| error.to_string());
        fs::remove_dir(dir).unwrap();
        times
    };
    let metrics = [
        Metric::new("root-open", "open a root beside 1,000 dead ones", "ms"),
        Metric::new("root-gone", "until those are gone", "ms"),
    ];
    let candidates = vec![
        Candidate::prepared(OURS, Kind::Ours, with_dead, open),
        Candidate::prepared("beside none", Kind::Variant, bare_dir, open),
    ];
    let rounds = Rounds::new(3, 15, task.effort.pick(5.0, 0.5));
    compare_all(&metrics, rounds, candidates)
}

fn with_dead() -> PathBuf {
    let parent = bare_dir();
    for n in 0..DEAD {
        let dead = parent.join(format!("bench-{n:010}"));
        fs::create_dir(&dead).unwrap();
        for name in [".async-tempdir.lock", "a", "b", "c", "d"] {
            fs::write(dead.join(name), "hello world").unwrap();
        }
    }
    parent
}

async fn open(parent: &Path) -> std::io::Result<Vec<f64>> {
    let start = Instant::now();
    let root = TempRoot::open_in("bench", parent).await?;
    let opened = start.elapsed();
    assert_eq!(root.reclaimed().await.failed_roots(), 0);
    let reclaimed = start.elapsed();
    root.close().await?;
    Ok(vec![millis(opened), millis(reclaimed)])
}
