//! What the source host is like.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::wake_on_request::WakeOnRequest;
use crate::host::PageWork;
use crate::limits::{OutOfLimits, expect};
use crate::memory::Content;
use crate::strategy::scan::Push;
use crate::units::SimTime;
use crate::units::{Bandwidth, Bytes};

/// Whether the migration thread pushes on while a demanded page is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DemandMode {
    /// The thread pushes on without waiting for the destination's acknowledgement (QEMU).
    Pipelined,
    /// The thread waits for the acknowledgement first, as classical prototypes do.
    Synchronous,
}

/// Who looks whether a page holds only zeros. The words are QEMU's (`migration/options.c`, `zero-page-detection`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ZeroPageDetection {
    /// Nobody: zero pages are sent whole, and so is free memory.
    None,
    /// The migration thread, which hands no page to another connection meanwhile.
    Legacy,
    /// Each sending thread, for its own pages (`migration/multifd-zero-page.c`).
    Multifd,
}

/// `[source]`: what the migration thread does and how long it takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a section with keys")]
pub struct SourceSettings {
    /// Order of the active push once no plan is left. Default `pivot`: QEMU.
    pub push: Push,
    /// The thread's work for 4 KiB of a pushed page, with the copy into its socket. It bounds what one thread sends,
    /// however fast the link is. Default 2400 ns: 1,617 MiB/s over one connection at 100 Gbit/s (cloud-hypervisor,
    /// pull request 7669).
    pub push_service: SimTime,
    /// The thread's work for a demanded page of 4 KiB; the rest of a larger one costs what a push does. Default 5 us,
    /// an assumption: a look-up and a lock more than a push.
    pub demand_service: SimTime,
    /// Back-pressure of the link: the thread hands pages over while fewer bytes than this wait there. A page that is
    /// larger, and than 4 KiB, is served while the one before it leaves. Bytes that have
    /// left count against `destination.receive_buffer`, not here. Default 256 KiB, of the order of a socket's send
    /// buffer.
    pub send_buffer: Bytes,
    /// Wake-up mark of a full send buffer: the thread sleeps until no more than these bytes wait. Default:
    /// `send_buffer`, so it goes on as soon as there is room. Linux wakes a writer when at most two thirds of a
    /// socket's buffer are in use (`net/core/stream.c`, `sk_stream_write_space`; `include/net/sock.h`,
    /// `sk_stream_min_wspace`).
    pub send_resume: Option<Bytes>,
    /// Whether an arriving request wakes a thread that sleeps until `send_resume`. The thread then writes what there
    /// is room for. Default `false`. `true` where requests come in on the socket that pages go out on: Linux wakes
    /// all who sleep on it (`net/core/stream.c`, `sk_stream_wait_memory`), and QEMU's return path is the main
    /// channel's. A table says which requests the woken thread overtakes.
    pub wake_on_request: WakeOnRequest,
    /// Pages with content that the thread gathers before it writes them to the link, requested ones among them. Zero
    /// pages wait with them. While the thread writes and waits for room, it serves no request. Requested pages with a
    /// channel of their own are not gathered (`migration/ram.c`, `ram_save_host_page`). Default 0: none waits. QEMU
    /// gathers 32: a write takes at most 64 pieces, and a page is two of them (`migration/qemu-file.c`,
    /// `MAX_IOV_SIZE`).
    pub write_batch: u32,
    /// The thread's work for 4 KiB of zeros, all of which it has to look at. Default 400 ns: processor time of QEMU
    /// 10.0.2 in memory that was never written (`tools/qemu/page-costs`).
    pub zero_service: SimTime,
    /// Who spends `zero_service`. `legacy` and `multifd` differ where `link.connections` is more than 1. Default
    /// `multifd`: QEMU from 9.0 on. Earlier ones always detect as in `legacy` (`migration/ram.c`, `save_zero_page`).
    pub zero_page_detection: ZeroPageDetection,
    /// Most that is sent in a second while the VM runs on the source, in rounds and in a push while recording: all
    /// connections together. It is kept as `max_postcopy_bandwidth` is. What is sent while the VM is suspended has no
    /// limit (`migration/migration.c`, `migration_completion`). Default: no limit. QEMU's parameter `max-bandwidth`,
    /// whose default of 128 MiB/s (`migration/options.c`, `MAX_THROTTLE`) is 1.074 Gbit/s here. Packet overhead does
    /// not count.
    pub max_bandwidth: Option<Bandwidth>,
    /// Most that is pushed in a second after the suspension; requested pages are sent all the same, and count. It is
    /// kept period by period: while no more than `limiter_period`'s share of it has been sent, the next page may
    /// follow. Default: no limit. QEMU's parameter `max-postcopy-bandwidth` (0: none).
    pub max_postcopy_bandwidth: Option<Bandwidth>,
    /// Period of the rate limiter, more than 0 with a limit; refused where nothing limits the push. A push that is held
    /// back for a plan ([`Delivery::FetchThenPush`](crate::scenario::Delivery)) begins with a period of the rate
    /// limiter that holds it, counted from the suspension; with 0 as soon as it is released. Default 100 ms: QEMU
    /// (`migration/migration.c`, `BUFFER_DELAY`).
    pub limiter_period: Option<SimTime>,
    /// Memory whose dirty bits are cleared together, when its first page is sent in a round (`pre-copy`, `hybrid`):
    /// what is written before that is sent and not dirty. Default 1 GiB: KVM (`migration/ram.c`, `clear_bmap`, with
    /// `x-clear-bitmap-shift` 18). A page makes dirty bits exact, as in every lead-in that records; a chunk of all
    /// memory is TCG's, which clears its log at the round's beginning.
    pub dirty_log_chunk: Bytes,
    /// In rounds that are recorded, how often the source reads what has been written; each time, all pages are
    /// protected anew. It decides which pages are put off, and nothing else: whether a page is dirty is known exactly.
    /// Default 0: known at once. At least 1 ms otherwise.
    pub dirty_log_interval: SimTime,
    /// Default `pipelined`: QEMU.
    pub demand_mode: DemandMode,
    /// What the first access to a page costs its vCPU while the recorder watches; while memory is sent meanwhile, the
    /// first one after each time that the page was sent. Default 1 us, an assumption: one exit from the guest for a
    /// page made inaccessible.
    pub record_trap: SimTime,
}

impl Default for SourceSettings {
    fn default() -> Self {
        SourceSettings {
            push: Push::Pivot,
            push_service: SimTime::from_ns(2_400),
            demand_service: SimTime::from_us(5),
            send_buffer: Bytes(256 << 10),
            send_resume: None,
            wake_on_request: WakeOnRequest::default(),
            write_batch: 0,
            zero_service: SimTime::from_ns(400),
            zero_page_detection: ZeroPageDetection::Multifd,
            max_bandwidth: None,
            max_postcopy_bandwidth: None,
            limiter_period: None,
            dirty_log_chunk: Bytes(1 << 30),
            dirty_log_interval: SimTime::ZERO,
            demand_mode: DemandMode::Pipelined,
            record_trap: SimTime::from_us(1),
        }
    }
}

impl SourceSettings {
    pub(crate) fn check(&self) -> Result<(), OutOfLimits> {
        expect(
            self.send_buffer.0 > 0,
            "source.send_buffer",
            "expected at least 1 byte",
        )?;
        let interval = self.dirty_log_interval;
        expect(
            interval == SimTime::ZERO || interval >= SimTime::from_ms(1),
            "source.dirty_log_interval",
            "expected 0 or at least 1 ms",
        )?;
        expect(
            self.write_batch <= 65_536,
            "source.write_batch",
            "expected at most 65536 pages",
        )?;
        self.wake_on_request.check()
    }

    /// Period of the rate limiter.
    pub fn limiter_period(&self) -> SimTime {
        self.limiter_period.unwrap_or(SimTime::from_ms(100))
    }

    /// The thread's work for pushed pages, of a trace's page size.
    pub fn pushing(&self, page_size: u64) -> PageWork {
        PageWork::new(page_size, self.push_service, self.zero_service)
    }

    /// The thread's work for a demanded page, in pages of that size.
    pub fn serving(&self, page_size: u64, content: Content) -> SimTime {
        let first = if content.is_zero() {
            self.zero_service
        } else {
            self.push_service
        };
        let rest = self.pushing(page_size).of(content).saturating_sub(first);
        self.demand_service + rest
    }
}
