//! QEMU's trace events of a post-copy destination: `-trace 'postcopy_*' -msg timestamp=on`.
//!
//! ```text
//! 11754@1718900000.123456:postcopy_ram_fault_thread_request Request for HVA=0x7fffd68cc000 rb=pc.ram offset=0xcc000 pid=11754
//! ```
//!
//! A request is the first touch of a page that had not come yet. It tells the page, as an offset in its RAM block, and
//! the thread, which becomes a vCPU; not whether it was a write. Other lines of the log are passed over, and requests
//! for the memory of devices (`vga.vram`, ROMs) are dropped and counted. A log without timestamps has times by number
//! of records. A request behind another program's timestamp is refused.

use super::accesses::Accesses;
use super::importer::Importer;
use super::text::{self, TextFormat, billionths, decimal, expected, fields, hex};
use super::{Addresses, Refusal, excerpt};
use crate::trace::Op;

pub(super) const IMPORTER: Importer = Importer {
    name: "qemu-postcopy",
    reads: "QEMU's trace events of a post-copy destination: `-trace 'postcopy_*' -msg timestamp=on`",
    places: "offsets in guest memory",
    ops: "all reads",
    time: "recorded",
    vcpu: "a thread each",
    read: |input, options, out| text::import(Requests::default(), input, options, out),
};

const REQUEST: &[u8] = b"postcopy_ram_fault_thread_request ";
const EXPECTED: &str = "a request that begins its line, or stands behind `pid@seconds.micros:`";

#[derive(Default)]
struct Requests {
    start_ns: Option<u64>,
    /// Whether the first request had a timestamp.
    stamped: Option<bool>,
    /// The RAM block of the guest's memory.
    block: Option<Vec<u8>>,
    of_devices: u64,
}

impl TextFormat for Requests {
    const ADDRESSES: Addresses = Addresses::Physical;

    fn line(&mut self, line: &[u8], to: &mut Accesses) -> Result<(), Refusal> {
        let (time_ns, event) = timestamp(line);
        let Some(said) = event.strip_prefix(REQUEST) else {
            return match memchr::memmem::find(line, REQUEST) {
                None => Ok(()),
                Some(_) => Err(expected(EXPECTED, line)),
            };
        };
        let value = |name: &[u8]| fields(said).find_map(|field| field.strip_prefix(name));
        let wrong = || expected("`rb=BLOCK offset=0x… pid=…` of a request", event);
        let block = value(b"rb=").ok_or_else(wrong)?;
        let offset = value(b"offset=").and_then(hex).ok_or_else(wrong)?;
        let thread = value(b"pid=").and_then(decimal).ok_or_else(wrong)?;
        if of_device(block) {
            self.of_devices += 1;
            return Ok(());
        }
        let first = self.block.get_or_insert_with(|| block.to_vec());
        if first != block {
            return Err(Refusal::Line(format!(
                "requests for one RAM block, found `{}` after `{}`",
                excerpt(block),
                excerpt(first)
            )));
        }
        if *self.stamped.get_or_insert(time_ns.is_some()) != time_ns.is_some() {
            let what = "requests that all have timestamps, or none (`-msg timestamp=on`)";
            return Err(expected(what, line));
        }
        match time_ns {
            Some(time_ns) => {
                let start_ns = *self.start_ns.get_or_insert(time_ns);
                to.now_ns = time_ns.checked_sub(start_ns).ok_or_else(|| {
                    expected("times in ascending order, none before the first", line)
                })?;
            }
            None => to.step(),
        }
        let vcpu = to.vcpu_of_thread(0, thread)?;
        to.access_by(0, vcpu, Op::Read, offset, 1)
    }

    fn notes(&self) -> Vec<String> {
        let of_devices = self.of_devices;
        let dropped = (of_devices > 0)
            .then(|| format!("{of_devices} requests for memory of devices were dropped"));
        dropped.into_iter().collect()
    }
}

/// The time of a line of QEMU's log, `pid@seconds.micros:event …`, and the rest.
pub(super) fn timestamp(line: &[u8]) -> (Option<u64>, &[u8]) {
    let stamped = || {
        let at = memchr::memchr(b'@', line)?;
        decimal(&line[..at])?;
        let rest = &line[at + 1..];
        let colon = memchr::memchr(b':', rest)?;
        Some((billionths(&rest[..colon])?, &rest[colon + 1..]))
    };
    match stamped() {
        Some((time_ns, event)) => (Some(time_ns), event),
        None => (None, line),
    }
}

/// Blocks that hold no memory of the guest's.
fn of_device(block: &[u8]) -> bool {
    let ends = [&b".vram"[..], b".rom", b".bios"];
    block.first() == Some(&b'/')
        || block.contains(&b':')
        || ends.iter().any(|end| block.ends_with(end))
}
