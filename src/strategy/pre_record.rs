//! Pre-record: the VM runs on for the record window, and the pages that it accesses then, the pre-recorded page set
//! (PPS), are pushed first (Shan, Qiao and Lin, PDCAT 2017, abstract).

use std::cmp::Reverse;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lead_in::LeadIn;
use super::push_order::PushOrder;
use super::scan::Push;
use super::{Entry, Neighbours, Observation, Order, Parameters, PlannedPage, Settings, Strategy};
use crate::guest::recording::Recording;
use crate::memory::{PageId, PageMap, PageSet};
use crate::strategy::Request;

/// `pre-record`.
pub const ENTRY: Entry = Entry {
    name: "pre-record",
    summary: "records accesses for a while and pushes those pages first",
    source: "Shan, Qiao and Lin, PDCAT 2017 (its abstract)",
    lead_in,
    parameters: Parameters::NONE,
    order: Order::Causal(|settings| Box::new(PreRecord::new(settings))),
};

/// The record window, with or without a push meanwhile (`migration.push_while_recording`).
pub fn lead_in(settings: &Settings<'_>) -> LeadIn {
    if settings.push_while_recording {
        LeadIn::PushWhileRecording
    } else {
        LeadIn::Record
    }
}

/// In which order the PPS is pushed. The paper's abstract does not say; all four are offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PpsOrder {
    /// As first accessed in the window.
    FirstAccess,
    /// Last accessed first.
    Recency,
    /// Most often accessed first.
    Frequency,
    /// By address.
    Address,
}

/// `[pre-record]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a section with keys")]
pub struct PreRecordSettings {
    /// Order of the PPS. Default `recency`: programs come back first to what they accessed last.
    pub order: PpsOrder,
}

impl Default for PreRecordSettings {
    fn default() -> Self {
        PreRecordSettings {
            order: PpsOrder::Recency,
        }
    }
}

/// The PPS in an order, and then the scan.
pub struct PreRecord {
    order: PpsOrder,
    push: Push,
    pushes: PushOrder,
}

impl PreRecord {
    /// In the order that the settings say.
    pub fn new(settings: &Settings<'_>) -> Self {
        PreRecord {
            order: settings.pre_record.order,
            push: settings.push,
            pushes: PushOrder::new(Vec::new(), settings.push),
        }
    }
}

impl Strategy for PreRecord {
    fn plan(&mut self, observed: &Observation<'_>) {
        let pages = ordered_pps(observed.recording, self.order);
        let planned = pages.into_iter().map(PlannedPage::recorded).collect();
        self.pushes = PushOrder::new(planned, self.push);
    }

    fn requested(&mut self, request: &Request) {
        self.pushes.requested(request);
    }

    fn next_page(&mut self, unsent: &PageSet) -> Option<PageId> {
        self.pushes.next_page(unsent)
    }

    fn neighbours(&self, page: PageId, most: u32) -> Neighbours {
        self.pushes.neighbours(page, most)
    }

    fn pass_neighbours(&mut self, page: PageId, count: u32) {
        self.pushes.pass_neighbours(page, count);
    }

    fn planned(&self) -> &[PlannedPage] {
        self.pushes.planned()
    }
}

/// The pages of a recording, each once, in an order.
pub fn ordered_pps(recording: &Recording, order: PpsOrder) -> Vec<PageId> {
    struct Seen {
        first: usize,
        last: usize,
        accesses: usize,
    }
    let mut seen: PageMap<Seen> = PageMap::default();
    for (index, access) in recording.accesses.iter().enumerate() {
        let page = seen.entry(access.page).or_insert(Seen {
            first: index,
            last: index,
            accesses: 0,
        });
        page.last = index;
        page.accesses += 1;
    }
    let mut pages: Vec<(PageId, Seen)> = seen.into_iter().collect();
    // Every key is unique, so the map's own order does not matter.
    match order {
        PpsOrder::FirstAccess => pages.sort_unstable_by_key(|(_, seen)| seen.first),
        PpsOrder::Recency => pages.sort_unstable_by_key(|(_, seen)| Reverse(seen.last)),
        PpsOrder::Frequency => {
            pages.sort_unstable_by_key(|(_, seen)| (Reverse(seen.accesses), seen.first));
        }
        PpsOrder::Address => pages.sort_unstable_by_key(|(page, _)| *page),
    }
    pages.into_iter().map(|(page, _)| page).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::recording::Access;
    use crate::trace::Op;
    use crate::units::SimTime;

    #[test]
    fn orders_of_the_pps() {
        let accesses = [7, 3, 5, 3, 7, 3]
            .into_iter()
            .enumerate()
            .map(|(index, page)| Access {
                time: SimTime::from_ns(index as u64),
                vcpu: 0,
                page,
                op: Op::Read,
            })
            .collect();
        let recording = Recording {
            accesses,
            window: SimTime::from_us(1),
        };
        let ordered = |order| ordered_pps(&recording, order);
        assert_eq!(ordered(PpsOrder::FirstAccess), [7, 3, 5]);
        assert_eq!(ordered(PpsOrder::Recency), [3, 7, 5]);
        assert_eq!(ordered(PpsOrder::Frequency), [3, 7, 5]);
        assert_eq!(ordered(PpsOrder::Address), [3, 5, 7]);
    }
}
