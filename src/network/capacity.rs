//! The link's bandwidth as a function of time, and how what is sent passes while it changes.
//!
//! Between two changes a piece passes at one pace. At a change, what is left of it stays the same share of its time:
//! `left · new / old`, rounded up to half a picosecond. In an outage nothing is done of it. [`Capacity`] knows the
//! period that the link has come to; a constant bandwidth is one period without end.

use super::LinkSettings;
use super::channel::Piece;
use crate::units::{Bandwidth, SimTime};

/// A time in which the bandwidth does not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Period {
    bandwidth: Bandwidth,
    /// It is an outage. The bandwidth is that of its beginning.
    stands_still: bool,
    /// When the next one begins; [`SimTime::MAX`] for the last.
    until: SimTime,
}

/// Work of what takes longer than can be counted.
const NEVER: u64 = u64::MAX;

impl LinkSettings {
    /// The bandwidth at a time after the migration command, in an outage that of its beginning.
    pub fn bandwidth_at(&self, at: SimTime) -> Bandwidth {
        self.period(at).bandwidth
    }

    /// The least and the greatest bandwidth from a time on, as far as steps and background load go.
    pub fn range_from(&self, at: SimTime) -> (Bandwidth, Bandwidth) {
        let steps = self.steps.all();
        let begun = steps.partition_point(|step| step.at <= at);
        let now = self.stepped(at).0;
        let all = steps[begun..].iter().map(|step| step.bandwidth);
        let range = all.fold((now, now), |(least, greatest), bandwidth| {
            (least.min(bandwidth), greatest.max(bandwidth))
        });
        self.background
            .as_ref()
            .map_or(range, |load| load.range(range))
    }

    /// Whether it is ever another one, or none.
    pub fn changes(&self) -> bool {
        !self.steps.is_empty() || !self.outages.is_empty() || self.background.is_some()
    }

    /// The key that makes no sense, and what was expected.
    pub(crate) fn check_changes(&self) -> Result<(), (&'static str, String)> {
        let outages = self.check_outages();
        outages.map_err(|expected| ("link.outages", expected))?;
        if self.background.is_none() {
            return Ok(());
        }
        let steps = self.steps.all().iter().map(|step| step.bandwidth);
        let least = steps.fold(self.bandwidth, Bandwidth::min);
        // A page passes in so many periods.
        if least.bits_per_second() < 1_000_000 {
            let expected = "expected a link of at least 1 Mbit/s with a background load";
            return Err(("link.background", expected.to_owned()));
        }
        Ok(())
    }

    /// The bandwidth by steps alone, and until when.
    fn stepped(&self, at: SimTime) -> (Bandwidth, SimTime) {
        let steps = self.steps.all();
        let begun = steps.partition_point(|step| step.at <= at);
        let last = begun.checked_sub(1).map(|last| steps[last].bandwidth);
        let until = steps.get(begun).map_or(SimTime::MAX, |next| next.at);
        (last.unwrap_or(self.bandwidth), until)
    }

    fn period(&self, at: SimTime) -> Period {
        let outage = self.outage(at);
        if let Some(outage) = outage.filter(|outage| outage.at < at) {
            return Period {
                until: outage.end(),
                ..self.period(outage.at)
            };
        }
        let (mut bandwidth, mut until) = self.stepped(at);
        if let Some(load) = &self.background {
            let (left, period_end) = load.leaves(bandwidth, at);
            (bandwidth, until) = (left, until.min(period_end));
        }
        let stands_still = outage.is_some_and(|outage| outage.at == at);
        if let Some(outage) = outage {
            until = if stands_still {
                outage.end()
            } else {
                until.min(outage.at)
            };
        }
        Period {
            bandwidth,
            stands_still,
            until,
        }
    }

    /// When `bytes` of a stream have left that have the link for themselves from `start` on.
    pub fn left(&self, start: SimTime, bytes: u64) -> SimTime {
        let period = self.period(start);
        let left = start + self.transmission(bytes, period.bandwidth);
        if left <= period.until && !period.stands_still {
            return left;
        }
        let work = self.work(bytes, period.bandwidth);
        self.pass(period, (bytes, work), 2, (start, SimTime::MAX)).0
    }

    /// When so many messages of `bytes` each have left that follow one another from `start` on.
    pub fn left_all(&self, start: SimTime, bytes: u64, count: u32) -> SimTime {
        let (mut now, mut count) = (start, u64::from(count));
        while count > 0 {
            let period = self.period(now);
            let each = self.transmission(bytes, period.bandwidth);
            let end = now + each.times(count);
            let whole = if period.stands_still {
                0
            } else if end <= period.until {
                return end;
            } else {
                (period.until - now).as_ps() / each.as_ps().max(1)
            };
            now = self.left(now + each.times(whole), bytes);
            count -= whole + 1;
        }
        now
    }

    /// Whether the bandwidth changes in between.
    pub(super) fn changes_within(&self, start: SimTime, end: SimTime) -> bool {
        let period = self.period(start);
        period.stands_still || period.until < end
    }

    /// Half-picoseconds that so many bytes need at a bandwidth.
    fn work(&self, bytes: u64, bandwidth: Bandwidth) -> u64 {
        self.transmission(bytes, bandwidth).times(2).as_ps()
    }

    /// A piece of so many bytes, with so much work left, passes at a rate within a time that begins in `period`.
    /// Returns when it has left, or the end of that time, and the work that is left then.
    fn pass(
        &self,
        mut period: Period,
        (bytes, mut work): (u64, u64),
        rate: u64,
        (mut now, until): (SimTime, SimTime),
    ) -> (SimTime, u64) {
        loop {
            let end = period.until.min(until);
            if rate > 0 && !period.stands_still {
                let left = now + SimTime::from_ps(work.div_ceil(rate));
                if left <= end {
                    return (left, 0);
                }
                work -= (end - now).as_ps() * rate;
            }
            now = end;
            if end < period.until || end == SimTime::MAX {
                return (end, work);
            }
            let next = self.period(end);
            if next.bandwidth != period.bandwidth {
                let of_all = |bandwidth| self.work(bytes, bandwidth);
                let (old, new) = (of_all(period.bandwidth), of_all(next.bandwidth));
                let scaled = (u128::from(work) * u128::from(new)).div_ceil(old.max(1).into());
                work = u64::try_from(scaled).unwrap_or(NEVER);
                if old == NEVER || new == NEVER || work == NEVER {
                    return (SimTime::MAX, NEVER);
                }
            }
            period = next;
            if end == until {
                return (end, work);
            }
        }
    }
}

/// The bandwidth as the link comes to it.
#[derive(Debug)]
pub(crate) struct Capacity {
    settings: LinkSettings,
    /// The greatest bandwidth of all times.
    greatest: Bandwidth,
    period: Period,
    /// Messages of the usual sizes, and their work at the period's bandwidth.
    usual: [(u64, u64); 2],
}

impl Capacity {
    /// At the migration command; most messages are of the `usual` sizes.
    pub(crate) fn new(settings: &LinkSettings, usual: [u64; 2]) -> Self {
        let mut this = Capacity {
            settings: settings.clone(),
            greatest: settings.range_from(SimTime::ZERO).1,
            period: settings.period(SimTime::ZERO),
            usual: usual.map(|bytes| (bytes, 0)),
        };
        this.weigh();
        this
    }

    fn weigh(&mut self) {
        for (bytes, work) in &mut self.usual {
            *work = self.settings.work(*bytes, self.period.bandwidth);
        }
    }

    /// When the bandwidth changes next.
    pub(super) fn changes_at(&self) -> SimTime {
        self.period.until
    }

    /// Until when messages leave at the distance of the present bandwidth.
    pub(crate) fn steady_until(&self) -> SimTime {
        if self.period.stands_still {
            return SimTime::ZERO;
        }
        // Sums of times end short of the end of time.
        self.period.until.min(SimTime::from_ps(u64::MAX - 1))
    }

    /// Goes on to a time that is not before the period.
    pub(crate) fn come_to(&mut self, now: SimTime) {
        if now >= self.period.until && now < SimTime::MAX {
            self.period = self.settings.period(now);
            self.weigh();
        }
    }

    /// Half-picoseconds of the present bandwidth that so many bytes need.
    pub(super) fn work(&self, bytes: u64) -> u64 {
        let usual = self.usual.iter().find(|usual| usual.0 == bytes);
        usual.map_or_else(
            || self.settings.work(bytes, self.period.bandwidth),
            |usual| usual.1,
        )
    }

    /// Time that so many bytes take at the present bandwidth.
    pub(crate) fn transmission(&self, bytes: u64) -> SimTime {
        SimTime::from_ps(self.work(bytes).div_ceil(2))
    }

    /// Before this time so many bytes cannot have passed that begin `now`.
    pub(super) fn soonest(&self, now: SimTime, bytes: u64) -> SimTime {
        now + self.settings.transmission(bytes, self.greatest)
    }

    /// When a message has left that has the link for itself from `start` on, which is not before the period.
    pub(crate) fn left(&mut self, start: SimTime, bytes: u64) -> SimTime {
        self.come_to(start);
        let work = (bytes, self.work(bytes));
        let time = (start, SimTime::MAX);
        self.settings.pass(self.period, work, 2, time).0
    }

    /// When a piece has left that passes at a rate above zero from `now` on, which lies in the period.
    pub(super) fn departure(&self, piece: &Piece, rate: u64, now: SimTime) -> SimTime {
        let work = (piece.bytes, piece.work_left);
        let time = (now, SimTime::MAX);
        self.settings.pass(self.period, work, rate, time).0
    }

    /// A piece passes at a rate for a time that begins in the period.
    pub(super) fn pass(&self, piece: &mut Piece, rate: u64, time: (SimTime, SimTime)) {
        let work = (piece.bytes, piece.work_left);
        piece.work_left = self.settings.pass(self.period, work, rate, time).1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{BackgroundSettings, Outage, Step, Steps};

    /// 1 Gbit/s, of which others take a share; a tenth from 1 ms on; nothing from 2 to 3 ms.
    fn changing() -> LinkSettings {
        let bandwidth = Bandwidth::from_bits_per_second(100_000_000).expect("not zero");
        let (at, outage) = (SimTime::from_ms(1), SimTime::from_ms(2));
        LinkSettings {
            steps: Steps::given(vec![Step { at, bandwidth }]),
            outages: vec![Outage {
                at: outage,
                duration: at,
            }],
            background: Some(BackgroundSettings {
                mean_percent: 30,
                period: SimTime::from_us(100),
                seed: 1,
            }),
            ..LinkSettings::default()
        }
    }

    #[test]
    fn many_messages_leave_as_if_one_by_one() {
        let link = changing();
        for bytes in [0, 1, 1_500, 4_104, 65_536] {
            for start in [0, 999, 1_000, 1_950, 2_000, 2_500, 3_000].map(SimTime::from_us) {
                let mut one_by_one = start;
                for count in 1..10 {
                    one_by_one = link.left(one_by_one, bytes);
                    assert_eq!(link.left_all(start, bytes, count), one_by_one);
                }
            }
        }
    }

    #[test]
    fn nothing_is_faster_than_the_greatest_bandwidth() {
        let link = changing();
        for from in [0, 1_500].map(SimTime::from_us) {
            let (least, greatest) = link.range_from(from);
            for bytes in [1, 4_104, 1 << 20] {
                let left = link.left(from, bytes);
                assert!(left >= from + link.transmission(bytes, greatest));
                // The outage aside.
                let longest = link.transmission(bytes, least) + SimTime::from_ms(1);
                assert!(left <= from + longest);
            }
        }
        let bits = |from| link.range_from(SimTime::from_us(from)).1.bits_per_second();
        assert_eq!((bits(0), bits(1_000)), (1_000_000_000, 100_000_000));
    }
}
