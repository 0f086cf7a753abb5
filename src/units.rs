//! Human units on the way in: `"100 us"`, `"256 MiB"`, `"1 Gbit/s"`.
//!
//! Times and sizes are read exactly, bandwidths by a crate (human-bandwidth). Errors name what was expected.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, Visitor};

mod decimal;
mod exact;
mod ranges;
mod time;

pub use ranges::{AddressRange, AddressRanges};
pub use time::SimTime;

use decimal::Decimal;

/// What a text in human units should have been.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not {expected}")]
pub struct UnitError {
    given: String,
    expected: &'static str,
}

const EXPECTED_TIME: &str =
    "a duration with its unit (ns, us, ms, s, min, h), such as \"100 us\" or \"1.5 s\"";
const EXPECTED_BYTES: &str = "a size with its unit (B, KiB, MiB, GiB, TiB, kB, MB, GB, TB), such as \"4 KiB\" or \"256 MiB\"";
const WHOLE_NS: &str = "a whole number of nanoseconds";
const EXPECTED_LENGTH: &str = "a duration of at most 720 h";
const BARE_LETTER: &str = "clear: write GiB for 2^30 bytes (G to QEMU and libvirt), GB for 10^9 (G to Kubernetes); K, M and T likewise";
const EXPECTED_BANDWIDTH: &str = "a bandwidth above zero with its unit (kbit/s, Mbit/s, Gbit/s, Tbit/s), such as \"200 Mbit/s\" or \"1 Gbit/s\"";

/// A longest duration that a scenario may hold: 30 days keeps sums of several far from [`SimTime::MAX`].
const LONGEST: SimTime = SimTime::from_ms(30 * 24 * 3_600 * 1_000);

/// Units of time, in nanoseconds.
const TIMES: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("sec", 1_000_000_000),
    ("min", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

impl FromStr for SimTime {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let fail = |expected| UnitError {
            given: text.to_owned(),
            expected,
        };
        if text.trim() == "0" {
            return Ok(SimTime::ZERO);
        }
        // A bare number would be taken as seconds: here it is more likely a forgotten unit.
        let (number, unit) = Decimal::with_unit(text).ok_or_else(|| fail(EXPECTED_TIME))?;
        let (_, scale) = TIMES
            .into_iter()
            .find(|(name, _)| *name == unit)
            .ok_or_else(|| fail(EXPECTED_TIME))?;
        let ns = number.times(scale).ok_or_else(|| fail(WHOLE_NS))?;
        u64::try_from(ns)
            .map(SimTime::from_ns)
            .ok()
            .filter(|time| *time <= LONGEST)
            .ok_or_else(|| fail(EXPECTED_LENGTH))
    }
}

/// A size in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(pub u64);

/// Prefixes of sizes: of a thousand, and with an `i` of 1,024.
const PREFIXES: [&str; 6] = ["k", "m", "g", "t", "p", "e"];

/// How many bytes a unit has. A letter alone is a unit to nobody: to QEMU and libvirt `G` is 2^30, to Kubernetes 10^9.
fn bytes_of_unit(unit: &str) -> Result<u64, &'static str> {
    let unit = unit.to_ascii_lowercase();
    let power = |prefix: &str| {
        PREFIXES
            .iter()
            .position(|known| *known == prefix)
            .map(|place| place as u32 + 1)
    };
    if matches!(unit.as_str(), "" | "b") {
        return Ok(1);
    }
    if power(&unit).is_some() {
        return Err(BARE_LETTER);
    }
    let binary = unit.strip_suffix("ib").or(unit.strip_suffix('i'));
    let of_1024 = binary.and_then(power).map(|power| 1 << (10 * power));
    let decimal = unit.strip_suffix('b');
    let of_1000 = decimal.and_then(power).map(|power| 1_000_u64.pow(power));
    of_1024.or(of_1000).ok_or(EXPECTED_BYTES)
}

impl FromStr for Bytes {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let fail = |expected| UnitError {
            given: text.to_owned(),
            expected,
        };
        let (number, unit) = Decimal::with_unit(text).ok_or_else(|| fail(EXPECTED_BYTES))?;
        let bytes = number.times(bytes_of_unit(unit).map_err(fail)?);
        let bytes = bytes.ok_or_else(|| fail("a whole number of bytes"))?;
        u64::try_from(bytes)
            .map(Bytes)
            .map_err(|_| fail("a size below 16 EiB"))
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&bytesize::ByteSize(self.0).to_string())
    }
}

/// A link rate in bits per second, above zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bandwidth(u64);

impl Bandwidth {
    /// 1 Gbit/s.
    pub const GBIT_PER_SECOND: Bandwidth = Bandwidth(1_000_000_000);

    /// From bits per second; `None` for zero.
    pub fn from_bits_per_second(bits: u64) -> Option<Self> {
        (bits > 0).then_some(Bandwidth(bits))
    }

    /// In bits per second.
    pub fn bits_per_second(self) -> u64 {
        self.0
    }
}

impl FromStr for Bandwidth {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        human_bandwidth::parse_bandwidth(text.trim())
            .ok()
            .and_then(|parsed| u64::try_from(parsed.as_bps()).ok())
            .and_then(Bandwidth::from_bits_per_second)
            .ok_or_else(|| UnitError {
                given: text.to_owned(),
                expected: EXPECTED_BANDWIDTH,
            })
    }
}

impl fmt::Display for Bandwidth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 4] = [
            (1_000_000_000_000, "Tbit/s"),
            (1_000_000_000, "Gbit/s"),
            (1_000_000, "Mbit/s"),
            (1_000, "kbit/s"),
        ];
        let (scale, unit) = UNITS
            .into_iter()
            .find(|(scale, _)| self.0 >= *scale)
            .unwrap_or((1, "bit/s"));
        f.pad(&format!("{} {unit}", self.0 as f64 / scale as f64))
    }
}

/// Gives a type with `FromStr` a visitor of its own, so that an error says what was expected.
macro_rules! deserialize_from_text {
    ($type:ty, $expected:expr, $integer:expr) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl Visitor<'_> for Text {
                    type Value = $type;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expected)
                    }
                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$type, E> {
                        text.parse().map_err(E::custom)
                    }
                    fn visit_i64<E: de::Error>(self, value: i64) -> Result<$type, E> {
                        let from_integer: fn(u64) -> Option<$type> = $integer;
                        u64::try_from(value)
                            .ok()
                            .and_then(from_integer)
                            .ok_or_else(|| E::invalid_value(de::Unexpected::Signed(value), &self))
                    }
                }
                deserializer.deserialize_any(Text)
            }
        }
    };
}

/// What an editor is told of a type that is a text with a unit.
macro_rules! schema_of_text {
    ($type:ty, $name:literal, $expected:expr, $types:tt) => {
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }
            fn inline_schema() -> bool {
                true
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": $types, "x-unit": $name, "x-expected": $expected })
            }
        }
    };
}

schema_of_text!(SimTime, "duration", EXPECTED_TIME, ["string", "integer"]);
schema_of_text!(Bytes, "size", EXPECTED_BYTES, ["string", "integer"]);
schema_of_text!(Bandwidth, "bandwidth", EXPECTED_BANDWIDTH, ["string"]);

// A bare integer is a number of bytes, and zero is a duration whatever its unit; anything else needs a unit.
deserialize_from_text!(SimTime, EXPECTED_TIME, |value| (value == 0)
    .then_some(SimTime::ZERO));
deserialize_from_text!(Bytes, EXPECTED_BYTES, |value| Some(Bytes(value)));
deserialize_from_text!(Bandwidth, EXPECTED_BANDWIDTH, |_| None);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!("100 us".parse(), Ok(SimTime::from_us(100)));
        assert_eq!("100us".parse(), Ok(SimTime::from_us(100)));
        assert_eq!("1.5 ms".parse(), Ok(SimTime::from_us(1_500)));
        assert_eq!("2 s".parse(), Ok(SimTime::from_ms(2_000)));
        assert_eq!("0".parse(), Ok(SimTime::ZERO));
        for bad in [
            "",
            "5",
            "-1 s",
            "ten ms",
            "1 fortnight",
            "1e400 s",
            "9999 h",
            "0.9 ns",
            "1.5 ns",
            "0.0000001 us",
            "1e-9 ns",
            "inf s",
            "infinity",
        ] {
            assert!(bad.parse::<SimTime>().is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes() {
        assert_eq!("4 KiB".parse(), Ok(Bytes(4_096)));
        assert_eq!("256MiB".parse(), Ok(Bytes(256 << 20)));
        assert_eq!("1 MB".parse(), Ok(Bytes(1_000_000)));
        assert_eq!("1.005 MB".parse(), Ok(Bytes(1_005_000)));
        assert_eq!("64 Gi".parse(), Ok(Bytes(64 << 30)));
        assert_eq!("8192".parse(), Ok(Bytes(8_192)));
        assert_eq!("15.5 EiB".parse(), Ok(Bytes(31 << 59)));
        for bad in [
            "",
            "-4 KiB",
            "4 parsecs",
            "KiB",
            "16 EiB",
            "0.5 B",
            "1.0001 KiB",
        ] {
            assert!(bad.parse::<Bytes>().is_err(), "{bad}");
        }
        for bare in ["64 K", "1M", "4 g", "1T"] {
            let error = bare.parse::<Bytes>().expect_err(bare).to_string();
            assert!(error.contains("GiB for 2^30"), "{error}");
        }
    }

    #[test]
    fn bandwidths() {
        let gigabit = Bandwidth::from_bits_per_second(1_000_000_000).unwrap();
        assert_eq!("1 Gbit/s".parse(), Ok(gigabit));
        assert_eq!("1Gbit/s".parse(), Ok(gigabit));
        assert_eq!("1000 Mbps".parse(), Ok(gigabit));
        assert_eq!(gigabit.to_string(), "1 Gbit/s");
        assert_eq!(
            "2.5 Gbit/s".parse::<Bandwidth>().unwrap().to_string(),
            "2.5 Gbit/s"
        );
        for bad in ["", "0 bit/s", "-1 Gbit/s", "1 Gbyte", "fast", "1"] {
            assert!(bad.parse::<Bandwidth>().is_err(), "{bad}");
        }
    }
}
