//! What types alone cannot check. Each settings type knows the limits of its own keys; what holds between keys is here.

use super::{Delivery, Scenario};
use crate::limits::{OutOfLimits, expect};
use crate::network::Discipline;
use crate::units::SimTime;

impl Scenario {
    /// Checks each key's own limits.
    pub(super) fn check_keys(&self) -> Result<(), OutOfLimits> {
        self.trace.check()?;
        self.vm.check()?;
        self.link.check()?;
        self.source.check()?;
        self.destination.check()?;
        self.migration.check()?;
        self.hybrid.check()?;
        self.pdopmp.check()
    }

    /// Checks keys that say nothing, or cannot be, beside another. Before all keys are known, this says too much.
    pub(super) fn check_together(&self) -> Result<(), OutOfLimits> {
        let (link, source) = (&self.link, &self.source);
        expect(
            source
                .send_resume
                .is_none_or(|resume| resume <= source.send_buffer),
            "source.send_resume",
            "expected at most source.send_buffer",
        )?;
        expect(
            link.connections == 1 || source.write_batch == 0,
            "link.connections",
            "expected 1, as source.write_batch gathers pages for one",
        )?;
        expect(
            link.segment_fits(),
            "link.segment",
            "expected 0, or from a packet's payload (link.mtu less 52 bytes) to 1 MiB",
        )?;
        // It goes window by window where the bandwidth changes.
        let window = link.window_bytes(self.destination.receive_buffer);
        let windows = self.vm.core_state.0 / window.0;
        expect(
            windows <= 1_000_000 || !link.changes(),
            "destination.receive_buffer",
            "expected at least a millionth of vm.core_state where the bandwidth changes",
        )?;
        expect(
            link.device_queue.0 == 0 || link.discipline != Discipline::Priority,
            "link.device_queue",
            "expected 0, as link.discipline = \"priority\" has no queue",
        )?;
        let is_limited = source.max_bandwidth.is_some() || source.max_postcopy_bandwidth.is_some();
        expect(
            !is_limited || source.limiter_period() > SimTime::ZERO,
            "source.limiter_period",
            "expected more than 0 with source.max_bandwidth or source.max_postcopy_bandwidth",
        )?;
        let is_held = matches!(self.migration.delivery, Delivery::FetchThenPush(_));
        expect(
            is_limited || is_held || source.limiter_period.is_none(),
            "source.limiter_period",
            "expected no period, as neither source.max_bandwidth nor source.max_postcopy_bandwidth \
             nor migration.delivery = \"fetch-then-push\" limits what is sent",
        )
    }
}
