//! DynamoRIO: `drrun -t drmemtrace -tool view -indir DIR`, whose text goes to standard error.
//!
//! ```text
//!           86          62:      296231 <marker: timestamp 13319413770947383>
//!           86          62:      296231 <marker: tid 296231 on core 10>
//!           87          63:      296231 ifetch       2 byte(s) @ 0x0000000000401026 0f 05      syscall  -> %rcx %r11
//!           88          63: W0.T296231 write        8 byte(s) @ 0x00007fff5ad8e2a8 by PC 0x0000000000401026
//!           94          68:      296231                                             00
//! ```
//!
//! Number of the record, number of instructions so far, thread (with its workload, in later versions), and the record.
//! A long instruction's bytes go on in a line of their own. Prefetches, flushes and other markers are passed over.
//!
//! A thread becomes a vCPU. A timestamp (in µs) sets its clock, which goes on by a step with every record, and never back:
//! where the steps have overtaken the next timestamp, it goes on from where it is.

use super::Refusal;
use super::accesses::Accesses;
use super::text::{TextFormat, decimal, expected, fields, hex};
use crate::trace::Op;

const EXPECTED: &str =
    "`record instruction: thread` and a marker or an access of `N byte(s) @ 0x…`";

/// Lines that stand around the records.
const AROUND: [&[u8]; 6] = [
    b"Output format:",
    b"<--record#->",
    b"-----",
    b"View tool results:",
    b"=====",
    b"Trace invariant",
];

#[derive(Default)]
pub(super) struct View {
    first_timestamp_us: Option<u64>,
    /// By vCPU.
    clocks_ns: Vec<u64>,
}

impl TextFormat for View {
    fn line(&mut self, line: &[u8], to: &mut Accesses) -> Result<(), Refusal> {
        if AROUND.iter().any(|text| line.starts_with(text))
            || line.ends_with(b": total instructions")
        {
            return Ok(());
        }
        let wrong = || expected(EXPECTED, line);
        let mut fields = fields(line);
        let mut number = |end: &[u8]| decimal(fields.next()?.strip_suffix(end)?);
        let (_record, _instruction) = (
            number(b"").ok_or_else(wrong)?,
            number(b":").ok_or_else(wrong)?,
        );
        let (workload, thread) = fields.next().and_then(thread).ok_or_else(wrong)?;
        let process = to.process(workload)?;
        let vcpu = to.vcpu_of_thread(process, thread)?;
        if usize::from(vcpu) >= self.clocks_ns.len() {
            self.clocks_ns.resize(usize::from(vcpu) + 1, 0);
        }
        let Some(clock_ns) = self.clocks_ns.get_mut(usize::from(vcpu)) else {
            return Ok(());
        };
        match fields.next() {
            Some(b"<marker:") => {
                if fields.next() == Some(b"timestamp") {
                    let microseconds = fields
                        .next()
                        .and_then(|field| decimal(field.strip_suffix(b">")?));
                    let now_us = microseconds.ok_or_else(wrong)?;
                    let start_us = *self.first_timestamp_us.get_or_insert(now_us);
                    *clock_ns =
                        (*clock_ns).max(now_us.saturating_sub(start_us).saturating_mul(1_000));
                }
                Ok(())
            }
            Some(other) if other.starts_with(b"<") => Ok(()),
            Some(kind) if fields.clone().nth(1) == Some(b"byte(s)") => {
                let mut number = |parse: fn(&[u8]) -> Option<u64>| {
                    fields.next().and_then(parse).ok_or_else(wrong)
                };
                let size = number(decimal)?;
                let _byte = fields.next();
                if fields.next() != Some(b"@") {
                    return Err(wrong());
                }
                let address = fields.next().and_then(hex).ok_or_else(wrong)?;
                let op = match kind {
                    b"read" => Op::Read,
                    b"write" => Op::Write,
                    b"ifetch" if !line.ends_with(b"non-fetched instruction") => Op::Execute,
                    _ => return Ok(()),
                };
                to.now_ns = *clock_ns;
                to.access_by(process, vcpu, op, address, size)?;
                *clock_ns = clock_ns.saturating_add(to.step_ns);
                Ok(())
            }
            // The rest of a long instruction.
            Some(byte) if byte.len() == 2 && hex(byte).is_some() => Ok(()),
            _ => Err(wrong()),
        }
    }
}

/// `123`, `T123` or `W0.T123`: workload and thread.
fn thread(field: &[u8]) -> Option<(u64, u64)> {
    let (workload, thread) = match field.strip_prefix(b"W") {
        Some(rest) => {
            let dot = rest.iter().position(|&byte| byte == b'.')?;
            (decimal(rest.get(..dot)?)?, rest.get(dot + 1..)?)
        }
        None => (0, field),
    };
    Some((
        workload,
        decimal(thread.strip_prefix(b"T").unwrap_or(thread))?,
    ))
}
