//! The abstract's claims, judged by what the simulations say.
//!
//! A *case* is a guest, a network, a sender and a record window W; its numbers are means over positions of the
//! migration in the guest's life. In a case a claim compares two numbers: the better side of it may be up to 1 % worse
//! and counts as the same, except for downtime, where there is no tolerance.
//!
//! - A claim **holds** over a set of cases when no case is worse and the sum is better (for the downtime: not worse).
//! - It **holds in part** when it does so in some cases, and **does not hold** when in none.
//!
//! C5 is of its own kind: a case counts when C1 to C3 are better in it and C4 is not worse.
//!
//! The abstract leaves two things open, and every claim is judged both ways. *Page faults* may be all touches of pages
//! that are not there, or those alone whose page was not yet sent. And the link may be idle in W, or memory may be
//! *pushed while it is recorded*.
//!
//! The recordings of real guests are judged apart, at one position, where they are at hand.
//!
//! Both are said of every claim: the verdict over all cases, and that over its *regime*: the cases in which the
//! mechanism behind the claim can act. A regime is told from the guest, the sender and post-copy, and not from what the
//! claim compares. [`kept`] holds the verdicts that were found last; a claim that does not hold is a result, a verdict
//! that changes is a regression.

mod case;
mod judgement;
pub mod kept;
mod tally;

pub use self::case::{Case, Finding, Reading, Standing};
pub use self::judgement::{Judged, Judgement, Judgements};
pub use self::tally::{Tally, Verdict};

use self::case::{ALL_FAULTS, DOWNTIME, NETWORK_FAULTS, PDOPMP, POST_COPY, PRE_RECORD, TOTAL_TIME};

/// A claim of the abstract.
#[derive(Debug, Clone, Copy)]
pub struct Claim {
    /// C1 to C5, and which faults count where that matters.
    pub id: &'static str,
    /// What it says.
    pub statement: &'static str,
    /// What is compared.
    pub measure: &'static str,
    /// Where its mechanism can act.
    pub regime: &'static str,
    /// Whether being equal is enough.
    may_be_same: bool,
    applies: fn(&Case) -> bool,
    find: fn(&Case) -> Finding,
}

const COMES_BACK: &str = "the guest comes back: at least half of the pages that it touches while a scan of memory would \
                          last were recorded";
const FEWER: &str = "pre-record has fewer page faults than post-copy";
const FEWER_AGAIN: &str = "PDoPMP has fewer page faults again";
const THROUGHOUT: &str = "C1 to C4 hold across workloads and networks";

/// All claims.
pub const ALL: [Claim; 8] = [
    Claim {
        id: "C1 by all faults",
        statement: FEWER,
        measure: "page faults of pre-record against post-copy",
        regime: COMES_BACK,
        may_be_same: false,
        applies: Case::guest_comes_back,
        find: |case| case.compare(ALL_FAULTS, POST_COPY, &[PRE_RECORD]),
    },
    Claim {
        id: "C1 by network faults",
        statement: FEWER,
        measure: "network faults of pre-record against post-copy",
        regime: COMES_BACK,
        may_be_same: false,
        applies: Case::guest_comes_back,
        find: |case| case.compare(NETWORK_FAULTS, POST_COPY, &[PRE_RECORD]),
    },
    Claim {
        id: "C2 by all faults",
        statement: FEWER_AGAIN,
        measure: "page faults of pre-record+pdopmp against pre-record",
        regime: COMES_BACK,
        may_be_same: false,
        applies: Case::guest_comes_back,
        find: |case| case.compare(ALL_FAULTS, PRE_RECORD, &[PDOPMP]),
    },
    Claim {
        id: "C2 by network faults",
        statement: FEWER_AGAIN,
        measure: "network faults of pre-record+pdopmp against pre-record",
        regime: COMES_BACK,
        may_be_same: false,
        applies: Case::guest_comes_back,
        find: |case| case.compare(NETWORK_FAULTS, PRE_RECORD, &[PDOPMP]),
    },
    Claim {
        id: "C3",
        statement: "total migration time falls with the faults",
        measure: "total migration time, W included, of the longer of pre-record and pre-record+pdopmp against post-copy",
        regime: "faults hold up the push (synchronous sender): post-copy's cost more round trips than the link idles in W",
        may_be_same: false,
        applies: Case::faults_cost_more_than_the_window,
        find: |case| case.compare(TOTAL_TIME, POST_COPY, &[PRE_RECORD, PDOPMP]),
    },
    Claim {
        id: "C4",
        statement: "downtime is not prolonged",
        measure: "downtime of the longer of pre-record and pre-record+pdopmp against post-copy",
        regime: "everywhere: the same state is sent",
        may_be_same: true,
        applies: |_| true,
        find: |case| case.compare(DOWNTIME, POST_COPY, &[PRE_RECORD, PDOPMP]),
    },
    Claim {
        id: "C5 by all faults",
        statement: THROUGHOUT,
        measure: "claims among C1 to C4 that a case does not show, against none",
        regime: "the regimes of C1 and C3 at once",
        may_be_same: false,
        applies: |case| case.guest_comes_back() && case.faults_cost_more_than_the_window(),
        find: |case| case.shows(&[ALL[0], ALL[2], ALL[4], ALL[5]]),
    },
    Claim {
        id: "C5 by network faults",
        statement: THROUGHOUT,
        measure: "claims among C1 to C4 that a case does not show, against none",
        regime: "the regimes of C1 and C3 at once",
        may_be_same: false,
        applies: |case| case.guest_comes_back() && case.faults_cost_more_than_the_window(),
        find: |case| case.shows(&[ALL[1], ALL[3], ALL[4], ALL[5]]),
    },
];

/// The two kinds of sender that claims are judged with.
pub const SENDERS: [&str; 2] = ["pipelined", "synchronous"];
