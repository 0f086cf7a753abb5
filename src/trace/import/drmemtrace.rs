//! DynamoRIO: `drrun -t drmemtrace -tool view -indir DIR`, whose text goes to standard error, or a recording's files
//! themselves (`DIR/trace/*.trace.zip`).
//!
//! ```text
//!           86          62:      296231 <marker: timestamp 13319413770947383>
//!           86          62:      296231 <marker: tid 296231 on core 10>
//!           87          63:      296231 ifetch       2 byte(s) @ 0x0000000000401026 0f 05      syscall  -> %rcx %r11
//!           88          63: W0.T296231 write        8 byte(s) @ 0x00007fff5ad8e2a8 by PC 0x0000000000401026
//!           94          68:      296231                                             00
//! ```
//!
//! Number of the record, number of instructions so far (not before 2023: `173370: T1774669 read …`), thread (with its
//! workload, in later versions), and the record. A long instruction's bytes go on in a line of their own. Prefetches,
//! flushes and other markers are passed over, and so are lines that are no records: the traced program's own output.
//!
//! A thread becomes a vCPU. A timestamp (in µs) sets its clock, which goes on by a step with every record, and never
//! back: where the steps have overtaken the next timestamp, it goes on from where it is.

use super::accesses::Accesses;
use super::importer::Importer;
use super::late::SLACK_NS;
use super::text::{self, TextFormat, decimal, expected, fields, hex};
use super::{Refusal, binary};
use crate::trace::Op;

mod records;

use records::Records;

const EXPECTED: &str =
    "`record instruction: thread` and a marker or an access of `N byte(s) @ 0x…`";

/// Lines that stand around the records.
const AROUND: [&[u8]; 6] = [
    b"Output format:",
    b"<",
    b"-----",
    b"View tool results:",
    b"=====",
    b"Trace invariant",
];

pub(super) const IMPORTER: Importer = Importer {
    name: "drmemtrace",
    reads: "DynamoRIO: drmemtrace's `.trace.zip`, or the text of its `view` tool",
    places: "virtual addresses",
    ops: "read, write, fetch",
    time: "µs, records between them",
    vcpu: "a thread each",
    read: |mut input, options, out| match input.beginning() {
        Ok([records::FIRST, ..]) => binary::import(Records::default(), input, options, out),
        // What cannot be read is told where it is read.
        _ => text::import(View::default(), input, options, out),
    },
};

/// Clocks of threads: timestamps set them, steps move them on, and nothing moves them back.
#[derive(Default)]
struct Clocks {
    first_timestamp_us: Option<u64>,
    /// The time of the first timestamp; [`SLACK_NS`], if an access came before it: those of other threads may be
    /// earlier.
    first_ns: Option<u64>,
    /// By vCPU.
    ns: Vec<Option<u64>>,
}

impl Clocks {
    fn of(&mut self, vcpu: u16) -> &mut Option<u64> {
        let index = usize::from(vcpu);
        if index >= self.ns.len() {
            self.ns.resize(index + 1, None);
        }
        &mut self.ns[index]
    }

    fn set(&mut self, vcpu: u16, us: u64) -> Result<(), Refusal> {
        let first_us = *self.first_timestamp_us.get_or_insert(us);
        let since_first_us = i128::from(us) - i128::from(first_us);
        let first_ns = i128::from(self.first_ns());
        let now_ns = u64::try_from(first_ns + since_first_us * 1_000).map_err(|_| {
            Refusal::Line(format!(
                "timestamps of at most 24 h before the first, found {us} after {first_us}"
            ))
        })?;
        let clock = self.of(vcpu);
        *clock = (*clock).max(Some(now_ns));
        Ok(())
    }

    fn now_ns(&mut self, vcpu: u16) -> u64 {
        let first_ns = self.first_ns();
        *self.of(vcpu).get_or_insert(first_ns)
    }

    /// The time of the first timestamp.
    fn first_ns(&mut self) -> u64 {
        let first_us = self.first_timestamp_us;
        let told = first_us.and_then(|us| us.checked_mul(1_000));
        *self.first_ns.get_or_insert(told.unwrap_or(SLACK_NS))
    }

    fn step(&mut self, vcpu: u16, step_ns: u64) {
        let now_ns = self.now_ns(vcpu);
        *self.of(vcpu) = Some(now_ns.saturating_add(step_ns));
    }
}

#[derive(Default)]
struct View {
    clocks: Clocks,
    /// Lines that are no records.
    passed: u64,
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
        if !begins_record(fields.clone()) {
            if memchr::memmem::find(line, b" byte(s) @ ").is_some() {
                return Err(wrong());
            }
            self.passed += 1;
            return Ok(());
        }
        if fields.next().is_some_and(|number| !number.ends_with(b":")) {
            let _instruction = fields.next();
        }
        let thread_field = fields.next();
        // A core without a thread has markers of its own.
        if fields.clone().next() == Some(b"<marker:") && fields.clone().nth(1) != Some(b"timestamp")
        {
            return Ok(());
        }
        let (workload, thread) = thread_field.and_then(thread).ok_or_else(wrong)?;
        let record = Record::of(line, &mut fields).ok_or_else(wrong)?;
        if record == Record::Other {
            return Ok(());
        }
        let process = to.process(workload)?;
        let vcpu = to.vcpu_of_thread(process, thread)?;
        match record {
            Record::Timestamp { us } => self.clocks.set(vcpu, us),
            Record::Access { op, address, size } => {
                to.set_clock(self.clocks.now_ns(vcpu))?;
                to.access_by(process, vcpu, op, address, size)?;
                self.clocks.step(vcpu, to.step_ns);
                Ok(())
            }
            Record::Other => Ok(()),
        }
    }

    fn notes(&self) -> Vec<String> {
        let passed = self.passed;
        let note = (passed > 0).then(|| {
            format!("{passed} lines that are no records, such as the program's own output, were passed over")
        });
        note.into_iter().collect()
    }
}

/// What a record says.
#[derive(PartialEq)]
enum Record {
    Timestamp {
        us: u64,
    },
    Access {
        op: Op,
        address: u64,
        size: u64,
    },
    /// Nothing needed.
    Other,
}

impl Record {
    /// From the fields behind the thread.
    fn of<'a>(line: &[u8], fields: &mut (impl Iterator<Item = &'a [u8]> + Clone)) -> Option<Self> {
        match fields.next()? {
            b"<marker:" => {
                let us = fields.nth(1)?.strip_suffix(b">").and_then(decimal)?;
                Some(Record::Timestamp { us })
            }
            other if other.starts_with(b"<") => Some(Record::Other),
            kind if fields.clone().nth(1) == Some(b"byte(s)") => {
                let size = decimal(fields.next()?)?;
                let _bytes = fields.next();
                fields.next().filter(|at| *at == b"@")?;
                let address = hex(fields.next()?)?;
                let op = match kind {
                    b"read" => Op::Read,
                    b"write" => Op::Write,
                    b"ifetch" if !line.ends_with(b"non-fetched instruction") => Op::Execute,
                    _ => return Some(Record::Other),
                };
                Some(Record::Access { op, address, size })
            }
            // The rest of a long instruction.
            byte => (byte.len() == 2 && hex(byte).is_some()).then_some(Record::Other),
        }
    }
}

/// Whether a line begins with `record:` or with `record instruction:`.
fn begins_record<'a>(mut fields: impl Iterator<Item = &'a [u8]>) -> bool {
    let mut number = |end: &[u8]| -> Option<bool> {
        let field = fields.next()?;
        match field.strip_suffix(end) {
            Some(digits) => decimal(digits).map(|_| true),
            None => decimal(field).map(|_| false),
        }
    };
    match number(b":") {
        Some(true) => true,
        Some(false) => number(b":") == Some(true),
        None => false,
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
