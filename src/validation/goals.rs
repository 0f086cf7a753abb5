//! How good predictions shall be, and whether they are.

use super::errors::{Summary, gains, median_difference, summary};
use super::{Quantity, Verdict};

/// The project's goal for a quantity's errors. Where the repetitions scatter more, being inside their range counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Goal {
    /// Most that their median may be, as a fraction.
    pub median: f64,
    /// Most that any may be.
    pub worst: ErrorBound,
}

/// A bound of the worst error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ErrorBound {
    /// Of its size, as a fraction.
    Fraction(f64),
    /// Of the ratio of prediction and median, whichever is larger.
    Factor(f64),
}

impl Goal {
    /// The goal of a quantity.
    pub const fn of(quantity: Quantity) -> Self {
        let (median, worst) = match quantity {
            Quantity::TotalTime => (0.02, ErrorBound::Fraction(0.05)),
            Quantity::Blocktime => (0.05, ErrorBound::Fraction(0.20)),
            Quantity::Requests => (0.20, ErrorBound::Factor(2.0)),
        };
        Goal { median, worst }
    }

    /// Whether errors are as small as that.
    pub fn is_met(&self, summary: &Summary) -> bool {
        let bounded = match self.worst {
            ErrorBound::Fraction(most) => summary.worst <= most,
            ErrorBound::Factor(most) => summary.factor <= most,
        };
        bounded && summary.median <= self.median
    }
}

/// The goal for gains: by how much measured and predicted ones may differ in the median, as a fraction.
pub const GAINS_APART: f64 = 0.10;

/// The errors of one quantity in one group of settings: with or without a plan, calibrated on or held out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GroupErrors {
    /// What was predicted.
    pub quantity: Quantity,
    /// Whether a plan was fetched in these settings.
    pub planned: bool,
    /// Whether the scenario was calibrated on their workloads.
    pub calibrated: bool,
    /// The errors.
    pub summary: Summary,
}

impl GroupErrors {
    /// Whether the quantity's goal is met here.
    pub fn is_met(&self) -> bool {
        Goal::of(self.quantity).is_met(&self.summary)
    }
}

/// Errors with and without a plan, of workloads that the scenario was `calibrated` on and of others: apart, as a group
/// that is easy to predict must not hide one that is not. Groups without settings are left out. A goal that every group
/// meets is met by all settings together.
pub fn errors_by_group(verdicts: &[Verdict], calibrated: &[String]) -> Vec<GroupErrors> {
    let mut groups = Vec::new();
    for (planned, is_calibrated) in [(false, true), (false, false), (true, true), (true, false)] {
        let own = verdicts.iter().filter(|verdict| {
            let setting = &verdict.setting;
            (setting.is_planned(), setting.is_one_of(calibrated)) == (planned, is_calibrated)
        });
        groups.extend(Quantity::ALL.into_iter().filter_map(|quantity| {
            Some(GroupErrors {
                quantity,
                planned,
                calibrated: is_calibrated,
                summary: summary(own.clone(), quantity)?,
            })
        }));
    }
    groups
}

/// How many goals are missed, by groups and by the gains, and of how many.
pub fn missed(verdicts: &[Verdict], calibrated: &[String]) -> (usize, usize) {
    let groups = errors_by_group(verdicts, calibrated);
    let apart = median_difference(&gains(verdicts));
    let missed = groups.iter().filter(|group| !group.is_met()).count()
        + usize::from(apart.is_some_and(|apart| apart > GAINS_APART));
    (missed, groups.len() + usize::from(apart.is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Summary = Summary {
        settings: 3,
        inside: 1,
        median: 0.05,
        worst: 0.20,
        factor: 1.25,
    };

    #[test]
    fn a_goal_bounds_median_and_worst() {
        let goal = Goal::of(Quantity::Blocktime);
        assert!(goal.is_met(&GOOD));
        assert!(!goal.is_met(&Summary {
            median: 0.051,
            ..GOOD
        }));
        assert!(!goal.is_met(&Summary {
            worst: 0.201,
            ..GOOD
        }));
        assert!(!Goal::of(Quantity::TotalTime).is_met(&GOOD));
    }

    /// 0.5 of the median is an error of 50 %, and a factor of 2; 1.9 times of it is one of 90 %.
    #[test]
    fn requests_are_bounded_by_a_factor() {
        let goal = Goal::of(Quantity::Requests);
        let of = |worst, factor| Summary {
            worst,
            factor,
            ..GOOD
        };
        assert!(goal.is_met(&of(0.9, 1.9)));
        assert!(goal.is_met(&of(0.5, 2.0)));
        assert!(!goal.is_met(&of(0.6, 2.5)));
        assert!(!goal.is_met(&of(f64::INFINITY, f64::INFINITY)));
    }
}
