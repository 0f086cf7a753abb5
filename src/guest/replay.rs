//! A trace as a running guest sees it: accesses at guest times counted from the migration command.

mod time_scale;
mod writes;

use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use time_scale::TimeScale;

use crate::memory::{Free, Memory, PageId, Ram};
use crate::trace::{Op, Place, Record, Trace, TraceError, VcpuRecords};
use crate::units::SimTime;

/// What the guest does where the trace ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AtEnd {
    /// It begins the trace anew.
    Wrap,
    /// It touches nothing any more.
    Idle,
}

/// A trace from the position of the migration command on.
#[derive(Debug, Clone)]
pub struct Replay<'a> {
    trace: &'a Trace,
    start_ns: u64,
    scale: TimeScale,
    at_end: AtEnd,
    memory: Memory,
    ram: Ram,
    free: Free,
    has_zero_pages: bool,
}

/// A time in which a vCPU has nothing to do; in guest time since the migration command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Idle {
    /// It goes idle.
    pub from: SimTime,
    /// It is woken.
    pub until: SimTime,
}

/// An access of one vCPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuestAccess {
    /// Guest time since the migration command.
    pub offset: SimTime,
    /// The host page.
    pub page: PageId,
    /// The page of the trace's size, by its place in RAM.
    pub place: u32,
    /// How it is accessed.
    pub op: Op,
}

impl<'a> Replay<'a> {
    /// A guest that is at `start_ns` of the trace when the migration command comes.
    pub fn new(
        trace: &'a Trace,
        start_ns: u64,
        scale: TimeScale,
        at_end: AtEnd,
        memory: Memory,
        ram: Ram,
    ) -> Self {
        Replay {
            trace,
            start_ns,
            scale,
            at_end,
            memory,
            ram,
            free: Free::default(),
            has_zero_pages: true,
        }
    }

    /// The same guest, whose memory has pages without content beside those that the trace says are zero.
    pub fn with_free(self, free: Free) -> Self {
        Replay { free, ..self }
    }

    /// The same guest to a source that does not look for zero pages: all of its memory has content.
    pub fn without_zero_pages(self) -> Self {
        Replay {
            has_zero_pages: false,
            ..self
        }
    }

    /// The same guest on a host whose pages are no larger than the trace's, as long as those can be numbered.
    pub fn in_trace_pages(&self) -> Self {
        Replay {
            memory: self.memory.in_trace_pages(),
            ..self.clone()
        }
    }

    /// Where in the trace, in recorded time, the migration command falls.
    pub fn start(&self) -> SimTime {
        SimTime::from_ns(self.start_ns)
    }

    /// Number of vCPUs.
    pub fn vcpus(&self) -> u16 {
        self.trace.header().vcpus
    }

    /// The VM's memory.
    pub fn memory(&self) -> Memory {
        self.memory
    }

    /// Which of the trace's pages are RAM.
    pub fn ram(&self) -> &Ram {
        &self.ram
    }

    /// The place in RAM of what a record accesses.
    fn place(&self, record: &Record) -> Result<u32, TraceError> {
        self.ram
            .place(record.page)
            .ok_or_else(|| TraceError::Invalid {
                name: self.trace.name().to_owned(),
                place: Place::Access {
                    vcpu: record.vcpu,
                    time_ns: record.time_ns,
                },
                expected: format!("an address in vm.ram, found page {}", record.page),
            })
    }

    /// Guest time in which the trace passes once.
    pub fn pass(&self) -> SimTime {
        self.scale.guest_time(self.trace.duration_ns())
    }

    /// Guest time from the migration command to the trace's end.
    pub fn until_end(&self) -> SimTime {
        self.scale
            .guest_time(self.trace.duration_ns().saturating_sub(self.start_ns))
    }

    /// Whether it begins anew at its end.
    pub fn wraps(&self) -> bool {
        self.at_end == AtEnd::Wrap
    }

    /// Records of one pass.
    pub fn records(&self) -> u64 {
        self.trace.record_count()
    }

    /// Whether guest time comes so far within the time that can be counted in a trace.
    pub fn reaches(&self, position: SimTime) -> bool {
        self.start_ns
            .checked_add(self.scale.recorded_ns(position))
            .is_some_and(|ns| ns < u64::MAX)
    }

    /// The nearest guest time at which a compacted trace is exact (the same time, if it is not compacted).
    ///
    /// Within an epoch a recorder keeps the first touch of a page only: a position inside would lose the later ones.
    pub fn nearest_boundary(&self, position: SimTime) -> SimTime {
        let epoch = self.trace.header().compaction_ns;
        let recorded = self.scale.recorded_ns(position);
        match recorded.saturating_add(epoch / 2).checked_div(epoch) {
            Some(epochs) => self.scale.guest_time(epochs.saturating_mul(epoch)),
            None => position,
        }
    }

    /// The last guest time, not after `position`, at which a compacted trace is exact (the same time, if it is not
    /// compacted).
    pub fn epoch_beginning(&self, position: SimTime) -> SimTime {
        let epoch = self.trace.header().compaction_ns;
        let boundary = |epochs: u64| self.scale.guest_time(epochs.saturating_mul(epoch));
        match self.scale.recorded_ns(position).checked_div(epoch) {
            // A boundary's guest time may have been rounded down.
            Some(epochs) => Some(boundary(epochs + 1))
                .filter(|next| *next <= position)
                .unwrap_or_else(|| boundary(epochs)),
            None => position,
        }
    }

    /// The accesses of a vCPU from a guest time on; endless if the trace wraps around and the vCPU does anything.
    pub fn vcpu(&self, vcpu: u16, from: SimTime) -> VcpuReplay<'a> {
        self.records_of(vcpu, from, |trace, vcpu, times| {
            trace.vcpu_records(vcpu, times.start)
        })
    }

    /// Some of them, and among them the first of each page.
    pub fn first_accesses(&self, vcpu: u16, from: SimTime) -> VcpuReplay<'a> {
        self.records_of(vcpu, from, Trace::vcpu_first_accesses)
    }

    fn records_of(&self, vcpu: u16, from: SimTime, records_of: RecordsOf) -> VcpuReplay<'a> {
        // One nanosecond earlier than rounding could ask for; what comes too early is skipped.
        let since_start = self.scale.recorded_ns(from).saturating_sub(1);
        let since_zero = self.start_ns.saturating_add(since_start);
        let duration = self.trace.duration_ns();
        let (pass, position) = match self.at_end {
            AtEnd::Wrap => (since_zero / duration, since_zero % duration),
            AtEnd::Idle => (0, since_zero),
        };
        VcpuReplay {
            replay: self.clone(),
            vcpu,
            from,
            records_of,
            records: records_of(
                self.trace,
                vcpu,
                position..position.saturating_add(TOO_EARLY_NS),
            ),
            pass,
            idle_passes: 0,
        }
    }

    /// When a vCPU has nothing to do: all spans that end after a guest time, and begin at most one pass of the trace
    /// later.
    pub fn idle(&self, vcpu: u16, from: SimTime) -> Vec<Idle> {
        let duration = self.trace.duration_ns();
        let since_zero = self.start_ns.saturating_add(self.scale.recorded_ns(from));
        let passes = match self.at_end {
            // A pass from here on ends in the next one, or a picosecond's rounding behind it.
            AtEnd::Wrap => since_zero / duration..=(since_zero / duration).saturating_add(2),
            AtEnd::Idle => 0..=0,
        };
        let end = from + self.pass();
        let spans = self.trace.vcpu_idle_spans(vcpu);
        let of_pass = |pass: u64| {
            let guest_time = move |ns: u64| {
                let since_zero = pass.saturating_mul(duration).saturating_add(ns);
                self.scale
                    .guest_time(since_zero.saturating_sub(self.start_ns))
            };
            spans.iter().map(move |span| Idle {
                from: guest_time(span.from_ns),
                until: guest_time(span.until_ns),
            })
        };
        passes
            .flat_map(of_pass)
            .filter(|idle| idle.from < idle.until && from < idle.until && idle.from < end)
            .collect()
    }
}

/// Which records of a vCPU: all in a time, and behind it as it chooses.
type RecordsOf = fn(&Trace, u16, Range<u64>) -> VcpuRecords<'_>;

/// Records at most so long after the time that is asked for may still come too early.
const TOO_EARLY_NS: u64 = 3;

/// Iterator over the accesses of one vCPU; see [`Replay::vcpu`].
pub struct VcpuReplay<'a> {
    replay: Replay<'a>,
    vcpu: u16,
    from: SimTime,
    /// What of the trace it goes through.
    records_of: RecordsOf,
    records: VcpuRecords<'a>,
    pass: u64,
    /// Passes since the last record: two in a row mean a vCPU without any.
    idle_passes: u8,
}

impl Iterator for VcpuReplay<'_> {
    type Item = Result<GuestAccess, TraceError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_from(SimTime::ZERO, 0, |_, _| true)
    }
}

impl VcpuReplay<'_> {
    /// The next access, but of those before `until` only one that is `wanted`, by its page in the trace and how it is
    /// accessed.
    pub fn next_wanted(
        &mut self,
        until: SimTime,
        wanted: impl Fn(u32, Op) -> bool,
    ) -> Option<Result<GuestAccess, TraceError>> {
        let since_start = self.replay.scale.recorded_ns(until);
        let until_ns = self.replay.start_ns.saturating_add(since_start);
        self.next_from(until, until_ns, wanted)
    }

    /// The same; `until_ns` is the recorded time, since the trace's beginning, that `until` falls in.
    fn next_from(
        &mut self,
        until: SimTime,
        until_ns: u64,
        wanted: impl Fn(u32, Op) -> bool,
    ) -> Option<Result<GuestAccess, TraceError>> {
        loop {
            let passed = self.pass.saturating_mul(self.replay.trace.duration_ns());
            let until_ns = until_ns.saturating_sub(passed);
            let record = match self.records.next_wanted(until_ns, &wanted) {
                Some(Ok(record)) => record,
                Some(Err(error)) => return Some(Err(error)),
                None if self.replay.at_end == AtEnd::Wrap && self.idle_passes < 2 => {
                    self.idle_passes += 1;
                    self.pass += 1;
                    self.records = (self.records_of)(self.replay.trace, self.vcpu, 0..0);
                    continue;
                }
                None => return None,
            };
            self.idle_passes = 0;
            let since_zero = passed.saturating_add(record.time_ns);
            let Some(since_start) = since_zero.checked_sub(self.replay.start_ns) else {
                continue;
            };
            if since_zero == u64::MAX {
                return None; // time does not go on; see `Replay::reaches`
            }
            let offset = self.replay.scale.guest_time(since_start);
            let passes_over = offset < until && !wanted(record.page, record.op);
            if offset >= self.from && !passes_over {
                let place = self.replay.place(&record);
                return Some(place.map(|place| GuestAccess {
                    offset,
                    page: self.replay.memory.host_page_of(place),
                    place,
                    op: record.op,
                }));
            }
        }
    }
}
