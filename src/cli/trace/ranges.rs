//! Addresses on the command line: what they are, and which of them are RAM.

use crate::trace::import::{Addresses, RamRange};
use crate::units::Bytes;

/// The value of `--ram`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ram(pub(super) Vec<RamRange>);

/// `virtual`, `physical`, `0xBASE` or `0xBASE+SIZE`.
pub(super) fn addresses(text: &str) -> Result<Addresses, String> {
    let wrong = || "expected `virtual`, `physical`, `0xBASE` or `0xBASE+SIZE`".to_owned();
    match text {
        "virtual" => Ok(Addresses::Virtual),
        "physical" => Ok(Addresses::Physical),
        _ => {
            let (base, size) = match text.split_once('+') {
                Some((base, size)) => (base, Some(address(size).ok_or_else(wrong)?)),
                None => (text, None),
            };
            let digits = base.trim().strip_prefix("0x").ok_or_else(wrong)?;
            let base = u64::from_str_radix(digits, 16).map_err(|_| wrong())?;
            Ok(Addresses::Mapping { base, bytes: size })
        }
    }
}

/// `0-3GiB,4GiB-5GiB`; the last range may be open, as in `4GiB-`.
pub(super) fn ram(text: &str) -> Result<Ram, String> {
    let wrong = |part: &str| {
        format!(
            "expected ascending ranges such as `0-3GiB,4GiB-`, whose last one may be open, found `{part}`"
        )
    };
    let mut ranges: Vec<RamRange> = Vec::new();
    for part in text.split(',') {
        let (start, end) = part.split_once('-').ok_or_else(|| wrong(part))?;
        let start = address(start).ok_or_else(|| wrong(part))?;
        let end = match end.trim() {
            "" | "…" | "..." => None,
            end => Some(address(end).ok_or_else(|| wrong(part))?),
        };
        let follows = match ranges.last() {
            Some(before) => before.end.is_some_and(|end| end <= start),
            None => true,
        };
        if !follows || end.is_some_and(|end| end <= start) {
            return Err(wrong(part));
        }
        ranges.push(RamRange { start, end });
    }
    Ok(Ram(ranges))
}

/// `0x…`, `0`, or a size with its unit.
fn address(text: &str) -> Option<u64> {
    let text = text.trim();
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None if text == "0" => Some(0),
        None if text.ends_with(|last: char| last.is_ascii_digit()) => None,
        None => Some(text.parse::<Bytes>().ok()?.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ram_ranges() {
        let range = |start, end| RamRange { start, end };
        let gib = 1 << 30;
        assert_eq!(
            ram("0-3GiB,4GiB-").unwrap().0,
            [range(0, Some(3 * gib)), range(4 * gib, None)]
        );
        assert_eq!(ram("0x40000000-…").unwrap().0, [range(gib, None)]);
        for wrong in [
            "",
            "3GiB",
            "0-3",
            "3GiB-1GiB",
            "0-,4GiB-",
            "0-4GiB,3GiB-5GiB",
            "-1GiB",
        ] {
            assert!(ram(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn kinds_of_addresses() {
        let mapping = |base, bytes| Ok(Addresses::Mapping { base, bytes });
        assert_eq!(addresses("physical"), Ok(Addresses::Physical));
        assert_eq!(addresses("0x7f3c00000000"), mapping(0x7f3c_0000_0000, None));
        assert_eq!(addresses("0x1000+1GiB"), mapping(0x1000, Some(1 << 30)));
        for wrong in ["", "7f3c00000000", "0xg", "0x1000+", "real"] {
            assert!(addresses(wrong).is_err(), "{wrong}");
        }
    }
}
