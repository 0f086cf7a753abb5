//! Hybrid: one round of pre-copy, then post-copy of the pages that were written meanwhile (Sahni and Varma, *A Hybrid
//! Approach to Live Migration of Virtual Machines*, CCEM 2012).
//!
//! The list of those pages, which the destination needs to discard its copies of them, is not charged for: it is a bit a
//! page.

use super::{Build, Entry, post_copy};

/// `hybrid`.
pub const ENTRY: Entry = Entry {
    name: "hybrid",
    summary: "one round of pre-copy, then post-copy of what is dirty",
    build: Build::Hybrid(|scenario| post_copy::active_push(scenario.source.push)),
};
