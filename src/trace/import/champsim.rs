//! ChampSim's traces: 64 bytes an instruction, little-endian, as a rule packed with xz.
//!
//! | offset | field | offset | field |
//! |---|---|---|---|
//! | 0 | u64 address of the instruction | 12 | u8 × 4 registers read |
//! | 8 | u8 is a branch, u8 was taken | 16 | u64 × 2 addresses written |
//! | 10 | u8 × 2 registers written | 32 | u64 × 4 addresses read |
//!
//! An address of 0 is none. No time, one core, and no sizes.

use std::io::{ErrorKind, Read, Write};

use super::accesses::Accesses;
use super::importer::Importer;
use super::{Addresses, ImportError, ImportOptions, ImportSummary, Input, Refusal, Skipped};
use crate::trace::Op;

pub(super) const IMPORTER: Importer = Importer {
    name: "champsim",
    reads: "ChampSim's traces (64 bytes an instruction, `.xz`)",
    places: "virtual addresses",
    ops: "read, write, fetch",
    time: "by number of records",
    vcpu: "one",
    read: |input, options, out| import(input, options, out),
};

const RECORD_BYTES: usize = 64;

fn import(
    mut input: Input<'_>,
    options: &ImportOptions,
    out: impl Write,
) -> Result<ImportSummary, ImportError> {
    let name = input.name.clone();
    let mut accesses = Accesses::new(options, Addresses::Virtual, &name)?;
    let mut skipped = Skipped::new(options);
    let mut record = 0;
    let mut bytes = [0; RECORD_BYTES];
    loop {
        let wrong = |expected| ImportError::Record {
            name: name.clone(),
            record,
            expected,
        };
        match fill(&mut input, &mut bytes) {
            Ok(0) => break,
            Ok(RECORD_BYTES) => {
                let taken = instruction(&bytes, &mut accesses);
                if let Err(refusal) = taken {
                    skipped.note(refusal.at(&name, wrong))?;
                }
            }
            Ok(short) => skipped.note(wrong(format!(
                "{RECORD_BYTES} bytes, found {short} (is the file cut short?)"
            )))?,
            Err(source) if input.is_damage(&source) => {
                skipped.note(wrong(format!(
                    "the rest of the compressed recording, found its end or damage: {source}"
                )))?;
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
        let expected = "at least one instruction of 64 bytes, found none".to_owned();
        return Err(ImportError::Header { name, expected });
    }
    let mut notes = accesses.notes();
    notes.extend(accesses.finish(options, &name, out)?);
    Ok(skipped.summary(count, notes))
}

fn instruction(bytes: &[u8; RECORD_BYTES], to: &mut Accesses) -> Result<(), Refusal> {
    if bytes[8] > 1 || bytes[9] > 1 {
        return Err(Refusal::Line(format!(
            "0 or 1 for a branch and for one that was taken, found {} and {}",
            bytes[8], bytes[9]
        )));
    }
    let address = |at: usize| {
        let word = bytes[at..at + 8].try_into();
        word.map_or(0, u64::from_le_bytes)
    };
    to.access(Op::Execute, address(0), 1)?;
    let read = [32, 40, 48, 56].map(|at| (Op::Read, address(at)));
    let written = [16, 24].map(|at| (Op::Write, address(at)));
    for (op, address) in read.into_iter().chain(written) {
        if address != 0 {
            to.access(op, address, 1)?;
        }
    }
    to.step();
    Ok(())
}

/// Fills `bytes`, but for what lies beyond the end.
fn fill(input: &mut Input<'_>, bytes: &mut [u8]) -> std::io::Result<usize> {
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
