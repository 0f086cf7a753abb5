//! ChampSim's traces: 64 bytes an instruction, little-endian, as a rule packed with xz.
//!
//! | offset | field | offset | field |
//! |---|---|---|---|
//! | 0 | u64 address of the instruction | 12 | u8 × 4 registers read |
//! | 8 | u8 is a branch, u8 was taken | 16 | u64 × 2 addresses written |
//! | 10 | u8 × 2 registers written | 32 | u64 × 4 addresses read |
//!
//! An address of 0 is none. No time, one core, and no sizes.

use super::Refusal;
use super::accesses::Accesses;
use super::binary::{self, BinaryFormat};
use super::importer::{BY_RECORDS, Importer};
use crate::trace::Op;

pub(super) const IMPORTER: Importer = Importer {
    name: "champsim",
    reads: "ChampSim's traces (64 bytes an instruction, `.xz`)",
    places: "virtual addresses",
    ops: "read, write, fetch",
    time: BY_RECORDS,
    vcpu: "one",
    read: |input, options, out| binary::import(Instructions, input, options, out),
};

const RECORD_BYTES: usize = 64;

struct Instructions;

impl BinaryFormat<RECORD_BYTES> for Instructions {
    fn record(&mut self, bytes: &[u8; RECORD_BYTES], to: &mut Accesses) -> Result<(), Refusal> {
        instruction(bytes, to)
    }
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
    if address(0) == 0 {
        return Err(Refusal::Line(
            "an instruction's address in records of 64 bytes, found 0 (CloudSuite's traces have records of 96)"
                .to_owned(),
        ));
    }
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
