//! QEMU's trace events of a post-copy destination: `-trace 'postcopy_*' -msg timestamp=on`.
//!
//! ```text
//! 11754@1718900000.123456:postcopy_ram_fault_thread_request Request for HVA=0x7fffd68cc000 rb=pc.ram offset=0xcc000 pid=11754
//! 2026-11-20T10:00:00.123456Z postcopy_ram_fault_thread_request Request for HVA=0x7fffd68cc000 rb=pc.ram …
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
const EXPECTED: &str =
    "a request that begins its line, or stands behind `pid@seconds.micros:` or an ISO 8601 time";

#[derive(Default)]
struct Requests {
    /// Whether the first request had a timestamp.
    stamped: Option<bool>,
    /// Nanoseconds between requests without timestamps.
    step_ns: u64,
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
            Some(time_ns) => to.set_clock(time_ns)?,
            None => {
                self.step_ns = to.step_ns;
                to.step();
            }
        }
        let vcpu = to.vcpu_of_thread(0, thread)?;
        to.access_by(0, vcpu, Op::Read, offset, 1)
    }

    fn notes(&self) -> Vec<String> {
        let of_devices = self.of_devices;
        let dropped = (of_devices > 0)
            .then(|| format!("{of_devices} requests for memory of devices were dropped"));
        let no_clock = (self.stamped == Some(false)).then(|| {
            format!(
                "the log has no timestamps (`-msg timestamp=on`): its requests are {} ns apart, as `--time-per-record` says",
                self.step_ns
            )
        });
        dropped.into_iter().chain(no_clock).collect()
    }
}

/// The time of a line of QEMU's log, `pid@seconds.micros:event …` or, of newer ones, `2026-11-20T10:00:00.123456Z event
/// …`, and the rest.
pub(super) fn timestamp(line: &[u8]) -> (Option<u64>, &[u8]) {
    if let Some(blank) = memchr::memchr(b' ', line)
        && let Some(time_ns) = iso_time(&line[..blank])
    {
        return (Some(time_ns), &line[blank + 1..]);
    }
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

/// Nanoseconds since the epoch of Unix of `2026-11-20T10:00:00.123456Z`; GLib leaves out a fraction of 0.
fn iso_time(text: &[u8]) -> Option<u64> {
    let (date, time) = text.strip_suffix(b"Z")?.split_at_checked(10)?;
    let [year, month, day] = parts(date, b'-')?;
    let (time, fraction) = match memchr::memchr(b'.', time) {
        Some(point) => (
            &time[..point],
            billionths(&[b"0", &time[point..]].concat())?,
        ),
        None => (time, 0),
    };
    let [hour, minute, second] = parts(time.strip_prefix(b"T")?, b':')?;
    let is_date =
        (1970..10_000).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    let is_time = hour < 24 && minute < 60 && second <= 60;
    if !is_date || !is_time {
        return None;
    }
    // Years begin in March, so that the leap day is the last.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leap_days = year / 4 - year / 100 + year / 400;
    let days = 365 * year + leap_days + (153 * month + 2) / 5 + day - EPOCH_DAY;
    let seconds = ((days * 24 + hour) * 60 + minute) * 60 + second;
    seconds.checked_mul(1_000_000_000)?.checked_add(fraction)
}

/// Day of 1 January 1970, counted as [`iso_time`] does.
const EPOCH_DAY: u64 = 719_469;

/// Three numbers.
fn parts(text: &[u8], between: u8) -> Option<[u64; 3]> {
    let mut parts = text.split(|&byte| byte == between).map(decimal);
    let all = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(all)
}

/// Blocks that hold no memory of the guest's.
fn of_device(block: &[u8]) -> bool {
    let ends = [&b".vram"[..], b".rom", b".bios"];
    (block.starts_with(b"/") && !block.starts_with(b"/objects/"))
        || block.contains(&b':')
        || ends.iter().any(|end| block.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_every_form() {
        for (line, time_ns) in [
            (
                "11754@1718900000.123456:postcopy x",
                Some(1_718_900_000_123_456_000),
            ),
            ("1970-01-01T00:00:00Z postcopy x", Some(0)),
            (
                "2000-02-29T12:00:00Z postcopy x",
                Some(951_825_600_000_000_000),
            ),
            (
                "2026-11-20T10:00:00.123456Z postcopy x",
                Some(1_795_168_800_123_456_000),
            ),
            ("2026-13-20T10:00:00Z postcopy x", None),
            ("2026-11-20 10:00:00 postcopy x", None),
        ] {
            let (found, event) = timestamp(line.as_bytes());
            assert_eq!(found, time_ns, "{line}");
            assert_eq!(found.is_some(), event == b"postcopy x", "{line}");
        }
    }
}
