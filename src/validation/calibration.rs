//! Calibration: values of a scenario's keys with which it predicts measured migrations best.
//!
//! The error is that of [`validate`](super::Predictor): how far a prediction lies from the median of the repetitions,
//! and nothing inside their range. Here it is a ratio, so that half and twice are equally wrong, and counts in units of
//! the project's [goals](super::Goal). The sum over quantities of mean and worst error is the [misfit]; the search
//! makes it small.
//!
//! The search is coordinate descent: one key after the other takes the best of its values, until none has a better one.
//! It starts from the scenario and from the best of settings that are spread evenly over the bounds. Around the best
//! result, values half-way between neighbours are tried in the same way. Nothing is drawn at random, and of equal
//! values the one that is there is taken, so that the result depends on nothing but what is given.

mod key;
mod search;

pub use key::{Candidates, default_keys};
pub use search::{Calibration, CalibrationError, Fitted, MOST_TRIED, Problem, calibrate};

use super::{ErrorBound, Goal, Quantity, Verdict};

/// A ratio beyond which it does not matter how wrong a prediction is.
const HOPELESS: f64 = 100.0;

/// How badly predictions fit: for each quantity the mean error over the median's goal, and the worst over the worst's,
/// in sum; 6 where all errors are as large as the goals allow.
pub fn misfit(verdicts: &[Verdict]) -> f64 {
    let of = |quantity| {
        let goal = Goal::of(quantity);
        let distances = verdicts.iter().map(|verdict| distance(verdict, quantity));
        let worst = distances.clone().fold(0.0, f64::max);
        let allowed = match goal.worst {
            ErrorBound::Fraction(most) => most,
            ErrorBound::Factor(most) => most - 1.0,
        };
        let mean = distances.sum::<f64>() / verdicts.len().max(1) as f64;
        mean / goal.median + worst / allowed
    };
    Quantity::ALL.into_iter().map(of).sum()
}

/// By how much the larger of prediction and median exceeds the other, as a fraction; 0 inside the repetitions' range.
fn distance(verdict: &Verdict, quantity: Quantity) -> f64 {
    let pair = verdict.pair(quantity);
    if pair.is_inside() {
        return 0.0;
    }
    let ratio = 1.0 + pair.error();
    ratio.max(ratio.recip()).min(HOPELESS) - 1.0
}
