//! Counting what is in a tree.

use std::path::Path;
use std::process::Command;

use async_tempdir::AsyncTempDir;
use tokio::runtime::Runtime;
use walkdir::WalkDir;

use super::Task;
use super::shapes::{Shape, shapes};
use crate::measure::{Candidate, Effort, Metric, Rounds, Row, compare};
use crate::peers::{multi_thread, program_times, python_times, timed, timed_blocking};

pub(super) fn measure(task: Task) -> Vec<Row> {
    let runtime = multi_thread();
    let mut shapes = shapes(task);
    if task.effort == Effort::Quick {
        shapes.retain(|(id, ..)| ["tiny", "wide"].contains(id));
    }
    let row = |(id, title, make): &Shape| {
        let dir = runtime.block_on(AsyncTempDir::new()).unwrap();
        make(dir.path());
        let rounds = match *id {
            "tiny" => Rounds::new(10, 300, task.effort.pick(5.0, 1.0)),
            _ => Rounds::new(task.effort.pick(5, 1), 51, task.effort.pick(10.0, 1.0)),
        };
        let metric = Metric::new(format!("usage-{id}"), *title, "ms");
        let row = compare(metric, rounds, candidates(&runtime, &dir));
        runtime.block_on(dir.close().into_future()).unwrap();
        row
    };
    shapes.iter().map(row).collect()
}

/// Everybody who counts files and bytes, in ms.
fn candidates<'a>(runtime: &'a Runtime, dir: &'a AsyncTempDir) -> Vec<Candidate<'a>> {
    const PYTHON: &str = "\
size = 0
for root, dirs, files in os.walk(sys.argv[1]):
    for name in dirs + files:
        size += os.lstat(os.path.join(root, name)).st_blocks";
    let path = dir.path();
    vec![
        Candidate::ours(move || {
            let (time, usage) = timed(runtime, dir.usage());
            usage.map(|_| time).map_err(|error| error.to_string())
        }),
        Candidate::peer("du", move || {
            program_times(Command::new("du").arg("-s").arg(path))
        }),
        Candidate::peer("walkdir", move || {
            let path = path.to_owned();
            let (time, len) = timed_blocking(runtime, move || len(&path));
            len.map(|_| time).map_err(|error| error.to_string())
        }),
        Candidate::peer("Python's os.walk", move || python_times(PYTHON, &[path])),
    ]
}

fn len(path: &Path) -> walkdir::Result<u64> {
    let entries = WalkDir::new(path).into_iter();
    entries.map(|entry| Ok(entry?.metadata()?.len())).sum()
}
