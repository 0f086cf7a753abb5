//! Working sets that a userfaultfd handler has served, as REAP's and Firecracker's handlers log them.
//!
//! ```text
//! 3f2000,1700000000123456789,0
//! 3f3000,1700000000123999999,0
//! ```
//!
//! Offset in the guest's memory in hexadecimal, time in nanoseconds, and whatever else (how it was served); a heading
//! whose first column is an offset is passed over. Offsets are those of pages. An offset is missing memory that the
//! guest touched, once each: the order of first touches after a restore. A fault does not say which vCPU raised it, nor
//! whether it was a write.

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

/// The least that a handler can serve; huge pages are multiples.
const HANDLER_PAGE: u64 = 4096;

#[derive(Default)]
struct WorkingSet {
    /// A line has been read that is no comment.
    begun: bool,
}

impl TextFormat for WorkingSet {
    const ADDRESSES: Addresses = Addresses::Physical;

    fn line(&mut self, line: &[u8], to: &mut Accesses) -> Result<(), Refusal> {
        if line.starts_with(b"#") {
            return Ok(());
        }
        let begins = !std::mem::replace(&mut self.begun, true);
        let Some((offset, time_ns)) = row(line) else {
            return match begins && is_heading(line) {
                true => Ok(()),
                false => Err(expected(EXPECTED, line)),
            };
        };
        if !offset.is_multiple_of(HANDLER_PAGE) {
            return Err(expected(
                &format!("an offset that is a multiple of {HANDLER_PAGE}"),
                line,
            ));
        }
        to.set_clock(time_ns)?;
        to.access(Op::Read, offset, 1)
    }
}

/// `offset_hex,unix_ns,…`, in whatever words: other tables have other first columns.
fn is_heading(line: &[u8]) -> bool {
    let first = line.split(|&byte| byte == b',').next().unwrap_or(line);
    let words = first.to_ascii_lowercase();
    first.len() < line.len() && memchr::memmem::find(&words, b"offset").is_some()
}

/// Offset and time.
pub(super) fn row(line: &[u8]) -> Option<(u64, u64)> {
    let mut fields = line.split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
    Some((hex(fields.next()?)?, decimal(fields.next()?)?))
}
