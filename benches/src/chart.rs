//! The results as charts.

mod scale;
mod svg;

use std::fs;
use std::path::Path;

use crate::Outcome;
use crate::measure::{Entry, Kind, Row};
use crate::report::number;
use crate::results::Results;
use scale::{Scale, label};
use svg::{Anchor, MARKS, Svg, WIDTH};

/// The room at the left and at the right.
const MARGIN: f64 = 14.0;
const RIGHT: f64 = WIDTH - MARGIN;
/// Where the room below the heading begins.
const TOP: f64 = 82.0;
/// From one line of text to the next.
const LINE: f64 = 22.0;
/// Enough for most letters.
const LETTER: f64 = 8.8;

const TREES: &[&str] = &[
    "remove-tiny",
    "remove-flat",
    "remove-wide",
    "remove-nested",
    "remove-deep",
    "remove-sources",
];
const COPIES: &[&str] = &[
    "copy-tiny",
    "copy-flat",
    "copy-wide",
    "copy-nested",
    "copy-sources",
    "copy-large",
];
const USAGES: &[&str] = &[
    "usage-tiny",
    "usage-flat",
    "usage-wide",
    "usage-nested",
    "usage-sources",
];
const LIVES: &[&str] = &[
    "close-1-multi",
    "close-64-multi",
    "close-1-current",
    "close-64-current",
    "drop-1-multi",
    "drop-64-multi",
];

type NewScale = fn(&[f64], [f64; 2]) -> Scale;

pub(crate) fn write(results: &Results, folder: &Path) -> Outcome<()> {
    for (place, filesystem) in ["memory", "disk"].into_iter().zip(&results.places) {
        for (name, title, ids) in [
            ("removal", "Removing a tree", TREES),
            ("copy", "Copying a tree", COPIES),
            ("usage", "Counting what is in a tree", USAGES),
            ("life", "A directory is made, and ends", LIVES),
        ] {
            let of = |id| {
                let mut rows = results.rows();
                rows.find(|row| row.id == id && row.place == place)
            };
            let rows: Vec<&Row> = ids.iter().filter_map(|id| of(*id)).collect();
            if !rows.is_empty() {
                let chart = bars(&format!("{title} ({filesystem})"), &rows);
                fs::write(folder.join(format!("{name}-{place}.svg")), chart)?;
            }
        }
    }
    // Measured in memory alone.
    let filesystem = &results.places[0];
    for (name, prefix, title, about, scale) in [
        (
            "drop",
            "drop-files-",
            "What a drop costs the thread that drops",
            "µs, logarithmic; less is better",
            Scale::logarithmic as NewScale,
        ),
        (
            "scaling",
            "scale-files-",
            "Removing files from one directory",
            "µs for each file; less is better",
            Scale::from_zero,
        ),
    ] {
        let count = |row: &Row| row.id.strip_prefix(prefix)?.parse().ok();
        let rows: Vec<(f64, &Row)> = results
            .rows()
            .filter_map(|row| Some((count(row)?, row)))
            .collect();
        if rows.len() > 1 {
            let title = format!("{title} ({filesystem})");
            let chart = lines([&title, about, "files in the directory"], &rows, scale);
            fs::write(folder.join(format!("{name}.svg")), chart)?;
        }
    }
    Ok(())
}

/// Ours, and those to be ahead of.
fn shown(row: &Row) -> impl Iterator<Item = &Entry> {
    let is_shown = |entry: &&Entry| matches!(entry.kind, Kind::Ours | Kind::Peer);
    row.entries.iter().filter(is_shown)
}

/// Who takes part, ours first.
fn names<'a>(rows: impl Iterator<Item = &'a Row>) -> Vec<&'a str> {
    let mut names = Vec::new();
    for entry in rows.flat_map(shown) {
        if !names.contains(&&*entry.name) {
            names.push(&*entry.name);
        }
    }
    names
}

fn ratio(row: &Row, entry: &Entry) -> Option<f64> {
    row.ratio(entry).filter(|_| entry.error.is_none())
}

/// For each row a group of bars, from where ours ends to where another does.
fn bars(title: &str, rows: &[&Row]) -> String {
    let ratios: Vec<f64> = rows
        .iter()
        .flat_map(|row| shown(row).filter_map(|entry| ratio(row, entry)))
        .chain([1.0])
        .collect();
    let letters = names(rows.iter().copied()).into_iter().map(str::len);
    let left = 2.0 * MARGIN + 10.0 + LETTER * letters.max().unwrap_or(0) as f64;
    let scale = Scale::logarithmic(&ratios, [left, RIGHT - 10.0 * LETTER]);
    let mut svg = Svg::default();
    let ticks = |svg: &mut Svg, y: f64| {
        for tick in &scale.ticks {
            let at = (scale.at(*tick), y);
            svg.text("quiet", Anchor::Middle, at, &label(*tick));
        }
    };
    let ours = scale.at(1.0);
    svg.text("quiet", Anchor::End, (ours - 6.0, TOP), "← faster");
    svg.text("quiet", Anchor::Start, (ours + 6.0, TOP), "slower →");
    ticks(&mut svg, TOP + LINE);
    let mut y = TOP + 2.0 * LINE + 6.0;
    for row in rows {
        svg.text("text", Anchor::Start, (MARGIN, y), &row.title);
        let begin = y + 7.0;
        let end = begin + LINE * shown(row).count() as f64;
        for tick in &scale.ticks {
            let x = scale.at(*tick);
            svg.line("grid", 1.0, &[(x, begin), (x, end)]);
        }
        svg.line("series-0", 2.0, &[(ours, begin), (ours, end)]);
        for entry in shown(row) {
            y += LINE;
            bar(&mut svg, &scale, row, entry, y);
        }
        y += LINE + 14.0;
    }
    ticks(&mut svg, y);
    let about = "Times as long as async-tempdir, logarithmic; less is better";
    svg.finish(y + 16.0, title, about)
}

/// A name, its bar, and its number.
fn bar(svg: &mut Svg, scale: &Scale, row: &Row, entry: &Entry, y: f64) {
    let is_ours = entry.kind == Kind::Ours;
    let ours = scale.at(1.0);
    let words = match (ratio(row, entry), entry.median()) {
        (Some(_), Some(median)) if is_ours => {
            svg.mark("series-0", MARKS[0], (ours, y - 5.0));
            format!("{} {}", number(median), row.unit)
        }
        (Some(ratio), _) => {
            let end = scale.at(ratio);
            svg.rectangle("series-1", (ours, y - 12.0), (end, y + 2.0));
            format!("{ratio:.2} ×")
        }
        _ => "fails".to_owned(),
    };
    let class = if is_ours { "series-0" } else { "quiet" };
    svg.text(class, Anchor::Start, (MARGIN + 10.0, y), &entry.name);
    svg.text("text", Anchor::End, (RIGHT, y), &words);
}

/// A line for each candidate. At each count they stand side by side: none hides another.
fn lines([title, about, counted]: [&str; 3], rows: &[(f64, &Row)], scale: NewScale) -> String {
    const LEFT: f64 = 100.0;
    const HEIGHT: f64 = 280.0;
    /// From one candidate to the next.
    const ASIDE: f64 = 11.0;
    let names = names(rows.iter().map(|(_, row)| *row));
    let values: Vec<f64> = rows
        .iter()
        .flat_map(|(_, row)| shown(row).filter_map(Entry::median))
        .collect();
    let mut svg = Svg::default();
    let top = legend(&mut svg, &names);
    let bottom = top + HEIGHT;
    let scale = scale(&values, [bottom, top]);
    for tick in &scale.ticks {
        let y = scale.at(*tick);
        svg.line("grid", 1.0, &[(LEFT, y), (RIGHT, y)]);
        svg.text("quiet", Anchor::End, (LEFT - 8.0, y + 5.0), &label(*tick));
    }
    let width = (RIGHT - LEFT) / rows.len() as f64;
    let middle = |row: usize| LEFT + (row as f64 + 0.5) * width;
    for (row, (count, _)) in rows.iter().enumerate() {
        let x = middle(row);
        svg.text("quiet", Anchor::Middle, (x, bottom + LINE), &label(*count));
        let between = x + width / 2.0;
        svg.line("grid", 1.0, &[(between, top), (between, bottom)]);
    }
    let below = ((LEFT + RIGHT) / 2.0, bottom + 2.0 * LINE);
    svg.text("quiet", Anchor::Middle, below, counted);
    for (which, name) in names.iter().enumerate() {
        let aside = (which as f64 - (names.len() - 1) as f64 / 2.0) * ASIDE;
        let point = |(at, (_, row)): (usize, &(f64, &Row))| {
            let entry = shown(row).find(|entry| entry.name == *name)?;
            Some((middle(at) + aside, scale.at(entry.median()?)))
        };
        let points: Vec<(f64, f64)> = rows.iter().enumerate().filter_map(point).collect();
        let (class, mark) = series(which);
        svg.line(&class, 1.5, &points);
        for point in points {
            svg.mark(&class, mark, point);
        }
    }
    svg.finish(below.1 + 16.0, title, about)
}

/// The names, two in a line. Says where they end.
fn legend(svg: &mut Svg, names: &[&str]) -> f64 {
    for (which, name) in names.iter().enumerate() {
        let x = MARGIN + 6.0 + (which % 2) as f64 * (WIDTH / 2.0);
        let y = TOP + (which / 2) as f64 * LINE;
        let (class, mark) = series(which);
        svg.mark(&class, mark, (x, y - 5.0));
        svg.text("text", Anchor::Start, (x + 14.0, y), name);
    }
    TOP + names.len().div_ceil(2) as f64 * LINE
}

/// A candidate's class and mark.
fn series(which: usize) -> (String, &'static str) {
    let which = which % MARKS.len();
    (format!("series-{which}"), MARKS[which])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(entries: &[(&str, Kind, f64)]) -> Row {
        let entry = |&(name, kind, median): &(&str, Kind, f64)| Entry {
            name: name.to_owned(),
            kind,
            samples: vec![median],
            error: None,
        };
        Row {
            id: String::new(),
            title: "a thing".to_owned(),
            unit: "ms".to_owned(),
            place: String::new(),
            entries: entries.iter().map(entry).collect(),
        }
    }

    /// The elements that begin so.
    fn elements<'a>(svg: &'a str, begin: &str) -> Vec<&'a str> {
        svg.lines().filter(|line| line.starts_with(begin)).collect()
    }

    #[test]
    fn no_bar_is_cut_off() {
        let row = row(&[
            ("ours", Kind::Ours, 1.0),
            ("slow", Kind::Peer, 8.44),
            ("slower", Kind::Peer, 10.2),
        ]);
        let svg = bars("", &[&row]);
        let bars = elements(&svg, r#"<rect class="series-1""#);
        let width = |bar: &str| -> f64 {
            let (_, rest) = bar.split_once(r#"width=""#).unwrap();
            rest.split('"').next().unwrap().parse().unwrap()
        };
        assert!(width(bars[0]) + 5.0 < width(bars[1]));
    }

    #[test]
    fn who_fails_has_no_bar() {
        let mut row = row(&[("ours", Kind::Ours, 1.0), ("other", Kind::Peer, 2.0)]);
        row.entries[1].error = Some("no such file".to_owned());
        let svg = bars("", &[&row]);
        assert!(svg.contains(">fails<"));
        assert!(elements(&svg, r#"<rect class="series-1""#).is_empty());
    }

    #[test]
    fn floors_are_not_shown() {
        let row = row(&[("ours", Kind::Ours, 2.0), ("least", Kind::Floor, 1.0)]);
        assert!(!bars("", &[&row]).contains("least"));
        let rows = [(0.0, &row), (10.0, &row)];
        assert!(!lines([""; 3], &rows, Scale::logarithmic).contains("least"));
    }

    #[test]
    fn equals_do_not_hide_each_other() {
        let row = row(&[("ours", Kind::Ours, 1.0), ("other", Kind::Peer, 1.0)]);
        let rows = [(0.0, &row), (1000.0, &row)];
        let svg = lines([""; 3], &rows, Scale::from_zero);
        let at = |class: &str| -> Vec<&str> {
            let marks = elements(&svg, &format!(r#"<path class="{class}""#));
            let at = marks
                .iter()
                .filter_map(|mark| mark.split("translate").nth(1));
            at.collect()
        };
        // The first is the legend's.
        let (ours, other) = (at("series-0"), at("series-1"));
        assert_eq!([ours.len(), other.len()], [3, 3]);
        assert!(ours.iter().all(|point| !other.contains(point)));
        assert!(svg.contains(">1,000<"));
    }
}
