//! The metrics of a migration.

use super::bound::stall_bound;
use super::{prediction, speed};

use crate::host::destination::{FaultBlocks, Stall};
use crate::memory::PageId;
use crate::migration::RoundsOutcome;
use crate::migration::{Outcome, SwitchOver};
use crate::scenario::Scenario;
use crate::units::SimTime;

/// A share, kept as the two counts that it is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// How many.
    pub part: u64,
    /// Out of how many.
    pub whole: u64,
}

impl Share {
    /// As a fraction; `None` of nothing.
    pub fn fraction(self) -> Option<f64> {
        (self.whole > 0).then(|| self.part as f64 / self.whole as f64)
    }
}

/// What a migration came to. Times count from the migration command unless said otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metrics {
    /// Until the last page was installed and the VM ran on the destination; `None` when some pages never arrive
    /// (`push = "none"`).
    pub total_migration_time: Option<SimTime>,
    /// How long no vCPU ran on either host at the switch-over. Stalls after it do not count.
    pub downtime: SimTime,
    /// From the resume until the last page was installed: while the VM depends on both hosts and on the link between
    /// them, and is lost with either. Zero where all pages are there by the resume; `None` when some pages never
    /// arrive. The *residual dependency* of process migration (Milojicic et al., *Process Migration*, ACM Computing
    /// Surveys 2000).
    pub residual_dependency: Option<SimTime>,
    /// Touches on the destination that found the page missing.
    pub page_faults: u64,
    /// Those whose page was unsent when the request reached the source.
    pub network_faults: u64,
    /// The others: the page was on its way already.
    pub in_flight_faults: u64,
    /// Requests that reached the source, of vCPUs and of fetching threads, those for pages on their way included
    /// (QEMU's `postcopy-requests`).
    pub requests: u64,
    /// Time blocked by faults, summed over vCPUs.
    pub stall: SimTime,
    /// No order of pushes leaves less stall for the pages that this run misses when its push begins, and its resume.
    pub stall_bound: SimTime,
    /// The stall [as QEMU counts it](crate::host::destination::DestinationSettings::as_qemu_counts): its
    /// `postcopy-vcpu-blocktime`.
    pub qemu_vcpu_blocktime: SimTime,
    /// Time in which all vCPUs were blocked.
    pub all_vcpus_blocked: SimTime,
    /// The same as QEMU counts it: its `postcopy-blocktime`.
    pub qemu_blocktime: SimTime,
    /// Time in which no vCPU ran on either host: the downtime, and what all vCPUs were blocked afterwards. It compares
    /// pre-copy, which has downtime and no stall, with post-copy.
    pub interruption: SimTime,
    /// The longest single interruption. A block that begins at the resume's instant counts as one with the downtime.
    pub longest_interruption: SimTime,
    /// Mean time from a faulting touch until the vCPU ran again, rounded down; zero without faults, as the following.
    pub fault_latency_mean: SimTime,
    /// Median (nearest rank).
    pub fault_latency_p50: SimTime,
    /// 99th percentile (nearest rank).
    pub fault_latency_p99: SimTime,
    /// Longest.
    pub fault_latency_max: SimTime,
    /// Bytes on the wire, pages and core state, headers of messages and packets included.
    pub bytes_sent: u64,
    /// Pages of the trace's size that were sent with their content.
    pub pages_sent: u64,
    /// Those sent as zero pages.
    pub zero_pages_sent: u64,
    /// Pages sent more than once: their repetitions.
    pub duplicate_pages_sent: u64,
    /// How long the VM ran on at the source to be recorded; part of the total migration time.
    pub record_window: SimTime,
    /// Different pages accessed in the record window.
    pub pps_pages: u64,
    /// Pages that the strategy predicted beyond those.
    pub predicted_pages: u64,
    /// Predicted pages that were needed: touched before the plain scan of memory would have brought them.
    pub prediction_precision: Share,
    /// Touched pages that the PPS or the prediction had named, out of those touched while a plain scan would have
    /// lasted.
    pub prediction_coverage: Share,
    /// How the rounds before the switch-over went; `None` without any by the strategy's lead-in.
    pub rounds: Option<RoundsOutcome>,
    /// From the resume until the guest ran at 90 % speed or more over every 100 ms.
    pub time_to_90pct_speed: SimTime,
}

impl Metrics {
    /// Sums an outcome up. `predicted` are the strategy's predicted pages.
    pub fn of(
        scenario: &Scenario,
        switch_over: &SwitchOver,
        outcome: &Outcome,
        predicted: &[PageId],
    ) -> Self {
        let vcpus = switch_over.touch_order.vcpus().len() as u64;
        let blocked_vcpus = match scenario.destination.fault_blocks {
            FaultBlocks::Vcpu => 1,
            FaultBlocks::Vm => vcpus,
        };
        let stalls = &outcome.stalls;
        let lengths = sorted_lengths(stalls);
        let stall: SimTime = lengths.iter().copied().sum();
        let as_qemu_counts: Vec<Stall> = stalls
            .iter()
            .map(|stall| scenario.destination.as_qemu_counts(stall))
            .collect();
        let qemu_vcpu_blocktime: SimTime = as_qemu_counts
            .iter()
            .map(|stall| stall.until - stall.from)
            .sum();
        let requested = stalls.iter().filter(|stall| stall.requested).count() as u64;
        let faults = stalls.len() as u64;
        let blocked = speed::BlockedVcpus::of(stalls, blocked_vcpus);
        let pps = switch_over.recording.pages(switch_over.memory.pages);
        let all_vcpus_blocked = blocked.time_with_all_blocked(vcpus);
        let (prediction_precision, prediction_coverage) =
            prediction::shares(scenario, switch_over, &pps, predicted);
        Metrics {
            total_migration_time: outcome.completed_at,
            downtime: switch_over.downtime,
            residual_dependency: (outcome.completed_at).map(|end| end - outcome.resumed_at),
            page_faults: faults,
            network_faults: requested,
            in_flight_faults: faults - requested,
            requests: outcome.requests,
            stall: stall.times(blocked_vcpus),
            stall_bound: stall_bound(scenario, switch_over),
            qemu_vcpu_blocktime: qemu_vcpu_blocktime.times(blocked_vcpus),
            all_vcpus_blocked,
            qemu_blocktime: speed::BlockedVcpus::of(&as_qemu_counts, blocked_vcpus)
                .time_with_all_blocked(vcpus),
            interruption: switch_over.downtime + all_vcpus_blocked,
            longest_interruption: blocked.longest_interruption(
                outcome.resumed_at,
                switch_over.downtime,
                vcpus,
            ),
            fault_latency_mean: mean(&lengths),
            fault_latency_p50: nearest_rank(&lengths, 50),
            fault_latency_p99: nearest_rank(&lengths, 99),
            fault_latency_max: lengths.last().copied().unwrap_or_default(),
            bytes_sent: scenario
                .link
                .wire_bytes(outcome.page_bytes.saturating_add(scenario.vm.core_state.0)),
            pages_sent: outcome.pages_sent,
            zero_pages_sent: outcome.zero_pages_sent,
            duplicate_pages_sent: outcome.duplicate_pages_sent,
            record_window: switch_over.preparation.window,
            pps_pages: pps.count().into(),
            predicted_pages: predicted.len() as u64,
            prediction_precision,
            prediction_coverage,
            rounds: switch_over.rounds,
            time_to_90pct_speed: blocked.time_to_speed(outcome.resumed_at, vcpus),
        }
    }
}

fn sorted_lengths(stalls: &[Stall]) -> Vec<SimTime> {
    let mut lengths: Vec<SimTime> = stalls
        .iter()
        .map(|stall| stall.until - stall.from)
        .collect();
    lengths.sort_unstable();
    lengths
}

fn mean(lengths: &[SimTime]) -> SimTime {
    let sum: u128 = lengths
        .iter()
        .map(|length| u128::from(length.as_ps()))
        .sum();
    sum.checked_div(lengths.len() as u128)
        .map_or(SimTime::ZERO, SimTime::from_wide_ps)
}

fn nearest_rank(sorted: &[SimTime], percent: usize) -> SimTime {
    let rank = (sorted.len() * percent).div_ceil(100);
    rank.checked_sub(1)
        .and_then(|index| sorted.get(index))
        .copied()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let sorted: Vec<SimTime> = (1..=10).map(SimTime::from_ps).collect();
        assert_eq!(nearest_rank(&sorted, 50), SimTime::from_ps(5));
        assert_eq!(nearest_rank(&sorted, 99), SimTime::from_ps(10));
        assert_eq!(nearest_rank(&[], 99), SimTime::ZERO);
    }
}
