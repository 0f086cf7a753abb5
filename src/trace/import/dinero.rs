//! Dinero III and IV: `din` traces, traditional and extended.
//!
//! ```text
//! 2 401026
//! 0 7fff5ad8e2a8
//! w 7fff5ad8e2a8 8
//! ```
//!
//! Traditional: label and address; 0 is a read, 1 a write, 2 an instruction fetch, 3 a read of unknown purpose, 4
//! flushes a cache and touches nothing. Extended: `r`, `w`, `i` or `m` (a miscellaneous read), `c` or `v` (caches
//! only), then address and size. Addresses and sizes are hexadecimal, with or without `0x`, and what follows is
//! comment, as is a line that begins with `#`. No time and no threads.

use super::Refusal;
use super::accesses::Accesses;
use super::importer::{BY_RECORDS, Importer};
use super::text::{self, TextFormat, expected, fields, hex};
use crate::trace::Op;

pub(super) const IMPORTER: Importer = Importer {
    name: "dinero",
    reads: "Dinero: `din`, traditional or extended",
    places: "virtual addresses",
    ops: "read, write, fetch",
    time: BY_RECORDS,
    vcpu: "one",
    read: |input, options, out| text::import(Dinero, input, options, out),
};

struct Dinero;

impl TextFormat for Dinero {
    fn line(&mut self, line: &[u8], to: &mut Accesses) -> Result<(), Refusal> {
        if line.starts_with(b"#") {
            return Ok(());
        }
        let (op, address, size) = access(line).ok_or_else(|| {
            expected(
                "`label address` with a label from 0 to 4, or `r|w|i|m|c|v address size`",
                line,
            )
        })?;
        if let Some(op) = op {
            to.access(op, address, size)?;
        }
        to.step();
        Ok(())
    }
}

/// The op is `None` where no memory is accessed.
fn access(line: &[u8]) -> Option<(Option<Op>, u64, u64)> {
    let mut fields = fields(line);
    let label = fields.next()?;
    let address = hex(fields.next()?)?;
    let op = match label {
        b"0" | b"3" | b"r" | b"R" | b"m" | b"M" => Some(Op::Read),
        b"1" | b"w" | b"W" => Some(Op::Write),
        b"2" | b"i" | b"I" => Some(Op::Execute),
        b"4" | b"c" | b"C" | b"v" | b"V" => None,
        _ => return None,
    };
    let size = match label {
        [b'0'..=b'4'] => 1,
        _ => hex(fields.next()?)?,
    };
    Some((op, address, size))
}

#[cfg(test)]
mod tests {
    use super::super::sample::{refusal, rows};
    use super::IMPORTER;

    #[test]
    fn both_forms_become_rows() {
        let text = "2 401000 comment\n0 402000\n1 0x403000\n3 404000\n4 0\nw 405ffc 10\nm 0x1000 1\nv 9000 8\n";
        assert_eq!(
            rows(&IMPORTER, text),
            // 0x1000 is in the region before that of the rest.
            [
                "0,0,513,x",
                "1,0,514,r",
                "2,0,515,w",
                "3,0,516,r",
                "5,0,517,w",
                "5,0,518,w",
                "6,0,1,r"
            ]
        );
    }

    #[test]
    fn a_wrong_line_is_refused() {
        for bad in ["5 401000", "0", "0 xyz", "w 401000", "w 401000 z"] {
            let message = refusal(&IMPORTER, bad);
            assert!(
                message.starts_with("in: line 1: expected `label address`"),
                "{message}"
            );
        }
    }
}
