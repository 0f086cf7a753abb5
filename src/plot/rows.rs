//! Rows as a plot: metrics over a column, a line for each value of another.
//!
//! Values along stand at equal distances: numbers in their order, words as they come. Where several rows share a place
//! and a line, the mean is drawn, and a bar from the least to the most.

use std::collections::{BTreeMap, BTreeSet};

use csv::StringRecord;

use super::{Kind, Panel, Plot, Series, Spread, style_of};
use crate::run::columns::{IDENTIFYING, STRATEGY, metric};
use crate::run::rows::{Rows, RowsError};
use crate::strategy::pdopmp;
use crate::units::{Bandwidth, Bytes, SimTime};

/// Lines that can still be told apart.
const MOST_LINES: usize = 36;
/// Places along the horizontal axis.
const MOST_PLACES: usize = 2_000;
/// Places that all have their words.
const MOST_WORDS: usize = 12;
/// Letters of a word at a place, and of a name in the legend.
const LETTERS: (usize, usize) = (16, 40);

/// Which columns are drawn.
#[derive(Debug, Clone)]
pub struct Columns {
    /// Along.
    pub x: String,
    /// Upwards, a panel each.
    pub y: Vec<String>,
    /// A line for each of its values.
    pub by: String,
}

/// The rows as a plot.
///
/// # Errors
///
/// [`RowsError`] for a column that is not there or holds no numbers, and for more than can be drawn.
pub fn plot(rows: &Rows, columns: &Columns) -> Result<Plot, RowsError> {
    let (x, by) = (rows.column(&columns.x)?, rows.column(&columns.by)?);
    let places = places(rows, x);
    let names = distinct(rows, by);
    for (column, found, most) in [
        (&columns.x, &places, MOST_PLACES),
        (&columns.by, &names, MOST_LINES),
    ] {
        if found.is_empty() || found.len() > most {
            let problem = format!(
                "`{column}` has {} values, expected 1 to {most}",
                found.len()
            );
            return Err(rows.wrong(problem));
        }
    }
    let mut panels = Vec::with_capacity(columns.y.len());
    let mut most_rows = 0;
    for y in &columns.y {
        let spreads = spreads(rows, (x, by), y)?;
        most_rows = spreads
            .values()
            .map(Vec::len)
            .max()
            .unwrap_or(0)
            .max(most_rows);
        let series = names.iter().enumerate().map(|(line, name)| Series {
            style: style(&columns.by, name, line),
            points: (0..)
                .zip(&places)
                .filter_map(|(place, x)| {
                    Some((f64::from(place), spread(spreads.get(&(*x, *name))?)))
                })
                .collect(),
        });
        panels.push(Panel {
            label: y.clone(),
            series: series.collect(),
        });
    }
    let step = places.len().div_ceil(MOST_WORDS);
    let legend = names.iter().enumerate();
    Ok(Plot {
        title: format!("{} against {}", columns.y.join(", "), columns.x),
        caption: caption(rows, columns, most_rows),
        x_label: columns.x.clone(),
        ticks: (0..)
            .zip(&places)
            .filter(|(place, _)| {
                (*place as usize).is_multiple_of(step) || *place as usize + 1 == places.len()
            })
            .map(|(place, cell)| {
                // Long words stand below each other.
                let above = if places.len() > 6 && place as usize / step % 2 == 1 {
                    "\n"
                } else {
                    ""
                };
                (
                    f64::from(place),
                    format!("{above}{}", in_words(&columns.x, cell)),
                )
            })
            .collect(),
        legend: legend
            .map(|(line, name)| {
                (
                    style(&columns.by, name, line),
                    shortened(&in_units(&columns.by, name), LETTERS.1),
                )
            })
            .collect(),
        kind: Kind::Lines,
        panels,
    })
}

/// The rows that have nothing in a column upwards, in words for each such column: a mean without them may be of the
/// better runs only.
///
/// # Errors
///
/// [`RowsError`] for a column that is not there.
pub fn empty(rows: &Rows, columns: &Columns) -> Result<Vec<String>, RowsError> {
    let by = rows.column(&columns.by)?;
    let mut words = Vec::new();
    for y in &columns.y {
        let column = rows.column(y)?;
        let empty = rows.records().iter().filter(|row| row[column].is_empty());
        let (count, lines) = by_line(empty, by);
        if count > 0 {
            let all = rows.records().len();
            words.push(format!(
                "{count} of {all} rows have no {y} and are left out: {lines}"
            ));
        }
    }
    Ok(words)
}

/// The rows of runs that failed, in words; nothing without any.
///
/// # Errors
///
/// [`RowsError`] for a column that is not there.
pub fn failed(rows: &Rows, columns: &Columns) -> Result<Option<String>, RowsError> {
    let (count, lines) = by_line(rows.records().iter(), rows.column(&columns.by)?);
    Ok((count > 0).then(|| format!("{count} rows are of failed runs and are left out: {lines}")))
}

/// How many there are, and how many of each line.
fn by_line<'r>(rows: impl Iterator<Item = &'r StringRecord>, by: usize) -> (usize, String) {
    let mut lines: BTreeMap<&str, usize> = BTreeMap::new();
    rows.for_each(|row| *lines.entry(&row[by]).or_default() += 1);
    let words = lines.iter().take(MOST_LINES);
    let words: Vec<_> = words
        .map(|(line, count)| format!("{line} {count}"))
        .collect();
    (lines.values().sum(), words.join(", "))
}

/// The different cells of a column, as they come.
fn distinct(rows: &Rows, column: usize) -> Vec<&str> {
    let mut seen = BTreeSet::new();
    let cells = rows.records().iter().map(|row| &row[column]);
    cells.filter(|cell| seen.insert(*cell)).collect()
}

/// The same in their order, if they are numbers.
fn places(rows: &Rows, column: usize) -> Vec<&str> {
    let mut cells = distinct(rows, column);
    let number = |cell: &str| cell.parse::<f64>().ok().filter(|number| number.is_finite());
    if cells.iter().all(|cell| number(cell).is_some()) {
        cells.sort_by(|one, other| {
            number(one)
                .unwrap_or(0.0)
                .total_cmp(&number(other).unwrap_or(0.0))
        });
    }
    cells
}

/// A column's numbers by their place and line. Empty cells are left out.
fn spreads<'r>(
    rows: &'r Rows,
    (x, by): (usize, usize),
    y: &str,
) -> Result<BTreeMap<(&'r str, &'r str), Vec<f64>>, RowsError> {
    let column = rows.column(y)?;
    let mut values: BTreeMap<_, Vec<f64>> = BTreeMap::new();
    for (row, line) in rows.records().iter().zip(1_usize..) {
        let cell = &row[column];
        if cell.is_empty() {
            continue;
        }
        let number = cell.parse::<f64>().ok().filter(|number| number.is_finite());
        let number = number
            .ok_or_else(|| rows.wrong(format!("row {line}: {y}: `{cell}` is not a number")))?;
        values.entry((&row[x], &row[by])).or_default().push(number);
    }
    if values.is_empty() {
        return Err(rows.wrong(format!("`{y}` has no numbers")));
    }
    Ok(values)
}

fn spread(values: &[f64]) -> Spread {
    Spread {
        mean: values.iter().sum::<f64>() / values.len() as f64,
        low: values.iter().copied().fold(f64::INFINITY, f64::min),
        high: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
    }
}

/// A strategy looks as in the figures; what has no look of its own there comes behind those that have.
fn style(by: &str, name: &str, line: usize) -> usize {
    match style_of(name) {
        Some(style) if by == STRATEGY => style,
        _ if by == STRATEGY => 6 + line,
        _ => line,
    }
}

/// What error bars are over, and what PDoPMP is.
fn caption(rows: &Rows, columns: &Columns, most_rows: usize) -> Vec<String> {
    let mut lines = Vec::new();
    if most_rows > 1 {
        let drawn = [&columns.x, &columns.by];
        let says_all = ["scenario_hash", "settings", "trace_hash"];
        let varies = |(column, name): &(usize, &str)| {
            let identifies =
                IDENTIFYING.iter().any(|(known, _)| known == name) || metric(name).is_none();
            identifies
                && *name != "error"
                && !says_all.contains(name)
                && !drawn.iter().any(|other| other == name)
                && differs(rows.records(), *column)
        };
        let over: Vec<&str> = rows
            .columns()
            .enumerate()
            .filter(varies)
            .map(|(_, name)| name)
            .collect();
        lines.push(format!(
            "Means of up to {most_rows} rows; bars from the least to the most, over {}.",
            if over.is_empty() {
                "equal rows".to_owned()
            } else {
                over.join(", ")
            }
        ));
    }
    let is_pdopmp =
        |row: &StringRecord| row.iter().any(|cell| cell.starts_with(pdopmp::ENTRY.name));
    if rows.records().iter().any(is_pdopmp) {
        lines.push(
            "PDoPMP is a reconstruction from the abstract of Shan, Qiao and Lin (PDCAT 2017)."
                .to_owned(),
        );
    }
    lines
}

fn differs(rows: &[StringRecord], column: usize) -> bool {
    rows.windows(2)
        .any(|pair| pair[0][column] != pair[1][column])
}

/// A cell at its place on the axis.
fn in_words(column: &str, cell: &str) -> String {
    shortened(&in_units(column, cell), LETTERS.0)
}

/// A cell for people, by the unit that its column's name ends with.
fn in_units(column: &str, cell: &str) -> String {
    let found = if column.ends_with("_bits_per_s") {
        let bits = cell.parse().ok().and_then(Bandwidth::from_bits_per_second);
        bits.map(|bandwidth| bandwidth.to_string())
    } else if column.ends_with("_bytes") {
        cell.parse().ok().map(|bytes| Bytes(bytes).to_string())
    } else if column.ends_with("_s") {
        let time = format!("{cell} s").parse::<SimTime>();
        time.ok().map(|time| time.to_string())
    } else {
        None
    };
    found.unwrap_or_else(|| cell.to_owned())
}

fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}
