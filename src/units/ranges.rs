//! Ranges of addresses, such as `0-3GiB,4GiB-5GiB`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};
use serde::{Serialize, Serializer};

use super::{Bytes, UnitError};

/// A range of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressRange {
    /// Its first byte.
    pub start: u64,
    /// The byte after its last; `None`: as far as addresses go.
    pub end: Option<u64>,
}

/// Ranges in ascending order, without overlap; only the last may be open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressRanges(pub Vec<AddressRange>);

const EXPECTED: &str =
    "ascending ranges such as `0-3GiB,4GiB-5GiB`, whose last one may be open (`4GiB-`)";

impl FromStr for AddressRanges {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let mut ranges = Vec::new();
        for part in text.split(',') {
            push(&mut ranges, part).map_err(|expected| UnitError {
                given: part.to_owned(),
                expected,
            })?;
        }
        Ok(AddressRanges(ranges))
    }
}

const WITH_UNITS: &str =
    "a range whose ends have units, such as `0-3GiB`, or are hexadecimal, such as `0-0xc0000000`";

/// Adds a range that is behind those so far. Otherwise what was expected.
fn push(ranges: &mut Vec<AddressRange>, part: &str) -> Result<(), &'static str> {
    let (start, end) = part.split_once('-').ok_or(EXPECTED)?;
    let (start, end) = (start.trim(), end.trim());
    if lacks_unit(start) || lacks_unit(end) {
        return Err(WITH_UNITS);
    }
    let start = address(start).ok_or(EXPECTED)?;
    let end = match end {
        "" | "…" | "..." => None,
        end => Some(address(end).ok_or(EXPECTED)?),
    };
    let follows = match ranges.last() {
        Some(before) => before.end.is_some_and(|end| end <= start),
        None => true,
    };
    if !follows || end.is_some_and(|end| end <= start) {
        return Err(EXPECTED);
    }
    ranges.push(AddressRange { start, end });
    Ok(())
}

/// Whether this would be an address if it had a unit.
fn lacks_unit(text: &str) -> bool {
    !text.is_empty() && text != "0" && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `0x…`, `0`, or a size with its unit.
fn address(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None if text == "0" => Some(0),
        None => Some(text.parse::<Bytes>().ok()?.0),
    }
}

/// Exactly, and as they are read.
impl fmt::Display for AddressRanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = |address: u64| {
            let whole = |(_, shift): &&(&str, u32)| address.is_multiple_of(1 << shift);
            match [("GiB", 30), ("MiB", 20), ("KiB", 10)].iter().find(whole) {
                _ if address == 0 => "0".to_owned(),
                Some((unit, shift)) => format!("{}{unit}", address >> shift),
                None => format!("{address:#x}"),
            }
        };
        for (index, range) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            let end = range.end.map_or_else(String::new, address);
            write!(f, "{}-{end}", address(range.start))?;
        }
        Ok(())
    }
}

impl Serialize for AddressRanges {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AddressRanges {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Ranges;
        impl<'de> Visitor<'de> for Ranges {
            type Value = AddressRanges;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(EXPECTED)
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<AddressRanges, E> {
                text.parse().map_err(E::custom)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<AddressRanges, A::Error> {
                let mut ranges = Vec::new();
                while let Some(part) = parts.next_element::<String>()? {
                    push(&mut ranges, &part).map_err(|expected| {
                        de::Error::invalid_value(de::Unexpected::Str(&part), &expected)
                    })?;
                }
                match ranges.is_empty() {
                    true => Err(de::Error::invalid_length(0, &self)),
                    false => Ok(AddressRanges(ranges)),
                }
            }
        }
        deserializer.deserialize_any(Ranges)
    }
}

impl JsonSchema for AddressRanges {
    fn schema_name() -> Cow<'static, str> {
        "address ranges".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "array"], "x-unit": "address ranges", "x-expected": EXPECTED })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_and_written() {
        let range = |start, end| AddressRange { start, end };
        let gib = 1 << 30;
        let read = |text: &str| text.parse::<AddressRanges>();
        let two = read("0-3GiB,4GiB-").unwrap();
        assert_eq!(two.0, [range(0, Some(3 * gib)), range(4 * gib, None)]);
        assert_eq!(two.to_string(), "0-3GiB,4GiB-");
        let odd = read("0x9fc10 - 1028 KiB").unwrap();
        assert_eq!(odd.to_string(), "0x9fc10-1028KiB");
        assert_eq!(read(&odd.to_string()), Ok(odd));
        assert_eq!(read("0x40000000-…").unwrap().0, [range(gib, None)]);
        for wrong in [
            "",
            "3GiB",
            "0-3",
            "3GiB-1GiB",
            "0-,4GiB-",
            "0-4GiB,3GiB-5GiB",
            "-1GiB",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        let unit = read("0-4096").unwrap_err().to_string();
        assert!(unit.starts_with("`0-4096` is not a range whose ends have units"));
    }

    #[test]
    fn a_scenario_has_a_text_or_a_list() {
        let of = |value: &str| {
            let table: toml::Table = format!("x = {value}").parse().unwrap();
            table["x"].clone().try_into::<AddressRanges>()
        };
        assert_eq!(
            of("\"0-3GiB,4GiB-\"").unwrap(),
            of("[\"0-3GiB\", \"4GiB-\"]").unwrap()
        );
        for wrong in ["[]", "3", "[\"4GiB-\", \"0-3GiB\"]", "[7]"] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }
}
