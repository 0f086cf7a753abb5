//! The one sentence that a figure's caption begins with, found in its numbers.

use crate::plot::Spread;
use crate::strategy::{clairvoyant, pre_copy, stop_and_copy};

/// What a strategy leaves of a reference's stall, in shares of it: one for each guest or group shown.
pub(super) struct Left<'a> {
    pub(super) strategy: &'a str,
    pub(super) shares: Vec<f64>,
}

/// Strategies that are not candidates: one knows the future, the others run nothing on the destination before all is
/// there.
const APART: [&str; 3] = [
    clairvoyant::ENTRY.name,
    pre_copy::ENTRY.name,
    stop_and_copy::ENTRY.name,
];

/// Which strategy has the least stall.
pub(super) fn least_stall(reference: &str, left: &[Left<'_>]) -> Option<String> {
    let candidates = left.iter().filter(|left| !APART.contains(&left.strategy));
    let medians = candidates.filter_map(|left| Some((left.strategy, range(&left.shares)?)));
    let (strategy, least) = medians.min_by(|(_, one), (_, other)| {
        let by_median = one.mean.total_cmp(&other.mean);
        by_median.then(one.high.total_cmp(&other.high))
    })?;
    let [median, low, high] = [least.mean, least.low, least.high].map(|share| share * 100.0);
    Some(if high == 0.0 {
        format!("{strategy} has the least stall: none.")
    } else if median < 100.0 {
        format!(
            "{strategy} has the least stall: {median:.0} % of {reference}'s in the median, {low:.0} to {high:.0} %."
        )
    } else {
        format!("Nothing shown has less stall than {reference} in the median.")
    })
}

/// The median, and the extremes; none of nothing.
pub(super) fn range(values: &[f64]) -> Option<Spread> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (low, high) = (*sorted.first()?, *sorted.last()?);
    let middle = sorted.len() / 2;
    let below = if sorted.len().is_multiple_of(2) {
        middle - 1
    } else {
        middle
    };
    Some(Spread {
        mean: f64::midpoint(sorted[below], sorted[middle]),
        low,
        high,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left<'a>(strategy: &'a str, shares: &[f64]) -> Left<'a> {
        Left {
            strategy,
            shares: shares.to_vec(),
        }
    }

    #[test]
    fn the_least_median_is_found_among_those_that_can_be_had() {
        let all = [
            left("pre-record", &[0.4, 0.3, 1.2]),
            left("leap", &[0.9, 0.1, 0.6, 0.4]),
            left("pre-copy", &[0.0, 0.0]),
            left("clairvoyant", &[0.01]),
        ];
        let found = least_stall("post-copy", &all).expect("a finding");
        assert_eq!(
            found,
            "pre-record has the least stall: 40 % of post-copy's in the median, 30 to 120 %."
        );
        let none = [left("pre-record", &[0.0, 0.0, 0.1]), left("hybrid", &[0.0])];
        assert_eq!(
            least_stall("post-copy", &none).as_deref(),
            Some("hybrid has the least stall: none.")
        );
        let worse = [left("leap", &[1.1])];
        assert_eq!(
            least_stall("post-copy", &worse).as_deref(),
            Some("Nothing shown has less stall than post-copy in the median.")
        );
        assert_eq!(least_stall("post-copy", &[left("leap", &[])]), None);
    }
}
