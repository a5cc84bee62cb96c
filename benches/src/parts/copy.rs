//! Copying a tree.

use std::path::{Path, PathBuf};
use std::process::Command;

use async_tempdir::AsyncTempDir;
use tokio::runtime::Runtime;
use walkdir::WalkDir;

use super::Task;
use super::shapes::{Shape, shape, shapes};
use crate::measure::{Candidate, Effort, Kind, Metric, OURS, Rounds, Row, compare};
use crate::peers::{multi_thread, program_times, python_times, timed, timed_blocking};
use crate::places::ImageMount;
use crate::trees;

pub(super) fn measure(task: Task) -> Vec<Row> {
    let runtime = multi_thread();
    let mut shapes = shapes(task);
    shapes.push(match task.effort {
        Effort::Full => shape("large", "1 GiB in 100 files", |dir| {
            trees::large(dir, 1 << 30);
        }),
        Effort::Quick => shape("large", "100 MiB in 100 files", |dir| {
            trees::large(dir, 100 << 20);
        }),
    });
    if task.effort == Effort::Quick {
        let is_quick = |id| ["tiny", "large"].contains(&id) || id == "wide" && !task.on_disk;
        shapes.retain(|(id, ..)| is_quick(*id));
    }
    let temp = std::env::temp_dir();
    let mut rows: Vec<Row> = shapes
        .iter()
        .map(|(id, title, make)| row(task, &runtime, &temp, &format!("copy-{id}"), title, make))
        .collect();
    // Where files can share their bytes.
    if task.on_disk {
        for filesystem in ["btrfs", "xfs"] {
            match ImageMount::new(filesystem, &temp) {
                Ok(image) => rows.extend(clones(task, &runtime, &image, filesystem, &shapes)),
                Err(error) => eprint!("({filesystem} is not measured: {error}) "),
            }
        }
    }
    rows
}

fn clones(
    task: Task,
    runtime: &Runtime,
    image: &ImageMount,
    filesystem: &str,
    shapes: &[Shape],
) -> Vec<Row> {
    let chosen = shapes
        .iter()
        .filter(|(id, ..)| ["wide", "large"].contains(id));
    chosen
        .map(|(id, title, make)| {
            let (id, title) = (
                format!("copy-{filesystem}-{id}"),
                format!("{title}, {filesystem}"),
            );
            row(task, runtime, &image.path(), &id, &title, make)
        })
        .collect()
}

fn row(
    task: Task,
    runtime: &Runtime,
    place: &Path,
    id: &str,
    title: &str,
    make: &dyn Fn(&Path),
) -> Row {
    let source = tempfile::tempdir_in(place).unwrap();
    make(source.path());
    let rounds = match id {
        "copy-tiny" => Rounds::new(10, 300, task.effort.pick(10.0, 1.0)),
        _ if task.on_disk => Rounds::new(task.effort.pick(4, 1), 31, task.effort.pick(12.0, 1.0)),
        _ => Rounds::new(task.effort.pick(5, 1), 31, task.effort.pick(15.0, 1.0)),
    };
    let metric = Metric::new(id, title, "ms");
    compare(metric, rounds, candidates(runtime, place, source.path()))
}

/// Everybody who copies a tree, in ms. Each has a new directory in `place`, and copies to what does
/// not exist in it.
fn candidates<'a>(runtime: &'a Runtime, place: &'a Path, source: &'a Path) -> Vec<Candidate<'a>> {
    type Copy<'a> = Box<dyn FnMut(&AsyncTempDir, PathBuf) -> Result<f64, String> + 'a>;
    let entries = count(source);
    let candidate = |name, kind, mut copy: Copy<'a>| {
        Candidate::prepared(name, kind, PathBuf::new, move |_| {
            let dir = runtime.block_on(AsyncTempDir::new_in(place)).unwrap();
            let target = dir.path().join("copy");
            let copied = copy(&dir, target.clone());
            if copied.is_ok() {
                assert_eq!(count(&target), entries, "{name} has not copied everything");
            }
            runtime.block_on(dir.close().into_future()).unwrap();
            Ok(vec![copied?])
        })
    };
    vec![
        candidate(
            OURS,
            Kind::Ours,
            Box::new(move |dir, _| {
                let (time, done) = timed(runtime, async { dir.copy_from(source).to("copy").await });
                done.map(|_| time).map_err(|error| error.to_string())
            }),
        ),
        candidate(
            "fuc_engine",
            Kind::Peer,
            Box::new(move |_, target| {
                let source = source.to_owned();
                let copy = move || fuc_engine::copy_file(source, target);
                let (time, done) = timed_blocking(runtime, copy);
                done.map(|()| time).map_err(|error| error.to_string())
            }),
        ),
        candidate(
            "fs_extra",
            Kind::Peer,
            Box::new(move |_, target| {
                let source = source.to_owned();
                let (time, done) = timed_blocking(runtime, move || {
                    let options = fs_extra::dir::CopyOptions::new().copy_inside(true);
                    fs_extra::dir::copy(source, target, &options)
                });
                done.map(|_| time).map_err(|error| error.to_string())
            }),
        ),
        candidate(
            "cp -r",
            Kind::Peer,
            Box::new(move |_, target| {
                program_times(Command::new("cp").arg("-r").arg(source).arg(target))
            }),
        ),
        candidate(
            "cp -r --reflink=auto",
            Kind::Peer,
            Box::new(move |_, target| {
                let mut cp = Command::new("cp");
                program_times(cp.args(["-r", "--reflink=auto"]).arg(source).arg(target))
            }),
        ),
        candidate(
            "Python's copytree",
            Kind::Peer,
            Box::new(move |_, target| {
                let code = "shutil.copytree(sys.argv[1], sys.argv[2], symlinks=True)";
                python_times(code, &[source, &target])
            }),
        ),
    ]
}

fn count(dir: &Path) -> usize {
    WalkDir::new(dir).into_iter().filter(Result::is_ok).count()
}
