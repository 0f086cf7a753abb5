//! Page faults from `perf script`, `trace-cmd report` or ftrace.
//!
//! ```text
//! perf record -d -c 1 -e page-faults COMMAND;                  perf script -F comm,pid,tid,time,event,addr
//! perf record -e exceptions:page_fault_user COMMAND;           perf script -F comm,pid,tid,cpu,time,event,trace
//!
//!               ls  1569/1569   4353.431393:            page-faults:     55dac49d15c0
//!             true  6266/6266  [001]  4507.262893: exceptions:page_fault_user: address=0x7fdd19e1bb70 ip=0x7fdd19e1bb70 error_code=0x14
//! ```
//!
//! Other selections of fields do as well, as long as thread, time, event and the data's address are among them;
//! `pid/tid` keeps the address spaces of several processes apart, `tid` alone takes all threads for one process's. A
//! thread becomes a vCPU. Software page faults do not say whether they were reads: they are taken as such. A trace of
//! faults holds about one access to each page, so that it says which pages are needed, and nothing of how often.
//!
//! Without `perf record -d`, the only address of a software page fault is that of the *instruction*. perf prints the
//! data's address in 16 columns behind the event's colon and a blank, an instruction's behind one blank more. What is
//! neither is taken only where a second address follows, which is the instruction's.

use super::Refusal;
use super::accesses::Accesses;
use super::importer::Importer;
use super::text::{self, TextFormat, fields, hex};
use super::tracepoint::{Events, Sample};
use crate::trace::Op;

pub(super) const IMPORTER: Importer = Importer {
    name: "perf",
    reads: "page faults of processes: `perf script`, `trace-cmd report` or ftrace",
    places: "virtual addresses",
    ops: "of `exceptions:*`; else all reads",
    time: "recorded",
    vcpu: "a thread each",
    read: |input, options, out| text::import(PageFaults::default(), input, options, out),
};

const EXPECTED: &str = "`comm pid/tid time: event: address` of a page fault";
const WITH_DATA: &str = "the data's address (`perf record -d`, `perf script -F comm,pid,tid,time,event,addr`), not that of the instruction";
const IN_COLUMNS: &str = "the data's address in the columns in which perf prints it (`perf script -F comm,pid,tid,time,event,addr`), since it may be that of the instruction";

#[derive(Default)]
struct PageFaults(Events);

impl TextFormat for PageFaults {
    const KEEPS_INDENT: bool = true;

    fn line(&mut self, line: &[u8], to: &mut Accesses) -> Result<(), Refusal> {
        let Some(sample) = self.0.sample(line, EXPECTED)? else {
            return Ok(());
        };
        let (op, address) = match sample.event {
            event if of_kernel(event) => exception(&sample)?,
            event if of_perf(event) => (Op::Read, data_address(&sample)?),
            _ => {
                self.0.other(&sample);
                return Ok(());
            }
        };
        let process = to.process(sample.process.unwrap_or(0))?;
        let vcpu = to.vcpu_of_thread(process, sample.thread)?;
        to.set_clock(sample.time_ns)?;
        to.access_by(process, vcpu, op, address, 1)
    }

    fn notes(&self) -> Vec<String> {
        self.0.notes()
    }
}

/// A tracepoint, with perf's group in front or, in ftrace's own text, without.
fn of_kernel(event: &[u8]) -> bool {
    let name = event.strip_prefix(b"exceptions:").unwrap_or(event);
    name == b"page_fault_user" || name == b"page_fault_kernel"
}

/// A software event of perf, perhaps with modifiers, as in `page-faults:u`.
fn of_perf(event: &[u8]) -> bool {
    let name = event.split(|&byte| byte == b':').next();
    matches!(
        name,
        Some(b"page-faults" | b"faults" | b"minor-faults" | b"major-faults")
    )
}

/// What a tracepoint says: x86's error code or RISC-V's cause.
fn exception(sample: &Sample<'_>) -> Result<(Op, u64), Refusal> {
    let value = |name: &[u8]| {
        let at = memchr::memmem::find(sample.said, name)?;
        fields(&sample.said[at + name.len()..]).next().and_then(hex)
    };
    let wrong =
        || sample.refused("`address=0x…` and `error_code=0x…` (x86) or `cause=0x…` (RISC-V)");
    let address = value(b"address=").ok_or_else(wrong)?;
    if let Some(code) = value(b"error_code=") {
        // The x86 page fault error code: bit 1 is a write, bit 4 an instruction fetch.
        let op = match (code & 0x10 != 0, code & 2 != 0) {
            (true, _) => Op::Execute,
            (false, true) => Op::Write,
            (false, false) => Op::Read,
        };
        return Ok((op, address));
    }
    let op = match value(b"cause=").ok_or_else(wrong)? {
        0xc => Op::Execute,
        0xd => Op::Read,
        0xf => Op::Write,
        _ => return Err(sample.refused("cause 0xc (fetch), 0xd (read) or 0xf (write)")),
    };
    Ok((op, address))
}

/// The data's address of a software page fault.
fn data_address(sample: &Sample<'_>) -> Result<u64, Refusal> {
    let said = sample.said;
    let mut columns = fields(said);
    let Some(first) = columns.next() else {
        return Err(sample.refused(WITH_DATA));
    };
    let address = hex(first).ok_or_else(|| sample.refused(EXPECTED))?;
    let blanks = said.len() - said.trim_ascii_start().len();
    match blanks + first.len() {
        // A kernel's address is no data of a process: blanks have got lost.
        17 if address < 1 << 63 => Ok(address),
        18 => Err(sample.refused(WITH_DATA)),
        // A symbol may be a hexadecimal number, but hardly one of an address's length.
        _ if columns.any(|column| column.len() >= 5 && hex(column).is_some()) => Ok(address),
        _ => Err(sample.refused(IN_COLUMNS)),
    }
}
