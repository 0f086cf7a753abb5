//! Human units on the way out, exactly: what reads as the same value again.

use serde::{Serialize, Serializer};

use super::{Bandwidth, Bytes, SimTime};

/// In the largest unit that leaves no fraction; `units` ends with a unit of one.
fn in_units(amount: u64, units: &[(u64, &str)]) -> String {
    let fits = |scale: u64| amount.is_multiple_of(scale) && (amount > 0 || scale == 1);
    let found = units.iter().find(|(scale, _)| fits(*scale));
    found.map_or_else(String::new, |(scale, unit)| {
        format!("{} {unit}", amount / scale)
    })
}

/// Whole nanoseconds: a scenario holds no finer ones.
impl Serialize for SimTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const UNITS: [(u64, &str); 4] = [
            (1_000_000_000, "s"),
            (1_000_000, "ms"),
            (1_000, "us"),
            (1, "ns"),
        ];
        serializer.serialize_str(&in_units(self.as_ps() / 1_000, &UNITS))
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const UNITS: [(u64, &str); 5] = [
            (1 << 40, "TiB"),
            (1 << 30, "GiB"),
            (1 << 20, "MiB"),
            (1 << 10, "KiB"),
            (1, "B"),
        ];
        serializer.serialize_str(&in_units(self.0, &UNITS))
    }
}

impl Serialize for Bandwidth {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const UNITS: [(u64, &str); 4] = [
            (1_000_000_000, "Gbit/s"),
            (1_000_000, "Mbit/s"),
            (1_000, "kbit/s"),
            (1, "bit/s"),
        ];
        serializer.serialize_str(&in_units(self.bits_per_second(), &UNITS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_as_they_are_written() {
        let text = |value: toml::Value| value.as_str().map(str::to_owned).unwrap_or_default();
        for (ns, written) in [
            (0, "0 ns"),
            (1_500_000_000, "1500 ms"),
            (250_000, "250 us"),
            (2_000_000_000, "2 s"),
            (7, "7 ns"),
        ] {
            let time = SimTime::from_ns(ns);
            let out = text(toml::Value::try_from(time).expect("a text"));
            assert_eq!((out.as_str(), out.parse()), (written, Ok(time)));
        }
        for (bytes, written) in [
            (0, "0 B"),
            (1 << 20, "1 MiB"),
            (1_000_000, "1000000 B"),
            (3 << 40, "3 TiB"),
        ] {
            let out = text(toml::Value::try_from(Bytes(bytes)).expect("a text"));
            assert_eq!((out.as_str(), out.parse()), (written, Ok(Bytes(bytes))));
        }
        for (bits, written) in [
            (1, "1 bit/s"),
            (2_500_000_000, "2500 Mbit/s"),
            (1_000_001, "1000001 bit/s"),
        ] {
            let bandwidth = Bandwidth::from_bits_per_second(bits).expect("above zero");
            let out = text(toml::Value::try_from(bandwidth).expect("a text"));
            assert_eq!((out.as_str(), out.parse()), (written, Ok(bandwidth)));
        }
    }
}
