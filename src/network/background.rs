//! Background load: other traffic that takes a share of the bandwidth, drawn anew at every period.
//!
//! The share of period k is drawn from word pair k of a ChaCha8 stream, so that the bandwidth at a time does not depend
//! on the times that were asked for before.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::limits::{OutOfLimits, expect};
use crate::units::{Bandwidth, SimTime};

/// `[link.background]`: other traffic on the link. It needs a link of at least 1 Mbit/s.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a section with keys")]
pub struct BackgroundSettings {
    /// Mean share of the bandwidth that other traffic takes, 1 to 99 per cent. Shares are spread evenly around it, as
    /// far as 0 and 99 per cent let them on both sides: 30 means 0 to 60, 90 means 81 to 99. Default: no section, and a
    /// link of one's own.
    pub mean_percent: u8,
    /// How long a share lasts, at least 100 us; the first begins with the migration command. Default: no section.
    pub period: SimTime,
    /// What the shares are drawn from (ChaCha8). Equal seeds make equal loads. Default: no section.
    pub seed: u64,
}

/// Shares are counted in millionths.
const MILLION: u64 = 1_000_000;

impl BackgroundSettings {
    pub(super) fn check(&self) -> Result<(), OutOfLimits> {
        expect(
            (1..=99).contains(&self.mean_percent),
            "link.background.mean_percent",
            "expected 1 to 99",
        )?;
        expect(
            self.period >= SimTime::from_us(100),
            "link.background.period",
            "expected at least 100 us",
        )
    }

    /// The least and the greatest share, in millionths.
    fn shares(&self) -> (u64, u64) {
        let mean = u64::from(self.mean_percent);
        let spread = mean.min(99_u64.saturating_sub(mean));
        let millionths = |percent| percent * (MILLION / 100);
        (millionths(mean - spread), millionths(mean + spread))
    }

    /// The share of a period, in millionths.
    fn share(&self, period: u64) -> u64 {
        let mut generator = ChaCha8Rng::seed_from_u64(self.seed);
        generator.set_word_pos(2 * u128::from(period));
        let (least, greatest) = self.shares();
        let choices = u128::from(greatest - least + 1);
        least + ((u128::from(generator.next_u64()) * choices) >> 64) as u64
    }

    /// What is left of a bandwidth at a time, and until when.
    pub(super) fn leaves(&self, bandwidth: Bandwidth, at: SimTime) -> (Bandwidth, SimTime) {
        let period = at.as_ps() / self.period.as_ps();
        let until = self.period.times(period.saturating_add(1));
        (without(bandwidth, self.share(period)), until)
    }

    /// The least and the greatest of what may be left.
    pub(super) fn range(
        &self,
        (least, greatest): (Bandwidth, Bandwidth),
    ) -> (Bandwidth, Bandwidth) {
        let shares = self.shares();
        (without(least, shares.1), without(greatest, shares.0))
    }
}

/// A bandwidth without a share of it, rounded down; at least 1 bit/s.
fn without(bandwidth: Bandwidth, share: u64) -> Bandwidth {
    let bits = u128::from(bandwidth.bits_per_second()) * u128::from(MILLION - share);
    let bits = u64::try_from(bits / u128::from(MILLION)).unwrap_or(u64::MAX);
    Bandwidth::from_bits_per_second(bits).unwrap_or(bandwidth)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(mean_percent: u8, seed: u64) -> BackgroundSettings {
        BackgroundSettings {
            mean_percent,
            period: SimTime::from_ms(1),
            seed,
        }
    }

    #[test]
    fn shares_have_their_mean_and_their_range() {
        for (percent, least, greatest) in [(30, 0, 600_000), (90, 810_000, 990_000)] {
            let load = load(percent, 1);
            assert_eq!(load.shares(), (least, greatest));
            let shares = || (0..20_000).map(|period| load.share(period));
            assert!(shares().all(|share| (least..=greatest).contains(&share)));
            let mean = shares().sum::<u64>() / 20_000;
            let expected = u64::from(percent) * 10_000;
            // Four standard errors of evenly spread shares are less than 1 % of their range.
            assert!(mean.abs_diff(expected) < (greatest - least) / 100, "{mean}");
        }
    }

    #[test]
    fn a_period_may_be_asked_for_at_any_time() {
        let mut generator = ChaCha8Rng::seed_from_u64(7);
        for period in 0..100 {
            let drawn = u128::from(generator.next_u64()) * 600_001;
            assert_eq!(u128::from(load(30, 7).share(period)), drawn >> 64);
        }
    }
}
