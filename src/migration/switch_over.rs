//! The switch-over: what the VM has done by the time it is suspended, and what it will do afterwards.

use super::MigrationError;
use super::rounds::RoundsOutcome;
use crate::guest::recording::{Preparation, Recording, record};
use crate::guest::replay::Replay;
use crate::guest::touch_order::TouchOrder;
use crate::memory::{Contents, Memory, PageSet};
use crate::network::{LinkSettings, Window};
use crate::scenario::Scenario;
use crate::strategy::Observation;
use crate::units::SimTime;

/// What the guest does in a record window and after it. It depends on the trace, the window and the recorder's trap,
/// but on nothing of the link or the hosts, so runs over different links can share it; it is cheap to clone.
#[derive(Debug, Clone)]
pub struct GuestCourse {
    /// What was recorded in the window; nothing if that is empty.
    pub recording: Recording,
    /// What the destination will touch.
    pub touch_order: TouchOrder,
    /// What the pages consist of.
    pub contents: Contents,
    /// How the memory is divided.
    pub memory: Memory,
}

impl GuestCourse {
    /// Runs the guest through its preparation; while it is recorded, each first access to a page costs `trap`.
    ///
    /// # Errors
    ///
    /// [`MigrationError`] when the trace is damaged or the window too long for it.
    pub fn after(
        replay: &Replay<'_>,
        preparation: Preparation,
        trap: SimTime,
    ) -> Result<Self, MigrationError> {
        let (recording, positions) = record(replay, preparation, trap)?;
        if !positions.iter().all(|position| replay.reaches(*position)) {
            return Err(MigrationError::TooLong);
        }
        Ok(GuestCourse {
            recording,
            touch_order: TouchOrder::after(replay, &positions)?,
            contents: replay.contents(&positions)?,
            memory: replay.memory(),
        })
    }
}

/// What host pages consist of at these positions, if `own` is that of memory divided as `before`.
pub(super) fn contents_of_host(
    host: &Replay<'_>,
    own: Contents,
    before: Memory,
    positions: &[SimTime],
) -> Result<Contents, MigrationError> {
    match host.memory() == before {
        true => Ok(own),
        false => Ok(host.contents(positions)?),
    }
}

/// The core state's way, and what it leaves of the connection that pages follow on.
#[derive(Debug, Clone)]
pub struct CoreState {
    /// Its last byte has left the source, which goes on with pages.
    pub left_at: SimTime,
    /// What is under way then.
    pub window: Window,
    /// All pages are in place that were sent before it.
    pub installed_before: SimTime,
}

impl CoreState {
    /// When the VM runs on the destination.
    pub fn resumed_at(&self, scenario: &Scenario) -> SimTime {
        (self.left_at + scenario.link.latency).max(self.installed_before) + scenario.vm.resume
    }

    /// When the source begins to push pages that are still missing.
    pub fn push_begins(&self, scenario: &Scenario) -> SimTime {
        if scenario.migration.push_while_resuming {
            self.left_at
        } else {
            self.resumed_at(scenario)
        }
    }
}

/// What was sent before the resume.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Copied {
    /// Pages with their content.
    pub pages: u64,
    /// Zero pages.
    pub zero_pages: u64,
    /// Both, when sent again.
    pub repeated: u64,
    /// Bytes of all their messages, before packet overhead.
    pub bytes: u64,
    /// Which pages were sent, once or more often, of the size in which they were; `None` if none was.
    pub sent: Option<PageSet>,
}

/// The switch-over of one migration. Strategies that record share one, strategies that are suspended at once another;
/// see [`SwitchOver::after_rounds`] for pre-copy's.
#[derive(Debug)]
pub struct SwitchOver {
    /// Whether accesses were recorded, so that a strategy may have a plan.
    pub recorded: bool,
    /// What the VM did before, if not pre-copy's rounds.
    pub preparation: Preparation,
    /// From the migration command until the VM is suspended.
    pub suspended_at: SimTime,
    /// What is sent then.
    pub core_state: CoreState,
    /// No vCPU runs for so long.
    pub downtime: SimTime,
    /// What was recorded in the window; nothing if none was asked for.
    pub recording: Recording,
    /// What the destination will touch.
    pub touch_order: TouchOrder,
    /// What the pages consist of.
    pub contents: Contents,
    /// How the memory is divided.
    pub memory: Memory,
    /// Pages that have not been sent as they are when the VM is suspended, nor while it is.
    pub missing: PageSet,
    /// What was sent before the resume.
    pub copied: Copied,
    /// How pre-copy's rounds went, if there were any in the lead-in.
    pub rounds: Option<RoundsOutcome>,
}

impl SwitchOver {
    /// What the VM does on the source after the migration command: it runs on during the setup, and before that for
    /// what a strategy needs that `records`.
    pub fn preparation(scenario: &Scenario, records: bool) -> Preparation {
        let migration = &scenario.migration;
        if !records {
            return Preparation {
                window: SimTime::ZERO,
                planning: migration.setup_time,
            };
        }
        Preparation {
            window: migration.record_window,
            planning: migration.planning_time + migration.setup_time,
        }
    }

    /// Suspends the VM.
    pub fn new(scenario: &Scenario, records: bool, guest: GuestCourse) -> Self {
        let preparation = Self::preparation(scenario, records);
        let suspended_at = preparation.length();
        // Nothing is recorded without a window.
        let recorded = guest.recording.accesses.len() as u64;
        let planning = scenario.migration.planning_cost.times(recorded);
        let ready = suspended_at + scenario.vm.suspend + planning;
        // Over a link that is idle.
        let window = scenario.destination.receive_buffer;
        let (left, window) = (scenario.link).send_stream(ready, scenario.vm.core_state.0, window);
        let core_state = CoreState {
            left_at: left,
            window,
            installed_before: SimTime::ZERO,
        };
        SwitchOver {
            recorded: records,
            preparation,
            suspended_at,
            downtime: core_state.resumed_at(scenario) - suspended_at,
            core_state,
            recording: guest.recording,
            touch_order: guest.touch_order,
            contents: guest.contents,
            memory: guest.memory,
            missing: PageSet::full(guest.memory.pages),
            copied: Copied::default(),
            rounds: None,
        }
    }

    /// The same, whose memory was divided otherwise as long as the VM ran on the source: a host page is missing where
    /// any part of it is.
    pub(super) fn in_host_pages(mut self, before: Memory) -> Self {
        let shift = self.memory.host_shift - before.host_shift;
        if shift > 0 {
            self.missing = self.missing.coarsened(shift, self.memory.pages);
        }
        self
    }

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
        let preparation = Self::preparation(scenario, records);
        let guest = GuestCourse::after(replay, preparation, scenario.source.record_trap)?;
        Ok(Self::new(scenario, records, guest))
    }

    /// What a strategy is shown.
    pub fn observation(&self, link: &LinkSettings) -> Observation<'_> {
        Observation {
            recording: &self.recording,
            memory: self.memory,
            zero_pages: self.contents.zero_pages(),
            missing: &self.missing,
            page_time: link.page_time(&self.memory, self.suspended_at),
        }
    }
}
