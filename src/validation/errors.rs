//! Errors and gains, summed up.

use super::{Quantity, Range, Setting, Verdict};
use crate::strategy::{pdopmp, post_copy, pre_record};

/// How far the predictions of a quantity are off. What lies inside the repetitions' range counts as no error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// Settings.
    pub settings: usize,
    /// How many of them were predicted inside their repetitions' range.
    pub inside: usize,
    /// Median of the errors' sizes, as fractions.
    pub median: f64,
    /// The largest.
    pub worst: f64,
    /// The largest ratio of prediction and median, whichever is larger.
    pub factor: f64,
}

/// Sums up the errors of some verdicts; `None` for none.
pub fn summary<'a>(
    verdicts: impl IntoIterator<Item = &'a Verdict>,
    quantity: Quantity,
) -> Option<Summary> {
    let pairs: Vec<_> = verdicts
        .into_iter()
        .map(|verdict| verdict.pair(quantity))
        .collect();
    let sizes = pairs.iter().map(|pair| {
        if pair.is_inside() {
            0.0
        } else {
            pair.error().abs()
        }
    });
    let factor = |pair: &&super::Pair| {
        let ratio = 1.0 + pair.error();
        ratio.max(ratio.recip())
    };
    Some(Summary {
        settings: pairs.len(),
        inside: pairs.iter().filter(|pair| pair.is_inside()).count(),
        median: median(sizes.clone().collect())?,
        worst: sizes.fold(0.0, f64::max),
        factor: pairs
            .iter()
            .filter(|pair| !pair.is_inside())
            .map(factor)
            .fold(1.0, f64::max),
    })
}

/// What a strategy saves of post-copy's blocktime with the same workload, link and channels, as fractions.
#[derive(Debug, Clone, PartialEq)]
pub struct Gain<'a> {
    /// The strategy's verdict.
    pub verdict: &'a Verdict,
    /// By the medians measured.
    pub measured: f64,
    /// By the simulator.
    pub predicted: f64,
}

impl Gain<'_> {
    /// By how much the prediction is too high.
    pub fn difference(&self) -> f64 {
        self.predicted - self.measured
    }
}

/// The gains of all strategies that were measured beside a post-copy with any blocktime.
pub fn gains(verdicts: &[Verdict]) -> Vec<Gain<'_>> {
    let gain = |verdict| {
        let base = post_copy_beside(verdicts, verdict).filter(|base| *base != verdict)?;
        let (own, base) = (
            verdict.pair(Quantity::Blocktime),
            base.pair(Quantity::Blocktime),
        );
        (base.measured.median > 0.0 && base.predicted > 0.0).then(|| Gain {
            verdict,
            measured: 1.0 - own.measured.median / base.measured.median,
            predicted: 1.0 - own.predicted / base.predicted,
        })
    };
    verdicts.iter().filter_map(gain).collect()
}

/// Median of the distances between predicted and measured gains, as a fraction; `None` without gains.
pub fn median_difference(gains: &[Gain<'_>]) -> Option<f64> {
    median(gains.iter().map(Gain::difference).map(f64::abs).collect())
}

/// Blocktime of post-copy, pre-record and pre-record+pdopmp in one setting, in this order.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranking<'a> {
    /// The setting, of pre-record.
    pub setting: &'a Setting,
    /// As measured, in seconds.
    pub measured: [Range; 3],
    /// By the simulator.
    pub predicted: [f64; 3],
}

/// What measurements say of a ranking. One strategy is *apart* from another if every repetition of the one is better
/// than every one of the other; with few repetitions that happens by chance, too, and with many seldom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Each strategy is apart from all before it.
    Apart,
    /// Each beats the one before it by the medians, but repetitions overlap.
    ByMedians,
    /// Not even that, but none is worse than one before it in all repetitions.
    Open,
    /// One loses against one before it in every repetition of either.
    Reversed,
}

impl Ranking<'_> {
    /// What the measurements say.
    pub fn measured_order(&self) -> Order {
        let [post_copy, pre_record, pdopmp] = &self.measured;
        let neighbours = [(post_copy, pre_record), (pre_record, pdopmp)];
        let all = || neighbours.into_iter().chain([(post_copy, pdopmp)]);
        if all().all(|(before, after)| before.low > after.high) {
            Order::Apart
        } else if all().any(|(before, after)| before.high < after.low) {
            Order::Reversed
        } else if neighbours
            .iter()
            .all(|(before, after)| before.median > after.median)
        {
            Order::ByMedians
        } else {
            Order::Open
        }
    }

    /// Whether each strategy beats the one before it as predicted.
    pub fn holds_as_predicted(&self) -> bool {
        self.predicted.windows(2).all(|pair| pair[0] > pair[1])
    }
}

/// The ranking in every setting in which all three were measured.
pub fn rankings(verdicts: &[Verdict]) -> Vec<Ranking<'_>> {
    let same_but = |of: &Setting, strategy: &str| {
        let wanted = Setting {
            strategy: strategy.to_owned(),
            ..of.clone()
        };
        verdicts.iter().find(|verdict| verdict.setting == wanted)
    };
    let ranking = |verdict| {
        let three = [
            post_copy_beside(verdicts, verdict)?,
            verdict,
            same_but(&verdict.setting, pdopmp::ENTRY.name)?,
        ]
        .map(|verdict| verdict.pair(Quantity::Blocktime));
        Some(Ranking {
            setting: &verdict.setting,
            measured: three.map(|pair| pair.measured),
            predicted: three.map(|pair| pair.predicted),
        })
    };
    verdicts
        .iter()
        .filter(|verdict| verdict.setting.strategy == pre_record::ENTRY.name)
        .filter_map(ranking)
        .collect()
}

/// Post-copy of the same workload over the same link and channels.
fn post_copy_beside<'a>(verdicts: &'a [Verdict], of: &Verdict) -> Option<&'a Verdict> {
    verdicts.iter().find(|verdict| {
        let (a, b) = (&verdict.setting, &of.setting);
        a.strategy == post_copy::ENTRY.name
            && (&a.workload, a.link_mbit, a.preempt) == (&b.workload, b.link_mbit, b.preempt)
    })
}

/// The middle value, or the mean of the two in the middle.
pub(super) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    Some(values[last / 2].midpoint(values[last.div_ceil(2)]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::DeliveryKind;
    use crate::units::SimTime;
    use crate::validation::{Pair, Setting};

    fn verdict(strategy: &str, measured: (f64, f64, f64), predicted: f64) -> Verdict {
        let (low, median, high) = measured;
        let pair = Pair {
            measured: Range { low, median, high },
            predicted,
        };
        Verdict {
            setting: Setting {
                workload: "sort".to_owned(),
                link_mbit: 200,
                preempt: false,
                strategy: strategy.to_owned(),
                record_window: SimTime::ZERO,
                fetch_outstanding: 0,
                delivery: DeliveryKind::SourcePush,
            },
            repetitions: 3,
            simulations: 1,
            pairs: [pair; 3],
            measured_downtime: None,
            predicted_downtime: SimTime::ZERO,
        }
    }

    #[test]
    fn what_lies_in_the_range_is_no_error() {
        let verdicts = [
            verdict("post-copy", (9.0, 10.0, 12.0), 11.5),
            verdict("post-copy", (9.0, 10.0, 11.0), 12.0),
            verdict("post-copy", (9.0, 10.0, 11.0), 4.0),
        ];
        let summary = summary(&verdicts, Quantity::Blocktime).expect("three");
        assert_eq!((summary.settings, summary.inside), (3, 1));
        assert!((summary.median - 0.2).abs() < 1e-12);
        assert!((summary.worst - 0.6).abs() < 1e-12);
        assert!((summary.factor - 2.5).abs() < 1e-12);
    }

    #[test]
    fn a_gain_is_against_post_copy_of_the_same_setting() {
        let verdicts = [
            verdict("post-copy", (10.0, 10.0, 10.0), 8.0),
            verdict("pre-record", (4.0, 5.0, 6.0), 2.0),
        ];
        let gains = gains(&verdicts);
        assert_eq!(gains.len(), 1);
        assert!((gains[0].measured - 0.5).abs() < 1e-12);
        assert!((gains[0].predicted - 0.75).abs() < 1e-12);
        let apart = median_difference(&gains).expect("one");
        assert!((apart - 0.25).abs() < 1e-12);
    }

    #[test]
    fn nothing_measured_and_something_predicted_is_infinitely_wrong() {
        let missed = verdict("post-copy", (0.0, 0.0, 0.0), 1.0);
        let met = verdict("post-copy", (0.0, 0.0, 0.0), 0.0);
        let summary = summary([&missed, &met, &met], Quantity::Blocktime).expect("three");
        assert_eq!((summary.inside, summary.median), (2, 0.0));
        assert_eq!(
            (summary.worst, summary.factor),
            (f64::INFINITY, f64::INFINITY)
        );
        assert_eq!(
            gains(&[met, verdict("pre-record", (1.0, 1.0, 1.0), 1.0)]),
            []
        );
    }

    #[test]
    fn a_ranking_needs_all_three_in_one_setting() {
        let mut verdicts = vec![
            verdict("post-copy", (10.0, 10.0, 10.0), 8.0),
            verdict("pre-record+pdopmp", (4.0, 5.0, 6.0), 3.0),
        ];
        assert_eq!(rankings(&verdicts), []);
        verdicts.push(verdict("pre-record", (4.0, 5.0, 6.0), 4.0));
        let three = rankings(&verdicts);
        assert_eq!(three.len(), 1);
        assert_eq!(
            three[0].measured.map(|range| range.median),
            [10.0, 5.0, 5.0]
        );
        assert_eq!(three[0].measured_order(), Order::Open, "equal is not less");
        assert!(three[0].holds_as_predicted());
        verdicts[1].setting.preempt = true;
        assert_eq!(rankings(&verdicts), []);
    }

    #[test]
    fn a_ranking_is_as_sure_as_repetitions_are_apart() {
        let order = |pre_record, pdopmp| {
            let verdicts = [
                verdict("post-copy", (9.0, 10.0, 11.0), 1.0),
                verdict("pre-record", pre_record, 1.0),
                verdict("pre-record+pdopmp", pdopmp, 1.0),
            ];
            rankings(&verdicts)[0].measured_order()
        };
        assert_eq!(order((6.5, 7.0, 8.0), (4.0, 5.0, 6.0)), Order::Apart);
        assert_eq!(order((4.0, 5.0, 6.0), (3.0, 4.9, 7.0)), Order::ByMedians);
        assert_eq!(order((4.0, 5.0, 6.0), (6.0, 6.5, 7.0)), Order::Open);
        assert_eq!(order((4.0, 5.0, 6.0), (6.1, 6.5, 7.0)), Order::Reversed);
        assert_eq!(order((11.5, 12.0, 13.0), (3.0, 4.0, 5.0)), Order::Reversed);
        // Each overlaps with the one before it, and the last one not with the first.
        assert_eq!(
            order((10.5, 11.0, 13.0), (12.5, 13.0, 14.0)),
            Order::Reversed
        );
    }
}
