//! Times, sizes and numbers as damo prints them, for people or (`--raw_number`) for programs.

use super::super::text::{billionths, decimal, fields, wide_billionths};

/// Whether `16.000 KiB`, or a number of bytes, is this size, but for what the digits leave out.
pub(super) fn is_size(text: &[u8], bytes: u64) -> bool {
    const UNITS: [&[u8]; 7] = [b"B", b"KiB", b"MiB", b"GiB", b"TiB", b"PiB", b"EiB"];
    let mut fields = fields(text);
    let number = fields.next().and_then(grouped);
    let unit = fields.next().unwrap_or(b"B");
    let (Some(number), Some(unit), None) = (
        number,
        UNITS.iter().position(|known| *known == unit),
        fields.next(),
    ) else {
        return false;
    };
    let places = match number.iter().position(|&byte| byte == b'.') {
        Some(point) => number.len() - point - 1,
        None => 0,
    };
    let Some(billionths) = wide_billionths(&number) else {
        return false;
    };
    // In billionths of a byte; at most one in the last place off.
    let Some(size) = billionths.checked_mul(1 << (10 * unit)) else {
        return false;
    };
    let off = size.abs_diff(u128::from(bytes) * 1_000_000_000);
    let last_place = (1_000_000_000 / 10_u128.pow(places as u32)) << (10 * unit);
    match unit {
        0 => off == 0,
        _ => off <= last_place,
    }
}

/// `8 m 59.809 s`, `104.599 ms`, `0 ns`, or whole nanoseconds without a unit.
pub(super) fn time_ns(text: &[u8]) -> Option<u64> {
    let mut fields = fields(text).peekable();
    fields.peek()?;
    let mut sum = 0_u64;
    while let Some(number) = fields.next() {
        let unit = fields.next();
        let unit_ns: u64 = match unit {
            None | Some(b"ns") => 1,
            Some(b"us") => 1_000,
            Some(b"ms") => 1_000_000,
            Some(b"s") => 1_000_000_000,
            Some(b"m") => 60_000_000_000,
            Some(b"h") => 3_600_000_000_000,
            Some(b"d") => 86_400_000_000_000,
            Some(_) => return None,
        };
        let number = grouped(number)?;
        let ns = match decimal(&number) {
            Some(whole) => u128::from(whole) * u128::from(unit_ns),
            // What comes in fractions has lost its unit.
            None if unit.is_none() => return None,
            None => u128::from(billionths(&number)?) * u128::from(unit_ns) / 1_000_000_000,
        };
        sum = sum.checked_add(u64::try_from(ns).ok()?)?;
    }
    Some(sum)
}

/// A number without the commas between its groups of three digits; a comma elsewhere is a decimal one.
pub(super) fn grouped(number: &[u8]) -> Option<Vec<u8>> {
    let point = number.iter().position(|&byte| byte == b'.');
    let (whole, fraction) = number.split_at(point.unwrap_or(number.len()));
    let mut groups = whole.split(|&byte| byte == b',');
    let mut digits = groups.next()?.to_vec();
    let longest = if digits.len() < whole.len() {
        3
    } else {
        usize::MAX
    };
    if digits.is_empty() || digits.len() > longest || fraction.contains(&b',') {
        return None;
    }
    for group in groups {
        if group.len() != 3 {
            return None;
        }
        digits.extend_from_slice(group);
    }
    digits.extend_from_slice(fraction);
    Some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!(time_ns(b"  8 m 59.809 s"), Some(539_809_000_000));
        assert_eq!(time_ns(b"104.599 ms"), Some(104_599_000));
        assert_eq!(time_ns(b"0 ns"), Some(0));
        assert_eq!(time_ns(b"104,599,123"), Some(104_599_123));
        assert_eq!(
            time_ns(b"  1700000000123456789"),
            Some(1_700_000_000_123_456_789)
        );
        assert_eq!(time_ns(b"3 h 4 m 17.510 s"), Some(11_057_510_000_000));
        assert_eq!(time_ns(b""), None);
        assert_eq!(time_ns(b"5 parsecs"), None);
        // Decimal commas, and a unit that was lost.
        for bad in [
            &b"104,5 ms"[..],
            b"1,04 ms",
            b"1040,500 ns",
            b",500 ns",
            b"1.5,000 s",
            b"104.599",
        ] {
            assert_eq!(time_ns(bad), None);
        }
    }

    #[test]
    fn sizes() {
        for (text, bytes) in [
            (&b"   4.000 KiB"[..], 4096),
            (b"1023.992 MiB", 0x3fff_e000),
            (b" 6.105 MiB", 0x61_b000),
            (b"8192", 8192),
            (b"8,192 B", 8192),
            (b"16 GiB", 16 << 30),
            (b"18446745600", 18_446_745_600),
            (b"3 TiB", 3 << 40),
        ] {
            assert!(is_size(text, bytes));
        }
        for text in [&b"4 KiB"[..], b"8191", b"", b"8", b"8 KB", b"8 KiB more"] {
            assert!(!is_size(text, 8192));
        }
    }
}
