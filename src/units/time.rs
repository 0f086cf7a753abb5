//! Simulated time: integer picoseconds.
//!
//! One picosecond resolves a single byte at 8 Tbit/s, and `u64` picoseconds span 213 days. Integers make every run
//! exact: no rounding mode, compiler or machine can change a result.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub};

/// A point in simulated time, or a span of it, in picoseconds.
///
/// Arithmetic saturates: [`SimTime::MAX`] means "never, or beyond 213 days", and a migration whose end reaches it is
/// reported as an error rather than as a wrong number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SimTime(u64);

impl SimTime {
    /// The moment of the migration command; also the empty span.
    pub const ZERO: SimTime = SimTime(0);
    /// Later than anything that a simulation can reach.
    pub const MAX: SimTime = SimTime(u64::MAX);

    /// From picoseconds.
    pub const fn from_ps(ps: u64) -> Self {
        SimTime(ps)
    }

    /// From nanoseconds; saturates.
    pub const fn from_ns(ns: u64) -> Self {
        SimTime(ns.saturating_mul(1_000))
    }

    /// From microseconds; saturates.
    pub const fn from_us(us: u64) -> Self {
        SimTime(us.saturating_mul(1_000_000))
    }

    /// From milliseconds; saturates.
    pub const fn from_ms(ms: u64) -> Self {
        SimTime(ms.saturating_mul(1_000_000_000))
    }

    /// From wide picoseconds, as products of rates and sizes give them; saturates.
    pub fn from_wide_ps(ps: u128) -> Self {
        SimTime(u64::try_from(ps).unwrap_or(u64::MAX))
    }

    /// In picoseconds.
    pub const fn as_ps(self) -> u64 {
        self.0
    }

    /// In seconds, for plots and tables; results are stored and compared as integers.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e12
    }

    /// `self − earlier`, or zero when `earlier` is the later one.
    pub const fn saturating_sub(self, earlier: Self) -> Self {
        SimTime(self.0.saturating_sub(earlier.0))
    }

    /// This span `n` times; saturates.
    pub const fn times(self, n: u64) -> Self {
        SimTime(self.0.saturating_mul(n))
    }

    /// Exact decimal seconds without trailing zeros: `"0.0000012"`.
    pub fn to_decimal_seconds(self) -> String {
        let (seconds, fraction) = (self.0 / 1_000_000_000_000, self.0 % 1_000_000_000_000);
        if fraction == 0 {
            return seconds.to_string();
        }
        format!("{seconds}.{fraction:012}")
            .trim_end_matches('0')
            .to_owned()
    }
}

impl Add for SimTime {
    type Output = SimTime;
    fn add(self, other: SimTime) -> SimTime {
        SimTime(self.0.saturating_add(other.0))
    }
}

impl AddAssign for SimTime {
    fn add_assign(&mut self, other: SimTime) {
        *self = *self + other;
    }
}

/// Saturates at zero.
impl Sub for SimTime {
    type Output = SimTime;
    fn sub(self, other: SimTime) -> SimTime {
        self.saturating_sub(other)
    }
}

impl Sum for SimTime {
    fn sum<I: Iterator<Item = SimTime>>(times: I) -> SimTime {
        times.fold(SimTime::ZERO, Add::add)
    }
}

/// People-friendly: three significant digits with a fitting unit (`"33.4 us"`, `"1.23 s"`).
impl fmt::Display for SimTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 4] = [
            (1_000_000_000_000, "s"),
            (1_000_000_000, "ms"),
            (1_000_000, "us"),
            (1_000, "ns"),
        ];
        if self.0 == 0 {
            return f.pad("0 s");
        }
        for (scale, unit) in UNITS {
            if self.0 >= scale {
                let value = self.0 as f64 / scale as f64;
                let decimals = if value < 9.995 {
                    2
                } else if value < 99.95 {
                    1
                } else {
                    0
                };
                return f.pad(&format!("{value:.decimals$} {unit}"));
            }
        }
        f.pad(&format!("{} ps", self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_seconds_are_exact() {
        assert_eq!(SimTime::ZERO.to_decimal_seconds(), "0");
        assert_eq!(SimTime::from_ms(1_500).to_decimal_seconds(), "1.5");
        assert_eq!(SimTime::from_ps(1).to_decimal_seconds(), "0.000000000001");
    }

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(SimTime::MAX + SimTime::from_ps(1), SimTime::MAX);
        assert_eq!(SimTime::ZERO - SimTime::from_ps(1), SimTime::ZERO);
        assert_eq!(SimTime::from_ns(u64::MAX), SimTime::MAX);
    }

    #[test]
    fn display_picks_the_unit() {
        assert_eq!(SimTime::from_ps(33_424_000).to_string(), "33.4 us");
        assert_eq!(SimTime::from_ms(1_234).to_string(), "1.23 s");
        assert_eq!(SimTime::from_ps(12).to_string(), "12 ps");
    }
}
