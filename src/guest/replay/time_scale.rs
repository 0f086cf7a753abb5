//! How much guest time a span of recorded time stands for.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::units::SimTime;

/// Guest time per recorded time, as a fixed-point number with 20 fractional bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimeScale(u64);

impl TimeScale {
    const FRACTION_BITS: u32 = 20;
    const LARGEST: f64 = 1e6;

    /// From a factor of 10⁻⁶ to 10⁶; `None` outside.
    pub fn from_factor(factor: f64) -> Option<Self> {
        (1.0 / Self::LARGEST..=Self::LARGEST)
            .contains(&factor)
            .then(|| {
                // Picoseconds per recorded nanosecond.
                TimeScale(
                    (factor * 1_000.0 * f64::from(1u32 << Self::FRACTION_BITS)).round() as u64,
                )
            })
    }

    fn factor(self) -> f64 {
        self.0 as f64 / (1_000u64 << Self::FRACTION_BITS) as f64
    }

    /// The guest time that a recorded span stands for, rounded to the nearest picosecond.
    pub fn guest_time(self, recorded_ns: u64) -> SimTime {
        let half = 1u128 << (Self::FRACTION_BITS - 1);
        SimTime::from_wide_ps(
            (u128::from(recorded_ns) * u128::from(self.0) + half) >> Self::FRACTION_BITS,
        )
    }

    /// The recorded span that stands for this guest time, rounded down.
    pub(super) fn recorded_ns(self, guest: SimTime) -> u64 {
        let ns = (u128::from(guest.as_ps()) << Self::FRACTION_BITS) / u128::from(self.0);
        u64::try_from(ns).unwrap_or(u64::MAX)
    }
}

/// The factor, to six decimals.
impl fmt::Display for TimeScale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{:.6}", self.factor());
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

impl Default for TimeScale {
    fn default() -> Self {
        TimeScale(1_000 << Self::FRACTION_BITS)
    }
}

impl JsonSchema for TimeScale {
    fn schema_name() -> Cow<'static, str> {
        "factor".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "minimum": 0.000_001, "maximum": 1_000_000 })
    }
}

/// The factor, as a scenario has it.
impl Serialize for TimeScale {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.factor())
    }
}

impl<'de> Deserialize<'de> for TimeScale {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Factor;
        impl Visitor<'_> for Factor {
            type Value = TimeScale;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a factor from 0.000001 to 1000000, such as 0.02")
            }
            fn visit_f64<E: de::Error>(self, factor: f64) -> Result<TimeScale, E> {
                TimeScale::from_factor(factor)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Float(factor), &self))
            }
            fn visit_i64<E: de::Error>(self, factor: i64) -> Result<TimeScale, E> {
                self.visit_f64(factor as f64)
            }
        }
        deserializer.deserialize_any(Factor)
    }
}
