//! Pre-copy: rounds over the pages that were written, until the remainder fits the downtime (see
//! [`crate::migration::pre_copy`]).

use super::{Build, Entry};
use crate::units::SimTime;

/// `pre-copy`.
pub const ENTRY: Entry = Entry {
    name: "pre-copy",
    summary: "rounds over dirty pages while the VM runs on, the remainder while it is suspended",
    build: Build::PreCopy(|scenario| Rounds {
        most: scenario.migration.max_rounds,
        downtime_limit: scenario.migration.downtime_limit,
    }),
};

/// When the rounds end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rounds {
    /// After so many rounds at the latest; none means that the VM is suspended at once.
    pub most: u32,
    /// Earlier, when sending what is dirty would take no longer than this at the bandwidth measured so far.
    pub downtime_limit: SimTime,
}

impl Rounds {
    /// All pages once.
    pub const ONE: Rounds = Rounds {
        most: 1,
        downtime_limit: SimTime::ZERO,
    };
}
