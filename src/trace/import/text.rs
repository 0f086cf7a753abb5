//! What the text formats with addresses have in common.

use std::io::Write;

use super::accesses::Accesses;
use super::lines::Lines;
use super::{Addresses, ImportError, ImportOptions, ImportSummary, Input};
use super::{Refusal, Skipped, excerpt};

/// A text format, line by line.
pub(super) trait TextFormat {
    /// What addresses are where the options do not say.
    const ADDRESSES: Addresses = Addresses::Virtual;

    /// Lines keep the white space in front of them, since it says what they are.
    const KEEPS_INDENT: bool = false;

    /// Passes on what a line says. It is not empty, and has no white space around it.
    fn line(&mut self, line: &[u8], to: &mut Accesses) -> Result<(), Refusal>;

    /// Passes on what is still held back after the last line.
    fn end(&mut self, _to: &mut Accesses) -> Result<(), Refusal> {
        Ok(())
    }

    /// What was passed over, and what may not be as it seems.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }
}

pub(super) fn import<F: TextFormat>(
    mut format: F,
    input: Input<'_>,
    options: &ImportOptions,
    out: impl Write,
) -> Result<ImportSummary, ImportError> {
    let mut lines = Lines::new(input)?;
    let mut accesses = Accesses::new(options, F::ADDRESSES, lines.name())?;
    let mut skipped = Skipped::new(options);
    while lines.advance_past(&mut skipped)? {
        let line = match F::KEEPS_INDENT {
            true => lines.indented_line(),
            false => lines.line(),
        };
        if let Err(refusal) = format.line(line, &mut accesses) {
            skipped.note(refusal.at(|expected| lines.error(expected)))?;
        }
    }
    if let Err(refusal) = format.end(&mut accesses) {
        skipped.note(refusal.at(|expected| lines.error(expected)))?;
    }
    let mut notes = format.notes();
    notes.extend(accesses.notes());
    notes.extend(lines.note_of_cut_end());
    let count = accesses.count();
    if count == 0 {
        notes.insert(0, "at least one access, found the end".to_owned());
        notes.extend(skipped.said());
        return Err(lines.error(notes.join("; ")));
    }
    notes.extend(accesses.finish(options, lines.name(), out)?);
    Ok(skipped.summary(count, notes))
}

/// A refusal of a line that is something else.
pub(super) fn expected(what: &str, found: &[u8]) -> Refusal {
    Refusal::Line(format!("{what}, found `{}`", excerpt(found)))
}

/// A hexadecimal integer, with or without `0x`.
#[inline]
pub(super) fn hex(digits: &[u8]) -> Option<u64> {
    let digits = match digits {
        [b'0', b'x' | b'X', rest @ ..] => rest,
        all => all,
    };
    let mut value = 0_u64;
    for &byte in digits {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            _ => return None,
        };
        if value >> 60 != 0 {
            return None;
        }
        value = value << 4 | u64::from(digit);
    }
    (!digits.is_empty()).then_some(value)
}

/// A decimal integer.
#[inline]
pub(super) fn decimal(digits: &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for &byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(digit.into())?;
    }
    (!digits.is_empty()).then_some(value)
}

/// A decimal number with up to nine digits after its point, in billionths.
pub(super) fn billionths(number: &[u8]) -> Option<u64> {
    wide_billionths(number)?.try_into().ok()
}

/// As [`billionths`], of any number whose digits before the point are those of a `u64`.
pub(super) fn wide_billionths(number: &[u8]) -> Option<u128> {
    let (whole, fraction) = match number.iter().position(|&byte| byte == b'.') {
        Some(point) => (number.get(..point)?, number.get(point + 1..)?),
        None => (number, &b"0"[..]),
    };
    let digits = u32::try_from(fraction.len())
        .ok()
        .filter(|&digits| digits <= 9)?;
    let fraction = decimal(fraction)? * 10_u64.pow(9 - digits);
    Some(u128::from(decimal(whole)?) * 1_000_000_000 + u128::from(fraction))
}

/// The fields of a line between white space.
pub(super) fn fields(line: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    line.split(u8::is_ascii_whitespace)
        .filter(|field| !field.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers() {
        assert_eq!(hex(b"0x1F"), Some(31));
        assert_eq!(hex(b"ffffffffffffffff"), Some(u64::MAX));
        for bad in [&b""[..], b"0x", b"10000000000000000", b"-1", b"1g", b"+1"] {
            assert_eq!(hex(bad), None);
        }
        assert_eq!(decimal(b"18446744073709551616"), None);
    }

    #[test]
    fn decimal_points() {
        assert_eq!(billionths(b"4507.262893"), Some(4_507_262_893_000));
        assert_eq!(billionths(b"4507.262893196"), Some(4_507_262_893_196));
        assert_eq!(billionths(b"12"), Some(12_000_000_000));
        for bad in [
            &b""[..],
            b".",
            b"1.",
            b".5",
            b"1.0123456789",
            b"99999999999.0",
        ] {
            assert_eq!(billionths(bad), None);
        }
    }
}
