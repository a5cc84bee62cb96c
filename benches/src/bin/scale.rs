//! Run it with: cargo run --release -p async-tempdir-benches --bin scale
//!
//! Removing from a thousand to a million entries: time for each, and the growth of resident memory.
//! Trees lie in `TMPDIR`, which had better be a tmpfs.

use std::fs;
use std::path::Path;
use std::time::Instant;

use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};
use tokio::runtime::Builder;

/// Makes a tree of that many entries.
type Shape = (&'static str, fn(&Path, usize));

const SHAPES: [Shape; 3] = [
    ("files in one directory", |root, count| {
        for n in 0..count {
            fs::File::create(root.join(n.to_string())).unwrap();
        }
    }),
    ("directories in one", |root, count| {
        for n in 0..count {
            fs::create_dir(root.join(n.to_string())).unwrap();
        }
    }),
    ("directories in a chain", |root, count| {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let mut level = openat(CWD, root, flags, Mode::empty()).unwrap();
        for _ in 0..count {
            mkdirat(&level, "d", Mode::RWXU).unwrap();
            level = openat(&level, "d", flags, Mode::empty()).unwrap();
        }
    }),
];

fn main() {
    println!("temporary directory: {}", std::env::temp_dir().display());
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    for (name, make) in SHAPES {
        println!("\n# {name}");
        for count in [1_000, 10_000, 100_000, 1_000_000] {
            let mut results = Vec::new();
            for _ in 0..(300_000_usize / count).clamp(1, 21) {
                let root = tempfile::tempdir().unwrap().keep();
                make(&root, count);
                let before = peak_from_now();
                let start = Instant::now();
                runtime.block_on(async { async_tempdir::remove_dir_all(&root).await.unwrap() });
                let each = start.elapsed().as_secs_f64() * 1e6 / count as f64;
                results.push((each, peak() - before));
            }
            results.sort_by(|a, b| a.0.total_cmp(&b.0));
            let memory = results.iter().map(|result| result.1).max().unwrap();
            let each = results[results.len() / 2].0;
            println!("{count:9} entries: {each:6.2} µs each, {memory:6} KiB more");
        }
    }
}

/// Forgets the peak of resident memory, and says how much is resident now, in KiB.
fn peak_from_now() -> u64 {
    fs::write("/proc/self/clear_refs", "5").unwrap();
    peak()
}

fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
