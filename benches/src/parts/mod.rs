//! What is measured, part by part. Each runs in a process of its own for each place: memory and
//! threads are its own, and so is `TMPDIR`, which some candidates know alone.

mod adopt;
mod burst;
mod contents;
mod copy;
mod cost;
mod drops;
mod life;
mod removal;
mod root;
mod saturated;
mod scaling;
mod shapes;
mod usage;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::Outcome;
use crate::machine::Machine;
use crate::measure::{Effort, Row};
use crate::places::{Places, filesystem};
use crate::results::{Part, Results};

/// What a part has to know.
#[derive(Clone, Copy)]
pub(crate) struct Task {
    pub(crate) effort: Effort,
    /// Directories lie on a disk, which takes long.
    pub(crate) on_disk: bool,
}

type Measure = fn(Task) -> Vec<Row>;

/// Where a part is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Where {
    Memory,
    Both,
}

const PARTS: [(&str, &str, Where, Measure); 13] = [
    (
        "life",
        "Life: a directory is made, and ends",
        Where::Both,
        life::measure,
    ),
    (
        "drops",
        "Drop: what it costs the thread that drops",
        Where::Memory,
        drops::measure,
    ),
    (
        "burst",
        "Burst: 5,000 directories dropped at once",
        Where::Both,
        burst::measure,
    ),
    (
        "saturated",
        "Saturated: a blocking pool whose threads are all busy with the application's calls",
        Where::Memory,
        saturated::measure,
    ),
    (
        "removal",
        "Removal of a tree",
        Where::Both,
        removal::measure,
    ),
    (
        "scaling",
        "Scaling: from a thousand entries to a million, and with threads",
        Where::Memory,
        scaling::measure,
    ),
    ("copy", "Copying a tree", Where::Both, copy::measure),
    (
        "adopt",
        "Adoption: a name is free at once, and the files are deleted later",
        Where::Both,
        adopt::measure,
    ),
    (
        "usage",
        "Usage: counting files and bytes",
        Where::Both,
        usage::measure,
    ),
    (
        "contents",
        "Contents: what goes into a directory",
        Where::Both,
        contents::measure,
    ),
    (
        "cost",
        "Cost: one operation, its processor time, and the other tasks",
        Where::Memory,
        cost::measure,
    ),
    (
        "pinned",
        "Cost on one processor",
        Where::Memory,
        cost::pinned,
    ),
    (
        "root",
        "Root: the start beside what dead processes have left",
        Where::Both,
        root::measure,
    ),
];

/// Measures one part, in this process.
pub(crate) fn run(name: &str, task: Task) -> Outcome<Vec<Row>> {
    let part = PARTS.iter().find(|part| part.0 == name);
    let (_, _, _, measure) = part.ok_or("no such part")?;
    Ok(measure(task))
}

/// Measures all parts, or one.
pub(crate) fn measure(effort: Effort, places: &Places, only: Option<&str>) -> Outcome<Results> {
    let start = Instant::now();
    let names = PARTS.map(|part| part.0);
    if let Some(only) = only
        && !names.contains(&only)
    {
        return Err(format!("{only} is none of {}", names.join(", ")).into());
    }
    let mut parts = Vec::new();
    for (name, title, place, _) in PARTS {
        if only.is_some_and(|only| only != name) {
            continue;
        }
        let mut rows = Vec::new();
        let both = [(&places.memory, false), (&places.disk, true)];
        for (dir, on_disk) in both.iter().take(if place == Where::Both { 2 } else { 1 }) {
            // What was measured before is not to be lost.
            match in_process(name, effort, dir, *on_disk) {
                Ok(measured) => rows.extend(measured),
                Err(error) => eprintln!("{error}"),
            }
        }
        parts.push(Part {
            name: name.to_owned(),
            title: title.to_owned(),
            rows,
        });
    }
    Ok(Results {
        machine: Machine::this(),
        effort,
        seconds: start.elapsed().as_secs(),
        places: [&places.memory, &places.disk].map(|dir| filesystem(dir)),
        parts,
    })
}

fn in_process(name: &str, effort: Effort, dir: &Path, on_disk: bool) -> Outcome<Vec<Row>> {
    let place = if on_disk { "disk" } else { "memory" };
    let start = Instant::now();
    eprint!("{name} in {place} … ");
    // One directory, so that a candidate's leftovers go with it.
    let dir = tempfile::tempdir_in(dir)?;
    let output = Command::new(std::env::current_exe()?)
        .args(["--part", name, effort.word(), place])
        .env("TMPDIR", dir.path())
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(format!("{name} in {place}: {}", output.status).into());
    }
    let left = std::fs::read_dir(dir.path())?.count();
    dir.close()?;
    let mut rows: Vec<Row> = serde_json::from_slice(&output.stdout)?;
    for row in &mut rows {
        row.place = place.to_owned();
    }
    eprintln!(
        "{} rows in {} s, {left} directories left by peers",
        rows.len(),
        start.elapsed().as_secs()
    );
    Ok(rows)
}
