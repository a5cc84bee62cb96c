//! Run it with: cargo run --release -p async-tempdir-benches --bin root
//!
//! Opening a `TempRoot` beside a thousand dead ones and beside none, interleaved, medians; and how
//! soon the dead are gone. Roots lie in `TMPDIR`.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use async_tempdir::TempRoot;

const DEAD: usize = 1_000;
const ROUNDS: usize = 11;

#[tokio::main(worker_threads = 2)]
async fn main() -> std::io::Result<()> {
    println!("temporary directory: {}", std::env::temp_dir().display());
    let (mut alone, mut beside, mut gone) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let parent = tempfile::tempdir()?;
        let (time, _) = open(parent.path()).await?;
        alone.push(time);

        for n in 0..DEAD {
            let dead = parent.path().join(format!("bench-{n:010}"));
            fs::create_dir(&dead)?;
            for name in [".async-tempdir.lock", "a", "b", "c", "d"] {
                fs::write(dead.join(name), "hello world")?;
            }
        }
        let (time, reclaimed) = open(parent.path()).await?;
        beside.push(time);
        gone.push(reclaimed);
        assert_eq!(fs::read_dir(parent.path())?.count(), 0);
    }
    for (what, times) in [
        ("open beside none", alone),
        ("open beside 1,000 dead", beside),
        ("until those are gone", gone),
    ] {
        println!("{what:24} {:9.3} ms", median(times).as_secs_f64() * 1e3);
    }
    Ok(())
}

/// How long it takes to open a root, and until all the dead are gone.
async fn open(parent: &Path) -> std::io::Result<(Duration, Duration)> {
    let start = Instant::now();
    let root = TempRoot::open_in("bench", parent).await?;
    let opened = start.elapsed();
    assert_eq!(root.reclaimed().await.failed_roots(), 0);
    let reclaimed = start.elapsed();
    root.close().await?;
    Ok((opened, reclaimed))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
