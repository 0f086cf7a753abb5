//! What addresses are, on the command line.

use crate::trace::import::Addresses;
use crate::units::Bytes;

/// `virtual`, `physical`, `0xBASE` or `0xBASE+SIZE`.
pub(super) fn addresses(text: &str) -> Result<Addresses, String> {
    let wrong = || "expected `virtual`, `physical`, `0xBASE` or `0xBASE+SIZE`".to_owned();
    match text {
        "virtual" => Ok(Addresses::Virtual),
        "physical" => Ok(Addresses::Physical),
        _ => {
            let (base, size) = match text.split_once('+') {
                Some((base, size)) => (base, Some(size.parse::<Bytes>().map_err(|_| wrong())?.0)),
                None => (text, None),
            };
            let digits = base.trim().strip_prefix("0x").ok_or_else(wrong)?;
            let base = u64::from_str_radix(digits, 16).map_err(|_| wrong())?;
            Ok(Addresses::Mapping { base, bytes: size })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
