//! Limits of settings that their types do not hold.

/// A key whose value is of the right type but makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OutOfLimits {
    pub(crate) key: &'static str,
    pub(crate) expected: &'static str,
}

/// Refuses the value of a key, unless it `holds` what is expected of it.
pub(crate) fn expect(
    holds: bool,
    key: &'static str,
    expected: &'static str,
) -> Result<(), OutOfLimits> {
    if holds {
        Ok(())
    } else {
        Err(OutOfLimits { key, expected })
    }
}
