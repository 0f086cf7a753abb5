//! Rounds that are recorded: the recorder knows of every page whether it was written after it was sent, and which pages
//! were written so far.
//!
//! *Cold first*, a round's first pass puts off the pages that have been written, and its second pass sends those, the
//! oldest last write first: they are the likeliest to be written again, so they go as late as possible. What the source
//! knows of writes is as old as the last reading of the dirty log (`source.dirty_log_interval`); at each reading all
//! pages are protected again, and the next access to each traps.

use std::collections::BTreeSet;

use super::live_guest::LiveGuest;
use super::page_stream::PageStream;
use super::rounds::{RoundsOutcome, Schedule};
use super::{MigrationError, SwitchOver};
use crate::guest::replay::Replay;
use crate::memory::{PageId, PageMap, PageSet};
use crate::scenario::Scenario;
use crate::strategy::lead_in::Rounds;
use crate::trace::Op;
use crate::units::SimTime;

impl SwitchOver {
    /// Runs the VM on the source for recorded rounds and suspends it.
    ///
    /// # Errors
    ///
    /// [`MigrationError`] when the trace is damaged or simulated time runs out.
    pub fn after_recorded_rounds(
        scenario: &Scenario,
        host: &Replay<'_>,
        rounds: Rounds,
        cold_first: bool,
    ) -> Result<Self, MigrationError> {
        let replay = host.in_trace_pages();
        let memory = replay.memory();
        let mut live = LiveGuest::new(scenario, &replay, scenario.migration.record_window)?;
        let mut log = DirtyLog::new(scenario.source.dirty_log_interval);
        let mut stream = PageStream::new(scenario, memory);
        let mut suspended_at = SimTime::ZERO;
        let mut done = RoundsOutcome::before(&rounds);
        let mut schedule = Schedule::new(&rounds);
        while let Some(deadline) = schedule.next() {
            let (began, before) = (suspended_at, live.missing.count());
            live.written = PageSet::empty(memory.pages);
            let mut round = Round::new(live.missing.clone(), &log, cold_first);
            let mut is_cut = false;
            while !round.is_over() {
                let Some(at) = stream.ready(deadline) else {
                    is_cut = true;
                    break;
                };
                log.run_until(&mut live, at, |page, written| round.put_off(page, written))?;
                let Some(page) = round.next_page() else { break };
                live.sent(page, at);
                stream.push(page, 1, live.contents.of(page));
            }
            suspended_at = stream.end_round(is_cut.then_some(deadline));
            log.run_until(&mut live, suspended_at, |_, _| {})?;
            let written = u64::from(live.written.count()) * memory.host_page;
            let dirty = live.missing.count();
            if !schedule.is_switching() {
                done.add(suspended_at - began, written);
                done.converged = (done.converged).map(|_| stream.is_within_limit(&rounds, dirty));
            }
            let is_enough = stream.is_enough(&rounds, before, dirty);
            schedule.round_is_over(suspended_at, is_cut, is_enough);
        }
        done.expected_downtime = stream.expected_downtime(live.missing.count());
        let end = (suspended_at, suspended_at);
        let mut switch_over = live.suspend(host, stream, end, rounds.remainder)?;
        switch_over.rounds = Some(done);
        Ok(switch_over)
    }
}

/// What the source knows of writes.
struct DirtyLog {
    interval: SimTime,
    next_reading: SimTime,
    unread: BTreeSet<PageId>,
    /// The last write of each page, as far as it is known: its time, or that of the reading.
    last_writes: PageMap<SimTime>,
}

impl DirtyLog {
    /// A log that is read at an interval, or always up to date, if that is zero.
    fn new(interval: SimTime) -> Self {
        DirtyLog {
            interval,
            next_reading: if interval == SimTime::ZERO {
                SimTime::MAX
            } else {
                interval
            },
            unread: BTreeSet::new(),
            last_writes: PageMap::default(),
        }
    }

    /// Lets the guest run until `time`, and tells of each page that becomes known to be written, and when it was.
    fn run_until(
        &mut self,
        live: &mut LiveGuest<'_>,
        time: SimTime,
        mut written: impl FnMut(PageId, SimTime),
    ) -> Result<(), MigrationError> {
        if time == SimTime::MAX {
            return Err(MigrationError::TooLong);
        }
        while self.next_reading <= time {
            self.run_until_reading(live, self.next_reading)?;
            for page in std::mem::take(&mut self.unread) {
                self.last_writes.insert(page, self.next_reading);
                written(page, self.next_reading);
            }
            live.protect_all();
            self.next_reading += self.interval;
        }
        if self.interval > SimTime::ZERO {
            return self.run_until_reading(live, time);
        }
        live.run_until(time, |access| {
            if access.op == Op::Write {
                self.last_writes.insert(access.page, access.time);
                written(access.page, access.time);
            }
        })
    }

    fn run_until_reading(
        &mut self,
        live: &mut LiveGuest<'_>,
        time: SimTime,
    ) -> Result<(), MigrationError> {
        live.run_until(time, |access| {
            if access.op == Op::Write {
                self.unread.insert(access.page);
            }
        })
    }
}

/// The pages of a round that are still to be sent.
struct Round {
    cold_first: bool,
    /// By address, and where they go on.
    cold: PageSet,
    next: PageId,
    /// Behind them, by their last write.
    put_off: BTreeSet<(SimTime, PageId)>,
    last_writes: PageMap<SimTime>,
}

impl Round {
    fn new(dirty: PageSet, log: &DirtyLog, cold_first: bool) -> Self {
        let mut round = Round {
            cold_first,
            cold: dirty,
            next: 0,
            put_off: BTreeSet::new(),
            last_writes: PageMap::default(),
        };
        for (&page, &time) in &log.last_writes {
            round.put_off(page, time);
        }
        round
    }

    fn is_over(&self) -> bool {
        self.cold.count() == 0 && self.put_off.is_empty()
    }

    /// A page was written at a time.
    fn put_off(&mut self, page: PageId, time: SimTime) {
        if !self.cold_first {
            return;
        }
        let waits = match self.last_writes.get(&page) {
            Some(&before) => self.put_off.remove(&(before, page)),
            None => false,
        };
        if waits || self.cold.contains(page) {
            self.cold.remove(page);
            self.put_off.insert((time, page));
            self.last_writes.insert(page, time);
        }
    }

    fn next_page(&mut self) -> Option<PageId> {
        let cold = self.cold.first_from(self.next);
        if let Some(page) = cold {
            self.next = page + 1;
            self.cold.remove(page);
        }
        cold.or_else(|| self.put_off.pop_first().map(|(_, page)| page))
    }
}
