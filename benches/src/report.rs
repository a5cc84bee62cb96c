//! The results as tables.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use crate::Outcome;
use crate::measure::{Entry, Kind, Row, quantile};
use crate::results::{Part, Results};

/// Where we are not ahead, and the reason as far as it is known: rows by the beginning of their id,
/// and where, and who is (anybody, if nobody is named). The first that fits counts.
const REASONS: &[(&str, &str, &str, &str)] = &[
    (
        "close-1-",
        "",
        "tmpdir",
        "two hops each; but its drop spawns one more removal, which nobody needs, and probably that \
         keeps threads awake that then answer faster",
    ),
    (
        "close-1-",
        "",
        "",
        "both are two hops to the pool, which are most of it (the floor beside it); the system calls \
         differ by a microsecond, and a hop by more",
    ),
    (
        "close-64-",
        "disk",
        "",
        "all of them queue for the lock of the directory around and for the journal, and are slower \
         than one thread alone (the floor beside it); probably who does more in between queues less",
    ),
    (
        "drop-1-",
        "",
        "",
        "one hop, and the rest is the filesystem's; a peer that removes in the drop has no second \
         thread to wake, and its caller waits that long",
    ),
    (
        "drop-64-",
        "",
        "",
        "creation and removal queue for the lock of the directory around, and a removal queue works with \
         half the processors, so that the application keeps the others; which of the two it is was \
         not found out",
    ),
    (
        "drop-files-0",
        "",
        "tempfile",
        "to remove an empty directory takes as long as to hand it over",
    ),
    (
        "drop-files-",
        "",
        "",
        "both only pass it on; most of it is what the files that were made before have left of the \
         caches, and the waking of a thread",
    ),
    (
        "burst-gone",
        "",
        "",
        "on purpose: background removal leaves half the processors to the application, whose calls \
         take a fraction of the time meanwhile (the rows above)",
    ),
    (
        "burst-",
        "",
        "async-tempfile",
        "it removes on the thread that drops, and that does nothing else meanwhile",
    ),
    (
        "burst-",
        "memory",
        "",
        "on two processors, one call meets a thread that removes, for as long as the scheduler lets \
         that run",
    ),
    (
        "saturated-",
        "",
        "tokio::fs",
        "an operation waits in line as long as a call of `tokio::fs` does, and the rest is the \
         scheduler's; as fast as that is what can be had",
    ),
    (
        "saturated-",
        "",
        "tempfile in spawn_blocking",
        "two threads at most remove, where that takes all of the pool's: the application's calls \
         take a fraction of the time meanwhile (the rows beside)",
    ),
    (
        "remove-tiny",
        "",
        "tokio::fs",
        "the directory around is opened, too, so that nobody can put another in its place, and more \
         code is cold: two to four microseconds",
    ),
    (
        "remove-deep",
        "",
        "tokio::fs",
        "there is one directory at a time to be removed, and nothing to share; it fails at the limit \
         of descriptors, which this does not",
    ),
    (
        "remove-",
        "disk",
        "",
        "threads sleep in the journal, and it has the last word, the more so while it writes back \
         what was made before; three threads and more help some trees and harm others",
    ),
    (
        "remove-",
        "memory",
        "fuc_engine",
        "both are bound by the same calls; it gives each thread a table of descriptors of its own \
         (`unshare`), which saves it a reference count for each call, and which threads of Tokio's \
         pool must not do",
    ),
    (
        "scale-memory-",
        "",
        "",
        "lists of work for several threads; it does not grow with the tree",
    ),
    (
        "scale-",
        "",
        "tokio::fs",
        "one directory at a time, and nothing to share",
    ),
    (
        "write-",
        "",
        "tokio::fs",
        "it sees that the path still leads to the directory, and that the file is one, which \
         `tokio::fs` does not: two calls more",
    ),
    (
        "replace-",
        "",
        "tokio::fs",
        "it sees that the path still leads to the directory, and that the file is one, which \
         `tokio::fs` does not: two calls more",
    ),
    (
        "populate-",
        "",
        "std in spawn_blocking",
        "the same calls, resolved beneath the directory; the threads queue for the filesystem's locks",
    ),
    (
        "adopt-name-",
        "",
        "",
        "it makes sure that this is a real directory, none that the process works in, and the same one \
         after the rename; the peer only renames",
    ),
    ("adopt-gone-", "", "", "both are bound by the filesystem"),
    (
        "usage-tiny",
        "",
        "",
        "a hop to the pool takes as long as the counting; the peer blocks its thread",
    ),
    (
        "copy-",
        "disk",
        "cp -r",
        "it is the disk that takes the time",
    ),
    (
        "cost-life-tight-stall",
        "",
        "",
        "eight operations that wake no thread, one after the other, before the task yields; the peer's sleeps after each",
    ),
    (
        "cost-write-tight-stall",
        "",
        "",
        "eight operations that wake no thread, one after the other, before the task yields; the peer's sleeps after each",
    ),
    (
        "cost-write-",
        "",
        "tokio::fs",
        "it sees that the path still leads to the directory, and that the file is one, which `tokio::fs` does not: two calls more, and beside busy processors or after a pause, nothing is gained by spinning",
    ),
    (
        "cost-life-",
        "",
        "",
        "after a pause or beside busy processors, both are two hops to the pool, which are most of it",
    ),
    (
        "populate-",
        "disk",
        "tokio::fs",
        "it is the disk that takes the time",
    ),
    (
        "stream-memory-",
        "",
        "",
        "buffers, whatever the length of the stream",
    ),
];

/// What the tables' numbers are.
pub(crate) const HOW_TO_READ: &str = "Less is better, everywhere. Ours: the median, and in brackets \
    where the middle eight tenths lie. Others: how many times ours that is, then their own median in \
    brackets; memory and threads as they are. A ratio is the median of the rounds' ratios, not the \
    ratio of the medians: where the rounds vary, the two differ. *Floors* are what nobody can do for \
    less.";

pub(crate) fn write(results: &Results, folder: &Path) -> Outcome<()> {
    let mut text = String::from("# async-tempdir beside its peers\n\n");
    text += &conditions(results);
    writeln!(
        text,
        "\n{HOW_TO_READ} Variants are ours with another setting."
    )?;
    for part in &results.parts {
        for place in ["memory", "disk"] {
            write_part(&mut text, results, part, place)?;
        }
    }
    text += "\n## Where it is not ahead\n\n";
    let behind: Vec<String> = results.rows().flat_map(behind).collect();
    if behind.is_empty() {
        text += "Nowhere.\n";
    }
    for line in behind {
        writeln!(text, "- {line}")?;
    }
    fs::write(folder.join("comparison.md"), text)?;
    Ok(())
}

/// On what, with what, and when.
pub(crate) fn conditions(results: &Results) -> String {
    let machine = &results.machine;
    let versions: Vec<String> = machine
        .versions
        .iter()
        .map(|(name, version)| format!("{name} {version}"))
        .collect();
    let [memory, disk] = &results.places;
    format!(
        "Measured on {}: {}, {} cores, {} GiB, Linux {}; in memory ({memory}) and on a disk \
         ({disk}); Rust {}; {}. A {} run of {} minutes.\n",
        machine.date,
        machine.processor,
        machine.cores,
        machine.memory_gib,
        machine.kernel,
        machine.rust,
        versions.join(", "),
        results.effort.word(),
        results.seconds.div_ceil(60),
    )
}

fn write_part(text: &mut String, results: &Results, part: &Part, place: &str) -> Outcome<()> {
    let rows: Vec<&Row> = part.rows.iter().filter(|row| row.place == place).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let filesystem = &results.places[usize::from(place == "disk")];
    writeln!(text, "\n## {} ({filesystem})\n", part.title)?;
    table(text, &rows)
}

/// One row for each thing, one column for each candidate.
pub(crate) fn table(text: &mut String, rows: &[&Row]) -> Outcome<()> {
    let mut columns: Vec<(&str, Kind)> = Vec::new();
    for entry in rows.iter().flat_map(|row| &row.entries) {
        if !columns.iter().any(|(name, _)| *name == entry.name) {
            columns.push((&entry.name, entry.kind));
        }
    }
    text.push_str("| |");
    for (name, kind) in &columns {
        match kind {
            Kind::Floor => write!(text, " *floor:* {name} |")?,
            Kind::Ours | Kind::Variant | Kind::Peer => write!(text, " {name} |")?,
        }
    }
    writeln!(text, "\n|---|{}", "---|".repeat(columns.len()))?;
    for row in rows {
        write!(text, "| {}, {} |", row.title, row.unit)?;
        for (name, _) in &columns {
            let entry = row.entries.iter().find(|entry| entry.name == *name);
            write!(
                text,
                " {} |",
                entry.map_or(String::new(), |entry| cell(row, entry))
            )?;
        }
        text.push('\n');
    }
    Ok(())
}

fn cell(row: &Row, entry: &Entry) -> String {
    if let Some(error) = &entry.error {
        let error = error.split(" (os error").next().unwrap_or(error);
        return format!("fails: {error}");
    }
    let Some(median) = entry.median() else {
        return String::new();
    };
    match row.ratio(entry) {
        _ if entry.kind == Kind::Ours => {
            let at = |part| quantile(&entry.samples, part).expect("there is a median");
            format!(
                "**{}** ({} to {})",
                number(median),
                number(at(0.1)),
                number(at(0.9))
            )
        }
        Some(ratio) if is_time(row) => format!("**{ratio:.2}** × ({})", number(median)),
        _ => number(median),
    }
}

/// Whether a ratio means something.
fn is_time(row: &Row) -> bool {
    ["µs", "ms"].contains(&&*row.unit)
}

/// Three digits.
pub(crate) fn number(value: f64) -> String {
    let digits = match value.abs() {
        100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        _ => 3,
    };
    format!("{value:.digits$}")
}

/// A line for each peer that is ahead of us.
fn behind(row: &Row) -> Vec<String> {
    let line = |entry: &Entry| {
        if entry.kind != Kind::Peer || entry.error.is_some() {
            return None;
        }
        let ours = row.ours().median()?;
        let theirs = entry.median()?;
        let (is_behind, how_much) = if is_time(row) {
            let ratios = row.ratios(entry);
            let ratio = row.ratio(entry)?;
            let [low, high] = [0.1, 0.9].map(|part| quantile(&ratios, part).unwrap_or(ratio));
            let words = format!("{ratio:.2} ({low:.2} to {high:.2} in the rounds)");
            (ratio < 1.0, words)
        } else {
            let words = format!(
                "{} against our {} {}",
                number(theirs),
                number(ours),
                row.unit
            );
            (theirs < ours, words)
        };
        let reason = REASONS
            .iter()
            .find(|(id, place, peer, _)| {
                row.id.starts_with(id)
                    && (place.is_empty() || row.place == *place)
                    && (peer.is_empty() || entry.name == *peer)
            })
            .map_or("the reason is not known", |(.., reason)| reason);
        is_behind.then(|| {
            format!(
                "{} ({}), {}: {how_much}: {reason}.",
                row.title, row.place, entry.name
            )
        })
    };
    row.entries.iter().filter_map(line).collect()
}
