//! Settings of the link, and the size and time of messages on it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::window::Window;
use super::{BackgroundSettings, LossSettings, MessageBytes, Outage, RecoverySettings, Steps};
use crate::limits::{OutOfLimits, expect};
use crate::memory::Memory;
use crate::units::SimTime;
use crate::units::{Bandwidth, Bytes};

/// How demanded pages share the link with the backlog of pushed ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Discipline {
    /// One stream: a demanded page waits behind everything queued (QEMU's default).
    Fifo,
    /// A channel of its own that shares the bandwidth equally (QEMU's `postcopy-preempt`).
    Fair,
    /// A channel of its own that takes the whole bandwidth while it has something to send: an ideal.
    Priority,
}

/// `[link.demand_channel]`: who serves the channel of requested pages. It counts where [`LinkSettings::discipline`]
/// gives them one: with `fair` and `priority`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a section with keys")]
pub struct DemandChannel {
    /// With `fair` and `priority`: whether a thread of its own on the source serves requests. It does not wait for the
    /// thread that pushes. The push knows nothing of its requests: the scan does not follow them, and none is
    /// overtaken. Default `false`. `true` is QEMU 10.0's `postcopy-preempt`: the thread that reads requests sends
    /// their pages itself (`migration/ram.c`, `ram_save_host_page_urgent`).
    pub request_thread: bool,
    /// With `fair` and `priority`: whether a thread of its own on the destination receives demanded pages. Default
    /// `false`. QEMU: `true` (`migration/postcopy-ram.c`, `postcopy_preempt_thread`).
    pub receiver_thread: bool,
}

/// `[link]`: the network between the hosts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a section with keys")]
pub struct LinkSettings {
    /// Bits per second on the wire. Default 1 Gbit/s: the slowest link that migrations commonly use.
    pub bandwidth: Bandwidth,
    /// Other bandwidths from later times on, counted from the migration command: a list of steps `{ at, bandwidth }`,
    /// or a CSV file `time_s,bandwidth_bits_per_s`, whose path starts at the scenario's file. Times ascend. Default:
    /// none, and the bandwidth never changes.
    #[serde(skip_serializing_if = "Steps::is_empty")]
    pub steps: Steps,
    /// Times in which nothing passes, neither pages nor requests: a list of `{ at, duration }`, counted from the
    /// migration command, in order and apart. What has left the link before arrives; the stream goes on behind it.
    /// Default: none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub outages: Vec<Outage>,
    /// One-way latency. Default 100 us: two hosts in one data centre.
    pub latency: SimTime,
    /// Largest IP packet in bytes. Default 1500: Ethernet.
    pub mtu: u32,
    /// Bytes on the wire of a packet beyond its TCP payload. Default 66: Ethernet 14, IPv4 20, TCP 20 and its
    /// timestamp option 12 (RFC 7323). 90 counts preamble, checksum and inter-frame gap, too.
    pub packet_overhead: u32,
    /// Bytes before each page, at most 65535. A host page is sent as the trace's pages in it, each with its own.
    /// Default 8: QEMU sends the page's address and flags in one 64-bit word (`migration/ram.c`, `save_page_header`).
    pub message_header: u32,
    /// Bytes of a zero page, header included, at most 65535. Default 9: QEMU's header and one byte (`migration/ram.c`,
    /// `save_zero_page`).
    pub zero_page_bytes: u32,
    /// Connections that memory is sent on before the core state, 1 to 128, as QEMU's `multifd` and Cloud Hypervisor
    /// have them. Each has a sending and a receiving thread, a send buffer and a window. They share the bandwidth: each
    /// has a piece on the wire in turn. More than one need `source.write_batch = 0`. Behind the core state there is one
    /// for pushed pages, as both hypervisors have it. Default 1.
    pub connections: u8,
    /// How demanded pages share the link with pushed ones. Default `fifo`: QEMU without `postcopy-preempt`.
    pub discipline: Discipline,
    /// `[link.demand_channel]`: who serves the channel of requested pages, where `discipline` gives them one.
    pub demand_channel: DemandChannel,
    /// Capacity per channel of the network device's queue, at most 64 MiB. The queue is a FIFO behind the sockets,
    /// and all channels share it. With `fair`, a demanded page waits behind pushed bytes in this queue, but not
    /// behind those in their socket. Default 0: no queue, and equal shares. Linux lets a socket have about
    /// `net.ipv4.tcp_limit_output_bytes` there (`net/ipv4/tcp_output.c`, `tcp_small_queue_check`). `priority` has no
    /// queue, and needs 0 here.
    pub device_queue: Bytes,
    /// Size of the pieces in which a channel's bytes leave. A piece is shorter if fewer bytes wait. It enters and
    /// leaves the device queue as a whole, and a message has left with the piece that holds its last byte. Default 0:
    /// messages leave one by one. Otherwise at least a packet's payload and at most 1 MiB. With segmentation offload,
    /// Linux hands up to 64 KiB to a device at once (`net/ipv4/tcp_output.c`, `tcp_tso_autosize`). A token bucket of
    /// that size lets them pass whole (`net/sched/sch_tbf.c`, `tbf_enqueue`).
    pub segment: Bytes,
    /// `[link.loss]`: packets that the network loses.
    pub loss: Option<LossSettings>,
    /// `[link.background]`: other traffic, which takes a share of the bandwidth.
    pub background: Option<BackgroundSettings>,
    /// `[link.recovery]`: post-copy gives the connection up in a long outage.
    pub recovery: Option<RecoverySettings>,
}

impl Default for LinkSettings {
    fn default() -> Self {
        LinkSettings {
            bandwidth: Bandwidth::GBIT_PER_SECOND,
            steps: Steps::default(),
            outages: Vec::new(),
            latency: SimTime::from_us(100),
            mtu: 1_500,
            packet_overhead: 66,
            message_header: 8,
            zero_page_bytes: 9,
            connections: 1,
            discipline: Discipline::Fifo,
            demand_channel: DemandChannel::default(),
            device_queue: Bytes(0),
            segment: Bytes(0),
            loss: None,
            background: None,
            recovery: None,
        }
    }
}

/// Bytes of IPv4 (20), TCP (20) and TCP timestamps (12) inside each packet of `mtu` bytes.
const PACKET_HEADERS: u32 = 52;

/// Smallest `mtu` that a scenario may name: what every IPv4 host must forward (RFC 791).
const SMALLEST_MTU: u32 = 68;

impl LinkSettings {
    pub(crate) fn check(&self) -> Result<(), OutOfLimits> {
        expect(
            (SMALLEST_MTU..=65_535).contains(&self.mtu),
            "link.mtu",
            "expected 68 to 65535 bytes",
        )?;
        for (key, bytes) in [
            ("link.packet_overhead", self.packet_overhead),
            ("link.message_header", self.message_header),
            ("link.zero_page_bytes", self.zero_page_bytes),
        ] {
            expect(bytes <= 65_535, key, "expected at most 65535 bytes")?;
        }
        expect(
            (1..=128).contains(&self.connections),
            "link.connections",
            "expected 1 to 128",
        )?;
        // It is kept piece by piece.
        expect(
            self.device_queue.0 <= 64 << 20,
            "link.device_queue",
            "expected at most 64 MiB",
        )?;
        let recovery = self.recovery.as_ref();
        recovery.map_or(Ok(()), RecoverySettings::check)?;
        let background = self.background.as_ref();
        background.map_or(Ok(()), BackgroundSettings::check)?;
        self.loss.as_ref().map_or(Ok(()), LossSettings::check)
    }

    fn payload(&self) -> u128 {
        u128::from(self.mtu.max(SMALLEST_MTU) - PACKET_HEADERS)
    }

    /// Bytes on the wire for `bytes` of a stream, packet overhead included in proportion; rounded up.
    pub fn wire_bytes(&self, bytes: u64) -> u64 {
        let on_wire = u128::from(bytes) * (self.payload() + u128::from(self.packet_overhead));
        u64::try_from(on_wire.div_ceil(self.payload())).unwrap_or(u64::MAX)
    }

    /// Time for `bytes` of a stream to pass on to the wire at a bandwidth, with what has to be sent again; rounded up
    /// to a picosecond.
    pub fn transmission(&self, bytes: u64, bandwidth: Bandwidth) -> SimTime {
        const PS_PER_SECOND: u128 = 1_000_000_000_000;
        let bits = u128::from(bytes) * 8 * (self.payload() + u128::from(self.packet_overhead));
        let rate = self.payload() * u128::from(bandwidth.bits_per_second());
        let Some(loss) = &self.loss else {
            return SimTime::from_wide_ps((bits * PS_PER_SECOND).div_ceil(rate));
        };
        let (sent, arrived) = loss.repetitions();
        let on_wire = (bits * PS_PER_SECOND).div_ceil(rate).saturating_mul(sent);
        SimTime::from_wide_ps(on_wire.div_ceil(arrived))
    }

    /// Bytes of a connection's window: the receiver's, or what congestion control lets it have in flight.
    pub(crate) fn window_bytes(&self, receive_buffer: Bytes) -> Bytes {
        let loss = self.loss.as_ref();
        let congestion = loss.and_then(|loss| loss.window(self.payload(), self.latency));
        congestion.map_or(receive_buffer, |window| window.min(receive_buffer))
    }

    /// The window of a connection.
    pub(super) fn window(&self, receive_buffer: Bytes) -> Window {
        Window::new(self.window_bytes(receive_buffer))
    }

    /// The pieces in which a message of so many bytes goes out, as the window is not to be counted in such messages:
    /// a 128th of it, and no less than a page of 4 KiB, or than a smaller window. TCP's smallest segments have 536
    /// bytes (RFC 9293, section 3.7.1). 0 for a message that goes as a whole.
    pub(super) fn part(&self, receive_buffer: Bytes, message: u64) -> u64 {
        let page = 4_096 + u64::from(self.message_header);
        let window = self.window_bytes(receive_buffer).0;
        let part = (window / 128).max(window.clamp(536, page));
        if part < message { part } else { 0 }
    }

    /// Sends a stream of `bytes`, from `start` on, over an idle link with such a receive buffer: each window's worth
    /// waits for the acknowledgement of the one before, a round trip after it was sent. Returns when it has left, and
    /// the window behind it.
    pub fn send_stream(
        &self,
        start: SimTime,
        bytes: u64,
        receive_buffer: Bytes,
    ) -> (SimTime, Window) {
        (self.window(receive_buffer)).send_stream(self, start, 0, bytes)
    }

    /// Whether pieces of `segment` bytes are possible.
    pub(crate) fn segment_fits(&self) -> bool {
        let bytes = self.segment.0;
        bytes == 0 || (u128::from(bytes) >= self.payload() && bytes <= 1 << 20)
    }

    /// Time that a whole host page takes at the bandwidth of a time.
    pub fn page_time(&self, memory: &Memory, at: SimTime) -> SimTime {
        let sizes = self.message_bytes(memory.page_size());
        self.transmission(sizes.of(memory.whole_page()), self.bandwidth_at(at))
    }

    /// Bytes of a host page's message, if the page is larger than 4 KiB; else 0.
    pub(crate) fn large_message(&self, memory: &Memory) -> u64 {
        if memory.host_page > 4_096 {
            self.message_bytes(memory.page_size())
                .of(memory.whole_page())
        } else {
            0
        }
    }

    /// The sizes of messages, if the trace's page is of `page_size` bytes.
    pub fn message_bytes(&self, page_size: u64) -> MessageBytes {
        MessageBytes {
            page: page_size + u64::from(self.message_header),
            zero_page: self.zero_page_bytes.into(),
        }
    }
}
