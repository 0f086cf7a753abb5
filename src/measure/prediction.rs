//! How good a prediction was, measured against the plain scan of memory that it is meant to beat.

use super::Share;
use crate::memory::{Contents, PageId, PageSet};
use crate::migration::SwitchOver;
use crate::network::MessageBytes;
use crate::scenario::Scenario;
use crate::units::SimTime;

/// Precision of `predicted` and coverage of `pps` with `predicted`.
///
/// The plain scan sends all pages in order of address; a page arrives when all up to it have been transmitted. Both it
/// and the touches are taken without any stall, so the shares judge the prediction and not the run.
pub(super) fn shares(
    scenario: &Scenario,
    switch_over: &SwitchOver,
    pps: &PageSet,
    predicted: &[PageId],
) -> (Share, Share) {
    let predicted = PageSet::of(switch_over.memory.pages, predicted.iter().copied());
    let scan_end = Scan::new(scenario, switch_over).arrival_before(switch_over.memory.pages);
    let mut scan = Scan::new(scenario, switch_over);
    let (mut useful, mut named, mut touched) = (0, 0, 0);
    for touch in switch_over.touch_order.first_touches() {
        let is_predicted = predicted.contains(touch.page);
        if is_predicted && touch.offset < scan.arrival_before(touch.page + 1) {
            useful += 1;
        }
        if touch.offset < scan_end {
            touched += 1;
            named += u64::from(is_predicted || pps.contains(touch.page));
        }
    }
    let precision = Share {
        part: useful,
        whole: predicted.count().into(),
    };
    let coverage = Share {
        part: named,
        whole: touched,
    };
    (precision, coverage)
}

/// The plain scan, as far as it has been followed.
struct Scan<'a> {
    scenario: &'a Scenario,
    contents: &'a Contents,
    sizes: MessageBytes,
    next: PageId,
    resumed_at: SimTime,
    /// When all pages before the next have been transmitted.
    transmitted: SimTime,
}

impl<'a> Scan<'a> {
    fn new(scenario: &'a Scenario, switch_over: &'a SwitchOver) -> Self {
        let page_size = switch_over.memory.page_size();
        let resumed_at = switch_over.suspended_at + switch_over.downtime;
        Scan {
            scenario,
            contents: &switch_over.contents,
            sizes: scenario.link.message_bytes(page_size),
            next: 0,
            resumed_at,
            transmitted: switch_over.core_state.push_begins(scenario),
        }
    }

    /// When all pages before `end` have arrived, counted from the resume; zero if that is before it. Later calls name
    /// no earlier page.
    fn arrival_before(&mut self, end: PageId) -> SimTime {
        let link = &self.scenario.link;
        while self.next < end {
            let run = self.contents.run_alike(self.next, end - self.next);
            let bytes = self.sizes.of(self.contents.of(self.next));
            self.transmitted = link.left_all(self.transmitted, bytes, run);
            self.next += run;
        }
        (self.transmitted + link.latency + self.scenario.destination.install) - self.resumed_at
    }
}
