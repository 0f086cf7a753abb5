//! Values of an axis as integers in base units, so that ranges are exact.

use crate::units::SimTime;
use crate::units::{Bandwidth, Bytes};

/// What a quantity counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// Nanoseconds: the finest time that a scenario can hold.
    Time,
    /// Bytes.
    Bytes,
    /// Bits per second.
    Bandwidth,
    /// Things.
    Whole,
    /// Billionths, for keys that are fractions.
    Decimal,
}

impl Unit {
    /// The unit that decides for others beside it, which may be zero or bare numbers.
    pub(super) fn most_particular(units: impl Iterator<Item = Unit>) -> Option<Unit> {
        units.min_by_key(|unit| match unit {
            Unit::Time | Unit::Bytes | Unit::Bandwidth => 0,
            Unit::Decimal => 1,
            Unit::Whole => 2,
        })
    }

    /// As names of columns end.
    pub(super) fn column(self) -> Option<&'static str> {
        match self {
            Unit::Time => Some("s"),
            Unit::Bytes => Some("bytes"),
            Unit::Bandwidth => Some("bits_per_s"),
            Unit::Whole | Unit::Decimal => None,
        }
    }
}

/// What the cells of these values count, as names of columns end.
pub(super) fn unit_of(values: &[toml::Value]) -> Option<&'static str> {
    let units = values.iter().filter_map(Quantity::of);
    Unit::most_particular(units.map(|quantity| quantity.unit))?.column()
}

/// A value with its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quantity {
    pub(super) amount: i128,
    pub(super) unit: Unit,
}

const BILLION: f64 = 1e9;

impl Quantity {
    /// The value as a number with a unit, if it is one.
    pub(super) fn of(value: &toml::Value) -> Option<Self> {
        let of = |amount, unit| Some(Quantity { amount, unit });
        match value {
            toml::Value::Integer(number) => of(i128::from(*number), Unit::Whole),
            toml::Value::Float(number) if number.abs() < 1e9 => {
                of((number * BILLION).round() as i128, Unit::Decimal)
            }
            toml::Value::String(text) if text.starts_with(|first: char| first.is_ascii_digit()) => {
                if let Ok(time) = text.parse::<SimTime>() {
                    of(i128::from(time.as_ps() / 1_000), Unit::Time)
                } else if let Ok(bandwidth) = text.parse::<Bandwidth>() {
                    of(i128::from(bandwidth.bits_per_second()), Unit::Bandwidth)
                } else if let Ok(Bytes(bytes)) = text.parse() {
                    of(i128::from(bytes), Unit::Bytes)
                } else {
                    None
                }
            }
            _ => None,
        }
    }

    /// The same in another unit, where a bare number leaves it open: zero is zero of anything, a size may be a bare
    /// number of bytes, and a whole number is a decimal one.
    pub(super) fn in_unit(self, unit: Unit) -> Option<Self> {
        let amount = match (self.unit, unit) {
            (from, to) if from == to => self.amount,
            _ if self.amount == 0 => 0,
            (Unit::Whole, Unit::Bytes) => self.amount,
            (Unit::Whole, Unit::Decimal) => self.amount.checked_mul(BILLION as i128)?,
            _ => return None,
        };
        Some(Quantity { amount, unit })
    }

    /// As a scenario has it; `None` for a number that TOML cannot hold.
    pub(super) fn value(self) -> Option<toml::Value> {
        Some(match self.unit {
            Unit::Time => toml::Value::String(format!("{} ns", self.amount)),
            Unit::Bandwidth => toml::Value::String(format!("{} bit/s", self.amount)),
            Unit::Bytes | Unit::Whole => toml::Value::Integer(self.amount.try_into().ok()?),
            Unit::Decimal => toml::Value::Float(self.amount as f64 / BILLION),
        })
    }
}

/// A value as a column holds it: seconds, bytes, bits per second and plain numbers; anything else as it was written.
pub(super) fn cell(key: &str, value: &toml::Value) -> String {
    match value {
        // Whatever it is called.
        toml::Value::String(path) if key == "trace.file" => path.clone(),
        toml::Value::Float(number) => number.to_string(),
        _ => match (Quantity::of(value), value) {
            (Some(quantity), _) if quantity.unit == Unit::Time => u64::try_from(quantity.amount)
                .map_or_else(
                    |_| value.to_string(),
                    |ns| SimTime::from_ns(ns).to_decimal_seconds(),
                ),
            (Some(quantity), _) => quantity.amount.to_string(),
            (None, toml::Value::String(text)) => text.clone(),
            (None, _) => value.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_in_base_units() {
        for (value, expected) in [
            ("\"500 us\"", "0.0005"),
            ("\"200 Mbit/s\"", "200000000"),
            ("\"64 KiB\"", "65536"),
            ("\"fifo\"", "fifo"),
            ("7", "7"),
            ("0.3", "0.3"),
            ("true", "true"),
            (
                "{ kind = \"zipf\", seed = 3 }",
                "{ kind = \"zipf\", seed = 3 }",
            ),
        ] {
            let table: toml::Table = format!("x = {value}").parse().expect(value);
            assert_eq!(cell("link.x", &table["x"]), expected);
        }
        let file = toml::Value::String("10 s".to_owned());
        assert_eq!(cell("trace.file", &file), "10 s");
    }
}
