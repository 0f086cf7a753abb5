//! Runs side by side, for people.

use std::fmt::Write;

use comfy_table::presets::NOTHING;
use comfy_table::{Attribute, Cell, CellAlignment, LineStyle, Table};

use crate::guest::replay::Replay;
use crate::measure::Metrics;
use crate::run::compare::Run;
use crate::scenario::Scenario;
use crate::strategy::post_copy;
use crate::trace::Trace;
use crate::units::Bytes;
use crate::units::SimTime;

/// What is migrated over what, in a line or two.
pub fn header(scenario: &Scenario, trace: &Trace, replay: &Replay<'_>) -> String {
    let (link, memory) = (&scenario.link, replay.memory());
    let vcpus = replay.vcpus();
    format!(
        "{} ({}): {} in {} pages, {vcpus} vCPU{}, migrated at {} of {}\nlink {}, latency {}; record window {}\n",
        trace.name(),
        trace.content_hash(),
        Bytes(memory.trace_pages * trace.header().page_size),
        grouped(memory.pages.into()),
        if vcpus == 1 { "" } else { "s" },
        replay.start(),
        SimTime::from_ns(trace.duration_ns()),
        link.bandwidth,
        link.latency,
        scenario.migration.record_window,
    )
}

/// The strategies side by side in a table, then what the later ones gain over post-copy in per cent.
pub fn comparison(runs: &[Run], styled: bool) -> String {
    let mut table = new_table(
        &[
            "strategy",
            "page faults",
            "stall",
            "all blocked",
            "fault p50",
            "fault p99",
            "downtime",
            "total time",
            "90 % speed after",
            "gap closed",
        ],
        styled,
    );
    for run in runs {
        let metrics = &run.metrics;
        table.add_row(right_aligned([
            run.strategy.to_owned(),
            grouped(metrics.page_faults),
            metrics.stall.to_string(),
            metrics.all_vcpus_blocked.to_string(),
            metrics.fault_latency_p50.to_string(),
            metrics.fault_latency_p99.to_string(),
            metrics.downtime.to_string(),
            never(metrics.total_migration_time),
            metrics.time_to_90pct_speed.to_string(),
            run.gap_closed
                .map_or("—".to_owned(), |gap| format!("{:.0} %", gap * 100.0)),
        ]));
    }
    let mut text = format!("{}\n", table.trim_fmt());
    text.push_str(&gains(runs, styled));
    text
}

/// Everything about one run, a line a metric.
pub fn details(run: &Run) -> String {
    let metrics = &run.metrics;
    let share = |share: crate::measure::Share| {
        share.fraction().map_or("—".to_owned(), |fraction| {
            format!("{:.1} %", fraction * 100.0)
        })
    };
    let mut lines = vec![
        ("total migration time", never(metrics.total_migration_time)),
        ("downtime", metrics.downtime.to_string()),
        (
            "page faults",
            format!(
                "{} ({} network, {} in flight)",
                grouped(metrics.page_faults),
                grouped(metrics.network_faults),
                grouped(metrics.in_flight_faults)
            ),
        ),
        ("requests", grouped(metrics.requests)),
        ("stall, all vCPUs", metrics.stall.to_string()),
        ("all vCPUs blocked", metrics.all_vcpus_blocked.to_string()),
        (
            "fault latency",
            format!(
                "mean {}, median {}, 99 % {}, longest {}",
                metrics.fault_latency_mean,
                metrics.fault_latency_p50,
                metrics.fault_latency_p99,
                metrics.fault_latency_max
            ),
        ),
        (
            "back at 90 % speed",
            format!("{} after the resume", metrics.time_to_90pct_speed),
        ),
        ("bytes sent", grouped(metrics.bytes_sent)),
        (
            "pages sent",
            format!(
                "{} and {} zero pages",
                grouped(metrics.pages_sent),
                grouped(metrics.zero_pages_sent)
            ),
        ),
    ];
    if metrics.pps_pages > 0 {
        lines.push((
            "pre-recorded page set",
            format!(
                "{} pages, and {} predicted",
                grouped(metrics.pps_pages),
                grouped(metrics.predicted_pages)
            ),
        ));
        lines.push((
            "prediction",
            format!(
                "precision {}, coverage {}",
                share(metrics.prediction_precision),
                share(metrics.prediction_coverage)
            ),
        ));
    }
    let mut text = format!("{}\n", run.strategy);
    for (name, value) in lines {
        let _ = writeln!(text, "  {name:<22} {value}");
    }
    text
}

/// A table of the project's looks, its first line in bold where `styled`.
pub fn new_table(header: &[&str], styled: bool) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING.header_separator(LineStyle::none().fill('─').junction('─')));
    if styled {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    table.set_header(header.iter().enumerate().map(|(index, name)| {
        let cell = Cell::new(name).add_attribute(Attribute::Bold);
        if index == 0 {
            cell
        } else {
            cell.set_alignment(CellAlignment::Right)
        }
    }));
    table
}

/// Cells of which all but the first are aligned to the right.
pub fn right_aligned<const N: usize>(texts: [String; N]) -> Vec<Cell> {
    texts
        .into_iter()
        .enumerate()
        .map(|(index, text)| match index {
            0 => Cell::new(text),
            _ => Cell::new(text).set_alignment(CellAlignment::Right),
        })
        .collect()
}

fn gains(runs: &[Run], styled: bool) -> String {
    let Some(base) = runs
        .iter()
        .find(|run| run.strategy == post_copy::ENTRY.name)
    else {
        return String::new();
    };
    let others: Vec<&Run> = runs
        .iter()
        .filter(|run| run.strategy != post_copy::ENTRY.name)
        .collect();
    if others.is_empty() {
        return String::new();
    }
    let mut table = new_table(
        &[
            "against post-copy",
            "page faults",
            "stall",
            "downtime",
            "total time",
        ],
        styled,
    );
    for run in others {
        let change = |of: fn(&Metrics) -> Option<f64>| change(of(&base.metrics), of(&run.metrics));
        table.add_row(right_aligned([
            run.strategy.to_owned(),
            change(|metrics| Some(metrics.page_faults as f64)),
            change(|metrics| Some(metrics.stall.as_secs_f64())),
            change(|metrics| Some(metrics.downtime.as_secs_f64())),
            change(|metrics| metrics.total_migration_time.map(SimTime::as_secs_f64)),
        ]));
    }
    format!("\n{}\n", table.trim_fmt())
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

fn never(time: Option<SimTime>) -> String {
    time.map_or("never".to_owned(), |time| time.to_string())
}

/// A number with its thousands apart.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(change(Some(200.0), Some(50.0)), "-75.0 %");
        assert_eq!(change(Some(200.0), Some(200.01)), "0.0 %");
        assert_eq!(change(Some(0.0), Some(1.0)), "—");
    }
}
