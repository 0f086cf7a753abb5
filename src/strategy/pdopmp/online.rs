//! `pre-record+pdopmp-online`: PDoPMP's plan by trends, and behind it a scan by [`heat`](super::heat) that goes on learning.
//!
//! The paper's abstract says nothing of learning after the resume: this is ours, beside its reconstruction.

use super::drawn::Drawn;
use super::heat::Heat;
use super::{PdopmpSettings, plan};
use crate::memory::{PageId, PageSet};
use crate::strategy::Request;
use crate::strategy::pre_record;
use crate::strategy::scan::{Push, Scan};
use crate::strategy::{Entry, Observation, Order, Parameters, PlannedPage, Strategy};

/// `pre-record+pdopmp-online`.
pub const ENTRY: Entry = Entry {
    name: "pre-record+pdopmp-online",
    summary: "pre-record+pdopmp by trends alone, and then the memory in use first, as learnt from recording and requests",
    source: "migsim's own, beside its reconstruction from the abstract",
    lead_in: pre_record::lead_in,
    parameters: Parameters::NONE,
    order: Order::Causal(|settings| {
        Box::new(Online {
            settings: PdopmpSettings {
                // Heat tells better what lies around recorded pages: 0.573 of the gap against 0.519 at W = 500 ms, on the
                // recordings that parameters were chosen on.
                most_per_recorded: 0,
                ..settings.pdopmp.clone()
            },
            push: settings.push,
            planned: None,
            heat: None,
        })
    }),
};

struct Online {
    settings: PdopmpSettings,
    push: Push,
    /// The plan, without a scan of its own.
    planned: Option<Drawn>,
    heat: Option<Heat>,
}

impl Strategy for Online {
    fn plan(&mut self, observed: &Observation<'_>) {
        let plan = plan(observed, &self.settings);
        let pages = observed.memory.pages;
        self.planned = Some(Drawn::of(&plan, pages, &self.settings, Push::None));
        // Without an active push there is none by heat either.
        self.heat = (self.push != Push::None).then(|| {
            let mut scan = Scan::new(self.push);
            scan.start_from(plan.scan_from);
            let pps = observed.recording.pages(pages);
            Heat::of(&pps, &self.settings, scan)
        });
    }

    fn requested(&mut self, request: &Request) {
        if let Some(planned) = &mut self.planned {
            planned.requested(request);
        }
        if let Some(heat) = &mut self.heat {
            heat.requested(request);
        }
    }

    fn next_page(&mut self, unsent: &PageSet) -> Option<PageId> {
        let planned = self.planned.as_mut();
        let planned = planned.and_then(|planned| planned.next_page(unsent));
        planned.or_else(|| self.heat.as_mut()?.next_page(unsent))
    }

    fn planned(&self) -> &[PlannedPage] {
        self.planned.as_ref().map_or(&[], Drawn::planned)
    }
}
