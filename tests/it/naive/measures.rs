//! Metrics from the list of stalls.

use super::{Input, Ps};

/// A blocked touch: `vcpu` waited for `page` from `from` until `to`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stall {
    pub(super) vcpu: u16,
    pub(super) page: u32,
    pub(super) from: Ps,
    pub(super) to: Ps,
}

/// How many vCPUs a stall stops.
fn weight(input: &Input) -> u128 {
    if input.blocks_vm() {
        u128::from(input.vcpus)
    } else {
        1
    }
}

pub(super) fn stall(input: &Input, stalls: &[Stall]) -> Ps {
    stalls.iter().map(|s| (s.to - s.from) * weight(input)).sum()
}

/// Time in which all vCPUs are blocked at once.
pub(super) fn all_vcpus_blocked(input: &Input, stalls: &[Stall]) -> Ps {
    let pieces = all_blocked(input, stalls);
    pieces.iter().map(|(from, to)| to - from).sum()
}

/// The longest time without a running vCPU on either host, of which the one before `resumed` began at `suspended`.
pub(super) fn longest_interruption(
    input: &Input,
    stalls: &[Stall],
    suspended: Ps,
    resumed: Ps,
) -> Ps {
    let mut interruptions = vec![(suspended, resumed)];
    for (from, to) in all_blocked(input, stalls) {
        match interruptions.last_mut() {
            Some(last) if last.1 == from => last.1 = to,
            _ => interruptions.push((from, to)),
        }
    }
    let lengths = interruptions.iter().map(|(from, to)| to - from);
    lengths.max().expect("the downtime is one")
}

/// Pieces of time in which all vCPUs are blocked at once, in time order.
fn all_blocked(input: &Input, stalls: &[Stall]) -> Vec<(Ps, Ps)> {
    // Between two neighbouring ends of stalls nothing changes: look who is blocked there.
    let mut ends: Vec<Ps> = stalls.iter().flat_map(|s| [s.from, s.to]).collect();
    ends.sort_unstable();
    ends.dedup();
    let covers = |s: &Stall, piece: &[Ps]| s.from <= piece[0] && piece[1] <= s.to;
    ends.windows(2)
        .filter(|piece| {
            (0..input.vcpus).all(|v| {
                stalls
                    .iter()
                    .any(|s| (input.blocks_vm() || s.vcpu == v) && covers(s, piece))
            })
        })
        .map(|piece| (piece[0], piece[1]))
        .collect()
}

/// Mean (rounded down), nearest-rank percentiles and maximum of the stalls; all 0 without any.
pub(super) struct Latencies {
    pub(super) mean: Ps,
    pub(super) p50: Ps,
    pub(super) p99: Ps,
    pub(super) max: Ps,
}

impl Latencies {
    pub(super) fn of(stalls: &[Stall]) -> Self {
        let mut sorted: Vec<Ps> = stalls.iter().map(|s| s.to - s.from).collect();
        sorted.sort_unstable();
        let n = sorted.len();
        if n == 0 {
            return Latencies {
                mean: 0,
                p50: 0,
                p99: 0,
                max: 0,
            };
        }
        Latencies {
            mean: sorted.iter().sum::<Ps>() / n as u128,
            p50: sorted[(n * 50).div_ceil(100) - 1],
            p99: sorted[(n * 99).div_ceil(100) - 1],
            max: sorted[n - 1],
        }
    }
}

/// From `resumed` until the guest runs at 90 % of its speed over 100 ms, for good.
pub(super) fn to_90pct_speed(input: &Input, stalls: &[Stall], resumed: Ps) -> Ps {
    const WINDOW: Ps = 100_000_000_000;
    let limit = u128::from(input.vcpus) * (WINDOW / 10);
    // Blocked vCPU-time within [t, t + WINDOW).
    let f = |t: Ps| -> Ps {
        let overlap = |s: &Stall| s.to.min(t + WINDOW).saturating_sub(s.from.max(t));
        stalls.iter().map(|s| overlap(s) * weight(input)).sum()
    };

    // f is linear between neighbouring breakpoints: where an end of the window meets an end of a stall.
    let mut breaks: Vec<Ps> = vec![resumed];
    for s in stalls {
        breaks.extend([s.from, s.to]);
        breaks.extend(
            [s.from.checked_sub(WINDOW), s.to.checked_sub(WINDOW)]
                .into_iter()
                .flatten(),
        );
    }
    breaks.retain(|&t| t >= resumed);
    breaks.sort_unstable();
    breaks.dedup();

    // The last piece that begins above the limit and ends at or below it; after its last bad instant f stays below.
    // f is 0 from the last breakpoint on, so there is one if f is above the limit at any breakpoint; and as f is
    // linear between breakpoints, it is above the limit nowhere else.
    let mut answer = resumed;
    for piece in breaks.windows(2) {
        let (start, end) = (f(piece[0]), f(piece[1]));
        if start > limit && end <= limit {
            let fall = (start - end) / (piece[1] - piece[0]); // per picosecond, a whole number of vCPUs
            answer = piece[0] + (start - limit).div_ceil(fall); // first t with start − fall · (t − piece[0]) ≤ limit
        }
    }
    answer - resumed
}
