//! The VM on the source: the recording, the switch positions, the zero pages and the list that is pushed first.

use super::lead_in::{self, Sent};
use super::trace::Stream;
use super::{Access, Input, LeadIn, Op, Ps, Strategy, narrow, ps};
use migsim::strategy::pre_record::PpsOrder;

/// The core state on its way.
pub(super) struct Core {
    pub(super) left: Ps,
    /// What its connection has under way then: when it is acknowledged, and its bytes.
    pub(super) unacknowledged: Vec<(Ps, u64)>,
    /// All that was sent before is installed.
    pub(super) installed: Ps,
}

impl Core {
    /// Behind messages that are under way. It is acknowledged as a whole, and behind them.
    pub(super) fn sent(input: &Input, start: Ps, under_way: &[(Ps, u64)], installed: Ps) -> Self {
        let left = input.stream(start, under_way, input.settings.vm.core_state.0);
        let mut unacknowledged = under_way.to_vec();
        let before = under_way.iter().map(|(at, _)| *at).max().unwrap_or(0);
        let back = input.across(left + ps(input.settings.link.latency));
        unacknowledged.push((back.max(before), input.settings.vm.core_state.0));
        Core {
            left,
            unacknowledged,
            installed,
        }
    }
}

/// What the source phase leaves behind.
pub(super) struct SourcePhase<'a> {
    /// The VM is suspended then.
    pub(super) suspended: Ps,
    pub(super) core: Core,
    /// Pages follow from then on.
    pub(super) pushes: Ps,
    /// The VM resumes on the destination then.
    pub(super) resumed: Ps,
    /// Pages that were sent before the core state, and have not been written since.
    pub(super) there: Vec<bool>,
    /// What was sent for that.
    pub(super) sent: Sent,
    pub(super) streams: Vec<Stream<'a>>,
    /// Every recorded access, in the order of recording.
    pub(super) log: Vec<Access>,
    /// Switch position of every vCPU, a guest offset.
    pub(super) positions: Vec<Ps>,
    /// Per page of the trace's size: still zero when the VM is suspended.
    pub(super) zero: Vec<bool>,
    /// Pages that are pushed before the scan.
    pub(super) list: Vec<u32>,
    /// Pages that the destination fetches, in this order.
    pub(super) fetch_list: Vec<u32>,
    /// Where the scan behind the list starts.
    pub(super) scan_from: u32,
}

pub(super) fn run<'a>(input: &'a Input<'a>) -> SourcePhase<'a> {
    match input.lead_in {
        LeadIn::Nothing | LeadIn::Record => idle_link(input),
        LeadIn::Push | LeadIn::Recorded { .. } => lead_in::recorded(input),
        LeadIn::Rounds { most, recorded } => lead_in::rounds(input, most, recorded),
    }
}

/// Nothing is sent before the core state, with which the VM is suspended.
fn idle_link<'a>(input: &'a Input<'a>) -> SourcePhase<'a> {
    let streams: Vec<Stream> = (0..input.vcpus).map(|v| Stream::new(input, v)).collect();
    let records = input.lead_in.records();
    let (window, planning) = if records {
        let migration = &input.settings.migration;
        (ps(migration.record_window), ps(migration.planning_time))
    } else {
        (0, 0)
    };
    let suspended = window + planning + ps(input.settings.migration.setup_time);
    let (log, positions) = record(input, &streams, window, suspended);
    let zero = zero_pages(input, &streams, &positions);
    // A strategy that records computes its plan before the core state is sent.
    let planning = log.len() as Ps * ps(input.settings.migration.planning_cost);
    let ready = suspended + ps(input.settings.vm.suspend) + planning;
    let core = Core::sent(input, ready, &[], 0);
    phase(input, streams, suspended, core, (log, positions, zero))
}

/// What is pushed and fetched, by the recording.
pub(super) fn phase<'a>(
    input: &'a Input<'a>,
    streams: Vec<Stream<'a>>,
    suspended: Ps,
    core: Core,
    (log, positions, zero): (Vec<Access>, Vec<Ps>, Vec<bool>),
) -> SourcePhase<'a> {
    let mut scan_from = 0;
    let list = match input.strategy {
        Strategy::PostCopy => Vec::new(),
        Strategy::PreRecord(order) => pps(&log, order),
        // None of these guests has a sweep of 256 points.
        Strategy::Remembered => pps(&log, PpsOrder::Recency),
        Strategy::Planned(plan) => {
            let (list, from) = plan(&log);
            scan_from = from;
            list
        }
        Strategy::Clairvoyant => touch_order(&streams, &positions),
    };
    let (list, fetch_list) = if input.fetchers() > 0 && input.lead_in.records() {
        scan_from = 0;
        (Vec::new(), list)
    } else {
        (list, Vec::new())
    };
    let arrived = (core.left + ps(input.settings.link.latency)).max(core.installed);
    let resumed = arrived + ps(input.settings.vm.resume);
    SourcePhase {
        suspended,
        pushes: if input.settings.migration.push_while_resuming {
            core.left
        } else {
            resumed
        },
        core,
        resumed,
        there: vec![false; input.pages() as usize],
        sent: Sent::default(),
        streams,
        log,
        positions,
        zero,
        list,
        fetch_list,
        scan_from,
    }
}

/// Runs the vCPUs up to the wall time `suspended`, recording up to `window`.
fn record(input: &Input, streams: &[Stream], window: Ps, suspended: Ps) -> (Vec<Access>, Vec<Ps>) {
    let mut log: Vec<Access> = Vec::new();
    let mut next = vec![0usize; streams.len()];
    let mut delay: Vec<Ps> = vec![0; streams.len()];
    let mut last_recorded: Vec<Ps> = vec![0; streams.len()];

    loop {
        // The vCPU with the smallest (wall, number); the first of equals is the smallest number.
        let candidates = streams.iter().enumerate().filter_map(|(v, stream)| {
            stream
                .nth(next[v])
                .map(|touch| (touch.g + delay[v], v, touch))
        });
        let Some((wall, v, touch)) = candidates.min_by_key(|&(wall, v, _)| (wall, v)) else {
            break;
        };
        if wall >= window {
            break;
        }
        if log.iter().all(|access| access.page != touch.page) {
            delay[v] += ps(input.settings.source.record_trap);
        }
        log.push(Access {
            time_ps: narrow(wall),
            vcpu: v as u16,
            page: touch.page,
            op: touch.op,
        });
        last_recorded[v] = touch.g;
        next[v] += 1;
    }

    let position = |v: usize| {
        let exact = suspended.saturating_sub(delay[v]).max(last_recorded[v]);
        nearest_boundary(input, exact)
    };
    let positions = (0..streams.len()).map(position).collect();
    (log, positions)
}

/// The nearest boundary of the recorder's epochs, counted in recorded time.
pub(super) fn nearest_boundary(input: &Input, exact: Ps) -> Ps {
    let epoch = u128::from(input.compaction_ns);
    let recorded_ns = (exact << 20) / u128::from(input.scale_fp);
    (recorded_ns + epoch / 2)
        .checked_div(epoch)
        .map_or(exact, |multiple| input.scale(multiple * epoch))
}

/// Which pages of the VM, of the trace's size, are zero at the switch.
pub(super) fn zero_pages(input: &Input, streams: &[Stream], positions: &[Ps]) -> Vec<bool> {
    let ram = input.ram_pages().into_iter();
    let mut zero: Vec<bool> = ram.map(|page| input.zero[page as usize]).collect();
    zero.resize(input.vm_pages() as usize, false);
    let touched = |place: u32| input.records.iter().any(|r| input.place(r.page) == place);
    let untouched = (0..input.vm_pages())
        .rev()
        .filter(|place| !zero[*place as usize] && !touched(*place));
    let free: Vec<u32> = if input.free() > 0 {
        untouched.take(input.free() as usize).collect()
    } else {
        Vec::new()
    };
    for place in free {
        zero[place as usize] = true;
    }
    for (stream, &position) in streams.iter().zip(positions) {
        for record in stream.before_start() {
            if record.op == Op::Write {
                zero[record.page as usize] = false;
            }
        }
        for n in 0..stream.first_at(position) {
            let touch = stream.nth(n).expect("lies before the switch position");
            if touch.op == Op::Write {
                zero[touch.small as usize] = false;
            }
        }
    }
    zero
}

/// The recorded pages in the wanted order.
fn pps(log: &[Access], order: PpsOrder) -> Vec<u32> {
    let mut pages: Vec<u32> = Vec::new(); // in the order of first recording
    for access in log {
        if !pages.contains(&access.page) {
            pages.push(access.page);
        }
    }
    match order {
        PpsOrder::FirstAccess => {}
        PpsOrder::Recency => {
            let last = |page: u32| log.iter().rposition(|access| access.page == page);
            pages.sort_by_key(|&page| std::cmp::Reverse(last(page)));
        }
        PpsOrder::Frequency => {
            let count = |page: u32| log.iter().filter(|access| access.page == page).count();
            pages.sort_by_key(|&page| std::cmp::Reverse(count(page))); // stable: ties by first access
        }
        PpsOrder::Address => pages.sort_unstable(),
    }
    pages
}

/// All pages that will ever be touched on the destination, by (smallest offset over the vCPUs, page).
fn touch_order(streams: &[Stream], positions: &[Ps]) -> Vec<u32> {
    let mut touches: Vec<(Ps, u32)> = Vec::new();
    for (stream, &position) in streams.iter().zip(positions) {
        let first = stream.first_at(position);
        // One whole pass from the position on names every page that the vCPU will ever touch.
        for n in first..first + stream.pass_len() {
            touches.extend(stream.nth(n).map(|touch| (touch.g - position, touch.page)));
        }
    }
    touches.sort_unstable();
    let mut pages: Vec<u32> = Vec::new();
    for (_, page) in touches {
        if !pages.contains(&page) {
            pages.push(page);
        }
    }
    pages
}
