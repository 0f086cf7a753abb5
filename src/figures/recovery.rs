//! What happens after the resume, over time.

use super::catalogue::Figure;
use super::words::{RECONSTRUCTION, guest};
use super::{FigureError, Rendered, data, draw};
use crate::plot::{self, Kind, Panel, Plot, Series, Spread};
use crate::report::csv;
use crate::report::table::wrapped;
use crate::run::compare::{Observed, observe};
use crate::run::row::{Row, Value};
use crate::strategy::Registry;
use crate::units::SimTime;

const WINDOW: SimTime = SimTime::from_ms(50);

/// A moment after the resume.
struct Moment {
    /// End of the window.
    at: SimTime,
    /// Faults so far.
    faults: u64,
    /// Share of the window in which vCPUs ran.
    speed: f64,
}

/// Watches every strategy on every guest of the scenario.
pub(super) fn render(figure: &'static Figure) -> Result<Rendered, FigureError> {
    let sweep = data::sweep(figure.name, figure.scenario)?;
    let mut rows: Vec<Row> = Vec::new();
    let mut panels = Vec::new();
    let mut table = vec![
        [
            "Guest",
            "Strategy",
            "Page faults",
            "90 % of its speed after, in s",
        ]
        .map(str::to_owned)
        .to_vec(),
    ];
    let mut last = WINDOW;
    for point in 0..sweep.points() {
        let scenario = sweep.scenario(point)?;
        let trace = scenario.open_trace()?;
        let name = guest(trace.name());
        let (mut faults, mut speed) = (Vec::new(), Vec::new());
        for (place, strategy) in sweep.strategies().iter().enumerate() {
            let observed = observe(&scenario, &trace, &Registry::standard(), strategy, &mut ())?;
            let metrics = &observed.run.metrics;
            table.push(vec![
                name.clone(),
                strategy.clone(),
                metrics.page_faults.to_string(),
                format!("{:.3}", metrics.time_to_90pct_speed.as_secs_f64()),
            ]);
            let moments = moments(&observed);
            last = moments.last().map_or(last, |moment| moment.at.max(last));
            rows.extend(
                moments
                    .iter()
                    .map(|moment| row(trace.name(), strategy, moment)),
            );
            let series = |value: fn(&Moment) -> f64| Series {
                style: draw::style(sweep.strategies(), place),
                points: moments
                    .iter()
                    .map(|moment| (moment.at.as_secs_f64(), exactly(value(moment))))
                    .collect(),
            };
            faults.push(series(|moment| moment.faults as f64));
            speed.push(series(|moment| moment.speed * 100.0));
        }
        panels.push(Panel {
            label: format!("{name}: page faults so far"),
            series: faults,
        });
        panels.push(Panel {
            label: format!("{name}: speed of the guest in %"),
            series: speed,
        });
    }
    let text = format!("{} {RECONSTRUCTION}", figure.note);
    let plot = Plot {
        title: figure.title.to_owned(),
        caption: wrapped(&text, draw::CAPTION),
        x_label: figure.x_label.to_owned(),
        ticks: ticks(last.as_secs_f64()),
        legend: draw::legend(sweep.strategies()),
        kind: Kind::Curves,
        panels,
    };
    let mut bytes = Vec::new();
    csv::write(&rows, &mut bytes)?;
    Ok(Rendered {
        figure,
        csv: bytes,
        svg: plot::svg(&plot)?,
        table,
    })
}

/// Every half second, from zero to the end.
fn ticks(last: f64) -> Vec<(f64, String)> {
    let halves = (last * 2.0).ceil() as u32;
    (0..=halves)
        .map(|half| f64::from(half) / 2.0)
        .map(|second| (second, format!("{second:.1}")))
        .collect()
}

fn exactly(value: f64) -> Spread {
    Spread {
        mean: value,
        low: value,
        high: value,
    }
}

fn row(trace: &str, strategy: &str, moment: &Moment) -> Row {
    vec![
        ("trace".into(), Value::Text(trace.to_owned())),
        ("strategy".into(), Value::Text(strategy.to_owned())),
        ("time_after_resume_s".into(), Value::Time(moment.at)),
        ("page_faults_so_far".into(), Value::Count(moment.faults)),
        ("guest_speed".into(), Value::Fraction(moment.speed)),
    ]
}

/// Window after window, until the migration has ended.
fn moments(observed: &Observed) -> Vec<Moment> {
    let outcome = &observed.outcome;
    let resumed = outcome.resumed_at;
    let end = outcome.completed_at.unwrap_or(resumed);
    let mut moments = Vec::new();
    let mut from = resumed;
    while from < end {
        let until = from + WINDOW;
        let blocked: SimTime = outcome
            .stalls
            .iter()
            .map(|stall| (stall.from.max(from), stall.until.min(until)))
            .filter(|(from, until)| from < until)
            .map(|(from, until)| until - from)
            .sum();
        let whole = WINDOW.as_secs_f64() * f64::from(observed.vcpus);
        moments.push(Moment {
            at: until - resumed,
            faults: outcome
                .stalls
                .iter()
                .filter(|stall| stall.from < until)
                .count() as u64,
            speed: 1.0 - blocked.as_secs_f64() / whole,
        });
        from = until;
    }
    moments
}
