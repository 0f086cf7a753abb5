//! A guest that is recorded while its memory is sent: which pages the destination has, and which were accessed of late.

use super::page_stream::PageStream;
use super::switch_over::contents_of_host;
use super::{MigrationError, SwitchOver};
use crate::guest::recorder::RecordedGuest;
use crate::guest::recording::{
    Access, MOST_ACCESSES, MOST_PASSES, Preparation, RecordError, Recording,
};
use crate::guest::replay::Replay;
use crate::guest::touch_order::TouchOrder;
use crate::memory::{Contents, PageId, PageSet};
use crate::scenario::Scenario;
use crate::strategy::lead_in::Remainder;
use crate::trace::Op;
use crate::units::SimTime;

/// The guest, and what is known of its pages. Of the accesses only those of the last record window are kept.
pub(super) struct LiveGuest<'a> {
    scenario: &'a Scenario,
    replay: &'a Replay<'a>,
    guest: RecordedGuest<'a>,
    /// What the pages consist of so far.
    pub(super) contents: Contents,
    /// Pages that the destination does not have as they are now.
    pub(super) missing: PageSet,
    /// Pages written in the round.
    pub(super) written: PageSet,
    accesses: Vec<Access>,
    kept: SimTime,
    /// Accesses from which on it is worth while to look for ones that are too old.
    full: usize,
}

const FIRST_FULL: usize = 64;

impl<'a> LiveGuest<'a> {
    /// A guest at the migration command, none of whose pages are on the destination; accesses are kept for a time.
    pub(super) fn new(
        scenario: &'a Scenario,
        replay: &'a Replay<'a>,
        kept: SimTime,
    ) -> Result<Self, MigrationError> {
        let start = vec![SimTime::ZERO; usize::from(replay.vcpus())];
        Ok(LiveGuest {
            scenario,
            replay,
            guest: RecordedGuest::new(replay, scenario.source.record_trap)?,
            contents: replay.contents(&start)?,
            missing: PageSet::full(replay.memory().pages),
            written: PageSet::empty(replay.memory().pages),
            accesses: Vec::new(),
            kept,
            full: FIRST_FULL,
        })
    }

    /// Lets the guest run until `time`, and tells of its accesses.
    pub(super) fn run_until(
        &mut self,
        time: SimTime,
        mut tell: impl FnMut(&Access),
    ) -> Result<(), MigrationError> {
        let pass = self.replay.pass();
        if self.replay.wraps() && time.as_ps() / pass.as_ps().max(1) > MOST_PASSES {
            return Err(RecordError::TooShort { pass }.into());
        }
        while let Some((access, place)) = self.guest.next_before(time)? {
            if access.op == Op::Write {
                self.missing.insert(access.page);
                self.written.insert(access.page);
                self.contents.write(place);
            }
            tell(&access);
            self.accesses.push(access);
            if self.accesses.len() >= self.full {
                let since = access.time - self.kept;
                self.accesses.retain(|access| access.time >= since);
                if self.accesses.len() >= MOST_ACCESSES {
                    return Err(RecordError::TooLong.into());
                }
                self.full = FIRST_FULL.max(2 * self.accesses.len());
            }
        }
        Ok(())
    }

    /// A page is sent at a time until which the guest has run. It is protected, so that the next access shows.
    pub(super) fn sent(&mut self, page: PageId, at: SimTime) {
        if !self.guest.may_be_writing(page, at) {
            self.missing.remove(page);
        }
        self.guest.protect(page);
    }

    /// The dirty log has been read: every access shows once more.
    pub(super) fn protect_all(&mut self) {
        self.guest.protect_all();
    }

    /// The recording ended at `recorded_until`, and the guest is suspended after it has run until `suspended_at`;
    /// `host` is the same guest in host pages.
    pub(super) fn suspend(
        self,
        host: &Replay<'_>,
        mut stream: PageStream<'_>,
        (recorded_until, suspended_at): (SimTime, SimTime),
        remainder: Remainder,
    ) -> Result<SwitchOver, MigrationError> {
        let window = self.scenario.migration.record_window.min(recorded_until);
        let beginning = recorded_until - window;
        let in_window = |access: &&Access| (beginning..recorded_until).contains(&access.time);
        let before = self.replay.memory();
        let shift = host.memory().host_shift - before.host_shift;
        let from_beginning = |access: &Access| Access {
            time: access.time - beginning,
            page: access.page >> shift,
            ..*access
        };
        let recording = Recording {
            accesses: (self.accesses.iter().filter(in_window))
                .map(from_beginning)
                .collect(),
            window,
        };
        let stopped = self.guest.stop(suspended_at)?;
        let mut missing = self.missing;
        for page in stopped.written_late {
            missing.insert(page);
        }
        let accesses = recording.accesses.len() as u64;
        let planning = self.scenario.migration.planning_cost.times(accesses);
        stream.pause(suspended_at, self.scenario.vm.suspend + planning);
        let contents = self.replay.contents(&stopped.positions)?;
        if remainder == Remainder::WhileSuspended {
            stream.send(&missing, &contents);
            missing = PageSet::empty(missing.pages());
        }
        let (core_state, copied) = stream.send_core_state();
        let resumed_at = core_state.resumed_at(self.scenario);
        let reaches = |position: &SimTime| self.replay.reaches(*position);
        if resumed_at == SimTime::MAX || !stopped.positions.iter().all(reaches) {
            return Err(MigrationError::TooLong);
        }
        Ok(SwitchOver {
            recorded: true,
            preparation: Preparation {
                window: recorded_until,
                planning: suspended_at - recorded_until,
            },
            suspended_at,
            core_state,
            downtime: resumed_at - suspended_at,
            recording,
            touch_order: TouchOrder::after(host, &stopped.positions)?,
            contents: contents_of_host(host, contents, before, &stopped.positions)?,
            memory: host.memory(),
            missing,
            copied,
            rounds: None,
        }
        .in_host_pages(before))
    }
}
