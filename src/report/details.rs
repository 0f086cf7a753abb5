//! Everything about one run, for people.

use std::fmt::Write;

use super::comparison::never;
use super::table::grouped;
use crate::measure::Share;
use crate::run::compare::Run;
use crate::units::{Bytes, SimTime};

/// A line a metric.
pub fn details(run: &Run) -> String {
    let metrics = &run.metrics;
    let share = |share: Share| {
        share.fraction().map_or("—".to_owned(), |fraction| {
            format!("{:.1} %", fraction * 100.0)
        })
    };
    let mut lines = vec![
        ("total migration time", never(metrics.total_migration_time)),
        ("downtime", metrics.downtime.to_string()),
        ("residual dependency", never(metrics.residual_dependency)),
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
            "interruption",
            format!(
                "{}, the longest {}",
                metrics.interruption, metrics.longest_interruption
            ),
        ),
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
    if let Some(rounds) = metrics.rounds.filter(|own| own.rounds > 0) {
        lines.push((
            "rounds",
            format!(
                "{}{}; {}/s written in the last; what is dirty takes {}",
                rounds.rounds,
                match rounds.converged {
                    Some(true) => ", converged",
                    Some(false) => ", not converged",
                    None => "",
                },
                Bytes(rounds.dirty_rate),
                rounds.expected_downtime
            ),
        ));
    }
    if metrics.record_window > SimTime::ZERO {
        lines.push(("record window", metrics.record_window.to_string()));
    }
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
