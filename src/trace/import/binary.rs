//! What the binary formats with addresses have in common: records of one length.

use std::io::{self, ErrorKind, Read, Write};

use super::accesses::Accesses;
use super::{Addresses, ImportError, ImportOptions, ImportSummary, Input, Refusal, Skipped};

/// A binary format, record by record.
pub(super) trait BinaryFormat<const BYTES: usize> {
    /// Passes on what a record says.
    fn record(&mut self, bytes: &[u8; BYTES], to: &mut Accesses) -> Result<(), Refusal>;

    /// What was passed over, and what may not be as it seems.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }
}

pub(super) fn import<const BYTES: usize>(
    mut format: impl BinaryFormat<BYTES>,
    mut input: Input<'_>,
    options: &ImportOptions,
    out: impl Write,
) -> Result<ImportSummary, ImportError> {
    let name = input.name.clone();
    let mut accesses = Accesses::new(options, Addresses::Virtual, &name)?;
    let mut skipped = Skipped::new(options);
    let mut record = 0;
    let mut bytes = [0; BYTES];
    loop {
        let wrong = |expected| ImportError::Record {
            name: name.clone(),
            record,
            expected,
        };
        match fill(&mut input, &mut bytes) {
            Ok(0) => break,
            Ok(length) if length == BYTES => {
                if let Err(refusal) = format.record(&bytes, &mut accesses) {
                    skipped.note(refusal.at(wrong))?;
                }
            }
            Ok(short) => skipped.note(wrong(format!(
                "{BYTES} bytes, found {short} (is the file cut short?)"
            )))?,
            Err(source) if input.is_damage(&source) => {
                skipped.note(ImportError::Damaged {
                    name: name.clone(),
                    place: format!("record {record}"),
                    source,
                })?;
                break;
            }
            Err(source) => {
                let place = format!("record {record}");
                return Err(ImportError::Read {
                    name,
                    place,
                    source,
                });
            }
        }
        record += 1;
    }
    let count = accesses.count();
    if count == 0 {
        let none = format!("at least one access in records of {BYTES} bytes, found none");
        let said: Vec<_> = std::iter::once(none).chain(skipped.said()).collect();
        let expected = said.join("; ");
        return Err(ImportError::Header { name, expected });
    }
    let mut notes = format.notes();
    notes.extend(accesses.notes());
    notes.extend(accesses.finish(options, &name, out)?);
    Ok(skipped.summary(count, notes))
}

/// Fills `bytes`, but for what lies beyond the end.
fn fill(input: &mut Input<'_>, bytes: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while let Some(rest) = bytes.get_mut(length..).filter(|rest| !rest.is_empty()) {
        match input.text.read(rest) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}
