//! Pre-copy: memory is sent in rounds while the VM runs on at the source (Clark et al., *Live Migration of Virtual
//! Machines*, NSDI 2005).
//!
//! ```text
//! 0  all pages   written since 0   written since 1                 R
//! ├── round 1 ──┼─── round 2 ───┼─ … ─┼─ suspend · remainder · core state · latency · resume ─┤
//!                                     ├────────────────── downtime ──────────────────────────┤
//! ```
//!
//! A round sends the pages that were written during the round before, the first one all pages; it is over when the
//! migration thread has handed its last page to the link. The guest is not slowed down by the logging of its writes. A
//! page counts as zero as long as the guest has not written it.
//!
//! Before the switch-over pages go in the trace's size, on hosts with larger ones, too: the dirty log knows them so,
//! and a round sends those of a huge page that are dirty (`migration/ram.c`, `ram_save_host_page`). What is missing at
//! the switch-over to post-copy is whole host pages (`postcopy_chunk_hostpages_pass`).
//!
//! The dirty log is cleared a chunk of memory at a time, when the chunk's first page is sent
//! (`source.dirty_log_chunk`): a page that was written before that is sent with what was written, and is not dirty. A
//! page is taken for clean only where the trace tells so: within an epoch of a compacted trace a write counts as the
//! later one.
//!
//! On a compacted trace a round's beginning and end, as far as the guest is concerned, are the nearest boundaries of
//! the recorder's epochs, between which the sets of written pages are exact. Rounds adjoin there, so no write is lost.

use std::collections::BTreeMap;

use super::page_stream::PageStream;
use super::rounds::{RoundsOutcome, Schedule};
use super::switch_over::contents_of_host;
use super::{MigrationError, SwitchOver};
use crate::engine::Progression;
use crate::guest::recording::{Preparation, Recording, record_last};
use crate::guest::replay::{GuestAccess, Replay, VcpuReplay};
use crate::guest::touch_order::TouchOrder;
use crate::memory::{Content, Contents, PageId, PageSet};
use crate::scenario::Scenario;
use crate::strategy::lead_in::{Remainder, Rounds};
use crate::trace::{Op, TraceError};
use crate::units::SimTime;

impl SwitchOver {
    /// Runs the VM on the source for the rounds of pre-copy and suspends it.
    ///
    /// # Errors
    ///
    /// [`MigrationError`] when the trace is damaged or simulated time runs out.
    pub fn after_rounds(
        scenario: &Scenario,
        host: &Replay<'_>,
        rounds: Rounds,
    ) -> Result<Self, MigrationError> {
        let replay = &host.in_trace_pages();
        let memory = replay.memory();
        let chunk = scenario.source.dirty_log_chunk.0 / memory.host_page;
        let chunk = PageId::try_from(chunk.max(1)).unwrap_or(PageId::MAX);
        let mut position = SimTime::ZERO;
        let mut dirty = PageSet::full(memory.pages);
        let mut contents = ContentsInTime::of(replay)?;
        let mut stream = PageStream::new(scenario, memory);
        let mut suspended_at = SimTime::ZERO;
        let mut done = RoundsOutcome::before(&rounds);
        let mut schedule = Schedule::new(&rounds);
        while let Some(deadline) = schedule.next() {
            let in_round = dirty.clone();
            let mut cleared = BTreeMap::new();
            let mut is_cut = false;
            let mut next = in_round.first_from(0);
            while let Some(page) = next {
                let Some(at) = stream.ready(deadline) else {
                    is_cut = true;
                    break;
                };
                let content = contents.of_page(page, at.max(position))?;
                let (times, most) = stream.times(content);
                let most = in_round.run_length(page, times.count_before(deadline, most));
                let count = contents.run_alike(page, most, times)?;
                for part in page / chunk..=(page + count - 1) / chunk {
                    let first = (part * chunk).max(page);
                    let clear = || replay.epoch_beginning(times.at(first - page)).max(position);
                    cleared.entry(part).or_insert_with(clear);
                }
                dirty.remove_run(page, count);
                stream.push(page, count, content);
                next = in_round.first_from(page + count);
            }
            suspended_at = stream.end_round(is_cut.then_some(deadline));
            let reached = replay.nearest_boundary(suspended_at);
            let last_writes = replay.last_writes(position, reached)?;
            let written = last_writes.len() as u64 * memory.host_page;
            for (page, last) in last_writes {
                let since = cleared.get(&(page / chunk));
                if since.is_none_or(|since| last >= *since || !in_round.contains(page)) {
                    dirty.insert(page);
                }
            }
            if !schedule.is_switching() {
                done.add(reached - position, written);
                done.converged =
                    (done.converged).map(|_| stream.is_within_limit(&rounds, dirty.count()));
            }
            position = reached;
            let is_enough = stream.is_enough(&rounds, in_round.count(), dirty.count());
            schedule.round_is_over(suspended_at, is_cut, is_enough);
        }
        done.expected_downtime = stream.expected_downtime(dirty.count());
        stream.pause(suspended_at, scenario.vm.suspend);
        let contents = contents.at(position)?;
        let missing = match rounds.remainder {
            Remainder::AfterResume => dirty,
            Remainder::WhileSuspended => {
                stream.send(&dirty, &contents);
                PageSet::empty(memory.pages)
            }
        };
        let (core_state, copied) = stream.send_core_state();
        let resumed_at = core_state.resumed_at(scenario);
        if resumed_at == SimTime::MAX || !replay.reaches(position) {
            return Err(MigrationError::TooLong);
        }
        let positions = vec![position; usize::from(replay.vcpus())];
        let recorded = rounds.tracking.records();
        Ok(SwitchOver {
            recorded,
            preparation: Preparation::default(),
            suspended_at,
            core_state,
            downtime: resumed_at - suspended_at,
            recording: match recorded {
                true => record_last(host, scenario.migration.record_window, position)?,
                false => Recording::default(),
            },
            touch_order: TouchOrder::after(host, &positions)?,
            contents: contents_of_host(host, contents, memory, &positions)?,
            memory: host.memory(),
            missing,
            copied,
            rounds: Some(done),
        }
        .in_host_pages(memory))
    }
}

/// What the pages of a guest that is not slowed down consist of, as time goes on.
struct ContentsInTime<'a> {
    contents: Contents,
    ahead: Vec<Ahead<'a>>,
    /// After one pass, a trace that wraps around writes nothing new.
    end: SimTime,
}

impl<'a> ContentsInTime<'a> {
    fn of(replay: &Replay<'a>) -> Result<Self, TraceError> {
        let start = vec![SimTime::ZERO; usize::from(replay.vcpus())];
        let contents = replay.contents(&start)?;
        let ahead = (0..replay.vcpus())
            .map(|vcpu| Ahead {
                next: None,
                behind: replay.vcpu(vcpu, SimTime::ZERO),
            })
            .collect();
        Ok(ContentsInTime {
            contents,
            ahead,
            end: replay.pass() + SimTime::from_ps(1),
        })
    }

    /// What the page consists of after the writes before `time`. Times do not go back.
    fn of_page(&mut self, page: PageId, time: SimTime) -> Result<Content, TraceError> {
        if self.contents.of(page).zeros > 0 {
            self.run_until(time)?;
        }
        Ok(self.contents.of(page))
    }

    /// How many pages from `page` on, at most `most`, consist of the same as it when they are sent at these times.
    fn run_alike(
        &mut self,
        page: PageId,
        most: u32,
        times: Progression,
    ) -> Result<u32, TraceError> {
        let count = self.contents.run_alike(page, most);
        if self.contents.of(page).zeros == 0 {
            return Ok(count);
        }
        let change = self.next_change(times.at(count - 1))?;
        Ok(times.count_until(change, count).max(1))
    }

    fn at(mut self, time: SimTime) -> Result<Contents, TraceError> {
        if self.contents.has_zeros() {
            self.run_until(time)?;
        }
        Ok(self.contents)
    }

    fn run_until(&mut self, time: SimTime) -> Result<(), TraceError> {
        let time = time.min(self.end);
        for vcpu in &mut self.ahead {
            while let Some(access) = vcpu.next_before(time)? {
                if access.op == Op::Write {
                    self.contents.write(access.place);
                }
            }
        }
        Ok(())
    }

    /// When a zero page is written next, or `until`, if none is before.
    fn next_change(&mut self, until: SimTime) -> Result<SimTime, TraceError> {
        let mut change = until;
        for vcpu in &mut self.ahead {
            while let Some(access) = vcpu.next_before(change.min(self.end))? {
                if access.op == Op::Write && self.contents.is_zero_part(access.place) {
                    change = access.offset;
                    vcpu.next = Some(access);
                }
            }
        }
        Ok(change)
    }
}

/// A vCPU's accesses, looked at one by one.
struct Ahead<'a> {
    /// One that was looked at and is still to come.
    next: Option<GuestAccess>,
    behind: VcpuReplay<'a>,
}

impl Ahead<'_> {
    /// Takes the next access, if it comes before `time`.
    fn next_before(&mut self, time: SimTime) -> Result<Option<GuestAccess>, TraceError> {
        self.next = match self.next.take() {
            Some(access) => Some(access),
            None => self.behind.next().transpose()?,
        };
        Ok(self.next.take_if(|access| access.offset < time))
    }
}
