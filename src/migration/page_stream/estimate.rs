//! What a hypervisor makes of what it has sent: whether the rest fits the downtime.

use super::PageStream;
use crate::strategy::lead_in::Rounds;
use crate::units::SimTime;

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

    /// How long sending so many dirty pages would take, as [`fits`](Self::fits) estimates it, rounded up; zero before
    /// anything was sent.
    pub(in crate::migration) fn expected_downtime(&self, dirty: u32) -> SimTime {
        let bytes = u128::from(dirty) * u128::from(self.page_bytes);
        let work = bytes * u128::from(self.full_speed.as_ps());
        match u128::from(self.link.bytes_handed()) {
            0 => SimTime::ZERO,
            sent => SimTime::from_wide_ps(work.div_ceil(sent)),
        }
    }

    /// Whether sending so much would take no longer than `limit`, as a hypervisor estimates it: bytes of the pages over
    /// the bandwidth measured since the migration command. Neither suspend, resume nor core state are in it.
    fn fits(&self, bytes: u128, limit: SimTime) -> bool {
        bytes * u128::from(self.full_speed.as_ps())
            <= u128::from(limit.as_ps()) * u128::from(self.link.bytes_handed())
    }
}
