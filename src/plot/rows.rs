//! Rows as a plot: metrics over a column, a line for each value of another.
//!
//! Where several rows share a place and a line, the mean is drawn, and a bar from the least to the most.

mod along;

use std::collections::{BTreeMap, BTreeSet};

use csv::StringRecord;

use self::along::{Along, distinct_words, shortened};
use super::{Kind, Panel, Plot, Series, Spread, style_of};
use crate::run::columns::{ERROR, IDENTIFYING, STRATEGY, metric};
use crate::run::rows::{Rows, RowsError};
use crate::strategy::pdopmp;

/// Lines that can still be told apart, with all strategies that look as in the figures.
const MOST_LINES: usize = 32;
/// Places along the horizontal axis.
const MOST_PLACES: usize = 2_000;
/// Letters of a name in the legend, and of the title.
const LETTERS: usize = 40;
const TITLE: usize = 85;

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

/// The place and the line of a row; none without either.
type Spot<'r> = Option<(usize, &'r str)>;

/// The rows as a plot.
///
/// # Errors
///
/// [`RowsError`] for a column that is not there or holds no numbers, and for more than can be drawn.
pub fn plot(rows: &Rows, columns: &Columns) -> Result<Plot, RowsError> {
    let (x, by) = (rows.column(&columns.x)?, rows.column(&columns.by)?);
    let along = Along::of(&columns.x, distinct(rows, x));
    let names = distinct(rows, by);
    for (column, found, most) in [
        (&columns.x, along.places(), MOST_PLACES),
        (&columns.by, names.len(), MOST_LINES),
    ] {
        if found == 0 || found > most {
            let problem = format!("`{column}` has {found} values, expected 1 to {most}");
            return Err(rows.wrong(problem));
        }
    }
    let spots: Vec<Spot<'_>> = (rows.records().iter())
        .map(|row| {
            let line = Some(&row[by]).filter(|line| !line.is_empty());
            along.place_of(&row[x]).zip(line)
        })
        .collect();
    let style = |line: usize| match names[line] {
        name if columns.by == STRATEGY => style_of(name, line),
        _ => line,
    };
    let mut panels = Vec::with_capacity(columns.y.len());
    let mut most_rows = 0;
    for y in &columns.y {
        let spreads = spreads(rows, &spots, y)?;
        let most = spreads.values().map(Vec::len).max();
        most_rows = most_rows.max(most.unwrap_or_default());
        let series = names.iter().enumerate().map(|(line, name)| Series {
            style: style(line),
            points: (0..along.places())
                .filter_map(|place| {
                    Some((along.share(place), spread(spreads.get(&(place, *name))?)))
                })
                .collect(),
        });
        panels.push(Panel {
            label: y.clone(),
            series: series.collect(),
        });
    }
    let words = distinct_words(&columns.by, &names);
    Ok(Plot {
        title: shortened(
            &format!("{} against {}", columns.y.join(", "), columns.x),
            TITLE,
        ),
        caption: caption(rows, columns, &spots, most_rows),
        x_label: along.label(),
        ticks: along.ticks(),
        legend: words
            .iter()
            .enumerate()
            .map(|(line, word)| (style(line), shortened(word, LETTERS)))
            .collect(),
        kind: Kind::Lines,
        panels,
    })
}

/// The rows that have nothing in a column that is drawn, in words for each such column: a mean without them may be of
/// the better runs only.
///
/// # Errors
///
/// [`RowsError`] for a column that is not there.
pub fn empty(rows: &Rows, columns: &Columns) -> Result<Vec<String>, RowsError> {
    let by = rows.column(&columns.by)?;
    let mut words = Vec::new();
    let drawn = [&columns.x, &columns.by].into_iter().chain(&columns.y);
    for name in drawn.collect::<BTreeSet<_>>() {
        let column = rows.column(name)?;
        let empty = rows.records().iter().filter(|row| row[column].is_empty());
        let (count, lines) = by_line(empty, by);
        if count > 0 {
            let all = rows.records().len();
            words.push(format!(
                "{count} of {all} rows have no {name} and are left out: {lines}"
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

/// The different cells of a column that are not empty, as they come.
fn distinct(rows: &Rows, column: usize) -> Vec<&str> {
    let mut seen = BTreeSet::new();
    let cells = rows.records().iter().map(|row| &row[column]);
    cells
        .filter(|cell| !cell.is_empty() && seen.insert(*cell))
        .collect()
}

/// A column's numbers by their place and line. Rows with an empty cell are left out.
fn spreads<'r>(
    rows: &'r Rows,
    spots: &[Spot<'r>],
    y: &str,
) -> Result<BTreeMap<(usize, &'r str), Vec<f64>>, RowsError> {
    let column = rows.column(y)?;
    let mut values: BTreeMap<_, Vec<f64>> = BTreeMap::new();
    let rows_at = rows.records().iter().zip(spots);
    for ((row, spot), line) in rows_at.zip(1_usize..) {
        let cell = &row[column];
        let Some(spot) = spot.filter(|_| !cell.is_empty()) else {
            continue;
        };
        let number = cell.parse::<f64>().ok().filter(|number| number.is_finite());
        let number = number
            .ok_or_else(|| rows.wrong(format!("row {line}: {y}: `{cell}` is not a number")))?;
        values.entry(spot).or_default().push(number);
    }
    if values.is_empty() {
        return Err(rows.wrong(format!("`{y}` has no numbers")));
    }
    Ok(values)
}

fn spread(values: &[f64]) -> Spread {
    Spread {
        // Each divided, as their sum may be too large for a number.
        mean: values.iter().map(|value| value / values.len() as f64).sum(),
        low: values.iter().copied().fold(f64::INFINITY, f64::min),
        high: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
    }
}

/// What error bars are over, and what PDoPMP is.
fn caption(rows: &Rows, columns: &Columns, spots: &[Spot<'_>], most_rows: usize) -> Vec<String> {
    let mut lines = Vec::new();
    if most_rows > 1 {
        let drawn: Vec<&String> = [&columns.x, &columns.by]
            .into_iter()
            .chain(&columns.y)
            .collect();
        let says_all = ["scenario_hash", "settings", "trace_hash"];
        let varies = |(column, name): &(usize, &str)| {
            let identifies =
                IDENTIFYING.iter().any(|(known, _)| known == name) || metric(name).is_none();
            identifies
                && *name != ERROR
                && !says_all.contains(name)
                && !drawn.iter().any(|other| other == name)
                && differs(rows.records(), spots, *column)
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

/// Whether rows at one place of one line have different cells in a column.
fn differs(rows: &[StringRecord], spots: &[Spot<'_>], column: usize) -> bool {
    let mut seen: BTreeMap<(usize, &str), &str> = BTreeMap::new();
    let mut rows = rows.iter().zip(spots);
    rows.any(|(row, spot)| {
        let cell = &row[column];
        spot.is_some_and(|spot| *seen.entry(spot).or_insert(cell) != cell)
    })
}
