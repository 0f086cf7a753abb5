//! Watching a migration as it goes.

use crate::host::destination::Arrival;
use crate::units::SimTime;

/// How far a migration is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Pages on the destination.
    pub installed: u32,
    /// Bytes that wait on the link or are being transmitted, before packet overhead.
    pub queued_bytes: u64,
    /// Bytes of pages that have left, before packet overhead.
    pub transmitted_bytes: u64,
}

/// Someone who watches. Nobody, which is `()`, costs nothing.
pub trait Probe {
    /// Whether it wants to see every single step; if not, many are taken at once.
    const WATCHES: bool = true;
    /// Whether it wants to know when pages are installed.
    const LISTENS: bool = false;

    /// Something has happened at `now`; `progress` is made up only for those who want it.
    fn observe(&mut self, now: SimTime, progress: impl FnOnce() -> Progress);

    /// A run of pages is installed; runs of one channel come in their order.
    fn installed(&mut self, _arrival: &Arrival) {}
}

impl Probe for () {
    const WATCHES: bool = false;

    fn observe(&mut self, _: SimTime, _: impl FnOnce() -> Progress) {}
}

/// Progress at a moment.
pub type Sample = (SimTime, Progress);

/// Most samples that are kept.
pub const MOST_SAMPLES: usize = 10_000;

/// Samples of a migration of any length: whenever there are too many, every second one goes, and the distance between
/// those to come doubles.
#[derive(Debug)]
pub struct Samples {
    kept: Vec<Sample>,
    distance: SimTime,
    due: SimTime,
    last: Option<Sample>,
}

impl Samples {
    /// None yet.
    pub fn new() -> Self {
        Samples {
            kept: Vec::new(),
            // Less than a page takes at 10 Gbit/s.
            distance: SimTime::from_us(1),
            due: SimTime::ZERO,
            last: None,
        }
    }

    /// The samples in time order, with the very last moment.
    pub fn into_vec(mut self) -> Vec<Sample> {
        if self.kept.last() != self.last.as_ref() {
            self.kept.extend(self.last);
        }
        self.kept
    }
}

impl Default for Samples {
    fn default() -> Self {
        Self::new()
    }
}

impl Probe for Samples {
    fn observe(&mut self, now: SimTime, progress: impl FnOnce() -> Progress) {
        let sample = (now, progress());
        self.last = Some(sample);
        if now < self.due {
            return;
        }
        self.kept.push(sample);
        // One place is left for the last moment.
        if self.kept.len() + 1 >= MOST_SAMPLES {
            let mut index = 0;
            self.kept.retain(|_| {
                index += 1;
                index % 2 == 1
            });
            self.distance = self.distance.times(2);
        }
        self.due = now + self.distance;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_bounded_and_end_with_the_last_moment() {
        let mut samples = Samples::new();
        let last = 5 * MOST_SAMPLES as u64;
        for us in 0..=last {
            samples.observe(SimTime::from_us(us), || Progress {
                installed: us as u32,
                queued_bytes: 0,
                transmitted_bytes: 0,
            });
        }
        let samples = samples.into_vec();
        assert!((MOST_SAMPLES / 4..=MOST_SAMPLES).contains(&samples.len()));
        assert_eq!(samples[0].0, SimTime::ZERO);
        let distance = samples[1].0;
        let apart = samples[..samples.len() - 1].windows(2);
        assert!(distance > SimTime::from_us(1));
        assert!(
            apart
                .into_iter()
                .all(|pair| pair[1].0 - pair[0].0 == distance)
        );
        assert_eq!(
            samples.last().map(|(time, _)| *time),
            Some(SimTime::from_us(last))
        );
    }

    #[test]
    fn there_are_never_too_many_samples() {
        let mut samples = Samples::new();
        for us in 0..3 * MOST_SAMPLES as u64 {
            samples.observe(SimTime::from_us(us), || Progress {
                installed: 0,
                queued_bytes: 0,
                transmitted_bytes: 0,
            });
            // The last moment comes behind them.
            assert!(samples.kept.len() < MOST_SAMPLES, "{us}");
        }
    }
}
