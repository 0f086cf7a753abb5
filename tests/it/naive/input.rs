//! What is simulated: a trace, settings and a strategy; and what follows from the settings alone.

use migsim::guest::replay::AtEnd;
use migsim::host::destination::FaultBlocks;
use migsim::host::source::{DemandMode, ZeroPageDetection};
use migsim::network::CongestionControl;
use migsim::scenario::{Delivery, Scenario};
use migsim::units::{Bandwidth, SimTime};

use super::{Background, LeadIn, PageCounts, Ps, RawRecord, Strategy, narrow, ps};

/// Everything that the model names: a trace, settings, and what is simulated.
#[derive(Debug, Clone)]
pub(crate) struct Input<'a> {
    pub(crate) records: Vec<RawRecord>,
    pub(crate) vcpus: u16,
    /// A vCPU had nothing to do from a time until another; by vCPU, then by time.
    pub(crate) idle: Vec<(u16, u64, u64)>,
    pub(crate) duration_ns: u64,
    pub(crate) compaction_ns: u64,
    /// Guest time per recorded nanosecond.
    pub(crate) scale_fp: u64,
    /// Pages of the trace that are RAM, as first and count; none: all of them.
    pub(crate) ram: Vec<(u32, u32)>,
    /// Per page of the trace: all zero when the recording began.
    pub(crate) zero: Vec<bool>,
    /// Bytes of a page of the trace.
    pub(crate) page_size: u64,
    /// A host page is so many of them, as a power of two.
    pub(crate) host_shift: u32,
    /// Every key. The settings are data, and say what is simulated; how is for each simulator to know.
    pub(crate) settings: Scenario,
    /// Who else is on the link, by the settings.
    pub(crate) background: Option<Background>,
    /// Per host page: on the destination already when the VM resumes there; pages beyond the vector are not.
    pub(crate) initially_installed: Vec<bool>,
    pub(crate) lead_in: LeadIn,
    pub(crate) strategy: Strategy<'a>,
}

impl Input<'_> {
    pub(super) fn start_ns(&self) -> u64 {
        self.settings.trace.start.as_ps() / 1_000
    }

    pub(super) fn wrap(&self) -> bool {
        self.settings.trace.at_end == AtEnd::Wrap
    }

    fn memory(&self) -> u64 {
        self.settings.vm.memory.expect("always set").0
    }

    pub(super) fn host_page_bytes(&self) -> u64 {
        self.page_size << self.host_shift
    }

    /// The same on a host whose pages are the trace's.
    pub(super) fn in_small_pages(&self) -> Self {
        Input {
            host_shift: 0,
            initially_installed: Vec::new(),
            ..self.clone()
        }
    }

    /// Host pages altogether.
    pub(crate) fn pages(&self) -> u32 {
        self.vm_pages().div_ceil(1 << self.host_shift)
    }

    /// Pages of the VM, of the trace's size; those beyond the trace's are not zero.
    pub(super) fn vm_pages(&self) -> u32 {
        self.memory().checked_div(self.page_size).unwrap_or(0) as u32
    }

    /// How many of those that are neither zero nor in any record are zero all the same: the highest.
    pub(super) fn free(&self) -> u32 {
        (self.settings.vm.free.0 / self.page_size) as u32
    }

    /// A fault pauses the whole VM, not only its vCPU.
    pub(super) fn blocks_vm(&self) -> bool {
        self.settings.destination.fault_blocks == FaultBlocks::Vm
    }

    pub(super) fn synchronous(&self) -> bool {
        self.settings.source.demand_mode == DemandMode::Synchronous
    }

    /// A thread that has found the buffer full sleeps until no more bytes than these are in it.
    pub(super) fn send_resume(&self) -> u64 {
        let source = &self.settings.source;
        let given = source.send_resume.unwrap_or(source.send_buffer).0;
        if source.send_buffer.0 < self.send_buffer() {
            self.whole_message()
        } else {
            given
        }
    }

    /// Bytes that fill the buffer. One large page does not.
    pub(super) fn send_buffer(&self) -> u64 {
        let given = self.settings.source.send_buffer.0;
        if self.page_size << self.host_shift > 4_096 {
            given.max(self.whole_message() + 1)
        } else {
            given
        }
    }

    /// Each 4 KiB of a page takes so long, those with content and those of zeros.
    fn takes(&self, counts: PageCounts, page: SimTime, zero: SimTime) -> Ps {
        let small = u128::from((self.page_size / 4_096).max(1));
        small * (u128::from(counts.pages) * ps(page) + u128::from(counts.zeros) * ps(zero))
    }

    /// How long a thread of the source is busy with a page that nobody has asked for.
    pub(super) fn pushing(&self, counts: PageCounts) -> Ps {
        let source = &self.settings.source;
        self.takes(counts, source.push_service, source.zero_service)
    }

    /// And with one that was asked for: more for its first 4 KiB.
    pub(super) fn serving(&self, counts: PageCounts) -> Ps {
        let source = &self.settings.source;
        let first = match counts.pages {
            0 => source.zero_service,
            _ => source.push_service,
        };
        self.pushing(counts) - ps(first) + ps(source.demand_service)
    }

    /// How long a thread of the destination is, in the lead-in or later.
    pub(super) fn installing(&self, counts: PageCounts, lead_in: bool) -> Ps {
        let destination = &self.settings.destination;
        let zero = if lead_in {
            destination.zero_load
        } else {
            destination.zero_install
        };
        self.takes(counts, destination.install, zero)
    }

    /// While a zero page is looked at, no thread takes a page.
    pub(super) fn looks_alone(&self) -> bool {
        self.settings.source.zero_page_detection == ZeroPageDetection::Legacy
    }

    /// So much is written at once.
    pub(super) fn fills_batch(&self, pages: u64, zero_pages: u64) -> bool {
        let marks = zero_pages * u64::from(self.settings.link.zero_page_bytes);
        pages >= u64::from(self.settings.source.write_batch) || marks >= 32_768
    }

    /// Threads on the destination that touch the list's pages in order, of a strategy that records; its source scans
    /// then, and knows no list. 0: the source pushes the list.
    pub(super) fn fetchers(&self) -> u16 {
        match self.settings.migration.delivery {
            Delivery::SourcePush => 0,
            Delivery::DestinationFetch(threads) | Delivery::FetchThenPush(threads) => threads,
        }
    }

    /// The source scans only when the last page of the list is being touched.
    pub(super) fn push_after_list(&self) -> bool {
        matches!(self.settings.migration.delivery, Delivery::FetchThenPush(_))
    }

    pub(super) fn limiter_period(&self) -> Ps {
        ps(self
            .settings
            .source
            .limiter_period
            .unwrap_or(SimTime::from_ms(100)))
    }

    /// Bytes in such a period behind which nothing more is pushed.
    pub(super) fn limiter_share(&self) -> Option<u64> {
        self.in_period(self.settings.source.max_postcopy_bandwidth?)
    }

    /// The same while the VM runs on the source.
    pub(super) fn live_limiter_share(&self) -> Option<u64> {
        self.in_period(self.settings.source.max_bandwidth?)
    }

    fn in_period(&self, limit: Bandwidth) -> Option<u64> {
        let bits = u128::from(limit.bits_per_second()) * self.limiter_period();
        Some((bits / 8_000_000_000_000) as u64)
    }

    /// Payload of a packet: MTU less IPv4 (20), TCP (20) and timestamps (12).
    pub(super) fn payload(&self) -> u128 {
        u128::from(self.settings.link.mtu) - 52
    }

    /// Time on the wire of a message of `bytes` bytes at so many bits per second.
    pub(crate) fn tx(&self, bytes: u64, bandwidth: u64) -> Ps {
        let payload = self.payload();
        let work = u128::from(bytes)
            * 8
            * 1_000_000_000_000
            * (payload + u128::from(self.settings.link.packet_overhead));
        let on_wire = work.div_ceil(payload * u128::from(bandwidth));
        let Some(loss) = &self.settings.link.loss else {
            return on_wire;
        };
        (on_wire * 1_000_000).div_ceil(1_000_000 - u128::from(loss.per_million))
    }

    /// Bytes that a connection may have under way: the receiver's window, or fewer where packets are lost.
    pub(super) fn window(&self) -> u64 {
        let window = self.settings.destination.receive_buffer.0;
        window.min(self.most_in_flight().unwrap_or(u64::MAX))
    }

    /// A message larger than this is sent, and counts against the window, in parts.
    pub(super) fn part(&self) -> Option<u64> {
        let page = 4_096 + u64::from(self.settings.link.message_header);
        let window = self.window();
        let part = page.min(window).max(window / 128).max(536);
        (self.whole_message() > part).then_some(part)
    }

    /// The pages of the trace that are RAM, in order.
    pub(super) fn ram_pages(&self) -> Vec<u32> {
        if self.ram.is_empty() {
            return (0..self.zero.len() as u32).collect();
        }
        let ranges = self.ram.iter();
        ranges
            .flat_map(|(first, count)| *first..first + count)
            .collect()
    }

    /// Which page of RAM a page of the trace is.
    pub(super) fn place(&self, page: u32) -> u32 {
        if self.ram.is_empty() {
            return page;
        }
        let mut pages = self.ram_pages().into_iter();
        pages
            .position(|of_ram| of_ram == page)
            .expect("no access to a hole") as u32
    }

    /// What a host page is made of, in pages of the trace's size: those with content, and those that are zero.
    pub(super) fn page_counts(&self, host: u32, zero: &[bool]) -> PageCounts {
        let inside = (0..self.vm_pages()).filter(|page| page >> self.host_shift == host);
        let looks = self.settings.source.zero_page_detection != ZeroPageDetection::None;
        let (zeros, pages): (Vec<u32>, Vec<u32>) =
            inside.partition(|page| looks && zero[*page as usize]);
        PageCounts {
            pages: pages.len() as u64,
            zeros: zeros.len() as u64,
        }
    }

    /// Bytes of its message.
    pub(super) fn message(&self, counts: PageCounts) -> u64 {
        let link = &self.settings.link;
        counts.pages * (self.page_size + u64::from(link.message_header))
            + counts.zeros * u64::from(link.zero_page_bytes)
    }

    /// Bytes of a host page's message that has all of its content.
    pub(super) fn whole_message(&self) -> u64 {
        self.message(PageCounts {
            pages: 1 << self.host_shift,
            zeros: 0,
        })
    }

    /// When so many bytes of a stream are out that starts behind messages under way, each with the time of its
    /// acknowledgement and its bytes. Each window's worth of the stream is acknowledged a round trip after it was sent.
    pub(super) fn stream(&self, start: Ps, under_way: &[(Ps, u64)], bytes: u64) -> Ps {
        let window = self.window();
        let behind_others = |bytes: u64| {
            let held_up = (0..under_way.len()).filter_map(|i| {
                let full: u64 = under_way[i..].iter().map(|(_, bytes)| bytes).sum();
                let open = window.saturating_sub(full);
                (open < bytes).then(|| self.out_alone(under_way[i].0, bytes - open))
            });
            held_up.max().unwrap_or(0).max(self.out_alone(start, bytes))
        };
        let windows = bytes.saturating_sub(1) / window;
        let latency = ps(self.settings.link.latency);
        let without_change = (0..=windows)
            .map(|n| 2 * Ps::from(n) * latency + behind_others(bytes - n * window))
            .max()
            .expect("at least one");
        if self
            .next_change(start)
            .is_none_or(|change| change >= without_change)
        {
            return without_change;
        }
        // One window after the other. What goes before holds up the first and the second.
        let mut out = behind_others(bytes - windows * window);
        for n in (0..windows).rev() {
            out = self.across(out + latency).max(self.out_alone(out, window));
            if n == windows - 1 {
                out = out.max(behind_others(bytes - n * window));
            }
        }
        out
    }

    /// Most bytes in flight of a connection that loses packets: as many thousandths of packets as the formula still
    /// allows with that loss.
    fn most_in_flight(&self) -> Option<u64> {
        let loss = self.settings.link.loss.as_ref()?;
        let lost = u128::from(loss.per_million);
        let round_trip = 2 * ps(self.settings.link.latency) / 1_000_000; // in us
        let largest = |is_allowed: &dyn Fn(u128) -> bool| {
            let (mut low, mut high) = (0, 1 << 31);
            while high - low > 1 {
                let middle = low + (high - low) / 2;
                if is_allowed(middle) {
                    low = middle;
                } else {
                    high = middle;
                }
            }
            low
        };
        // Mathis: packets² ≤ 3 / 2p. RFC 9438: packets⁴ ≤ 37/30 · (T/p)³.
        let reno = 3_000_000_000_000 / (2 * lost);
        let cubic = 37_000_000_000_000 / 30 * round_trip.pow(3) / lost.pow(3);
        let by_reno = largest(&|packets| packets * packets <= reno);
        let by_cubic = largest(&|packets| packets.pow(4) <= cubic);
        let thousandths = match loss.congestion_control {
            CongestionControl::Reno => by_reno,
            CongestionControl::Cubic => by_reno.max(by_cubic),
            CongestionControl::Bbr => return None,
        };
        Some(narrow(thousandths * self.payload() / 1_000).max(1))
    }

    /// Trace time to guest time.
    pub(super) fn scale(&self, ns: u128) -> Ps {
        (ns * u128::from(self.scale_fp) + (1 << 19)) >> 20
    }
}
