//! The results as charts: SVG, in colours that go with light and dark pages.

use std::path::Path;

use plotters::prelude::*;

use crate::Outcome;
use crate::measure::{Kind, Row};
use crate::report::number;
use crate::results::Results;

const WIDTH: u32 = 900;
const OURS: RGBColor = RGBColor(0, 137, 123);
const OTHERS: [RGBColor; 6] = [
    RGBColor(92, 107, 192),
    RGBColor(239, 108, 0),
    RGBColor(171, 71, 188),
    RGBColor(141, 110, 99),
    RGBColor(84, 110, 122),
    RGBColor(198, 160, 0),
];
const TEXT: RGBColor = RGBColor(128, 128, 128);

pub(crate) fn write(results: &Results, folder: &Path) -> Outcome<()> {
    let rows = |ids: &[&str], place: &str| -> Vec<&Row> {
        let all: Vec<&Row> = results.rows().filter(|row| row.place == place).collect();
        let of = |id: &&str| all.iter().find(|row| row.id == *id).copied();
        ids.iter().filter_map(of).collect()
    };
    let trees = [
        "remove-tiny",
        "remove-flat",
        "remove-wide",
        "remove-nested",
        "remove-deep",
        "remove-sources",
    ];
    let lives = [
        "close-1-multi",
        "close-64-multi",
        "close-1-current",
        "close-64-current",
        "drop-1-multi",
        "drop-64-multi",
    ];
    for (place, at) in [("memory", 0), ("disk", 1)] {
        let filesystem = &results.places[at];
        for (name, title, ids) in [
            ("removal", "Removing a tree", &trees[..]),
            ("life", "A directory is made, and ends", &lives),
        ] {
            let title = format!("{title}, {filesystem}: times as long as async-tempdir");
            let file = folder.join(format!("{name}-{place}.svg"));
            bars(&file, &title, &rows(ids, place))?;
        }
    }
    let numbered = |prefix: &str| -> Vec<(f64, &Row)> {
        let number = |row: &'_ Row| row.id.strip_prefix(prefix)?.parse().ok();
        results
            .rows()
            .filter_map(|row| Some((number(row)?, row)))
            .collect()
    };
    lines(
        &folder.join("drop.svg"),
        [
            "What a drop costs the thread that drops",
            "files in the directory (none shown as one)",
            "µs",
        ],
        &numbered("drop-files-"),
    )?;
    lines(
        &folder.join("scaling.svg"),
        ["Removing files from one directory", "files", "µs for each"],
        &numbered("scale-files-"),
    )?;
    Ok(())
}

fn colour(names: &[&str], name: &str) -> RGBColor {
    match names.iter().position(|known| *known == name) {
        Some(0) | None => OURS,
        Some(at) => OTHERS[(at - 1) % OTHERS.len()],
    }
}

/// Who takes part, ours first.
fn names<'a>(rows: impl Iterator<Item = &'a Row>) -> Vec<&'a str> {
    let mut names = Vec::new();
    for entry in rows.flat_map(|row| &row.entries) {
        if matches!(entry.kind, Kind::Ours | Kind::Peer) && !names.contains(&&*entry.name) {
            names.push(&*entry.name);
        }
    }
    names
}

/// For each row a group of bars, as long as the ratio to ours.
fn bars(file: &Path, title: &str, rows: &[&Row]) -> Outcome<()> {
    const BAR: i32 = 13;
    const LEFT: i32 = 250;
    /// As long as a ratio is shown.
    const MOST: f64 = 5.0;
    if rows.is_empty() {
        return Ok(());
    }
    let names = names(rows.iter().copied());
    let group = |row: &Row| {
        let shown = row
            .entries
            .iter()
            .filter(|entry| names.contains(&&*entry.name));
        shown.count() as i32 * BAR + 18
    };
    let height = 70 + rows.iter().map(|row| group(row)).sum::<i32>();
    let area = SVGBackend::new(file, (WIDTH, height as u32)).into_drawing_area();
    let text = |size: i32| ("sans-serif", size).into_font().color(&TEXT);
    let draw =
        |words: &str, at: (i32, i32), size| area.draw(&Text::new(words.to_owned(), at, text(size)));
    draw(title, (10, 8), 17)?;
    let mut x = 10;
    for name in &names {
        area.draw(&Rectangle::new(
            [(x, 38), (x + 11, 49)],
            colour(&names, name).filled(),
        ))?;
        draw(name, (x + 16, 37), 13)?;
        x += 34 + name.len() as i32 * 7;
    }
    let length =
        |ratio: f64| (ratio.min(MOST) / MOST * f64::from(WIDTH as i32 - LEFT - 110)) as i32;
    let mut y = 64;
    for row in rows {
        let end = y + group(row) - 18;
        draw(&row.title, (10, (y + end) / 2 - 8), 13)?;
        for entry in &row.entries {
            let Some(name) = names.iter().find(|name| **name == entry.name) else {
                continue;
            };
            let ratio = row.ratio(entry).filter(|_| entry.error.is_none());
            let end = LEFT + length(ratio.unwrap_or(0.0));
            area.draw(&Rectangle::new(
                [(LEFT, y), (end, y + BAR - 2)],
                colour(&names, name).filled(),
            ))?;
            let words = match (ratio, entry.median()) {
                (Some(ratio), Some(median)) if entry.kind == Kind::Peer => {
                    format!("{ratio:.2} × ({} {})", number(median), row.unit)
                }
                (Some(_), Some(median)) => format!("{} {}", number(median), row.unit),
                _ => "fails".to_owned(),
            };
            draw(&words, (end + 5, y + 1), 12)?;
            y += BAR;
        }
        y += 18;
    }
    let one = LEFT + length(1.0);
    area.draw(&PathElement::new(
        vec![(one, 58), (one, height - 14)],
        TEXT.mix(0.6),
    ))?;
    area.present()?;
    Ok(())
}

/// A line for each candidate, both axes logarithmic.
fn lines(file: &Path, [title, x, y]: [&str; 3], rows: &[(f64, &Row)]) -> Outcome<()> {
    if rows.len() < 2 {
        return Ok(());
    }
    let names = names(rows.iter().map(|(_, row)| *row));
    // There is no logarithm of none.
    let at = |count: f64| count.max(1.0);
    let values: Vec<f64> = rows
        .iter()
        .flat_map(|(_, row)| row.entries.iter().filter_map(crate::measure::Entry::median))
        .collect();
    let least = values.iter().copied().fold(f64::MAX, f64::min) / 1.5;
    let most = values.iter().copied().fold(0.0, f64::max) * 1.5;
    let first = at(rows[0].0);
    let last = at(rows[rows.len() - 1].0);

    let area = SVGBackend::new(file, (WIDTH, 420)).into_drawing_area();
    let text = |size: i32| ("sans-serif", size).into_font().color(&TEXT);
    let mut chart = ChartBuilder::on(&area)
        .caption(title, text(17))
        .margin(12)
        .margin_right(40)
        .x_label_area_size(42)
        .y_label_area_size(64)
        .build_cartesian_2d((first..last).log_scale(), (least..most).log_scale())?;
    chart
        .configure_mesh()
        .x_desc(x)
        .y_desc(y)
        .axis_style(TEXT)
        .bold_line_style(TEXT.mix(0.25))
        .light_line_style(TRANSPARENT)
        .label_style(text(13))
        .draw()?;
    for name in &names {
        let points: Vec<(f64, f64)> = rows
            .iter()
            .filter_map(|(count, row)| {
                let entry = row.entries.iter().find(|entry| entry.name == **name)?;
                Some((at(*count), entry.median()?))
            })
            .collect();
        let colour = colour(&names, name);
        chart
            .draw_series(LineSeries::new(points.clone(), colour.stroke_width(2)))?
            .label(*name)
            .legend(move |(x, y)| {
                PathElement::new(vec![(x, y), (x + 16, y)], colour.stroke_width(2))
            });
        chart.draw_series(
            points
                .into_iter()
                .map(|point| Circle::new(point, 3, colour.filled())),
        )?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .label_font(text(13))
        .draw()?;
    area.present()?;
    Ok(())
}
