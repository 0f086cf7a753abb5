//! The bandwidth as time goes on: steps, others on the link, and outages.

use std::cell::RefCell;

use migsim::units::SimTime;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Input, Ps, ps};

/// Others on the link, who take another share of it in every period.
#[derive(Debug, Clone)]
pub(crate) struct Background {
    mean_percent: u64,
    period: Ps,
    /// Shares are drawn in the order of the periods.
    drawn: RefCell<(ChaCha8Rng, Vec<u64>)>,
}

impl Background {
    pub(crate) fn new(mean_percent: u8, period: SimTime, seed: u64) -> Self {
        Background {
            mean_percent: mean_percent.into(),
            period: ps(period),
            drawn: RefCell::new((ChaCha8Rng::seed_from_u64(seed), Vec::new())),
        }
    }

    /// The least share in millionths, and how many there are to choose from.
    fn choices(&self) -> (Ps, Ps) {
        let mean = Ps::from(self.mean_percent);
        let spread = if mean < 50 { mean } else { 99 - mean };
        ((mean - spread) * 10_000, spread * 20_000 + 1)
    }

    /// In millionths.
    fn share(&self, time: Ps) -> Ps {
        let period = (time / self.period) as usize;
        let (generator, drawn) = &mut *self.drawn.borrow_mut();
        while drawn.len() <= period {
            drawn.push(generator.next_u64());
        }
        let (least, choices) = self.choices();
        least + ((Ps::from(drawn[period]) * choices) >> 64)
    }
}

/// A bandwidth without so many millionths of it.
fn without(bandwidth: u64, share: Ps) -> u64 {
    ((u128::from(bandwidth) * (1_000_000 - share) / 1_000_000) as u64).max(1)
}

impl Input<'_> {
    /// The outage that a time lies in.
    pub(super) fn outage(&self, time: Ps) -> Option<(Ps, Ps)> {
        let outages = self.settings.link.outages.iter();
        let mut outages = outages.map(|one| (ps(one.at), ps(one.at) + ps(one.duration)));
        outages.find(|(at, end)| (*at..*end).contains(&time))
    }

    /// When the connection is given up that stands from a time on.
    pub(super) fn pauses(&self, from: Ps) -> Vec<Ps> {
        let Some(recovery) = &self.settings.link.recovery else {
            return Vec::new();
        };
        let outages = self.settings.link.outages.iter();
        outages
            .filter(|one| ps(one.at) >= from && one.duration > recovery.timeout)
            .map(|one| ps(one.at) + ps(recovery.timeout))
            .collect()
    }

    /// When a packet that takes no bandwidth gets to the other side.
    pub(super) fn across(&self, time: Ps) -> Ps {
        self.outage(time).map_or(time, |(_, end)| end) + ps(self.settings.link.latency)
    }

    /// Without others, and without an outage.
    fn stepped(&self, time: Ps) -> u64 {
        let link = &self.settings.link;
        let begun = link.steps.all().iter().rfind(|step| ps(step.at) <= time);
        begun
            .map_or(link.bandwidth, |step| step.bandwidth)
            .bits_per_second()
    }

    /// Bits per second at a time; in an outage those of its beginning.
    pub(super) fn bandwidth_at(&self, time: Ps) -> u64 {
        let time = self.outage(time).map_or(time, |(begin, _)| begin);
        let share = self.background.as_ref().map_or(0, |load| load.share(time));
        without(self.stepped(time), share)
    }

    /// The most that there may be from a time on.
    pub(super) fn greatest_bandwidth(&self, from: Ps) -> u64 {
        let later = self.settings.link.steps.all().iter();
        let later = later.filter(|step| ps(step.at) > from);
        let later = later.map(|step| step.bandwidth.bits_per_second());
        let greatest = later.chain([self.stepped(from)]).max().expect("one");
        let load = self.background.as_ref();
        without(greatest, load.map_or(0, |load| load.choices().0))
    }

    /// When the bandwidth changes next, or an outage begins or ends.
    pub(super) fn next_change(&self, time: Ps) -> Option<Ps> {
        if let Some((_, end)) = self.outage(time) {
            return Some(end);
        }
        let link = &self.settings.link;
        let period = self.background.as_ref().map(|load| load.period);
        let steps = link.steps.all().iter().map(|step| ps(step.at));
        let times = steps
            .chain(link.outages.iter().map(|one| ps(one.at)))
            .chain(period.map(|period| (time / period + 1) * period));
        times.filter(|at| *at > time).min()
    }

    /// Half-units of a piece of so many bytes that are left when the bandwidth changes: the same share of all.
    pub(super) fn at_change(&self, bytes: u64, work: u128, time: Ps) -> u128 {
        let (old, new) = (self.bandwidth_at(time - 1), self.bandwidth_at(time));
        match 2 * self.tx(bytes, old) {
            _ if old == new => work,
            0 => 0,
            all => (work * 2 * self.tx(bytes, new)).div_ceil(all),
        }
    }

    /// When a piece is out that has so much work left at a time, and gets so many half-units per picosecond.
    pub(super) fn out(&self, mut time: Ps, bytes: u64, mut work: u128, rate: u128) -> Ps {
        loop {
            let passes = self.outage(time).is_none();
            let out = time + work.div_ceil(rate);
            match self.next_change(time) {
                Some(change) if !passes || change < out => {
                    if passes {
                        work -= (change - time) * rate;
                    }
                    work = self.at_change(bytes, work, change);
                    time = change;
                }
                _ => return out,
            }
        }
    }

    /// When so many bytes are out that are alone on the wire.
    pub(super) fn out_alone(&self, time: Ps, bytes: u64) -> Ps {
        let work = 2 * self.tx(bytes, self.bandwidth_at(time));
        self.out(time, bytes, work, 2)
    }
}
