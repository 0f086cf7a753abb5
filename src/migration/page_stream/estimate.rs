//! What a hypervisor makes of what it has sent: whether the rest fits the downtime.

use super::PageStream;
use crate::engine::Progression;
use crate::network::Capacity;
use crate::strategy::lead_in::Rounds;
use crate::units::SimTime;

/// The bandwidth of a measurement: so many bytes in a time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sent {
    bytes: u64,
    time: SimTime,
}

/// The bandwidth as a hypervisor measures it: over the last 100 ms or little more, and before they are over since the
/// migration command (QEMU: `migration/migration.c`, `migration_update_counters` with its `BUFFER_DELAY`).
///
/// It goes by when messages would have left if nothing but the source and the bandwidth held them up.
#[derive(Debug)]
pub(super) struct MeasuredBandwidth {
    capacity: Capacity,
    /// All messages so far, and when the last has left.
    sent: Sent,
    /// At the end of the last measurement.
    measured: Sent,
    last: Option<Sent>,
}

/// How long a measurement takes at least.
const PERIOD: SimTime = SimTime::from_ms(100);

impl MeasuredBandwidth {
    pub(super) fn new(capacity: Capacity) -> Self {
        MeasuredBandwidth {
            capacity,
            sent: Sent::default(),
            measured: Sent::default(),
            last: None,
        }
    }

    /// Messages of so many bytes each are handed to the link at these times, behind all others.
    pub(super) fn hand_over(&mut self, handed: Progression, count: u32, bytes: u64) {
        let begins = self.sent.time.max(handed.first);
        self.capacity.come_to(begins);
        let cost = self.capacity.transmission(bytes);
        // A message leaves a transmission after the one before it, or after it was handed over.
        let behind_others = Progression {
            first: begins + cost,
            step: cost,
        };
        let at_once = handed.delayed(cost);
        let left = |index| behind_others.at(index).max(at_once.at(index));
        if left(count - 1) > self.capacity.steady_until() {
            for index in 0..count {
                let begins = self.sent.time.max(handed.at(index));
                let time = self.capacity.left(begins, bytes);
                self.leave(time, bytes);
            }
            return;
        }
        let mut gone = 0;
        while gone < count {
            let due = self.measured.time + PERIOD;
            let before = |all: Progression| all.count_before(due, count);
            let measured_by = before(behind_others).min(before(at_once));
            let next = (measured_by + 1).clamp(gone + 1, count);
            self.leave(left(next - 1), u64::from(next - gone) * bytes);
            gone = next;
        }
    }

    /// Bytes have left by a time; a measurement ends there, if it is due.
    fn leave(&mut self, time: SimTime, bytes: u64) {
        self.sent.time = time;
        self.sent.bytes += bytes;
        if time >= self.measured.time + PERIOD {
            self.last = Some(Sent {
                bytes: self.sent.bytes - self.measured.bytes,
                time: time - self.measured.time,
            });
            self.measured = self.sent;
        }
    }

    fn now(&self) -> Sent {
        self.last.unwrap_or(self.sent)
    }
}

impl PageStream<'_> {
    /// Whether what is dirty fits the downtime limit.
    pub(in crate::migration) fn is_within_limit(&self, rounds: &Rounds, dirty: u32) -> bool {
        let bytes = u128::from(dirty) * u128::from(self.page_bytes);
        dirty == 0
            || rounds.downtime_limit > SimTime::ZERO && self.fits(bytes, rounds.downtime_limit)
    }

    /// Whether the VM is to be suspended, now that a round is over which began with `before` dirty pages and leaves
    /// `dirty`.
    pub(in crate::migration) fn is_enough(&self, rounds: &Rounds, before: u32, dirty: u32) -> bool {
        let bytes = u128::from(dirty) * u128::from(self.page_bytes);
        self.is_within_limit(rounds, dirty)
            || bytes <= rounds.remaining.0.into()
            || rounds.local_minimum && dirty >= before
    }

    /// How long sending so many dirty pages would take at the measured bandwidth, rounded up; zero before anything was
    /// sent.
    pub(in crate::migration) fn expected_downtime(&self, dirty: u32) -> SimTime {
        let bytes = u128::from(dirty) * u128::from(self.page_bytes);
        let measured = self.measured.now();
        let work = bytes * u128::from(measured.time.as_ps());
        match u128::from(measured.bytes) {
            0 => SimTime::ZERO,
            sent => SimTime::from_wide_ps(work.div_ceil(sent)),
        }
    }

    /// Whether sending so many bytes of pages would take no longer than `limit` at the measured bandwidth. Neither
    /// suspend, resume nor core state are in it.
    fn fits(&self, bytes: u128, limit: SimTime) -> bool {
        let measured = self.measured.now();
        bytes * u128::from(measured.time.as_ps())
            <= u128::from(limit.as_ps()) * u128::from(measured.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{LinkSettings, Step, Steps};
    use crate::units::Bandwidth;
    use proptest::prelude::*;

    fn bandwidth(bits_per_second: u64) -> Bandwidth {
        Bandwidth::from_bits_per_second(bits_per_second).expect("not zero")
    }

    /// 10 ns a byte, and 40 ns from a time on.
    fn measured(slower_from: SimTime) -> MeasuredBandwidth {
        let settings = LinkSettings {
            bandwidth: bandwidth(800_000_000),
            packet_overhead: 0,
            steps: Steps::given(vec![Step {
                at: slower_from,
                bandwidth: bandwidth(200_000_000),
            }]),
            ..LinkSettings::default()
        };
        MeasuredBandwidth::new(Capacity::new(&settings, [1_000_000, 9]))
    }

    #[test]
    fn it_is_that_of_the_last_tenth_of_a_second() {
        // Messages of 10 ms each until 250 ms, of 40 ms from then on; all are there from the beginning.
        let mut measured = measured(SimTime::from_ms(250));
        let mut after = |count| {
            measured.hand_over(Progression::default(), count, 1_000_000);
            let Sent { bytes, time } = measured.now();
            (bytes, time)
        };
        let ms = SimTime::from_ms;
        assert_eq!(after(3), (3_000_000, ms(30)));
        assert_eq!(after(8), (10_000_000, ms(100)));
        assert_eq!(after(10), (10_000_000, ms(100)));
        // Numbers 21 to 25 leave until 250 ms, the next two at 290 and 330: 130 ms after the last measurement.
        assert_eq!(after(5), (10_000_000, ms(100)));
        assert_eq!(after(1), (7_000_000, ms(130)));
        assert_eq!(after(1), (7_000_000, ms(130)));
        assert_eq!(after(2), (3_000_000, ms(120)));
    }

    proptest! {
        #[test]
        fn it_does_not_depend_on_how_messages_are_handed_over(
            slower_from in 1u64..600,
            spans in prop::collection::vec((0u64..50, 0u64..30, 1u32..40, 0u64..2_000_000), 1..8),
        ) {
            let slower_from = SimTime::from_ms(slower_from);
            let (mut at_once, mut one_by_one) = (measured(slower_from), measured(slower_from));
            let mut first = SimTime::ZERO;
            for (after, step, count, bytes) in spans {
                first += SimTime::from_ms(after);
                let handed = Progression { first, step: SimTime::from_ms(step) };
                at_once.hand_over(handed, count, bytes);
                for index in 0..count {
                    one_by_one.hand_over(handed.after(index), 1, bytes);
                }
                prop_assert_eq!((at_once.sent, at_once.now()), (one_by_one.sent, one_by_one.now()));
                first = handed.at(count - 1);
            }
        }
    }
}
