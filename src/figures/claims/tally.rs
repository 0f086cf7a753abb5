//! A claim over a set of cases.

use super::{Case, Claim, Standing};

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

impl Verdict {
    /// In tables and files.
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Holds => "holds",
            Verdict::HoldsInPart => "holds in part",
            Verdict::DoesNotHold => "does not hold",
        }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
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
    pub(super) fn of(claim: &Claim, cases: &[Case], applies: impl Fn(&Case) -> bool) -> Self {
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
        // Nothing is less than a sum of zeros, which that of C5 is.
        let is_less = tally.sums.1 < tally.sums.0 || tally.sums.0 == 0.0;
        let some = tally.better > 0 || (claim.may_be_same && tally.same > 0);
        let all = tally.worse.is_empty() && (is_less || claim.may_be_same);
        tally.verdict = match (some, all) {
            (true, true) => Verdict::Holds,
            (true, false) => Verdict::HoldsInPart,
            (false, _) => Verdict::DoesNotHold,
        };
        tally
    }

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
