//! Runs side by side, for people.

use super::bottleneck::bottleneck;
use super::table::{View, grouped, new_table, right_aligned_row};
use super::verdict::verdict;
use crate::guest::replay::Replay;
use crate::measure::Metrics;
use crate::message::visible;
use crate::run::compare::Run;
use crate::scenario::Scenario;
use crate::strategy::post_copy;
use crate::trace::Trace;
use crate::units::{Bytes, SimTime};

/// What is migrated over what, and what else but the link holds pages up, in three or four lines.
pub fn header(scenario: &Scenario, trace: &Trace, replay: &Replay<'_>) -> String {
    let (link, memory) = (&scenario.link, replay.memory());
    let vcpus = replay.vcpus();
    format!(
        "trace {} (content hash {}) at {} of {}, time scale {}\n\
         VM {} in {} pages, {vcpus} vCPU{}; link {}{}, latency {}\n\
         {}record window W {}\n",
        visible(trace.name()),
        trace.content_hash(),
        replay.start(),
        SimTime::from_ns(trace.duration_ns()),
        scenario.trace.time_scale,
        Bytes(memory.trace_pages * trace.header().page_size),
        grouped(memory.pages.into()),
        if vcpus == 1 { "" } else { "s" },
        link.bandwidth,
        if link.changes() {
            ", which changes"
        } else {
            ""
        },
        link.latency,
        bottleneck(scenario, trace.header().page_size).map_or(String::new(), |(rate, key)| {
            format!("one connection carries pages at up to {rate}: {key}\n")
        }),
        scenario.migration.record_window,
    )
}

/// A column: its title, and a run's cell.
type Column = (&'static str, fn(&Run) -> String);

/// The columns. With one vCPU, that of all vCPUs would repeat the stall and is left out.
const COLUMNS: [Column; 11] = [
    ("strategy", |run| run.strategy.to_owned()),
    ("network\nfaults", |run| grouped(run.metrics.network_faults)),
    ("in-flight\nfaults", |run| {
        grouped(run.metrics.in_flight_faults)
    }),
    ("\nstall", |run| run.metrics.stall.to_string()),
    (ALL_BLOCKED, |run| run.metrics.all_vcpus_blocked.to_string()),
    ("\ndowntime", |run| run.metrics.downtime.to_string()),
    ("\ninterruption", |run| run.metrics.interruption.to_string()),
    ("longest\none", |run| {
        run.metrics.longest_interruption.to_string()
    }),
    ("total\ntime", |run| never(run.metrics.total_migration_time)),
    ("recorded\nof total", recorded_share),
    ("gap\nclosed", |run| {
        run.gap_closed
            .map_or("—".to_owned(), |gap| format!("{:.0} %", gap * 100.0))
    }),
];

const ALL_BLOCKED: &str = "all vCPUs\nblocked";

/// The strategies side by side, what they gain over post-copy in per cent, and a verdict in words.
pub fn comparison(scenario: &Scenario, vcpus: u16, runs: &[Run], view: View) -> String {
    let metrics = || runs.iter().map(|run| &run.metrics);
    let repeats_nothing = metrics().any(|own| own.all_vcpus_blocked != own.stall);
    let columns: Vec<&Column> = COLUMNS
        .iter()
        .filter(|(title, _)| *title != ALL_BLOCKED || repeats_nothing)
        .collect();
    let titles: Vec<&str> = columns.iter().map(|(title, _)| *title).collect();
    let mut table = new_table(&titles, view);
    for run in runs {
        table.add_row(right_aligned_row(columns.iter().map(|(_, cell)| cell(run))));
    }
    let mut text = format!("{}\n", view.show(&table));
    text.push_str(&gains(runs, view));
    text.push_str(&verdict(scenario, vcpus, runs));
    text
}

/// Share of the total migration time in which a strategy recorded.
fn recorded_share(run: &Run) -> String {
    let window = run.metrics.record_window;
    match run.metrics.total_migration_time {
        Some(total) if window > SimTime::ZERO => {
            format!(
                "{:.0} %",
                window.as_secs_f64() / total.as_secs_f64() * 100.0
            )
        }
        _ => "—".to_owned(),
    }
}

fn gains(runs: &[Run], view: View) -> String {
    let is_base = |run: &&Run| run.strategy == post_copy::ENTRY.name;
    let Some(base) = runs.iter().find(is_base) else {
        return String::new();
    };
    let others: Vec<&Run> = runs.iter().filter(|run| !is_base(run)).collect();
    if others.is_empty() {
        return String::new();
    }
    let header = [
        "against post-copy",
        "network faults",
        "stall",
        "interruption",
        "downtime",
        "total time",
    ];
    let mut table = new_table(&header, view);
    for run in others {
        let change = |of: fn(&Metrics) -> Option<f64>| change(of(&base.metrics), of(&run.metrics));
        table.add_row(right_aligned_row([
            run.strategy.to_owned(),
            change(|metrics| Some(metrics.network_faults as f64)),
            change(|metrics| Some(metrics.stall.as_secs_f64())),
            change(|metrics| Some(metrics.interruption.as_secs_f64())),
            change(|metrics| Some(metrics.downtime.as_secs_f64())),
            change(|metrics| metrics.total_migration_time.map(SimTime::as_secs_f64)),
        ]));
    }
    format!("\n{}\n", view.show(&table))
}

fn change(from: Option<f64>, to: Option<f64>) -> String {
    match (from, to) {
        (Some(from), Some(to)) if from > 0.0 => {
            let percent = (to / from - 1.0) * 100.0;
            // No sign on what rounds to nothing.
            if percent.abs() < 0.05 {
                "0.0 %".to_owned()
            } else {
                format!("{percent:+.1} %")
            }
        }
        _ => "—".to_owned(),
    }
}

/// A time that may never come.
pub(super) fn never(time: Option<SimTime>) -> String {
    time.map_or("never".to_owned(), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_for_people() {
        assert_eq!(change(Some(200.0), Some(50.0)), "-75.0 %");
        assert_eq!(change(Some(200.0), Some(200.01)), "0.0 %");
        assert_eq!(change(Some(0.0), Some(1.0)), "—");
    }
}
