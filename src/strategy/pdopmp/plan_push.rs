//! Planned pages that a request draws forward: those right behind it.
//!
//! A plan says rather well which pages are going to be needed, and less well in which order. A request for an unsent
//! page tells where the guest is now, as it does for post-copy's scan. What of the plan is unsent right behind, each
//! page within a stream's gap from the one before, is pushed next, as a run from its end (see [`heat`](super::heat)),
//! before the plan goes on in its order.

use super::{PdopmpSettings, Plan};
use crate::memory::{PageId, PageSet};
use crate::strategy::push_order::PushOrder;
use crate::strategy::scan::Push;
use crate::strategy::{Neighbours, PlannedPage, Request};

/// Pushes a plan in its order, and what a request draws forward before that.
#[derive(Debug)]
pub struct PlanPush {
    pushes: PushOrder,
    /// Those that may be unsent.
    planned: PageSet,
    most: u32,
    gap: u32,
    requested: Option<PageId>,
    /// To be pushed from the end.
    run: Vec<PageId>,
    /// The last page was of a run.
    is_drawn: bool,
}

impl PlanPush {
    /// Pushes a plan for a memory of so many pages, and then scans from where the plan says.
    pub fn of(plan: &Plan, pages: u32, settings: &PdopmpSettings, scan: Push) -> Self {
        let mut planned = PageSet::empty(pages);
        for forecast in &plan.forecasts {
            planned.insert(forecast.page);
        }
        PlanPush {
            pushes: PushOrder::new(plan.pages(), scan).scanning_from(plan.scan_from),
            planned,
            most: settings.run_pages,
            gap: settings.stream_gap,
            requested: None,
            run: Vec::new(),
            is_drawn: false,
        }
    }

    /// See [`crate::strategy::Strategy::requested`].
    pub fn requested(&mut self, request: &Request) {
        self.pushes.requested(request);
        if request.unsent {
            self.requested = Some(request.page);
        }
    }

    /// See [`crate::strategy::Strategy::planned`].
    pub fn planned(&self) -> &[PlannedPage] {
        self.pushes.planned()
    }

    /// See [`crate::strategy::Strategy::next_page`].
    pub fn next_page(&mut self, unsent: &PageSet) -> Option<PageId> {
        if let Some(page) = self.requested.take() {
            self.draw_behind(page, unsent);
        }
        while let Some(page) = self.run.pop() {
            if unsent.contains(page) {
                self.is_drawn = true;
                return Some(page);
            }
        }
        self.is_drawn = false;
        self.pushes.next_page(unsent)
    }

    /// See [`crate::strategy::Strategy::neighbours`].
    pub fn neighbours(&self, page: PageId, most: u32) -> Neighbours {
        if self.is_drawn {
            Neighbours::among(self.run.iter().rev().copied(), page, most)
        } else {
            self.pushes.neighbours(page, most)
        }
    }

    /// See [`crate::strategy::Strategy::pass_neighbours`].
    pub fn pass_neighbours(&mut self, page: PageId, count: u32) {
        if self.is_drawn {
            self.run.truncate(self.run.len() - count as usize);
        } else {
            self.pushes.pass_neighbours(page, count);
        }
    }

    fn draw_behind(&mut self, requested: PageId, unsent: &PageSet) {
        self.run.clear();
        let (mut last, mut from) = (requested, requested.saturating_add(1));
        while self.run.len() < self.most as usize
            && let Some(page) = self.planned.first_from(from)
            && page - last <= self.gap
        {
            if unsent.contains(page) {
                self.run.push(page);
                last = page;
            } else {
                self.planned.remove(page);
            }
            from = page + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Forecast;
    use super::*;
    use crate::units::SimTime;

    #[test]
    fn a_request_draws_a_run_of_the_plan() {
        let plan = Plan {
            forecasts: [90, 13, 11, 12, 18, 40, 14]
                .map(|page| Forecast {
                    page,
                    next_touch: SimTime::ZERO,
                    recorded: false,
                })
                .into(),
            scan_from: 0,
        };
        let settings = PdopmpSettings {
            run_pages: 4,
            stream_gap: 16,
            ..PdopmpSettings::default()
        };
        let mut drawn = PlanPush::of(&plan, 100, &settings, Push::None);
        let mut unsent = PageSet::full(100);
        let mut push = |drawn: &mut PlanPush, page, is_unsent, pages| {
            unsent.remove(page);
            drawn.requested(&Request {
                time: SimTime::ZERO,
                page,
                unsent: is_unsent,
            });
            let next = || {
                let page = drawn.next_page(&unsent)?;
                unsent.remove(page);
                Some(page)
            };
            std::iter::from_fn(next).take(pages).collect::<Vec<_>>()
        };
        assert_eq!(push(&mut drawn, 10, false, 1), [90]); // on its way: nothing is drawn
        assert_eq!(push(&mut drawn, 12, true, 3), [18, 14, 13]); // 40 is too far from 18
        assert_eq!(push(&mut drawn, 10, true, 9), [11, 40]); // and then the plan's order
    }
}
