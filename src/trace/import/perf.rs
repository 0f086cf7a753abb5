//! `perf script` of page faults.
//!
//! ```text
//! perf record -d -c 1 -e page-faults COMMAND;                  perf script -F comm,pid,tid,time,event,addr
//! perf record -e exceptions:page_fault_user COMMAND;           perf script -F comm,pid,tid,cpu,time,event,trace
//!
//!               ls  1569/1569   4353.431393:            page-faults:     55dac49d15c0
//!             true  6266/6266  [001]  4507.262893: exceptions:page_fault_user: address=0x7fdd19e1bb70 ip=0x7fdd19e1bb70 error_code=0x14
//! ```
//!
//! Other selections of fields do as well, as long as thread, time, event and the data's address are among them; `pid/tid`
//! keeps the address spaces of several processes apart, `tid` alone takes all threads for one process's. A thread becomes a
//! vCPU. Software page faults do not say whether they were reads: they are taken as such. A trace of faults holds about one
//! access to each page, so that it says which pages are needed, and nothing of how often.

use super::Refusal;
use super::accesses::Accesses;
use super::text::{TextFormat, billionths, decimal, expected, fields, hex};
use crate::trace::Op;

const EXPECTED: &str = "`comm pid/tid time: event: address` of a page fault";

#[derive(Default)]
pub(super) struct PageFaults {
    start_ns: Option<u64>,
}

impl TextFormat for PageFaults {
    fn line(&mut self, line: &[u8], to: &mut Accesses) -> Result<(), Refusal> {
        if line.starts_with(b"#") {
            return Ok(());
        }
        let wrong = || expected(EXPECTED, line);
        let sample = split(line).ok_or_else(wrong)?;
        let (op, address) = fault(&sample.said)?.ok_or_else(wrong)?;
        let (process, thread) = thread_of(sample.thread).ok_or_else(wrong)?;
        let start_ns = *self.start_ns.get_or_insert(sample.time_ns);
        let process = to.process(process)?;
        let vcpu = to.vcpu_of_thread(process, thread)?;
        to.now_ns = sample
            .time_ns
            .checked_sub(start_ns)
            .ok_or_else(|| expected("times in ascending order, none before the first", line))?;
        to.access_by(process, vcpu, op, address, 1)
    }
}

/// A line, taken apart.
struct Sample<'a> {
    thread: &'a [u8],
    time_ns: u64,
    /// The fields after the time.
    said: Vec<&'a [u8]>,
}

/// A command's name may hold spaces, so that the time is looked for.
fn split(line: &[u8]) -> Option<Sample<'_>> {
    let fields: Vec<_> = fields(line).collect();
    let (at, time_ns) = fields.iter().enumerate().skip(1).find_map(|(at, field)| {
        let seconds = field.strip_suffix(b":")?;
        let is_time = seconds.contains(&b'.') && seconds.first()?.is_ascii_digit();
        Some((at, billionths(seconds).filter(|_| is_time)?))
    })?;
    let mut before = fields.get(..at)?.iter().rev();
    let thread = before.find(|field| !field.starts_with(b"["))?;
    Some(Sample {
        thread,
        time_ns,
        said: fields.get(at + 1..)?.to_vec(),
    })
}

/// `tid` or `pid/tid`: process and thread.
fn thread_of(field: &[u8]) -> Option<(u64, u64)> {
    match field.iter().position(|&byte| byte == b'/') {
        Some(slash) => Some((
            decimal(field.get(..slash)?)?,
            decimal(field.get(slash + 1..)?)?,
        )),
        None => Some((0, decimal(field)?)),
    }
}

/// What was accessed, from the fields after the time: a period (perhaps), the event, and what the event says.
fn fault(fields: &[&[u8]]) -> Result<Option<(Op, u64)>, Refusal> {
    let fields = match fields {
        [period, rest @ ..] if decimal(period).is_some() => rest,
        all => all,
    };
    let Some((event, said)) = fields.split_first() else {
        return Ok(None);
    };
    if event.starts_with(b"exceptions:page_fault_") {
        let value = |name: &[u8]| said.iter().find_map(|field| hex(field.strip_prefix(name)?));
        let (Some(address), Some(code)) = (value(b"address="), value(b"error_code=")) else {
            return Ok(None);
        };
        // The x86 page fault error code: bit 1 is a write, bit 4 an instruction fetch.
        let op = match (code & 0x10 != 0, code & 2 != 0) {
            (true, _) => Op::Execute,
            (false, true) => Op::Write,
            (false, false) => Op::Read,
        };
        return Ok(Some((op, address)));
    }
    let is_fault = [
        &b"page-faults:"[..],
        b"faults:",
        b"minor-faults:",
        b"major-faults:",
    ]
    .iter()
    .any(|name| event.starts_with(name));
    if !is_fault {
        return Ok(None);
    }
    // An address that is shown with one symbol only, `address symbol (object)`, is that of the instruction.
    let objects = said.iter().filter(|field| field.starts_with(b"(")).count();
    if said.len() > 1 && objects < 2 {
        return Err(expected(
            "the data's address (`perf record -d`, `perf script -F comm,pid,tid,time,event,addr`)",
            &said.join(&b' '),
        ));
    }
    Ok(said
        .first()
        .and_then(|address| hex(address))
        .map(|address| (Op::Read, address)))
}
