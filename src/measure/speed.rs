//! How many vCPUs were blocked when, and what follows from it.

use crate::host::destination::Stall;
use crate::units::SimTime;

/// The number of blocked vCPUs as a step function of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BlockedVcpus {
    /// `(from, blocked)`: from this moment on so many vCPUs are blocked. Times ascend; the last step is to none.
    steps: Vec<(SimTime, u64)>,
}

/// Speed is looked at over windows of so long.
const WINDOW: SimTime = SimTime::from_ms(100);

impl BlockedVcpus {
    /// The step function of stalls that block `vcpus` vCPUs each.
    pub(super) fn of(stalls: &[Stall], vcpus: u64) -> Self {
        let mut changes: Vec<(SimTime, bool)> = stalls
            .iter()
            .flat_map(|stall| [(stall.from, true), (stall.until, false)])
            .collect();
        changes.sort_unstable();
        let mut steps: Vec<(SimTime, u64)> = Vec::with_capacity(changes.len());
        let mut blocked = 0u64;
        // At one instant ends sort before begins, which may dip below zero for stalls of no length.
        for chunk in changes.chunk_by(|a, b| a.0 == b.0) {
            let begins = chunk.iter().filter(|(_, begins)| *begins).count() as u64;
            let ends = chunk.len() as u64 - begins;
            blocked = blocked + begins * vcpus - ends * vcpus;
            steps.push((chunk[0].0, blocked));
        }
        BlockedVcpus { steps }
    }

    /// How long `vcpus` or more were blocked.
    pub(super) fn time_with_all_blocked(&self, vcpus: u64) -> SimTime {
        self.steps
            .windows(2)
            .filter(|pair| pair[0].1 >= vcpus && vcpus > 0)
            .map(|pair| pair[1].0 - pair[0].0)
            .sum()
    }

    /// The longest span in which no vCPU ran: `downtime`, which ends at `resumed_at` and goes on in a block that begins
    /// there, or a later block of `vcpus` or more.
    pub(super) fn longest_interruption(
        &self,
        resumed_at: SimTime,
        downtime: SimTime,
        vcpus: u64,
    ) -> SimTime {
        let (mut longest, mut current, mut since) = (downtime, downtime, resumed_at);
        for pair in self.steps.windows(2) {
            let ((from, blocked), (until, _)) = (pair[0], pair[1]);
            if blocked < vcpus || vcpus == 0 {
                continue;
            }
            if from != since {
                current = SimTime::ZERO;
            }
            current += until - from;
            since = until;
            longest = longest.max(current);
        }
        longest
    }

    /// The shortest span after `resumed_at` after which no window of 100 ms holds more blocked time than a tenth of it
    /// per vCPU.
    pub(super) fn time_to_speed(&self, resumed_at: SimTime, vcpus: u64) -> SimTime {
        let allowed = i128::from(WINDOW.as_ps() / 10) * i128::from(vcpus);
        // The blocked time within [t, t + WINDOW) is piecewise linear in t: its slope changes where t or t + WINDOW
        // meets a step. Going back from the end, where it is zero, the first piece that exceeds what is allowed holds
        // the last such t.
        let changes = |shift: u64, sign: i128| {
            let mut before = 0i128;
            self.steps.iter().map(move |&(time, blocked)| {
                let change = i128::from(blocked) - before;
                before = i128::from(blocked);
                (i128::from(time.as_ps()) - i128::from(shift), sign * change)
            })
        };
        // Slope at t: blocked(t + WINDOW) − blocked(t).
        let mut bends: Vec<(i128, i128)> =
            changes(WINDOW.as_ps(), 1).chain(changes(0, -1)).collect();
        // Two ascending runs, which a stable sort merges.
        bends.sort_by_key(|(time, _)| *time);
        let (mut value, mut slope) = (0i128, 0i128);
        for pair in (0..bends.len()).rev() {
            let (time, change) = bends[pair];
            // On [time, next bend) the slope is the one found so far.
            slope -= change;
            let Some(&(earlier, _)) = pair.checked_sub(1).and_then(|index| bends.get(index)) else {
                break;
            };
            let at_earlier = value - slope * (time - earlier);
            if at_earlier > allowed {
                // Falls to what is allowed within this piece: the first whole picosecond from which it stays there.
                let reached = earlier + div_ceil(at_earlier - allowed, -slope);
                let after = reached - i128::from(resumed_at.as_ps());
                return SimTime::from_wide_ps(after.max(0) as u128);
            }
            value = at_earlier;
        }
        SimTime::ZERO
    }
}

fn div_ceil(a: i128, b: i128) -> i128 {
    (a + b - 1) / b
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::destination::PageTimes;

    fn stall(from_ms: u64, until_ms: u64) -> Stall {
        Stall {
            vcpu: 0,
            page: 0,
            from: SimTime::from_ms(from_ms),
            until: SimTime::from_ms(until_ms),
            requested: true,
            times: PageTimes::default(),
        }
    }

    #[test]
    fn all_blocked_is_the_overlap() {
        let blocked = BlockedVcpus::of(&[stall(0, 30), stall(10, 50), stall(45, 60)], 1);
        // Two of two vCPUs: 10–30 and 45–50 ms.
        assert_eq!(blocked.time_with_all_blocked(2), SimTime::from_ms(25));
    }

    #[test]
    fn a_block_at_the_resume_prolongs_the_downtime() {
        let blocked = BlockedVcpus::of(&[stall(20, 30), stall(30, 33), stall(50, 64)], 1);
        let longest = |downtime| {
            blocked
                .longest_interruption(SimTime::from_ms(20), downtime, 1)
                .as_ps()
        };
        // 4 + 10 + 3 ms are one interruption, and longer than the 14 ms of the last block; without a downtime they are
        // not.
        assert_eq!(longest(SimTime::from_ms(4)), SimTime::from_ms(17).as_ps());
        assert_eq!(longest(SimTime::ZERO), SimTime::from_ms(14).as_ps());
    }

    #[test]
    fn speed_returns_when_the_last_slow_window_has_passed() {
        // Blocked from 200 to 240 ms: a window holds more than 10 ms of it until its beginning reaches 230 ms.
        let blocked = BlockedVcpus::of(&[stall(200, 240)], 1);
        assert_eq!(
            blocked.time_to_speed(SimTime::from_ms(100), 1),
            SimTime::from_ms(130)
        );
        // Of two vCPUs 20 ms are a tenth.
        assert_eq!(
            blocked.time_to_speed(SimTime::from_ms(100), 2),
            SimTime::from_ms(120)
        );
        // 10 ms of stall in all are never too slow.
        let short = BlockedVcpus::of(&[stall(200, 205), stall(210, 215)], 1);
        assert_eq!(short.time_to_speed(SimTime::ZERO, 1), SimTime::ZERO);
    }
}
