//! Writes the block of BENCHMARKS.md that shows the results.

use std::fs;
use std::path::Path;

use crate::Outcome;
use crate::measure::Row;
use crate::report;
use crate::results::Results;

const BEGIN: &str = "<!-- measured: begin -->\n";
const END: &str = "<!-- measured: end -->";

/// What is shown: a table each.
const TABLES: &[&[(&str, &str)]] = &[
    &[
        ("remove-tiny", "memory"),
        ("remove-flat", "memory"),
        ("remove-wide", "memory"),
        ("remove-nested", "memory"),
        ("remove-abyss", "memory"),
        ("remove-sources", "memory"),
        ("remove-sources", "disk"),
    ],
    &[
        ("copy-tiny", "memory"),
        ("copy-flat", "memory"),
        ("copy-wide", "memory"),
        ("copy-nested", "memory"),
        ("copy-sources", "memory"),
        ("copy-large", "memory"),
        ("copy-sources", "disk"),
        ("copy-btrfs-large", "disk"),
    ],
    &[
        ("adopt-name-10", "memory"),
        ("adopt-name-100000", "memory"),
        ("adopt-gone-100000", "memory"),
        ("adopt-name-20000", "disk"),
    ],
    &[
        ("usage-flat", "memory"),
        ("usage-wide", "memory"),
        ("usage-nested", "memory"),
        ("usage-sources", "disk"),
    ],
    &[
        ("close-1-multi", "memory"),
        ("close-64-multi", "memory"),
        ("close-1-multi", "disk"),
        ("close-64-multi", "disk"),
    ],
    &[
        ("drop-files-10000", "memory"),
        ("stall", "memory"),
        ("burst-p99", "disk"),
        ("burst-most", "disk"),
        ("burst-threads", "disk"),
    ],
    &[
        ("write-multi", "memory"),
        ("populate-multi", "memory"),
        ("stream-multi", "memory"),
    ],
    &[
        ("cost-life-tight-cpu-multi", "memory"),
        ("cost-life-tight-stall-multi", "memory"),
        ("cost-life-10ms-time-multi", "memory"),
        ("cost-life-10ms-cpu-multi", "memory"),
        ("cost-life-busy-64-time-multi", "memory"),
        ("cost-write-tight-cpu-multi", "memory"),
        ("cost-write-tight-stall-multi", "memory"),
        ("cost-write-10ms-time-multi", "memory"),
        ("cost-write-10ms-cpu-multi", "memory"),
        ("cost-write-busy-64-time-multi", "memory"),
    ],
];

pub(crate) fn renew(results: &Results, folder: &Path) -> Outcome<()> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../BENCHMARKS.md");
    let before = fs::read_to_string(&page)?;
    let (head, rest) = before
        .split_once(BEGIN)
        .ok_or("BENCHMARKS.md has no block")?;
    let (_, tail) = rest
        .split_once(END)
        .ok_or("the block of BENCHMARKS.md has no end")?;
    let chosen = |ids: &[(&str, &str)]| -> Vec<Row> {
        ids.iter()
            .filter_map(|(id, place)| {
                let row = results
                    .rows()
                    .find(|row| row.id == *id && row.place == *place)?;
                let filesystem = &results.places[usize::from(*place == "disk")];
                let row: Row = serde_json::from_value(serde_json::to_value(row).ok()?).ok()?;
                Some(Row {
                    title: format!("{} ({filesystem})", row.title),
                    ..row
                })
            })
            .collect()
    };
    let folder = folder.file_name().ok_or("the results have no folder")?;
    let folder = folder.to_string_lossy();
    let mut block = format!(
        "![Removing a tree: times as long as async-tempdir](benches/{folder}/removal-memory.svg)\n\n\
         {}\n\n",
        report::HOW_TO_READ
    );
    for ids in TABLES {
        let rows = chosen(ids);
        if rows.is_empty() {
            continue;
        }
        let rows: Vec<&Row> = rows.iter().collect();
        report::table(&mut block, &rows)?;
        block.push('\n');
    }
    block += &report::conditions(results);
    fs::write(page, format!("{head}{BEGIN}{block}{END}{tail}"))?;
    Ok(())
}
