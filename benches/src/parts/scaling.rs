//! From a thousand entries to a million: what each takes, and how much memory all; and how much
//! further threads help.

use std::path::{Path, PathBuf};

use super::Task;
use crate::measure::{Candidate, Kind, Metric, OURS, Rounds, Row, compare, compare_all};
use crate::peers::{bare_dir, multi_thread, peak, peak_from_now, timed};
use crate::trees;

/// Makes a tree of that many entries.
type Make = fn(&Path, usize);

const SHAPES: [(&str, &str, Make); 3] = [
    ("files", "files in one directory", trees::empty_files),
    ("dirs", "directories in one", trees::dirs),
    ("chain", "directories in a chain", trees::chain),
];

pub(super) fn measure(task: Task) -> Vec<Row> {
    let runtime = multi_thread();
    let mut rows = Vec::new();
    let counts: &[usize] = task
        .effort
        .pick(&[1_000, 10_000, 100_000, 1_000_000], &[1_000, 10_000]);
    for (id, title, make) in SHAPES {
        for &count in counts {
            let metrics = [
                Metric::new(
                    format!("scale-{id}-{count}"),
                    format!("{count} {title}, each"),
                    "µs",
                ),
                Metric::new(
                    format!("scale-memory-{id}-{count}"),
                    format!("{count} {title}, more memory"),
                    "KiB",
                ),
            ];
            let prepare = move || {
                let dir = bare_dir();
                make(&dir, count);
                dir
            };
            let runtime = &runtime;
            let measured = move |remove: &mut dyn FnMut(PathBuf) -> Result<f64, String>, dir| {
                let before = peak_from_now();
                let time = remove(dir)?;
                let more = peak().saturating_sub(before);
                Ok(vec![time * 1e3 / count as f64, more as f64])
            };
            let ours = move |dir| {
                let mut remove = |dir| {
                    let (time, done) =
                        timed(runtime, async { async_tempdir::remove_dir_all(dir).await });
                    done.map(|_| time).map_err(|error| error.to_string())
                };
                measured(&mut remove, dir)
            };
            let tokio_fs = move |dir: PathBuf| {
                let mut remove = |dir: PathBuf| {
                    let (time, done) = timed(runtime, tokio::fs::remove_dir_all(dir.clone()));
                    done.map(|()| time).map_err(|error| {
                        let (_, removed) =
                            timed(runtime, async { async_tempdir::remove_dir_all(dir).await });
                        removed.unwrap();
                        error.to_string()
                    })
                };
                measured(&mut remove, dir)
            };
            let mut candidates = vec![Candidate::prepared(OURS, Kind::Ours, prepare, ours)];
            // A longer chain overflows its stack, which kills the process.
            if id != "chain" || count <= 10_000 {
                candidates.push(Candidate::prepared(
                    "tokio::fs",
                    Kind::Peer,
                    prepare,
                    tokio_fs,
                ));
            }
            let rounds = match count {
                1_000_000 => Rounds::new(1, 1, 0.0).cold(),
                _ => Rounds::new(2, 15, task.effort.pick(3.0, 0.3)),
            };
            rows.extend(compare_all(&metrics, rounds, candidates));
        }
    }
    rows.extend(threads(task));
    rows
}

fn threads(task: Task) -> Vec<Row> {
    const NAMES: [&str; 4] = ["1 thread", "2 threads", "3 threads", "4 threads"];
    let runtime = multi_thread();
    type Shape = (&'static str, &'static str, fn(&Path));
    let shapes: [Shape; 2] = [
        ("flat", "30,000 files in one directory", |dir| {
            trees::files(dir, 30_000);
        }),
        ("wide", "1,500 directories of 20 files", |dir| {
            trees::wide(dir, 1_500);
        }),
    ];
    shapes
        .into_iter()
        .map(|(id, title, make)| {
            let runtime = &runtime;
            let candidate = |name, kind, threads: Option<usize>| {
                let prepare = move || {
                    let dir = bare_dir();
                    make(&dir);
                    dir
                };
                Candidate::prepared(name, kind, prepare, move |dir| {
                    let mut removal = async_tempdir::remove_dir_all(dir);
                    if let Some(threads) = threads {
                        removal = removal.max_threads(threads);
                    }
                    let (time, done) = timed(runtime, removal);
                    done.map_err(|error| error.to_string())?;
                    Ok(vec![time])
                })
            };
            let mut candidates = vec![candidate(OURS, Kind::Ours, None)];
            candidates.extend((1..=4).map(|n| candidate(NAMES[n - 1], Kind::Variant, Some(n))));
            let metric = Metric::new(
                format!("threads-{id}"),
                format!("{title}, by threads"),
                "ms",
            );
            let rounds = Rounds::new(task.effort.pick(5, 1), 21, task.effort.pick(10.0, 1.0));
            compare(metric, rounds, candidates)
        })
        .collect()
}
