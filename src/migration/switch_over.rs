//! From the migration command to the resume on the destination.

use super::MigrationError;
use super::pre_copy::Copied;
use crate::link::LinkSettings;
use crate::scenario::Scenario;
use crate::source::recorder::{Recording, record};
use crate::strategy::Observation;
use crate::time::SimTime;
use crate::trace::replay::Replay;
use crate::trace::touch_order::TouchOrder;
use crate::vm::{Memory, PageSet};

/// What the VM has done by the time it is suspended, and what it will do afterwards. Strategies that record share one,
/// strategies that are suspended at once another; see [`SwitchOver::after_rounds`] for pre-copy's.
#[derive(Debug)]
pub struct SwitchOver {
    /// From the migration command until the VM is suspended.
    pub suspended_at: SimTime,
    /// No vCPU runs for so long.
    pub downtime: SimTime,
    /// What was recorded in the window; nothing if none was asked for.
    pub recording: Recording,
    /// What the destination will touch.
    pub touch_order: TouchOrder,
    /// Pages without content.
    pub zero_pages: PageSet,
    /// How the memory is divided.
    pub memory: Memory,
    /// Pages that the destination does not have when the VM resumes there.
    pub missing: PageSet,
    /// What was sent before the resume.
    pub copied: Copied,
}

impl SwitchOver {
    /// Runs the VM on the source for its record window, if `records`, and suspends it.
    ///
    /// # Errors
    ///
    /// [`MigrationError`] when the trace is damaged or the window too long for it.
    pub fn prepare(
        scenario: &Scenario,
        replay: &Replay<'_>,
        records: bool,
    ) -> Result<Self, MigrationError> {
        let (vm, link) = (&scenario.vm, &scenario.link);
        let core_transmission = link.transmission(vm.core_state.0);
        let overlap = records && scenario.migration.overlap_core;
        let window = match (records, overlap) {
            (false, _) => SimTime::ZERO,
            (true, false) => scenario.migration.record_window,
            (true, true) => scenario.migration.record_window.max(core_transmission),
        };
        let (recording, positions) = record(replay, window, scenario.source.record_trap)?;
        let transfer = if overlap {
            SimTime::ZERO
        } else {
            core_transmission
        };
        let memory = replay.memory();
        Ok(SwitchOver {
            suspended_at: window,
            downtime: vm.suspend + transfer + link.latency + vm.resume,
            recording,
            touch_order: TouchOrder::after(replay, &positions)?,
            zero_pages: replay.zero_pages(&positions)?,
            memory,
            missing: PageSet::full(memory.pages),
            copied: Copied::default(),
        })
    }

    /// What a strategy is shown.
    pub fn observation(&self, link: &LinkSettings) -> Observation<'_> {
        Observation {
            recording: &self.recording,
            memory: self.memory,
            zero_pages: &self.zero_pages,
            page_time: link.transmission(link.page_message(self.memory.host_page)),
        }
    }
}
