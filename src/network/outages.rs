//! Outages: times in which nothing passes, in neither direction.
//!
//! What has left the link before arrives. The stream stands still and goes on: TCP sends again what was lost. Its
//! exponential back-off is not modelled, which may add up to as much again as the outage lasted (RFC 6298, section 5).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::LinkSettings;
use crate::engine::Progression;
use crate::units::SimTime;

/// A time in which nothing passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    expecting = "an outage such as { at = \"2 s\", duration = \"500 ms\" }"
)]
pub struct Outage {
    /// When it begins, counted from the migration command.
    pub at: SimTime,
    /// How long it lasts.
    pub duration: SimTime,
}

impl Outage {
    /// When something passes again.
    pub(super) fn end(&self) -> SimTime {
        self.at + self.duration
    }
}

const MOST_OUTAGES: usize = 1 << 16;

impl LinkSettings {
    /// Which outage makes no sense, and what was expected.
    pub(crate) fn check_outages(&self) -> Result<(), String> {
        let outages = &self.outages;
        if outages.len() > MOST_OUTAGES {
            return Err(format!("expected at most {MOST_OUTAGES}"));
        }
        let mut last_end = None;
        for (outage, number) in outages.iter().zip(1..) {
            let wrong = |problem: String| Err(format!("outage {number}: {problem}"));
            if outage.duration == SimTime::ZERO {
                return wrong("expected a duration above zero".to_owned());
            }
            if let Some(end) = last_end
                && outage.at <= end
            {
                let at = outage.at;
                return wrong(format!(
                    "{at} is not behind the end of the one before, {end}, expected outages in order"
                ));
            }
            last_end = Some(outage.end());
        }
        Ok(())
    }

    /// The outage that a time lies in, or else the next one.
    pub(super) fn outage(&self, at: SimTime) -> Option<&Outage> {
        let over = self.outages.partition_point(|outage| outage.end() <= at);
        self.outages.get(over)
    }

    /// When a packet goes out that is ready at a time.
    fn goes_out(&self, ready: SimTime) -> SimTime {
        match self.outage(ready) {
            Some(outage) if outage.at <= ready => outage.end(),
            _ => ready,
        }
    }

    /// When a small packet arrives that is ready at a time: requests and acknowledgements take no bandwidth.
    pub fn arrival(&self, ready: SimTime) -> SimTime {
        self.goes_out(ready) + self.latency
    }

    /// When packets go out that are ready at the first `count` of these times: tells from which on how many do when.
    pub(super) fn go_out(
        &self,
        ready: Progression,
        count: u32,
        mut tell: impl FnMut(u32, u32, Progression),
    ) {
        let mut from = 0;
        while from < count {
            let (ahead, left) = (ready.after(from), count - from);
            let (until, goes_out) = match self.outage(ahead.first) {
                Some(outage) if outage.at <= ahead.first => {
                    (outage.end(), Progression::at_once(outage.end()))
                }
                Some(next) => (next.at, ahead),
                None => return tell(from, left, ahead),
            };
            let together = ahead.count_before(until, left);
            tell(from, together, goes_out);
            from += together;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outage(at: u64, duration: u64) -> Outage {
        Outage {
            at: SimTime::from_us(at),
            duration: SimTime::from_us(duration),
        }
    }

    fn link(outages: &[Outage]) -> LinkSettings {
        LinkSettings {
            outages: outages.to_vec(),
            ..LinkSettings::default()
        }
    }

    #[test]
    fn packets_wait_for_the_end() {
        let link = link(&[outage(10, 5), outage(20, 1)]);
        for (ready, goes_out) in [(9, 9), (10, 15), (14, 15), (15, 15), (20, 21), (30, 30)] {
            assert_eq!(
                link.goes_out(SimTime::from_us(ready)),
                SimTime::from_us(goes_out)
            );
        }
        let ready = Progression {
            first: SimTime::from_us(7),
            step: SimTime::from_us(2),
        };
        let mut told = Vec::new();
        link.go_out(ready, 8, |from, count, at| {
            told.push((from, count, at.first.as_ps() / 1_000_000));
        });
        // Ready at 7, 9; 11, 13; 15, 17, 19; 21.
        assert_eq!(told, [(0, 2, 7), (2, 2, 15), (4, 3, 15), (7, 1, 21)]);
    }

    #[test]
    fn wrong_outages_are_named() {
        for (outages, expected) in [
            (vec![outage(5, 0)], "outage 1: expected a duration"),
            (vec![outage(5, 2), outage(7, 1)], "outage 2: 7.00 us is not"),
        ] {
            let error = link(&outages).check_outages().expect_err(expected);
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
