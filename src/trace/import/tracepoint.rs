//! Lines of `perf script`, `trace-cmd report` and ftrace's `trace` file: one event each.
//!
//! ```text
//!               ls  1569/1569   4353.431393:          1 page-faults:     55dac49d15c0
//!        CPU 5/KVM  4145 [002]    86.581928: kvm:kvm_page_fault: vcpu 5 rip 0x7f08a4602116 address 0x113600002 error_code 0x181
//!        CPU 5/KVM-4145  [002] .....    86.581928: kvm_page_fault: vcpu 5 …
//!             bash-930   (    930) [003] d...  6288.896762: page_fault_user: address=0x55bc6c5557d0 …
//! ```
//!
//! Passed over are comments, headings, the lines of call chains and what perf says of mappings, threads and the like.
//! Other events are counted, and so is what the recorder says that it has lost. Whatever is none of these is refused:
//! it may be an event that has been torn.

use super::Refusal;
use super::text::{billionths, decimal, expected, fields, hex};

/// An event.
pub(super) struct Sample<'a> {
    /// The thread's name.
    pub(super) command: &'a [u8],
    /// Where the line says so.
    pub(super) process: Option<u64>,
    pub(super) thread: u64,
    pub(super) time_ns: u64,
    /// With its group, if perf says it: `kvm:kvm_page_fault`.
    pub(super) event: &'a [u8],
    /// What follows the event's colon, with its blanks.
    pub(super) said: &'a [u8],
    /// The event and what it says.
    pub(super) shown: &'a [u8],
}

impl Sample<'_> {
    /// The event's name without its group.
    pub(super) fn name(&self) -> &[u8] {
        match memchr::memrchr(b':', self.event) {
            Some(colon) => &self.event[colon + 1..],
            None => self.event,
        }
    }

    /// A refusal that shows the event.
    pub(super) fn refused(&self, what: &str) -> Refusal {
        expected(what, self.shown)
    }
}

/// Takes lines apart, and counts what is passed over.
#[derive(Default)]
pub(super) struct Events {
    /// The line before was an event or part of its call chain.
    in_sample: bool,
    /// Events that the importer does not read.
    others: u64,
    /// The first of them.
    other: String,
    /// Events that the recorder has lost.
    lost: u64,
}

impl Events {
    /// The event of a line; `None` for one that is passed over. `what` is expected of a line that is neither. Call
    /// chains are told by the white space in front of them.
    pub(super) fn sample<'a>(
        &mut self,
        line: &'a [u8],
        what: &str,
    ) -> Result<Option<Sample<'a>>, Refusal> {
        let indented = line;
        let line = line.trim_ascii_start();
        let Some((before, time_ns, after)) = at_time(line) else {
            return match self.passes(indented) {
                true => Ok(None),
                false => Err(expected(what, line)),
            };
        };
        let after = after.trim_ascii_start();
        // Before the event, perf says its period, and trace-cmd the time since the one before: `(+10)`.
        let shown = match field(after) {
            (period, rest) if decimal(period).is_some() => rest.trim_ascii_start(),
            (since, rest) if since.starts_with(b"(+") => rest.trim_ascii_start(),
            _ => after,
        };
        let (event, said) = field(shown);
        if event.starts_with(b"PERF_RECORD_") {
            self.lost += match event {
                b"PERF_RECORD_LOST" | b"PERF_RECORD_LOST_SAMPLES" => number_after(said, b"lost "),
                _ => 0,
            };
            return Ok(None);
        }
        let (command, process, thread) = thread(before).ok_or_else(|| expected(what, line))?;
        self.in_sample = true;
        if event.starts_with(b"<") || said.starts_with(b" <-") {
            // ftrace's `<stack trace>`, and its calls of functions.
            self.count_other(event);
            return Ok(None);
        }
        let event = event.strip_suffix(b":");
        let event = event.ok_or_else(|| expected(what, shown))?;
        Ok(Some(Sample {
            command,
            process,
            thread,
            time_ns,
            event,
            said,
            shown,
        }))
    }

    /// Counts an event that the importer does not read.
    pub(super) fn other(&mut self, sample: &Sample<'_>) {
        self.count_other(sample.event);
    }

    fn count_other(&mut self, event: &[u8]) {
        if self.others == 0 {
            self.other = super::excerpt(event);
        }
        self.others += 1;
    }

    /// Whether a line without an event has its place between events.
    fn passes(&mut self, indented: &[u8]) -> bool {
        let line = indented.trim_ascii_start();
        if let Some(comment) = line.strip_prefix(b"#") {
            self.lost += overwritten(comment);
            return true;
        }
        if let Some(lost) = lost_by_cpu(line) {
            self.lost += lost;
            return true;
        }
        let is_indented = indented.len() > line.len();
        is_heading(line)
            || (self.in_sample && (line.starts_with(b"=> ") || is_indented && is_frame(line)))
    }

    /// What was passed over.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.lost > 0 {
            notes.push(format!(
                "the recorder has lost {} events: accesses are missing (a larger buffer: `perf record -m`, `trace-cmd -b`, \
                 `buffer_size_kb`)",
                self.lost
            ));
        }
        if self.others > 0 {
            let (others, other) = (self.others, &self.other);
            notes.push(format!(
                "{others} other events, such as `{other}`, were passed over"
            ));
        }
        notes
    }
}

/// The first field, and what follows it.
fn field(text: &[u8]) -> (&[u8], &[u8]) {
    let end = memchr::memchr3(b' ', b'\t', b'\n', text).unwrap_or(text.len());
    text.split_at(end)
}

/// What stands before and behind the time, `4353.431393:`. A command's name may hold spaces and colons, so that the
/// time is looked for.
fn at_time(line: &[u8]) -> Option<(&[u8], u64, &[u8])> {
    memchr::memchr_iter(b':', line).find_map(|colon| {
        let after = line.get(colon + 1..)?;
        let whole = after.is_empty() || after[0].is_ascii_whitespace();
        let start = line[..colon].iter().rposition(|byte| !is_number(*byte))?;
        let seconds = line.get(start + 1..colon)?;
        let is_time = whole
            && line[start].is_ascii_whitespace()
            && memchr::memchr(b'.', seconds).is_some_and(|point| point > 0);
        let time_ns = billionths(seconds).filter(|_| is_time)?;
        Some((line[..start].trim_ascii_end(), time_ns, after))
    })
}

fn is_number(byte: u8) -> bool {
    byte.is_ascii_digit() || byte == b'.'
}

/// Name, process and thread of what stands before the time: `comm tid`, `comm pid/tid` or `comm-tid (tgid)`, then
/// perhaps `[cpu]` and flags.
fn thread(before: &[u8]) -> Option<(&[u8], Option<u64>, u64)> {
    let mut rest = before;
    let open = memchr::memrchr(b'[', before);
    let cpu = open.filter(|&open| is_cpu(before, open));
    if let Some(open) = cpu {
        rest = before[..open].trim_ascii_end();
    }
    let mut group = None;
    if rest.ends_with(b")")
        && let Some(open) = memchr::memrchr(b'(', rest)
    {
        group = decimal(rest[open + 1..rest.len() - 1].trim_ascii());
        rest = rest[..open].trim_ascii_end();
    }
    loop {
        let start = rest
            .iter()
            .rposition(u8::is_ascii_whitespace)
            .map_or(0, |at| at + 1);
        let (name, last) = rest.split_at(start);
        if let Some((process, thread)) = ids(last) {
            return Some((name.trim_ascii(), process.or(group), thread));
        }
        if let Some(dash) = memchr::memrchr(b'-', last)
            && let Some(thread) = decimal(&last[dash + 1..])
        {
            return Some((rest[..start + dash].trim_ascii(), group, thread));
        }
        // Flags stand between thread and time where there is no `[cpu]`.
        if cpu.is_some() || name.is_empty() {
            return None;
        }
        rest = name.trim_ascii_end();
    }
}

/// Whether `[001]` stands there, behind a blank and before nothing or flags: a thread's name may hold the like.
fn is_cpu(before: &[u8], open: usize) -> bool {
    let (front, rest) = before.split_at(open);
    let Some(close) = memchr::memchr(b']', rest) else {
        return false;
    };
    let flags = rest[close + 1..].trim_ascii_start();
    decimal(&rest[1..close]).is_some()
        && front.last().is_some_and(u8::is_ascii_whitespace)
        && !flags.first().is_some_and(u8::is_ascii_digit)
}

/// `tid` or `pid/tid`.
fn ids(field: &[u8]) -> Option<(Option<u64>, u64)> {
    match memchr::memchr(b'/', field) {
        Some(slash) => Some((
            Some(decimal(&field[..slash])?),
            decimal(&field[slash + 1..])?,
        )),
        None => Some((None, decimal(field)?)),
    }
}

/// The decimal number behind some text, or 0.
fn number_after(line: &[u8], text: &[u8]) -> u64 {
    let Some(at) = memchr::memmem::find(line, text) else {
        return 0;
    };
    let rest = &line[at + text.len()..];
    let end = rest.iter().position(|byte| !byte.is_ascii_digit());
    decimal(&rest[..end.unwrap_or(rest.len())]).unwrap_or(0)
}

/// `CPU:2 [LOST 30 EVENTS]`, `CPU:3 [4 EVENTS DROPPED]`: how many, at least one.
fn lost_by_cpu(line: &[u8]) -> Option<u64> {
    let (cpu, said) = field(line.strip_prefix(b"CPU:")?);
    decimal(cpu)?;
    let words = said.strip_prefix(b" [")?.strip_suffix(b"]")?;
    let mut number = None;
    for word in fields(words) {
        match word {
            b"LOST" | b"EVENTS" | b"DROPPED" => {}
            word => number = Some(decimal(word)?),
        }
    }
    Some(number.unwrap_or(1).max(1))
}

/// What trace-cmd says before the events, if there are several recordings with their names: `trace.dat: cpus=8`.
fn is_heading(line: &[u8]) -> bool {
    let line = match field(line) {
        (name, rest) if name.ends_with(b":") => rest.trim_ascii_start(),
        _ => line,
    };
    let empty = |line: &[u8]| decimal(line.strip_prefix(b"CPU ")?.strip_suffix(b" is empty")?);
    let number = |name: &[u8]| decimal(line.strip_prefix(name)?);
    line.is_empty()
        || empty(line)
            .or_else(|| number(b"cpus="))
            .or_else(|| number(b"version = "))
            .is_some()
}

/// A line of perf's call chains: an address, and perhaps a symbol. A thread may have a hexadecimal name, but then its
/// number follows.
fn is_frame(line: &[u8]) -> bool {
    const SHORTEST: usize = 5;
    let (address, symbol) = field(line);
    let symbol = symbol.trim_ascii_start();
    let is_symbol = match symbol.first() {
        None => address.len() >= SHORTEST,
        Some(first) => !first.is_ascii_digit() && fields(symbol).all(|word| ids(word).is_none()),
    };
    hex(address).is_some() && is_symbol
}

/// What ftrace says of events that newer ones have overwritten: `entries-in-buffer/entries-written: 1000/5000   #P:4`.
fn overwritten(comment: &[u8]) -> u64 {
    let held = number_after(comment, b"entries-written: ");
    let Some(slash) = memchr::memrchr(b'/', comment).filter(|_| held > 0) else {
        return 0;
    };
    number_after(&comment[slash..], b"/").saturating_sub(held)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_of_every_form() {
        for (before, command, process, tid) in [
            ("ls  1569/1570", "ls", Some(1569), 1570),
            ("CPU 5/KVM  4145 [002]", "CPU 5/KVM", None, 4145),
            ("CPU 5/KVM-4145    [002] .....", "CPU 5/KVM", None, 4145),
            ("bash-930   (    930) [003] d..1.", "bash", Some(930), 930),
            ("<idle>-0  (-------) [003] d...", "<idle>", None, 0),
            ("a (b) 1:2  10/11  [001]", "a (b) 1:2", Some(10), 11),
            ("tmux: server-77 3d..2.", "tmux: server", None, 77),
            ("worker-3[1]   500/501", "worker-3[1]", Some(500), 501),
            ("C1 [0]  501", "C1 [0]", None, 501),
            ("[001] x  500/501", "[001] x", Some(500), 501),
            ("vm[3 500/501 [002]", "vm[3", Some(500), 501),
        ] {
            let (found, group, thread) = thread(before.as_bytes()).unwrap();
            assert_eq!(
                (found, group, thread),
                (command.as_bytes(), process, tid),
                "{before}"
            );
        }
        assert!(thread(b"nobody").is_none());
        assert!(thread(b"nobody [001]").is_none());
    }

    #[test]
    fn losses_are_counted() {
        let mut events = Events::default();
        for line in [
            "CPU:2 [LOST 30 EVENTS]",
            "CPU:3 [4 EVENTS DROPPED]",
            "CPU:3 [EVENTS DROPPED]",
            "# entries-in-buffer/entries-written: 100/500   #P:4",
            "ls 1/1 2.5: PERF_RECORD_LOST lost 7",
            "ls 1/1 2.5: PERF_RECORD_MMAP2 1/1: [0x7f00(0x1000) @ 0 08:01 1 1]: r-xp /bin/ls",
            "cpus=8",
            "trace.dat: cpus=8",
            "CPU 3 is empty",
            "guest: cpus=8",
            "bash-930 [003] d..1. 6288.896764: <stack trace>",
            " => do_page_fault",
            "bash-930 [003] d..1. 6288.896764: handle_mm_fault <-do_user_addr_fault",
        ] {
            assert!(
                matches!(events.sample(line.as_bytes(), ""), Ok(None)),
                "{line}"
            );
        }
        assert_eq!(events.lost, 442);
    }

    /// What was torn, or written with a decimal comma, is no call chain and no heading.
    #[test]
    fn lines_that_may_be_events_are_refused() {
        let mut events = Events::default();
        let event = b" ls 1/1 2.5: page-faults: 7f256606fb70";
        assert!(matches!(events.sample(event, ""), Ok(Some(_))));
        for line in [
            "\t    7f61a58d6b70 _start+0x0 (/usr/lib/ld.so (deleted))",
            "        46c57c operator new(unsigned long)+0x1c (/usr/bin/a b)",
            "\t    7f61a58d6b70",
            "=> do_page_fault (ffffffff8107d2c5)",
        ] {
            let passed = events.sample(line.as_bytes(), "");
            assert!(matches!(passed, Ok(None)), "{line}");
        }
        for line in [
            "CPU 5/KVM 4145 [002]  86,581930: kvm:kvm_page_fault: address 0x1000 error_code 0x181",
            "CPU 5/KVM 4145 [002] 86.5819301234: kvm:kvm_page_fault: address 0x1000 error_code 0x181",
            "CPU 5/KVM 4145 [002] 86.58",
            "       dd  6266/6266  [001]  4507.262893 page-faults: 7f256606fb70",
            "      add  6266 4507.26",
            "  add one  6266 4507.26",
            "       dd",
            "7f61a58d6b70 _start+0x0 (/usr/lib/ld.so)",
            "version = 6 or so",
            "a line (of its own)",
        ] {
            let passed = events.sample(line.as_bytes(), "an event");
            assert!(passed.is_err(), "{line}");
        }
    }
}
