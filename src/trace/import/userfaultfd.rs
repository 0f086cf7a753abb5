//! Working sets that a userfaultfd handler has served, as REAP's and Firecracker's handlers log them.
//!
//! ```text
//! 3f2000,1700000000123456789,0
//! 3f3000,1700000000123999999,0
//! ```
//!
//! Offset in the guest's memory in hexadecimal, time in nanoseconds, and whatever else (how it was served); a heading
//! is passed over. An offset is missing memory that the guest touched, once each: the order of first touches after a
//! restore. A fault does not say which vCPU raised it, nor whether it was a write.

use super::accesses::Accesses;
use super::importer::Importer;
use super::text::{self, TextFormat, decimal, expected, hex};
use super::{Addresses, Refusal};
use crate::trace::Op;

pub(super) const IMPORTER: Importer = Importer {
    name: "userfaultfd",
    reads: "a working set served by a userfaultfd handler (REAP, Firecracker): `offset_hex,unix_ns,…` rows",
    places: "offsets in guest memory",
    ops: "all reads",
    time: "recorded",
    vcpu: "one",
    read: |input, options, out| text::import(WorkingSet::default(), input, options, out),
};

const EXPECTED: &str = "`offset_hex,unix_ns,…`";

#[derive(Default)]
struct WorkingSet {
    start_ns: Option<u64>,
    lines: u64,
}

impl TextFormat for WorkingSet {
    const ADDRESSES: Addresses = Addresses::Physical;

    fn line(&mut self, line: &[u8], to: &mut Accesses) -> Result<(), Refusal> {
        self.lines += 1;
        if line.starts_with(b"#") {
            return Ok(());
        }
        let Some((offset, time_ns)) = row(line) else {
            let is_heading = self.lines == 1 && !line.iter().any(u8::is_ascii_digit);
            return match is_heading {
                true => Ok(()),
                false => Err(expected(EXPECTED, line)),
            };
        };
        let start_ns = *self.start_ns.get_or_insert(time_ns);
        to.now_ns = time_ns
            .checked_sub(start_ns)
            .ok_or_else(|| expected("times in ascending order, none before the first", line))?;
        to.access(Op::Read, offset, 1)
    }
}

/// Offset and time.
pub(super) fn row(line: &[u8]) -> Option<(u64, u64)> {
    let mut fields = line.split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
    Some((hex(fields.next()?)?, decimal(fields.next()?)?))
}
