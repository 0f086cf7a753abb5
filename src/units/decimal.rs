//! Numbers with a unit, read exactly: through floating point `1.005 MB` loses a byte, and crates for durations cut
//! `0.9 ns` to nothing.

/// A number as it was written: `digits` × 10^`exponent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decimal {
    digits: u128,
    exponent: i32,
}

impl Decimal {
    /// The number that a text begins with, and the unit behind it without blanks.
    pub(super) fn with_unit(text: &str) -> Option<(Self, &str)> {
        let text = text.trim();
        let text = text.strip_prefix('+').unwrap_or(text);
        let (mut digits, mut exponent, mut any) = (0_u128, 0, false);
        let mut point = false;
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            match next {
                '.' if !point => point = true,
                '0'..='9' => {
                    let digit = u128::from(next as u8 - b'0');
                    digits = digits.checked_mul(10)?.checked_add(digit)?;
                    exponent -= i32::from(point);
                    any = true;
                }
                _ => break,
            }
            rest = &rest[next.len_utf8()..];
        }
        if let Some((written, behind)) = power_of_ten(rest) {
            exponent = written.checked_add(exponent)?;
            rest = behind;
        }
        any.then_some((Decimal { digits, exponent }, rest.trim_start()))
    }

    /// So many of a unit of `scale` smallest ones: how many of these, if it is a whole number.
    pub(super) fn times(self, scale: u64) -> Option<u128> {
        let mut amount = self.digits.checked_mul(scale.into())?;
        if amount == 0 {
            return Some(0);
        }
        let power = 10_u128.checked_pow(self.exponent.unsigned_abs())?;
        if self.exponent < 0 {
            amount.is_multiple_of(power).then(|| amount / power)
        } else {
            amount = amount.checked_mul(power)?;
            Some(amount)
        }
    }
}

/// The exponent of `1e6`, and what is behind it.
fn power_of_ten(text: &str) -> Option<(i32, &str)> {
    let behind_e = text.strip_prefix(['e', 'E'])?;
    let sign = usize::from(behind_e.starts_with(['+', '-']));
    let digits = behind_e[sign..]
        .bytes()
        .take_while(u8::is_ascii_digit)
        .count();
    let (exponent, rest) = behind_e.split_at(sign + digits);
    Some((exponent.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_exact_or_not_there() {
        let amount =
            |text, scale| Decimal::with_unit(text).and_then(|(number, _)| number.times(scale));
        assert_eq!(amount("1.005 MB", 1_000_000), Some(1_005_000));
        assert_eq!(amount(" +1.5e3 s", 1), Some(1_500));
        assert_eq!(amount("2500e-3", 2), Some(5));
        assert_eq!(amount(".5 ms", 1_000), Some(500));
        assert_eq!(amount("0e-99999 s", 1), Some(0));
        for bad in ["", ".", "s", "-1 s", "0.9", "1e-30", "1e400"] {
            assert_eq!(amount(bad, 1), None, "{bad}");
        }
        assert_eq!(
            Decimal::with_unit("1.5 EiB").map(|(_, unit)| unit),
            Some("EiB")
        );
    }
}
