//! Pre-copy: rounds over the pages that were written, until the remainder fits the downtime (see
//! [`crate::migration::pre_copy`]).

use super::lead_in::{LeadIn, Remainder, Rounds};
use super::{Entry, Order, Parameters, post_copy, scan::Push};

/// `pre-copy`.
pub const ENTRY: Entry = Entry {
    name: "pre-copy",
    summary: "rounds over dirty pages while the VM runs on, the remainder while it is suspended",
    source: "Clark et al., NSDI 2005; QEMU",
    lead_in: |settings| {
        LeadIn::Rounds(Rounds {
            downtime_limit: settings.downtime_limit,
            ..Rounds::at_most(settings.max_rounds, Remainder::WhileSuspended)
        })
    },
    parameters: Parameters::NONE,
    order: Order::Causal(|_| post_copy::active_push(Push::None)),
};
