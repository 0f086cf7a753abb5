//! What strategies are worth: network faults and stall relative to the first of them, over guests.

use super::catalogue::Figure;
use super::data::{sweep, table_rows};
use super::finding::{Left, least_stall, range};
use super::words::{RECONSTRUCTION, guest};
use super::{FigureError, Rendered, draw};
use crate::plot::{self, Kind, Panel, Plot, Series, Spread, style_of};
use crate::report::csv;
use crate::report::table::wrapped;
use crate::run::compare::Run;
use crate::run::sweep::RunError;

/// What is compared.
struct Measure {
    label: &'static str,
    of: fn(&Run) -> f64,
}

const MEASURES: [Measure; 2] = [
    Measure {
        label: "Network faults",
        of: |run| run.metrics.network_faults as f64,
    },
    Measure {
        label: "Stall",
        of: |run| run.metrics.stall.as_secs_f64(),
    },
];
/// Place of the stall among them.
const STALL: usize = 1;

/// Sums over a guest's positions, by strategy.
struct Guest {
    name: String,
    sums: Vec<[f64; MEASURES.len()]>,
}

pub(super) fn render(figure: &'static Figure, jobs: usize) -> Result<Rendered, FigureError> {
    let sweep = sweep(figure.name, figure.scenario)?;
    let strategies = sweep.strategies();
    let (mut guests, mut rows) = (Vec::<Guest>::new(), Vec::new());
    let delivered = sweep.run(0..sweep.points(), jobs, |batch| {
        for result in batch {
            rows.extend(table_rows(&result, &sweep));
            let name = guest(&result.provenance.trace);
            if guests.last().is_none_or(|last| last.name != name) {
                let sums = vec![[0.0; MEASURES.len()]; strategies.len()];
                guests.push(Guest { name, sums });
            }
            let sums = guests
                .last_mut()
                .into_iter()
                .flat_map(|last| &mut last.sums);
            for (sums, run) in sums.zip(&result.runs) {
                let run = run.as_ref().map_err(|problem| FigureError::Point {
                    point: result.point,
                    problem: problem.clone(),
                })?;
                for (sum, measure) in sums.iter_mut().zip(&MEASURES) {
                    *sum += (measure.of)(run);
                }
            }
        }
        Ok::<(), FigureError>(())
    });
    delivered.map_err(|error| match error {
        RunError::Threads(error) => FigureError::Threads(error.to_string()),
        RunError::Delivery(error) => error,
    })?;
    let mut bytes = Vec::new();
    csv::write(&rows, &mut bytes)?;
    Ok(Rendered {
        figure,
        csv: bytes,
        svg: plot::svg(&draw(figure, strategies, &guests))?,
        table: table(strategies, &guests),
    })
}

/// What a strategy leaves of the first one's measure, for each guest that has any.
fn shares(guests: &[Guest], strategy: usize, measure: usize) -> Vec<f64> {
    let of = |guest: &Guest| {
        let whole = guest.sums[0][measure];
        (whole > 0.0).then(|| guest.sums[strategy][measure] / whole)
    };
    guests.iter().filter_map(of).collect()
}

fn draw(figure: &Figure, strategies: &[String], guests: &[Guest]) -> Plot {
    let reference = strategies.first().map_or("", String::as_str);
    let percent = |spread: Spread| Spread {
        mean: spread.mean * 100.0,
        low: spread.low * 100.0,
        high: spread.high * 100.0,
    };
    let series = |strategy: usize, measure: usize| Series {
        style: style_of(&strategies[strategy], strategy),
        points: range(&shares(guests, strategy, measure))
            .map(|spread| (strategy as f64, percent(spread)))
            .into_iter()
            .collect(),
    };
    let panels = MEASURES.iter().enumerate().map(|(place, measure)| Panel {
        label: format!("{} in % of {reference}'s", measure.label),
        series: (0..strategies.len())
            .map(|strategy| series(strategy, place))
            .collect(),
    });
    let left: Vec<Left<'_>> = (1..strategies.len())
        .map(|strategy| Left {
            strategy: &strategies[strategy],
            shares: shares(guests, strategy, STALL),
        })
        .collect();
    let finding = least_stall(reference, &left).unwrap_or_default();
    let text = format!("{finding} {} {RECONSTRUCTION}", figure.note);
    Plot {
        title: figure.title.to_owned(),
        caption: wrapped(&text, draw::CAPTION),
        x_label: String::new(),
        ticks: strategies
            .iter()
            .enumerate()
            // Names are longer than their places are wide.
            .map(|(place, name)| {
                (
                    place as f64,
                    name.replace('+', "\n+").replace("-online", "\n-online"),
                )
            })
            .collect(),
        legend: Vec::new(),
        kind: Kind::Shares,
        panels: panels.collect(),
    }
}

/// A header, then a row per strategy.
fn table(strategies: &[String], guests: &[Guest]) -> Vec<Vec<String>> {
    let mut table = vec![vec!["Strategy".to_owned()]];
    table[0].extend(
        MEASURES
            .iter()
            .map(|measure| format!("{}, % of the first's: median (range)", measure.label)),
    );
    for (strategy, name) in strategies.iter().enumerate() {
        let mut row = vec![name.clone()];
        row.extend((0..MEASURES.len()).map(|measure| {
            range(&shares(guests, strategy, measure)).map_or("—".to_owned(), |spread| {
                let [median, low, high] =
                    [spread.mean, spread.low, spread.high].map(|share| share * 100.0);
                format!("{median:.0} ({low:.0}–{high:.0})")
            })
        }));
        table.push(row);
    }
    table
}
