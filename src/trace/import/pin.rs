//! Intel Pin's example tools `pinatrace`: `pin -t pinatrace.so -- COMMAND`.
//!
//! ```text
//! 0x7f2b1c0a1b40: R 0x7ffd1000
//! 0x7f2b1c0a1b44: W 0x7ffd1008  8 0x1
//! #eof
//! ```
//!
//! Address of the instruction, read or write, address of the data; one variant adds a size and a value. No time and no
//! threads. Only instructions that access memory are in it: each is also a fetch from its own address.
//!
//! Text without the instruction is common, too, and read: `W 0xbff05e7c`, and `0x12345680 R` of memory simulators. Its
//! addresses are hexadecimal, which a `0x` or a letter has to say before one of decimal digits alone is taken.

use super::Refusal;
use super::accesses::Accesses;
use super::importer::{BY_RECORDS, Importer};
use super::text::{self, TextFormat, decimal, expected, fields, hex};
use crate::trace::Op;

pub(super) const IMPORTER: Importer = Importer {
    name: "pin",
    reads: "Intel Pin: `pinatrace`; also `R|W address` and `address R|W`",
    places: "virtual addresses",
    ops: "read, write, fetch",
    time: BY_RECORDS,
    vcpu: "one",
    read: |input, options, out| text::import(Pinatrace::default(), input, options, out),
};

#[derive(Default)]
struct Pinatrace {
    /// An address was certainly hexadecimal.
    hexadecimal: bool,
}

const EXPECTED: &str = "`0xIP: R 0xADDRESS`, `R 0xADDRESS` or `0xADDRESS R`, R or W";

impl TextFormat for Pinatrace {
    fn line(&mut self, line: &[u8], to: &mut Accesses) -> Result<(), Refusal> {
        if line.starts_with(b"#") {
            return Ok(());
        }
        let wrong = || expected(EXPECTED, line);
        let mut fields = fields(line);
        let (Some(first), Some(second)) = (fields.next(), fields.next()) else {
            return Err(wrong());
        };
        let (op, address, size) = if let Some(instruction) = first.strip_suffix(b":") {
            let instruction = hex(instruction).ok_or_else(wrong)?;
            let op = op(second).ok_or_else(wrong)?;
            let address = fields.next().and_then(hex).ok_or_else(wrong)?;
            let size = fields.next().map_or(Some(1), decimal).ok_or_else(wrong)?;
            to.access(Op::Execute, instruction, 1)?;
            (op, address, size)
        } else if let Some(op) = op(first) {
            let size = fields.next().map_or(Some(1), decimal).ok_or_else(wrong)?;
            (op, self.address(second)?, size)
        } else {
            let op = op(second).ok_or_else(wrong)?;
            // The address of an instruction whose colon is missing.
            if fields.next().is_some_and(|field| field.starts_with(b"0x")) {
                return Err(wrong());
            }
            (op, self.address(first)?, 1)
        };
        to.access(op, address, size)?;
        to.step();
        Ok(())
    }
}

impl Pinatrace {
    fn address(&mut self, field: &[u8]) -> Result<u64, Refusal> {
        let address = hex(field).ok_or_else(|| expected(EXPECTED, field))?;
        self.hexadecimal |= field.iter().any(u8::is_ascii_alphabetic);
        if self.hexadecimal {
            Ok(address)
        } else {
            Err(expected(
                "a hexadecimal address that begins with `0x`",
                field,
            ))
        }
    }
}

fn op(field: &[u8]) -> Option<Op> {
    match field {
        b"R" | b"r" | b"READ" => Some(Op::Read),
        b"W" | b"w" | b"WRITE" => Some(Op::Write),
        _ => None,
    }
}
