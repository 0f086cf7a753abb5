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

use super::Refusal;
use super::accesses::Accesses;
use super::text::{TextFormat, decimal, expected, fields, hex};
use crate::trace::Op;

pub(super) struct Pinatrace;

impl TextFormat for Pinatrace {
    fn line(&mut self, line: &[u8], to: &mut Accesses) -> Result<(), Refusal> {
        if line.starts_with(b"#") {
            return Ok(());
        }
        let (instruction, op, address, size) = access(line)
            .ok_or_else(|| expected("`0xIP: R 0xADDRESS` or `0xIP: W 0xADDRESS`", line))?;
        to.access(Op::Execute, instruction, 1)?;
        to.access(op, address, size)?;
        to.step();
        Ok(())
    }
}

fn access(line: &[u8]) -> Option<(u64, Op, u64, u64)> {
    let mut fields = fields(line);
    let instruction = hex(fields.next()?.strip_suffix(b":")?)?;
    let op = match fields.next()? {
        b"R" => Op::Read,
        b"W" => Op::Write,
        _ => return None,
    };
    let address = hex(fields.next()?)?;
    let size = match fields.next() {
        Some(size) => decimal(size)?,
        None => 1,
    };
    Some((instruction, op, address, size))
}
