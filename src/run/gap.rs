//! The share of the gap between post-copy's stall and the bound that a strategy closes.

use super::compare::Run;
use crate::strategy::post_copy;
use crate::units::SimTime;

/// With less than this to gain, a share says nothing: a few faults make it anything.
const LEAST_GAIN: SimTime = SimTime::from_ms(1);
/// The same, as a share of post-copy's stall: one in so many.
const LEAST_SHARE: u64 = 100;

/// Rates each run against post-copy, if that is among the runs of one scenario, and against its own bound.
pub(crate) fn rate_gaps(runs: &mut [&mut Run]) {
    let post_copy = runs
        .iter()
        .find(|run| run.strategy == post_copy::ENTRY.name);
    let Some(worst) = post_copy.map(|run| run.metrics.stall) else {
        return;
    };
    for run in runs {
        run.gap_closed = closed(worst, run.metrics.stall, run.metrics.stall_bound);
    }
}

fn closed(worst: SimTime, own: SimTime, bound: SimTime) -> Option<f64> {
    let gain = worst - bound;
    if gain < LEAST_GAIN || gain.times(LEAST_SHARE) < worst {
        return None;
    }
    let ps = |time: SimTime| time.as_ps() as f64;
    Some((ps(worst) - ps(own)) / ps(gain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_needs_something_to_share() {
        let ms = SimTime::from_ms;
        assert_eq!(closed(ms(10), ms(4), ms(2)), Some(0.75));
        assert_eq!(closed(ms(10), ms(18), ms(2)), Some(-1.0));
        // 0.5 ms, and 0.5 % of post-copy's stall.
        assert_eq!(closed(ms(10), ms(10), SimTime::from_us(9_500)), None);
        assert_eq!(closed(ms(1_000), ms(990), ms(995)), None);
        assert_eq!(closed(ms(1), ms(2), ms(3)), None);
    }
}
