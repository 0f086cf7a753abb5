//! The rate limiter: so many bytes a period.

use crate::units::{Bandwidth, SimTime};

/// What the source has sent in the current period. The limit holds back pushed pages only, and counts all.
///
/// A page may be pushed while no more than a period's share of the limit has been sent in it
/// (`migration/migration-stats.c`, `migration_rate_exceeded`). Otherwise the thread sleeps until the period is over, or
/// until a page is requested (`migration/migration.c`, `migration_rate_limit`). A period begins when the thread first
/// looks after the one before.
#[derive(Debug)]
pub struct Limiter {
    share: u64,
    period: SimTime,
    begun: SimTime,
    sent: u64,
}

impl Limiter {
    /// A limiter whose first period begins at `start`; without a limit it holds nothing back.
    pub fn new(limit: Option<Bandwidth>, period: SimTime, start: SimTime) -> Self {
        let share = |bits: u64| {
            const BITS_TIMES_PS: u128 = 8 * 1_000_000_000_000;
            let bytes = u128::from(bits) * u128::from(period.as_ps()) / BITS_TIMES_PS;
            u64::try_from(bytes).unwrap_or(u64::MAX)
        };
        Limiter {
            share: limit.map_or(u64::MAX, |limit| share(limit.bits_per_second())),
            period,
            begun: start,
            sent: 0,
        }
    }

    fn is_over(&self, now: SimTime) -> bool {
        now >= self.begun + self.period
    }

    /// The end of the period, if nothing more may be pushed before.
    pub fn holds_until(&self, now: SimTime) -> Option<SimTime> {
        (self.sent > self.share && !self.is_over(now)).then(|| self.begun + self.period)
    }

    /// How many pages of so many bytes may be pushed from now on within a period, and when it ends.
    pub fn room(&self, now: SimTime, bytes: u64) -> (u32, SimTime) {
        if self.share == u64::MAX {
            return (u32::MAX, SimTime::MAX);
        }
        let (begun, sent) = if self.is_over(now) {
            (now, 0)
        } else {
            (self.begun, self.sent)
        };
        let more = self.share.saturating_sub(sent).checked_div(bytes);
        let pages = more.map_or(u64::MAX, |more| more.saturating_add(1));
        (
            u32::try_from(pages).unwrap_or(u32::MAX),
            begun + self.period,
        )
    }

    /// So many bytes are taken up now.
    pub fn count(&mut self, now: SimTime, bytes: u64) {
        if self.is_over(now) {
            (self.begun, self.sent) = (now, 0);
        }
        self.sent = self.sent.saturating_add(bytes);
    }
}
