//! How good a prediction was, measured against the plain scan of memory that it is meant to beat.

use super::Share;
use crate::memory::{PageId, PageIds};
use crate::migration::SwitchOver;
use crate::scenario::Scenario;
use crate::units::SimTime;

/// Precision of `predicted` and coverage of `pps` with `predicted`.
///
/// The plain scan sends all pages in order of address from the resume on; a page arrives when all up to it have been
/// transmitted. Both it and the touches are taken without any stall, so the shares judge the prediction and not the run.
pub(super) fn shares(
    scenario: &Scenario,
    switch_over: &SwitchOver,
    pps: &PageIds,
    predicted: &[PageId],
) -> (Share, Share) {
    let predicted: PageIds = predicted.iter().copied().collect();
    let scan = Scan::new(scenario, switch_over);
    let scan_end = scan.end();
    let (mut useful, mut named, mut touched) = (0, 0, 0);
    let mut zero_below = 0;
    let mut zero_pages = switch_over.zero_pages.iter().peekable();
    for touch in switch_over.touch_order.first_touches() {
        while zero_pages.next_if(|zero| *zero <= touch.page).is_some() {
            zero_below += 1;
        }
        let is_predicted = predicted.contains(&touch.page);
        if is_predicted && touch.offset < scan.arrival(touch.page, zero_below) {
            useful += 1;
        }
        if touch.offset < scan_end {
            touched += 1;
            named += u64::from(is_predicted || pps.contains(&touch.page));
        }
    }
    let precision = Share {
        part: useful,
        whole: predicted.len() as u64,
    };
    let coverage = Share {
        part: named,
        whole: touched,
    };
    (precision, coverage)
}

struct Scan {
    page: SimTime,
    zero_page: SimTime,
    /// From the last bit's departure until the page is in place.
    delivery: SimTime,
    pages: u32,
    zero_pages: u64,
}

impl Scan {
    fn new(scenario: &Scenario, switch_over: &SwitchOver) -> Self {
        let link = &scenario.link;
        Scan {
            page: link.page_time(switch_over.memory.host_page),
            zero_page: link.transmission(u64::from(link.zero_page_bytes)),
            delivery: link.latency + scenario.destination.install,
            pages: switch_over.memory.pages,
            zero_pages: u64::from(switch_over.zero_pages.count()),
        }
    }

    /// When the page arrives, counted from the resume; `zero_until` zero pages lie at it or below it.
    fn arrival(&self, page: PageId, zero_until: u64) -> SimTime {
        let full = u64::from(page) + 1 - zero_until;
        self.page.times(full) + self.zero_page.times(zero_until) + self.delivery
    }

    fn end(&self) -> SimTime {
        match self.pages.checked_sub(1) {
            Some(last) => self.arrival(last, self.zero_pages),
            None => SimTime::ZERO,
        }
    }
}
