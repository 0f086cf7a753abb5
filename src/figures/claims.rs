//! The abstract's claims, judged by what the simulations say.
//!
//! A *case* is a guest, a network, a sender and a record window W; its numbers are means over positions of the migration
//! in the guest's life. In a case a claim compares two numbers: the better side of it may be up to 1 % worse and counts
//! as the same, except for downtime, where there is no tolerance.
//!
//! - A claim **holds** over a set of cases when no case is worse and the sum is better (for the downtime: not worse).
//! - It **holds in part** when it does so in some cases, and **does not hold** when in none.
//!
//! C5 is of its own kind: a case counts when C1 to C3 are better in it and C4 is not worse.
//!
//! The recordings of real guests are judged apart, at one position, where they are at hand.
//!
//! Both are said of every claim: the verdict over all cases, and whether it holds in the *regime* that is named beside
//! it. The regimes were chosen with the results in sight; they say where a claim holds, and are not evidence of it
//! elsewhere. [`Judgement::passes`] is about the regimes.

use super::FigureError;
use super::catalogue::{CLAIMS, CLAIMS_RECORDED};
use super::data::{Data, Group, is_available};

/// Within this a number counts as the same.
const TOLERANCE: f64 = 0.01;

/// A claim of the abstract.
#[derive(Debug, Clone, Copy)]
pub struct Claim {
    /// C1 to C5.
    pub id: &'static str,
    /// What it says.
    pub statement: &'static str,
    /// What is compared.
    pub measure: &'static str,
    /// Where it is asserted.
    pub regime: &'static str,
    applies: fn(&Case) -> bool,
    find: fn(&Case) -> Finding,
}

/// All claims.
pub const ALL: [Claim; 5] = [
    Claim {
        id: "C1",
        statement: "pre-record has fewer page faults than post-copy",
        measure: "page faults of pre-record against post-copy",
        regime: "guests sort, zipf and uniform; W = 500 ms; every network and sender",
        applies: Case::has_time_to_learn,
        find: |case| case.compare(FAULTS, POST_COPY, &[PRE_RECORD]),
    },
    Claim {
        id: "C2",
        statement: "PDoPMP has fewer page faults again",
        measure: "page faults of pre-record+pdopmp against pre-record",
        regime: "guests sort, zipf and uniform; W = 500 ms; every network and sender",
        applies: Case::has_time_to_learn,
        find: |case| case.compare(FAULTS, PRE_RECORD, &[PDOPMP]),
    },
    Claim {
        id: "C3",
        statement: "total migration time falls with the faults",
        measure: "total migration time, W included, of the longer of pre-record and pre-record+pdopmp against post-copy",
        regime: "guests sort, zipf and uniform; synchronous sender; latency 10 ms; either W",
        applies: |case| case.is_far_and_synchronous() && case.guest_is_scattered(),
        find: |case| case.compare(TOTAL_TIME, POST_COPY, &[PRE_RECORD, PDOPMP]),
    },
    Claim {
        id: "C4",
        statement: "downtime is not prolonged",
        measure: "downtime of the longer of pre-record and pre-record+pdopmp against post-copy",
        regime: "every guest, network, sender and W",
        applies: |_| true,
        find: |case| case.compare(DOWNTIME, POST_COPY, &[PRE_RECORD, PDOPMP]),
    },
    Claim {
        id: "C5",
        statement: "C1 to C4 hold across workloads and networks",
        measure: "claims among C1 to C4 that a case does not show, against none",
        regime: "across guests only (sort, zipf and uniform), on one network: synchronous sender, latency 10 ms, W = 500 ms",
        applies: |case| case.is_far_and_synchronous() && case.has_time_to_learn(),
        find: |case| {
            let missing = ALL[..4].iter().filter(|claim| {
                let standing = (claim.find)(case).standing;
                // Downtime need not be less.
                standing == Standing::Worse || (standing == Standing::Same && claim.id != "C4")
            });
            let failed = missing.count();
            Finding {
                against: 0.0,
                value: failed as f64,
                standing: if failed == 0 {
                    Standing::Better
                } else {
                    Standing::Worse
                },
            }
        },
    },
];

/// The two kinds of sender that claims are judged with.
pub const SENDERS: [&str; 2] = ["pipelined", "synchronous"];

// Places in the metrics shown, and of the strategies in the claims' scenario.
const FAULTS: usize = 0;
const TOTAL_TIME: usize = 2;
const DOWNTIME: usize = 3;
const POST_COPY: usize = 0;
const PRE_RECORD: usize = 1;
const PDOPMP: usize = 2;

/// What two numbers say about a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// As claimed.
    Better,
    /// No difference that counts.
    Same,
    /// At odds with the claim.
    Worse,
}

/// A claim in one case.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Finding {
    /// What the claim compares with.
    pub against: f64,
    /// What it claims to be less.
    pub value: f64,
    /// What that says.
    pub standing: Standing,
}

/// A guest, a network, a sender and a window, with the mean results of the strategies.
pub struct Case {
    /// The recorded guest or the kind of the synthetic one.
    pub guest: String,
    /// Record window.
    pub window: String,
    /// Bandwidth and latency.
    pub network: String,
    /// `pipelined` or `synchronous`.
    pub sender: String,
    means: [[f64; 4]; 3],
}

impl Case {
    fn of(group: &Group) -> Option<Self> {
        let [guest, window, network, sender] = group.label.as_slice() else {
            return None;
        };
        let mean = |strategy, metric| group.spread(strategy, metric).mean;
        Some(Case {
            guest: guest.clone(),
            window: window.clone(),
            network: network.clone(),
            sender: sender.clone(),
            means: [POST_COPY, PRE_RECORD, PDOPMP]
                .map(|strategy| std::array::from_fn(|metric| mean(strategy, metric))),
        })
    }

    fn compare(&self, metric: usize, against: usize, of: &[usize]) -> Finding {
        let of = of.iter().map(|&strategy| self.means[strategy][metric]);
        let (against, value) = (self.means[against][metric], of.fold(0.0, f64::max));
        let tolerance = if metric == DOWNTIME { 0.0 } else { TOLERANCE };
        let standing = if value > against * (1.0 + tolerance) {
            Standing::Worse
        } else if value < against * (1.0 - tolerance) {
            Standing::Better
        } else {
            Standing::Same
        };
        Finding {
            against,
            value,
            standing,
        }
    }

    /// No sweep through memory dominates it.
    fn guest_is_scattered(&self) -> bool {
        ["sort", "zipf", "uniform"].contains(&self.guest.as_str())
    }

    fn has_time_to_learn(&self) -> bool {
        self.guest_is_scattered() && self.window == "500 ms"
    }

    fn is_far_and_synchronous(&self) -> bool {
        self.sender == "synchronous" && self.network.ends_with(", 10 ms")
    }
}

/// Over a set of cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// No case is at odds with the claim.
    Holds,
    /// Some are.
    HoldsInPart,
    /// All are.
    DoesNotHold,
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Verdict::Holds => "holds",
            Verdict::HoldsInPart => "holds in part",
            Verdict::DoesNotHold => "does not hold",
        })
    }
}

/// A claim over a set of cases.
#[derive(Debug, Clone)]
pub struct Tally {
    /// What follows.
    pub verdict: Verdict,
    /// Number of cases as claimed.
    pub better: usize,
    /// Number of cases without a difference.
    pub same: usize,
    /// Cases at odds, by their places.
    pub worse: Vec<usize>,
    /// Sum over all cases of what the claim compares with, and of what it claims to be less.
    pub sums: (f64, f64),
}

impl Tally {
    /// Number of cases.
    pub fn cases(&self) -> usize {
        self.better + self.same + self.worse.len()
    }

    /// The change of the sum in per cent; `None` from nothing.
    pub fn change(&self) -> Option<f64> {
        let (against, value) = self.sums;
        (against > 0.0).then(|| (value / against - 1.0) * 100.0)
    }
}

/// All claims over all cases.
pub struct Judgement {
    /// The rows behind it.
    pub csv: Vec<u8>,
    /// The cases, in the order of the grid.
    pub cases: Vec<Case>,
    /// Per claim, in the order of [`ALL`]: over all cases, and in its regime.
    pub tallies: Vec<(Tally, Tally)>,
}

/// What the regimes are about, and beside it what the recordings of real guests say, where they are at hand.
pub struct Judgements {
    /// Seven guests, one of them recorded.
    pub asserted: Judgement,
    /// All recordings, without regimes of their own.
    pub recorded: Option<Judgement>,
}

impl Judgements {
    /// Runs the claims' scenarios on `jobs` threads and judges what comes out.
    ///
    /// # Errors
    ///
    /// [`FigureError`] when a simulation fails.
    pub fn run(jobs: usize) -> Result<Self, FigureError> {
        let recorded = is_available(CLAIMS_RECORDED)
            .then(|| Judgement::run("claims-recorded", CLAIMS_RECORDED, "trace.file", jobs));
        Ok(Judgements {
            asserted: Judgement::run("claims", CLAIMS, "trace", jobs)?,
            recorded: recorded.transpose()?,
        })
    }
}

impl Judgement {
    fn run(name: &str, scenario: &str, guests: &str, jobs: usize) -> Result<Self, FigureError> {
        let axes = [
            guests,
            "migration.record_window",
            "link",
            "source.demand_mode",
        ];
        let data = Data::run(name, scenario, &axes, jobs)?;
        Ok(Judgement::of(
            data.csv,
            data.groups.iter().filter_map(Case::of).collect(),
        ))
    }

    fn of(csv: Vec<u8>, cases: Vec<Case>) -> Self {
        let tallies = ALL
            .iter()
            .map(|claim| {
                (
                    tally(claim, &cases, |_| true),
                    tally(claim, &cases, claim.applies),
                )
            })
            .collect();
        Judgement {
            csv,
            cases,
            tallies,
        }
    }

    /// A claim over the cases of one sender, `pipelined` or `synchronous`.
    pub fn with_sender(&self, claim: &Claim, sender: &str) -> Tally {
        tally(claim, &self.cases, |case| case.sender == sender)
    }

    /// Whether every claim holds in its regime: the exit status of `migsim figures --check`.
    pub fn passes(&self) -> bool {
        let mut in_regimes = self.tallies.iter().map(|(_, regime)| regime.verdict);
        in_regimes.all(|verdict| verdict == Verdict::Holds)
    }

    /// The one line that [`Judgement::passes`] is about.
    pub fn verdict_line(&self) -> String {
        let failed: Vec<&str> = ALL
            .iter()
            .zip(&self.tallies)
            .filter(|(_, (_, regime))| regime.verdict != Verdict::Holds)
            .map(|(claim, _)| claim.id)
            .collect();
        if failed.is_empty() {
            "Every claim holds in the regime that is named for it.".to_owned()
        } else {
            let failed = failed.join(", ");
            format!("Not every claim holds in the regime that is named for it: {failed}.")
        }
    }

    /// What a claim found in a case.
    pub fn finding(&self, claim: &Claim, case: usize) -> Finding {
        (claim.find)(&self.cases[case])
    }
}

fn tally(claim: &Claim, cases: &[Case], applies: impl Fn(&Case) -> bool) -> Tally {
    let mut tally = Tally {
        verdict: Verdict::DoesNotHold,
        better: 0,
        same: 0,
        worse: Vec::new(),
        sums: (0.0, 0.0),
    };
    for (place, case) in cases.iter().enumerate().filter(|(_, case)| applies(case)) {
        let finding = (claim.find)(case);
        match finding.standing {
            Standing::Better => tally.better += 1,
            Standing::Same => tally.same += 1,
            Standing::Worse => tally.worse.push(place),
        }
        tally.sums.0 += finding.against;
        tally.sums.1 += finding.value;
    }
    // Equal is enough for what must not grow.
    let may_be_same = tally.better == 0 && claim.id == "C4";
    let better = tally.better > 0 && (tally.sums.1 < tally.sums.0 || claim.id == "C5");
    tally.verdict = if tally.worse.is_empty() && (better || (may_be_same && tally.same > 0)) {
        Verdict::Holds
    } else if tally.better > 0 || (claim.id == "C4" && tally.same > 0) {
        Verdict::HoldsInPart
    } else {
        Verdict::DoesNotHold
    };
    tally
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(sender: &str, faults: [f64; 3], total: [f64; 3]) -> Case {
        let of = |strategy: usize| [faults[strategy], 0.0, total[strategy], 15.0];
        Case {
            guest: "zipf".to_owned(),
            window: "500 ms".to_owned(),
            network: "1 Gbit/s, 10 ms".to_owned(),
            sender: sender.to_owned(),
            means: [of(0), of(1), of(2)],
        }
    }

    #[test]
    fn a_claim_holds_where_nothing_is_at_odds_with_it() {
        let far = case("synchronous", [100.0, 80.0, 80.5], [2.0, 1.8, 1.7]);
        let judgement = Judgement::of(Vec::new(), vec![far]);
        let verdicts: Vec<_> = judgement
            .tallies
            .iter()
            .map(|(all, _)| all.verdict)
            .collect();
        // PDoPMP has half a per cent more faults: neither better nor at odds.
        use Verdict::{DoesNotHold, Holds};
        assert_eq!(verdicts, [Holds, DoesNotHold, Holds, Holds, DoesNotHold]);
        assert!(!judgement.passes());
        assert!(judgement.verdict_line().ends_with(": C2, C5."));
    }

    #[test]
    fn a_regime_is_judged_by_itself() {
        let far = case("synchronous", [100.0, 80.0, 70.0], [2.0, 1.8, 1.7]);
        let pipelined = case("pipelined", [100.0, 80.0, 70.0], [1.0, 1.5, 1.5]);
        let judgement = Judgement::of(Vec::new(), vec![far, pipelined]);
        let (all, regime) = &judgement.tallies[2];
        assert_eq!(
            (all.verdict, regime.verdict),
            (Verdict::HoldsInPart, Verdict::Holds)
        );
        assert_eq!((all.better, &all.worse[..]), (1, &[1][..]));
        assert!(judgement.passes());
    }
}
