//! The columns of the metrics: name, unit, meaning, and how a run's value is found. Rows, sweeps, checks, plots,
//! `migsim metrics` and docs/metrics.md go by this list alone.

use super::compare::Run;
use super::row::Value::{self, Count, Flag, Fraction, Missing, Time};

/// A metric as a column.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its name in CSV and JSON.
    pub name: &'static str,
    /// The unit of its numbers.
    pub unit: Unit,
    /// What it tells, in a sentence.
    pub meaning: &'static str,
    /// How it is found.
    pub value: fn(&Run) -> Value,
}

/// What a column's numbers count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// Bytes in a second.
    BytesPerSecond,
    /// Things.
    Count,
    /// A share of one.
    Fraction,
    /// `true` or `false`.
    Flag,
}

impl Unit {
    /// For people.
    pub const fn name(self) -> &'static str {
        match self {
            Unit::Seconds => "s",
            Unit::Bytes => "bytes",
            Unit::BytesPerSecond => "bytes/s",
            Unit::Count => "count",
            Unit::Fraction => "fraction",
            Unit::Flag => "true, false",
        }
    }
}

const fn column(
    name: &'static str,
    unit: Unit,
    meaning: &'static str,
    value: fn(&Run) -> Value,
) -> Column {
    Column {
        name,
        unit,
        meaning,
        value,
    }
}

/// The metrics, in the order of the file.
#[rustfmt::skip]
pub const METRICS: &[Column] = &[
    column("total_migration_time_s", Unit::Seconds,
        "From the migration command until the last page is installed and the VM runs on the destination; empty \
         if some pages never arrive.",
        |run| run.metrics.total_migration_time.map_or(Missing, Time)),
    column("downtime_s", Unit::Seconds,
        "No vCPU runs on either host at the switch-over. Stalls after it do not count.",
        |run| Time(run.metrics.downtime)),
    column("page_faults", Unit::Count,
        "First touches on the destination that found the page not installed: network faults and in-flight faults.",
        |run| Count(run.metrics.page_faults)),
    column("network_faults", Unit::Count,
        "Faults whose page was not yet sent when the request reached the source.",
        |run| Count(run.metrics.network_faults)),
    column("in_flight_faults", Unit::Count,
        "Faults whose page was already on its way. A good push order delivers just in time and can have many; \
         they are short.",
        |run| Count(run.metrics.in_flight_faults)),
    column("requests", Unit::Count,
        "Requests that reached the source, of vCPUs and of fetching threads: QEMU's `postcopy-requests`.",
        |run| Count(run.metrics.requests)),
    column("stall_s", Unit::Seconds,
        "Time blocked by faults, summed over vCPUs.",
        |run| Time(run.metrics.stall)),
    column("stall_bound_s", Unit::Seconds,
        "No order of pushes has less stall, given the pages that this run misses at its resume.",
        |run| Time(run.metrics.stall_bound)),
    column("all_vcpus_blocked_s", Unit::Seconds,
        "Time in which all vCPUs are blocked by faults at once. With one vCPU the same as `stall_s`.",
        |run| Time(run.metrics.all_vcpus_blocked)),
    column("qemu_vcpu_blocktime_s", Unit::Seconds,
        "`stall_s` as QEMU counts it, without trap and wake-up: its `postcopy-vcpu-blocktime`, summed over vCPUs.",
        |run| Time(run.metrics.qemu_vcpu_blocktime)),
    column("qemu_blocktime_s", Unit::Seconds,
        "`all_vcpus_blocked_s` as QEMU counts it: its `postcopy-blocktime`.",
        |run| Time(run.metrics.qemu_blocktime)),
    column("interruption_s", Unit::Seconds,
        "`downtime_s` plus `all_vcpus_blocked_s`. It compares pre-copy, which has downtime, with post-copy, \
         which has stall.",
        |run| Time(run.metrics.interruption)),
    column("longest_interruption_s", Unit::Seconds,
        "Longest single interruption. A block that begins at the resume's instant counts as one with the downtime.",
        |run| Time(run.metrics.longest_interruption)),
    column("fault_latency_mean_s", Unit::Seconds,
        "Mean time from a faulting touch until the vCPU runs again; 0 without faults, as the next three.",
        |run| Time(run.metrics.fault_latency_mean)),
    column("fault_latency_p50_s", Unit::Seconds,
        "Median of the fault latency (nearest rank).",
        |run| Time(run.metrics.fault_latency_p50)),
    column("fault_latency_p99_s", Unit::Seconds,
        "99th percentile of the fault latency (nearest rank).",
        |run| Time(run.metrics.fault_latency_p99)),
    column("fault_latency_max_s", Unit::Seconds,
        "Longest fault latency.",
        |run| Time(run.metrics.fault_latency_max)),
    column("bytes_sent", Unit::Bytes,
        "Bytes on the wire: pages and core state, headers of messages and packets included, lost packets not.",
        |run| Count(run.metrics.bytes_sent)),
    column("pages_sent", Unit::Count,
        "Pages sent with their content, repetitions included. They are of the trace's size: a larger host page counts \
         as those in it.",
        |run| Count(run.metrics.pages_sent)),
    column("zero_pages_sent", Unit::Count,
        "Zero pages sent, repetitions included, of the trace's size.",
        |run| Count(run.metrics.zero_pages_sent)),
    column("duplicate_pages_sent", Unit::Count,
        "Repetitions of pages that were sent before, of the trace's size.",
        |run| Count(run.metrics.duplicate_pages_sent)),
    column("rounds", Unit::Count,
        "Rounds of pre-copy while the VM ran on; empty where the strategy has none.",
        |run| run.metrics.rounds.map_or(Missing, |own| Count(own.rounds.into()))),
    column("converged", Unit::Flag,
        "Whether what was dirty after the last round fitted the downtime limit; empty where no limit ends the \
         rounds.",
        |run| run.metrics.rounds.and_then(|own| own.converged).map_or(Missing, Flag)),
    column("dirty_rate_bytes_per_s", Unit::BytesPerSecond,
        "Bytes of the pages that the guest wrote in a second of the last round; empty without rounds.",
        |run| run.metrics.rounds.filter(|own| own.rounds > 0).map_or(Missing, |own| Count(own.dirty_rate))),
    column("expected_downtime_s", Unit::Seconds,
        "How long sending what is dirty after the last round would take at the bandwidth of the last 100 ms; empty \
         without rounds. Pre-copy converges where it is no longer than the downtime limit.",
        |run| run.metrics.rounds.filter(|own| own.rounds > 0).map_or(Missing, |own| Time(own.expected_downtime))),
    column("record_window_s", Unit::Seconds,
        "How long the VM ran on at the source to be recorded; part of the total migration time.",
        |run| Time(run.metrics.record_window)),
    column("pps_pages", Unit::Count,
        "Different pages accessed in the record window: the pre-recorded page set.",
        |run| Count(run.metrics.pps_pages)),
    column("predicted_pages", Unit::Count,
        "Pages that the strategy predicted beyond the recorded ones.",
        |run| Count(run.metrics.predicted_pages)),
    column("prediction_precision", Unit::Fraction,
        "Share of the predicted pages that were touched before the plain scan of memory would have brought them.",
        |run| Value::share(run.metrics.prediction_precision)),
    column("prediction_coverage", Unit::Fraction,
        "Share of the pages touched while a plain scan would have lasted that the PPS or the prediction had named.",
        |run| Value::share(run.metrics.prediction_coverage)),
    column("gap_closed", Unit::Fraction,
        "Share of the stall between post-copy's and the run's own bound that the strategy saves; empty unless \
         post-copy ran beside it, and where less than 1 ms or 1 % of post-copy's stall is between them.",
        |run| run.gap_closed.map_or(Missing, Fraction)),
    column("time_to_90pct_speed_s", Unit::Seconds,
        "From the resume until the guest runs at 90 % of its speed or more over every 100 ms.",
        |run| Time(run.metrics.time_to_90pct_speed)),
    column("residual_dependency_s", Unit::Seconds,
        "From the resume until the last page is installed: the VM's state is split between two hosts, and a failure \
         of either or of the link loses it. 0 for pre-copy and stop-and-copy; empty if some pages never arrive.",
        |run| run.metrics.residual_dependency.map_or(Missing, Time)),
];

/// The column of the strategy; those of a sweep's axes follow it.
pub const STRATEGY: &str = "strategy";

/// The last column, which rows of sweeps alone have.
pub const ERROR: &str = "error";

/// What the last column tells.
pub const ERROR_MEANING: &str = "Why the run failed, in a row of `sweep`; empty where it did not.";

/// What identifies a row, before the metrics: name and meaning.
#[rustfmt::skip]
pub const IDENTIFYING: [(&str, &str); 8] = [
    ("scenario", "Name of the scenario."),
    ("scenario_hash",
        "Hash of every key of the scenario and of its trace's content. Runs of one hash, strategy and version are the same run."),
    ("trace", "Name of the trace."),
    ("trace_hash", "Hash of the trace's content."),
    (STRATEGY, "Name of the strategy."),
    ("seed", "Seed of the synthetic workload; empty for a recording."),
    ("settings",
        "Keys that differ from their defaults, as TOML. `migsim scenario --from-row` makes a scenario of them."),
    ("version", "Version of migsim."),
];

/// The metric of that name.
pub fn metric(name: &str) -> Option<&'static Column> {
    METRICS.iter().find(|column| column.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_their_units() {
        for column in METRICS {
            let ends = |ending: &str| column.name.ends_with(ending);
            assert_eq!(
                column.unit == Unit::Seconds,
                ends("_s") && !ends("_per_s"),
                "{}",
                column.name
            );
            assert!(column.meaning.ends_with('.'), "{}", column.name);
        }
    }
}
