//! Run it with: cargo run --release -p async-tempdir-benches --bin removal [small|hundred|flat|wide|nested|disk]
//!
//! Removing a tree beside the peers, interleaved in one run, medians. Trees lie in `TMPDIR`.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};

/// Makes a tree and says its name and how often it is to be removed.
type Tree = (&'static str, usize, fn(&Path));

/// Removes the directory.
type Remover = (&'static str, fn(&Runtime, PathBuf));

const TREES: [Tree; 7] = [
    ("small: 10 files", 300, |root| files(root, 10)),
    ("hundred: 100 files", 200, |root| files(root, 100)),
    ("flat: 30,000 files", 11, |root| files(root, 30_000)),
    ("wide: 1,500 directories of 20 files", 11, |root| {
        wide(root, 1_500);
    }),
    ("nested: 9,331 directories, 31,104 files", 11, |root| {
        nested(root, 5);
    }),
    // For a disk, which takes long to make the others.
    ("disk: 8,000 files", 11, |root| files(root, 8_000)),
    ("disk: 300 directories of 20 files", 7, |root| {
        wide(root, 300)
    }),
];

const REMOVERS: [Remover; 4] = [
    ("async-tempdir", |runtime, path| {
        runtime.block_on(async { async_tempdir::remove_dir_all(path).await.unwrap() });
    }),
    ("tokio::fs::remove_dir_all", |runtime, path| {
        runtime.block_on(tokio::fs::remove_dir_all(path)).unwrap();
    }),
    ("fuc_engine in spawn_blocking", |runtime, path| {
        let remove = move || fuc_engine::remove_dir_all(path).unwrap();
        runtime.block_on(runtime.spawn_blocking(remove)).unwrap();
    }),
    ("async-tempdir, one thread", |runtime, path| {
        let removal = async_tempdir::remove_dir_all(path).max_threads(1);
        runtime.block_on(removal.into_future()).unwrap();
    }),
];

fn main() {
    println!("temporary directory: {}", std::env::temp_dir().display());
    let wanted = std::env::args().nth(1);
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    for (title, rounds, make) in TREES {
        if wanted
            .as_ref()
            .is_some_and(|wanted| !title.starts_with(&**wanted))
        {
            continue;
        }
        println!("\n# {title}, ms");
        let mut times = REMOVERS.map(|_| Vec::new());
        for round in 0..rounds {
            for which in 0..REMOVERS.len() {
                // Each in turn is the first.
                let which = (which + round) % REMOVERS.len();
                let root = tempfile::tempdir().unwrap().keep();
                make(&root);
                let start = Instant::now();
                (REMOVERS[which].1)(&runtime, root.clone());
                times[which].push(start.elapsed());
                assert!(!root.exists());
            }
        }
        let medians = times.map(median);
        for ((name, _), time) in REMOVERS.iter().zip(&medians) {
            let ratio = time.as_secs_f64() / medians[0].as_secs_f64();
            println!(
                "{name:30} {:9.3}   {ratio:.2} times async-tempdir's time",
                time.as_secs_f64() * 1e3
            );
        }
    }
}

fn files(dir: &Path, count: usize) {
    for n in 0..count {
        std::fs::write(dir.join(n.to_string()), "hello world").unwrap();
    }
}

fn wide(dir: &Path, dirs: usize) {
    for n in 0..dirs {
        let sub = dir.join(n.to_string());
        std::fs::create_dir(&sub).unwrap();
        files(&sub, 20);
    }
}

/// Six directories in each, five levels of them, and files in the last two.
fn nested(dir: &Path, levels: usize) {
    if levels == 0 {
        return files(dir, 4);
    }
    for n in 0..6 {
        let sub = dir.join(format!("d{n}"));
        std::fs::create_dir(&sub).unwrap();
        nested(&sub, levels - 1);
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
