//! Hybrid: one round of pre-copy, then post-copy of the pages that were written meanwhile (Sahni and Varma, *A Hybrid
//! Approach to Live Migration of Virtual Machines*, CCEM 2012).
//!
//! The list of those pages, which the destination needs to discard its copies of them, is not charged for: it is a bit a
//! page.

use super::lead_in::{LeadIn, Remainder, Rounds};
use super::{Entry, Order, post_copy};
use crate::units::SimTime;

/// `hybrid`.
pub const ENTRY: Entry = Entry {
    name: "hybrid",
    summary: "one round of pre-copy, then post-copy of what is dirty",
    source: "Sahni and Varma, CCEM 2012; libvirt's --postcopy-after-precopy",
    lead_in: |_| {
        LeadIn::Rounds(Rounds {
            most: 1,
            downtime_limit: SimTime::ZERO,
            remainder: Remainder::AfterResume,
        })
    },
    order: Order::Causal(|settings| post_copy::active_push(settings.push)),
};
