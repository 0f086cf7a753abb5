//! Stop-and-copy: pre-copy without a round. Nothing is sent twice and nothing disturbs the transfer, but the VM does
//! not run meanwhile.
//!
//! Its total time is the floor of the others', with three small exceptions: pre-copy transmits its last pages during
//! the suspension; post-copy's push goes on while the destination loads the core state; and where zero pages cost the
//! migration thread more than the link, an order that mixes them with other pages keeps both busier than the order of
//! addresses.

use super::lead_in::{LeadIn, Remainder, Rounds};
use super::{Entry, Order, Parameters, post_copy, scan::Push};

/// `stop-and-copy`.
pub const ENTRY: Entry = Entry {
    name: "stop-and-copy",
    summary: "everything while the VM is suspended: the floor of total time, the ceiling of downtime",
    source: "the limiting case of pre-copy",
    lead_in: |_| LeadIn::Rounds(Rounds::at_most(0, Remainder::WhileSuspended)),
    parameters: Parameters::NONE,
    order: Order::Causal(|_| post_copy::active_push(Push::None)),
};
