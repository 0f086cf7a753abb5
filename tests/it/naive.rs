//! The naive reference simulator that the engine's results are compared with, to the picosecond.
//!
//! It is written from the model's specification and shares nothing with the engine but the types of settings, which are
//! data: it replays every raw record on every pass, looks for the next event among *all* the events that could be
//! next, and scans plain vectors. It is slow, and meant to be obviously right. Fit for tens of pages and hundreds of
//! records.
//!
//! Durations and times are integer picoseconds unless the name ends in `_ns`; sizes are bytes.

mod bound;
mod capacity;
mod input;
mod lead_in;
mod link;
mod measures;
mod source;
mod trace;
mod vcpus;
mod world;

use std::fmt;

use migsim::strategy::pre_record::PpsOrder;
use migsim::units::SimTime;

pub(crate) use capacity::Background;
pub(crate) use input::Input;

/// Times and amounts of work; wide enough for every product that the model forms.
type Ps = u128;

/// What an access did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    Read,
    Write,
    Execute,
}

/// An access recorded on the source before the switch-over; `page` is a host page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Access {
    pub(crate) time_ps: u64,
    pub(crate) vcpu: u16,
    pub(crate) page: u32,
    pub(crate) op: Op,
}

/// A line of the trace; `page` is a page of the trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RawRecord {
    pub(crate) time_ns: u64,
    pub(crate) vcpu: u16,
    pub(crate) page: u32,
    pub(crate) op: Op,
}

/// The pages to push first, and where the scan behind them starts, from a recording.
type Plan<'a> = dyn Fn(&[Access]) -> (Vec<u32>, u32) + 'a;

/// What decides on the push order.
#[derive(Clone, Copy)]
pub(crate) enum Strategy<'a> {
    PostCopy,
    PreRecord(PpsOrder),
    /// The list is the function's answer to the recording.
    /// The scan behind the list starts at the page that comes with it.
    Planned(&'a Plan<'a>),
    /// The recorded pages, latest access first, and around each requested page the nearest ones.
    Remembered,
    Clairvoyant,
}

/// What precedes the suspension of the VM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LeadIn {
    Nothing,
    /// The record window, and an idle link.
    Record,
    /// The record window, and each page once.
    Push,
    /// So many rounds over a dirty log that costs nothing.
    Rounds {
        most: u32,
        /// By a recorder that costs nothing, either.
        recorded: bool,
    },
    Recorded {
        rounds: u32,
        cold_first: bool,
    },
}

impl LeadIn {
    fn records(self) -> bool {
        !matches!(
            self,
            LeadIn::Nothing
                | LeadIn::Rounds {
                    recorded: false,
                    ..
                }
        )
    }
}

impl fmt::Debug for Strategy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Strategy::PostCopy => f.write_str("PostCopy"),
            Strategy::PreRecord(order) => write!(f, "PreRecord({order:?})"),
            Strategy::Planned(_) => f.write_str("Planned(..)"),
            Strategy::Remembered => f.write_str("Remembered"),
            Strategy::Clairvoyant => f.write_str("Clairvoyant"),
        }
    }
}

fn ps(time: SimTime) -> Ps {
    time.as_ps().into()
}

/// How many pages of a host page have content, and how many are zero.
#[derive(Debug, Clone, Copy)]
struct PageCounts {
    pages: u64,
    zeros: u64,
}

/// Every metric of the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) total_migration_time: Option<u64>,
    pub(crate) downtime: u64,
    pub(crate) residual_dependency: Option<u64>,
    pub(crate) page_faults: u64,
    pub(crate) network_faults: u64,
    pub(crate) in_flight_faults: u64,
    pub(crate) requests: u64,
    pub(crate) stall: u64,
    pub(crate) stall_bound: u64,
    pub(crate) all_vcpus_blocked: u64,
    pub(crate) interruption: u64,
    pub(crate) longest_interruption: u64,
    pub(crate) fault_latency_mean: u64,
    pub(crate) fault_latency_p50: u64,
    pub(crate) fault_latency_p99: u64,
    pub(crate) fault_latency_max: u64,
    pub(crate) bytes_sent: u64,
    pub(crate) pages_sent: u64,
    pub(crate) zero_pages_sent: u64,
    pub(crate) duplicate_pages_sent: u64,
    pub(crate) pps_pages: u64,
    pub(crate) time_to_90pct_speed: u64,
    /// Pages in the order in which the source picked them.
    pub(crate) push_and_demand_order: Vec<u32>,
}

/// Simulates one migration.
pub(crate) fn simulate(input: &Input) -> Outcome {
    let source = source::run(input);

    let resumed = source.resumed;
    let downtime = resumed - source.suspended;

    let world = world::run(input, &source);

    let latencies = measures::Latencies::of(&world.stalls);
    let requested = world
        .stalls
        .iter()
        .filter(|s| world.requested[s.page as usize])
        .count();
    let after = (world.order.iter()).map(|&page| (page, input.page_counts(page, &source.zero)));
    let sent: Vec<(u32, PageCounts)> = source.sent.pages.iter().copied().chain(after).collect();
    // Until the VM is suspended small pages are sent, and then host pages.
    let mut small: Vec<u32> = source.sent.pages.iter().map(|(page, _)| *page).collect();
    for page in &world.order {
        let shift = input.host_shift;
        small.extend((page << shift..(page + 1) << shift).filter(|part| *part < input.vm_pages()));
    }
    let is_again = |n: &usize| small[..*n].contains(&small[*n]);
    let again = (0..small.len()).filter(is_again).count() as u64;
    let payload = input.payload();
    let bytes =
        source.sent.bytes + world.message_bytes + u128::from(input.settings.vm.core_state.0);
    let bytes =
        (bytes * (payload + u128::from(input.settings.link.packet_overhead))).div_ceil(payload);
    let mut pps: Vec<u32> = source.log.iter().map(|access| access.page).collect();
    pps.sort_unstable();
    pps.dedup();

    Outcome {
        total_migration_time: world.all_installed.map(narrow),
        downtime: narrow(downtime),
        residual_dependency: world.all_installed.map(|end| narrow(end - resumed)),
        page_faults: world.stalls.len() as u64,
        network_faults: requested as u64,
        in_flight_faults: (world.stalls.len() - requested) as u64,
        requests: world.requests,
        stall: narrow(measures::stall(input, &world.stalls)),
        stall_bound: narrow(bound::stall_bound(input, &source)),
        all_vcpus_blocked: narrow(measures::all_vcpus_blocked(input, &world.stalls)),
        interruption: narrow(downtime + measures::all_vcpus_blocked(input, &world.stalls)),
        longest_interruption: narrow(measures::longest_interruption(
            input,
            &world.stalls,
            source.suspended,
            resumed,
        )),
        fault_latency_mean: narrow(latencies.mean),
        fault_latency_p50: narrow(latencies.p50),
        fault_latency_p99: narrow(latencies.p99),
        fault_latency_max: narrow(latencies.max),
        bytes_sent: narrow(bytes),
        pages_sent: sent.iter().map(|(_, counts)| counts.pages).sum(),
        zero_pages_sent: sent.iter().map(|(_, counts)| counts.zeros).sum(),
        duplicate_pages_sent: again,
        pps_pages: pps.len() as u64,
        time_to_90pct_speed: narrow(measures::to_90pct_speed(input, &world.stalls, resumed)),
        push_and_demand_order: world.order,
    }
}

fn narrow(value: u128) -> u64 {
    u64::try_from(value).expect("a result of the reference simulator fits 64 bits")
}
