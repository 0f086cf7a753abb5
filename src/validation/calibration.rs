//! Calibration: values of a scenario's keys with which it predicts measured migrations best.
//!
//! The error is the logarithm of a ratio, so that half and twice are equally wrong: how far a prediction lies outside
//! the range of the repetitions, and a quarter of how far it lies from their median inside. It counts in units of the
//! project's [goals](super::Goal). The sum over quantities of mean and worst error is the [misfit]; the search makes it
//! small.
//!
//! The search is coordinate descent: one key after the other takes the best of its values, until none has a better one.
//! It starts from the scenario and from the best of settings that are spread evenly over the bounds. Around the best
//! result, values half-way between neighbours are tried in the same way. Nothing is drawn at random, and of equal
//! values the one that is there is taken, so that the result depends on nothing but what is given.

mod key;
mod search;

pub use key::{Candidates, default_keys};
pub use search::{Calibration, CalibrationError, Fitted, MOST_TRIED, Problem, calibrate};

use super::{ErrorBound, Goal, Pair, Quantity, Range, Verdict};

/// A ratio beyond which it does not matter how wrong a prediction is.
const HOPELESS: f64 = 100.0;

/// How much a distance counts inside the repetitions' range. A few repetitions do not show the whole of it, so the
/// middle is the better guess.
const INSIDE: f64 = 0.25;

/// How badly predictions fit: for each quantity the mean error over the median's goal, and the worst over the worst's,
/// in sum; 6 where all errors are as large as the goals allow.
pub fn misfit(verdicts: &[Verdict]) -> f64 {
    let of = |quantity| {
        let goal = Goal::of(quantity);
        let distances = verdicts
            .iter()
            .map(|verdict| distance(verdict.pair(quantity)));
        let worst = distances.clone().fold(0.0, f64::max);
        let allowed = match goal.worst {
            ErrorBound::Fraction(most) => 1.0 + most,
            ErrorBound::Factor(most) => most,
        };
        let mean = distances.sum::<f64>() / verdicts.len().max(1) as f64;
        mean / (1.0 + goal.median).ln() + worst / allowed.ln()
    };
    Quantity::ALL.into_iter().map(of).sum()
}

/// The logarithm of the ratio of prediction and median; what of it lies inside the repetitions' range counts less.
fn distance(pair: &Pair) -> f64 {
    let Range { low, median, high } = pair.measured;
    let apart = |measured: f64| {
        if measured == pair.predicted {
            return 0.0;
        }
        (pair.predicted / measured).ln().abs().min(HOPELESS.ln())
    };
    let outside = apart(pair.predicted.clamp(low, high));
    outside + INSIDE * (apart(median) - outside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_ratios_and_count_less_inside_the_range() {
        let distance = |predicted| {
            let measured = Range {
                low: 50.0,
                median: 100.0,
                high: 150.0,
            };
            distance(&Pair {
                measured,
                predicted,
            })
        };
        let is = |predicted, expected: f64| assert!((distance(predicted) - expected).abs() < 1e-12);
        is(100.0, 0.0);
        is(125.0, 0.25 * 1.25_f64.ln());
        // Twice the highest, three times the median.
        is(300.0, 0.75 * 2.0_f64.ln() + 0.25 * 3.0_f64.ln());
        is(25.0, 0.75 * 2.0_f64.ln() + 0.25 * 4.0_f64.ln());
        is(0.0, 100.0_f64.ln());
        assert_eq!(distance(f64::INFINITY), 100.0_f64.ln());
    }
}
