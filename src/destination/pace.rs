//! How fast a vCPU runs that has its processor together with others.

use crate::time::SimTime;

/// Guest time that passes in a time: as much as when the trace was recorded, or more while others wait for pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pace {
    /// vCPUs that would run if none waited for a page.
    pub(super) runnable: u64,
    /// vCPUs that run.
    pub(super) running: u64,
}

impl Pace {
    /// That of a vCPU with a processor to itself.
    pub(super) const AS_RECORDED: Pace = Pace {
        runnable: 1,
        running: 1,
    };

    /// Guest time that passes in a time; of a picosecond's fraction, none.
    pub(super) fn guest_time(self, time: SimTime) -> SimTime {
        self.convert(time, |time| {
            time * u128::from(self.runnable) / u128::from(self.running)
        })
    }

    /// The least time in which a guest time passes.
    pub(super) fn time(self, guest_time: SimTime) -> SimTime {
        self.convert(guest_time, |time| {
            (time * u128::from(self.running)).div_ceil(u128::from(self.runnable))
        })
    }

    fn convert(self, time: SimTime, by: impl FnOnce(u128) -> u128) -> SimTime {
        if self.runnable == self.running {
            return time;
        }
        let converted = by(u128::from(time.as_ps()));
        u64::try_from(converted).map_or(SimTime::MAX, SimTime::from_ps)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_least_time_is_enough(guest in 0..=u64::MAX / 8, running in 1u64..8, waiting in 0u64..8) {
            let pace = Pace { runnable: running + waiting, running };
            let guest = SimTime::from_ps(guest);
            let time = pace.time(guest);
            prop_assert!(time <= guest);
            prop_assert!(pace.guest_time(time) >= guest);
            if let Some(less) = time.as_ps().checked_sub(1) {
                prop_assert!(pace.guest_time(SimTime::from_ps(less)) < guest);
            }
        }
    }
}
