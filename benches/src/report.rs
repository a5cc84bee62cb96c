//! The results as tables.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use crate::Outcome;
use crate::measure::{Entry, Kind, Row, quantile};
use crate::results::{Part, Results};

/// Where we are not ahead, and the reason as far as it is known: rows by the beginning of their id.
const REASONS: &[(&str, &str, &str)] = &[];

pub(crate) fn write(results: &Results, folder: &Path) -> Outcome<()> {
    let mut text = String::from("# async-tempdir beside its peers\n\n");
    text += &conditions(results);
    text += "\nLess is better, everywhere. Ours: the median, and in brackets where the middle eight \
             tenths lie. Others: how many times ours that is (the median of the rounds' ratios), \
             then their own median; memory and threads as they are. *Floors* are what nobody can \
             do for less; variants are ours with another setting.\n";
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
            .find(|(id, peer, _)| row.id.starts_with(id) && entry.name == *peer)
            .map_or("the reason is not known", |(_, _, reason)| reason);
        is_behind.then(|| {
            format!(
                "{} ({}), {}: {how_much}: {reason}.",
                row.title, row.place, entry.name
            )
        })
    };
    row.entries.iter().filter_map(line).collect()
}
