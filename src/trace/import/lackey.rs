//! Valgrind's lackey: `valgrind --tool=lackey --trace-mem=yes --log-file=FILE COMMAND`.
//!
//! ```text
//! ==1130== Command: /bin/true
//! I  0401ab73,5
//!  S 1fff000698,8
//!  L 1fff000698,8
//!  M 04223c7c,4
//! ```
//!
//! An address in hexadecimal, a size in decimal; `M` is a load and a store. No time, and no threads: valgrind runs one
//! at a time. `SB` and an address begin a superblock (`--trace-superblocks=yes`) and say nothing needed. Lines between
//! `==`, `--` or `**` are valgrind's messages.

use super::Refusal;
use super::accesses::Accesses;
use super::importer::{BY_RECORDS, Importer};
use super::text::{self, TextFormat, decimal, expected, hex};
use crate::trace::Op;

pub(super) const IMPORTER: Importer = Importer {
    name: "lackey",
    reads: "Valgrind: `--tool=lackey --trace-mem=yes`",
    places: "virtual addresses",
    ops: "read, write, fetch",
    time: BY_RECORDS,
    vcpu: "one",
    read: |input, options, out| text::import(Lackey, input, options, out),
};

struct Lackey;

impl TextFormat for Lackey {
    fn line(&mut self, line: &[u8], to: &mut Accesses) -> Result<(), Refusal> {
        if [b"==", b"--", b"**"]
            .iter()
            .any(|mark| line.starts_with(*mark))
        {
            return Ok(());
        }
        if line
            .strip_prefix(b"SB ")
            .is_some_and(|block| hex(block.trim_ascii()).is_some())
        {
            return Ok(());
        }
        let (kind, address, size) = access(line)
            .ok_or_else(|| expected("`I`, `L`, `S` or `M`, then `address,size`", line))?;
        match kind {
            b'I' => to.access(Op::Execute, address, size)?,
            b'L' => to.access(Op::Read, address, size)?,
            b'S' => to.access(Op::Write, address, size)?,
            _ => {
                to.access(Op::Read, address, size)?;
                to.access(Op::Write, address, size)?;
            }
        }
        to.step();
        Ok(())
    }
}

fn access(line: &[u8]) -> Option<(u8, u64, u64)> {
    let (&kind, rest) = line.split_first()?;
    let comma = rest.iter().position(|&byte| byte == b',')?;
    let (address, size) = rest.split_at_checked(comma)?;
    let address = address.strip_prefix(b" ")?.trim_ascii_start();
    let valid = matches!(kind, b'I' | b'L' | b'S' | b'M');
    valid.then_some((kind, hex(address)?, decimal(size.get(1..)?)?))
}
