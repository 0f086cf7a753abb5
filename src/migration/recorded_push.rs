//! Push while recording: the VM runs on for the record window, and the source sends memory meanwhile, each page once.
//!
//! Pages that were read and not written go first, the latest access first: they are going to be needed, and stay as
//! they are. Then come pages that were not accessed, from the memory in use outwards, and last those that have been
//! written, the oldest last write first. A page that is written after it was sent is missing again. Once every page has
//! been sent, the window is over.

use std::collections::BTreeSet;

use super::live_guest::LiveGuest;
use super::page_stream::PageStream;
use super::{MigrationError, SwitchOver};
use crate::guest::recording::Access;
use crate::guest::replay::Replay;
use crate::memory::{PageId, PageMap, PageSet};
use crate::scenario::Scenario;
use crate::strategy::lead_in::Remainder;
use crate::strategy::pdopmp::PdopmpSettings;
use crate::strategy::pdopmp::heat::Heat;
use crate::strategy::scan::{Push, Scan};
use crate::trace::Op;
use crate::units::SimTime;

impl SwitchOver {
    /// Runs the VM on the source for its record window, while its memory is sent, and suspends it.
    ///
    /// # Errors
    ///
    /// [`MigrationError`] when the trace is damaged or simulated time runs out.
    pub fn after_recorded_push(
        scenario: &Scenario,
        host: &Replay<'_>,
    ) -> Result<Self, MigrationError> {
        let replay = host.in_trace_pages();
        let window = scenario.migration.record_window;
        let deadline = window + scenario.migration.planning_time;
        // The window begins with the command, however late the VM is suspended.
        let mut live = LiveGuest::new(scenario, &replay, SimTime::MAX)?;
        let mut stream = PageStream::new(scenario, replay.memory());
        let mut unsent = Unsent::new(replay.memory().pages);
        while !unsent.is_empty()
            && let Some(at) = stream.ready(deadline)
        {
            live.run_until(at, |access| unsent.accessed(access))?;
            let Some(page) = unsent.next_page() else {
                break;
            };
            live.sent(page, at);
            stream.push(page, 1, live.contents.of(page));
        }
        let suspended_at = stream.end_round((!unsent.is_empty()).then_some(deadline));
        live.run_until(suspended_at, |_| {})?;
        let recorded_until = window.min(suspended_at);
        let end = (recorded_until, suspended_at);
        live.suspend(host, stream, end, Remainder::AfterResume)
    }
}

/// The pages that are still to be sent, by what the guest has done to them.
struct Unsent {
    /// Not accessed so far.
    untouched: PageSet,
    heat: Heat,
    /// By their last access.
    read: BTreeSet<(SimTime, PageId)>,
    /// By their last write.
    written: BTreeSet<(SimTime, PageId)>,
    /// Of both, when they were entered.
    entered: PageMap<SimTime>,
}

impl Unsent {
    fn new(pages: u32) -> Self {
        let settings = PdopmpSettings {
            run_pages: 1,
            ..PdopmpSettings::default()
        };
        Unsent {
            untouched: PageSet::full(pages),
            heat: Heat::of(&PageSet::empty(pages), &settings, Scan::new(Push::Linear)),
            read: BTreeSet::new(),
            written: BTreeSet::new(),
            entered: PageMap::default(),
        }
    }

    fn accessed(&mut self, access: &Access) {
        let page = access.page;
        let first = self.untouched.contains(page);
        if first {
            self.untouched.remove(page);
            self.heat.recorded(page);
        }
        let before = self.entered.get(&page).copied();
        let was_read = before.is_some_and(|before| self.read.remove(&(before, page)));
        let writes = access.op == Op::Write;
        let was_written = match before {
            Some(before) if !was_read && writes => self.written.remove(&(before, page)),
            _ => false,
        };
        let entered = if writes && (first || was_read || was_written) {
            &mut self.written
        } else if first || was_read {
            &mut self.read
        } else {
            return;
        };
        entered.insert((access.time, page));
        self.entered.insert(page, access.time);
    }

    fn is_empty(&self) -> bool {
        self.untouched.count() == 0 && self.read.is_empty() && self.written.is_empty()
    }

    fn next_page(&mut self) -> Option<PageId> {
        if let Some((_, page)) = self.read.pop_last() {
            return Some(page);
        }
        if let Some(page) = self.heat.next_page(&self.untouched) {
            self.untouched.remove(page);
            return Some(page);
        }
        self.written.pop_first().map(|(_, page)| page)
    }
}
