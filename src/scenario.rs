//! Scenarios: everything that a run depends on beside the trace, as TOML with human units.
//!
//! Each section's keys, with their defaults and the reasons for them, are documented at its type. Every key can be set
//! in a file or by name: `link.bandwidth`, `migration.record_window`.

pub mod axis;
mod error;
mod fit;
mod identity;
pub mod keys;
mod layer;
mod load;
mod locate;
pub mod profile;
mod quantity;
mod set;
mod sweep_section;
mod trace_source;

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use error::ScenarioError;
pub use fit::FitError;
pub use load::ScenarioSource;
pub(crate) use set::value_of;
pub use sweep_section::WrittenAxis;
pub use trace_source::OpenTraceError;

use crate::guest::replay::{AtEnd, TimeScale};
use crate::host::destination::DestinationSettings;
use crate::host::source::SourceSettings;
use crate::network::{LinkSettings, SMALLEST_MTU};
use crate::strategy;
use crate::strategy::hybrid::HybridSettings;
use crate::strategy::parameters::ByStrategy;
use crate::strategy::pdopmp::PdopmpSettings;
use crate::strategy::plan::PlanSettings;
use crate::strategy::pre_record::PreRecordSettings;
use crate::trace::synthetic::Workload;
use crate::units::{AddressRanges, Bytes, SimTime};

/// A whole scenario. The default is the one that `migsim compare` runs without arguments.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Scenario {
    /// `[trace]`: what the guest does.
    pub trace: TraceSettings,
    /// `[vm]`: the virtual machine.
    pub vm: VmSettings,
    /// `[link]`: the network between the hosts.
    pub link: LinkSettings,
    /// `[source]`: what the migration thread does and how long it takes.
    pub source: SourceSettings,
    /// `[destination]`: what a fault costs beside the network.
    pub destination: DestinationSettings,
    /// `[migration]`: what is compared, the record window, and the end of pre-copy.
    pub migration: MigrationSettings,
    /// `[pre-record]`: the order of the pre-recorded page set.
    #[serde(rename = "pre-record")]
    pub pre_record: PreRecordSettings,
    /// `[hybrid]`: when a live round gives way to post-copy.
    pub hybrid: HybridSettings,
    /// `[pdopmp]`: the assumptions of the reconstruction.
    pub pdopmp: PdopmpSettings,
    /// `[plan]`: a plan from a file, for strategy `plan`.
    pub plan: PlanSettings,
    /// `[strategy.NAME]`: parameters of a strategy from outside of the crate, which defines them.
    #[schemars(with = "BTreeMap<String, BTreeMap<String, serde_json::Value>>")]
    pub strategy: ByStrategy,
}

/// `[trace]`: what the guest does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a section with keys")]
pub struct TraceSettings {
    /// A recorded trace (`.mtrace`). A relative path starts at the scenario's file. Default: the recording inside the
    /// program.
    pub file: Option<PathBuf>,
    /// A synthetic workload, instead of a recorded trace.
    pub workload: Option<Workload>,
    /// Position of the migration command in the trace, in recorded time, rounded to the recorder's epochs. Default 2
    /// s: a recording's first moments touch every page for the first time.
    pub start: SimTime,
    /// Guest time per recorded time. Default 1. A recorder that slows the guest down f times needs 1/f.
    pub time_scale: TimeScale,
    /// What the guest does at the end of the trace. Default `wrap`: recordings are short, and most guests go on.
    pub at_end: AtEnd,
}

impl Default for TraceSettings {
    fn default() -> Self {
        TraceSettings {
            file: None,
            workload: None,
            start: SimTime::from_ms(2_000),
            time_scale: TimeScale::default(),
            at_end: AtEnd::Wrap,
        }
    }
}

/// `[vm]`: the virtual machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a section with keys")]
pub struct VmSettings {
    /// Guest memory. Default: the trace's, or 256 MiB for a synthetic workload. The guest never touches what exceeds
    /// its trace's memory, and that part has content, but for [`free`](VmSettings::free).
    pub memory: Option<Bytes>,
    /// How much of the memory has no content, beside what the trace says is zero: of the pages that the trace never
    /// touches the highest. At most as much as there is of them. Default 0.
    pub free: Bytes,
    /// Guest-physical addresses that are RAM, such as `"0-3GiB,4GiB-5GiB"` or a list of ranges, in whole pages; an open
    /// last range ends where the trace's memory does. What lies between them is neither sent nor may it be touched.
    /// Pages of RAM are numbered without the holes. Default: as the trace has it.
    pub ram: Option<AddressRanges>,
    /// Page of the trace. Default: as recorded, or 4 KiB for a synthetic workload.
    pub page_size: Option<Bytes>,
    /// Host page, the unit of fault and transfer, up to 1 GiB. It is sent as the trace's pages in it, of which those
    /// without content are sent as zero pages (QEMU: `migration/ram.c`, `ram_save_host_page`). Default: the trace's
    /// page.
    pub host_page: Option<Bytes>,
    /// CPU and device state, sent while no vCPU runs. Default 1 MiB, an assumption: the order of magnitude of a
    /// machine with a few emulated devices.
    pub core_state: Bytes,
    /// Time to stop the vCPUs and save their state. Default 2 ms, an assumption.
    pub suspend: SimTime,
    /// Time to load the state and start the vCPUs. Default 5 ms, an assumption.
    pub resume: SimTime,
}

impl Default for VmSettings {
    fn default() -> Self {
        VmSettings {
            memory: None,
            free: Bytes(0),
            ram: None,
            page_size: None,
            host_page: None,
            core_state: Bytes(1 << 20),
            suspend: SimTime::from_ms(2),
            resume: SimTime::from_ms(5),
        }
    }
}

/// How a strategy's planned pages come to the destination ahead of the others.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Delivery {
    /// The source pushes them first (the paper).
    SourcePush,
    /// The source is one that knows nothing of the plan, such as a stock QEMU, and scans memory. Threads on the
    /// destination touch the plan's pages in order from the resume on; each fault makes a request as a vCPU's does, and
    /// requests go before the scan. Strategies without a plan are as ever.
    DestinationFetch,
    /// The same, but the source scans only once the last page of the plan is being asked for: its push is held back by
    /// a rate limit that does not hold for requests, and released by whoever runs the migration, one latency later.
    FetchThenPush,
}

impl Delivery {
    /// In files.
    pub const fn name(self) -> &'static str {
        match self {
            Delivery::SourcePush => "source-push",
            Delivery::DestinationFetch => "destination-fetch",
            Delivery::FetchThenPush => "fetch-then-push",
        }
    }

    /// Whether the destination fetches the plan.
    pub fn is_fetch(self) -> bool {
        self != Delivery::SourcePush
    }
}

/// `[migration]`: what is compared, the record window, and the end of pre-copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a section with keys")]
pub struct MigrationSettings {
    /// Names of the strategies, in the order of the rows. Default: post-copy, the paper's two,
    /// pre-copy and hybrids, and the clairvoyant.
    pub strategies: Vec<String>,
    /// How long a recording strategy lets the VM run on at the source. Default 500 ms, an assumption: the abstract
    /// names no number.
    pub record_window: SimTime,
    /// Whether the source sends memory during the record window: pages that were read and not written first. Default
    /// `true`, the reading of the abstract under which its claim on total time can hold. `false` is the literal one:
    /// the link is idle until the pre-recorded pages are sent. It goes with a destination that fetches the plan, whose
    /// source knows nothing of the recorder.
    pub push_while_recording: bool,
    /// Whether the source pushes pages while the destination loads the core state: from the state's departure on, and
    /// not only from the resume on. Default `true`: QEMU's source goes on with pages behind the state, and the
    /// destination's listen thread places them beside it (`migration/savevm.c`, `loadvm_postcopy_handle_listen`;
    /// `docs/journal/2026-11-30-live-round.md`).
    pub push_while_resuming: bool,
    /// Whether, on a link that is idle meanwhile, the core state is sent during the record window, which lasts at least
    /// as long as that takes; what is left of the switch-over is suspend, latency and resume. Default `false`; `true`
    /// is the reading of patent CN110795213B, at its most favourable, as no state is sent twice.
    pub overlap_core: bool,
    /// How long the VM runs on, unrecorded, while a migration is set up that sends nothing before the suspension:
    /// connections, the setup section, and what is left of a period of the rate limiter. Lead-ins that send memory
    /// begin at once. Default 0. In QEMU, post-copy starts from pre-copy's loop. If `max-bandwidth` is so low that the
    /// setup section uses it up, the loop sleeps until 100 ms are over (`migration/migration.c`,
    /// `migration_rate_limit`, `BUFFER_DELAY`).
    pub setup_time: SimTime,
    /// How long the VM runs on, unrecorded, between its record window and its suspension: while a planner works that
    /// stands beside the hypervisor. Default 0.
    pub planning_time: SimTime,
    /// Time per recorded access that a strategy that records computes while the VM is suspended. It is part of the
    /// downtime. Default 0: the recording can be sorted while it is made, and nobody needs the order of the first
    /// pages before the core state was sent. `benches/plan.rs` measures what it takes.
    pub planning_cost: SimTime,
    /// Who follows the plan. Default `source-push`: the paper.
    pub delivery: Delivery,
    /// Number of threads that fetch the plan's pages, each with one request outstanding. Default 64: the default send
    /// buffer in pages of 4 KiB. With far fewer, the scan fills the link between them. Each more is a page that a
    /// vCPU's own request may wait behind. On six recordings, 16 to 256 differ by a few per cent in total; 64 was
    /// best on a link with one queue. With `fetch-then-push`, 8 fill the link
    /// (`docs/journal/2026-11-26-qemu-10.0.md`).
    pub fetch_outstanding: u16,
    /// Longest downtime that pre-copy accepts: it suspends the VM when it estimates that the remainder takes no
    /// longer. Default 300 ms: QEMU (`migration/options.c`, `DEFAULT_MIGRATE_SET_DOWNTIME`).
    pub downtime_limit: SimTime,
    /// Rounds after which pre-copy suspends the VM, however much is dirty. 0 is stop-and-copy. Default 30: Xen for a
    /// decade (`tools/libxc/xc_domain_save.c`, `DEF_MAX_ITERS`: "limit us to 30 times round loop"). QEMU has no such
    /// limit and may never finish.
    pub max_rounds: u32,
}

impl Default for MigrationSettings {
    fn default() -> Self {
        MigrationSettings {
            strategies: strategy::COMPARED_BY_DEFAULT.map(str::to_owned).to_vec(),
            record_window: SimTime::from_ms(500),
            push_while_recording: true,
            push_while_resuming: true,
            overlap_core: false,
            setup_time: SimTime::ZERO,
            planning_time: SimTime::ZERO,
            planning_cost: SimTime::ZERO,
            delivery: Delivery::SourcePush,
            fetch_outstanding: 64,
            downtime_limit: SimTime::from_ms(300),
            max_rounds: 30,
        }
    }
}

/// A value that is of the right type but makes no sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unfit {
    pub(crate) key: &'static str,
    pub(crate) expected: String,
}

impl Scenario {
    /// What strategies are built from.
    pub fn strategy_settings(&self) -> strategy::Settings<'_> {
        strategy::Settings {
            push: self.source.push,
            pre_record: &self.pre_record,
            pdopmp: &self.pdopmp,
            hybrid: &self.hybrid,
            push_while_recording: self.migration.push_while_recording
                && !self.migration.delivery.is_fetch(),
            plan: &self.plan,
            own: &self.strategy,
            downtime_limit: self.migration.downtime_limit,
            max_rounds: self.migration.max_rounds,
        }
    }

    /// Checks what types alone cannot.
    fn check(&self) -> Result<(), Unfit> {
        let unfit = |key, expected: &str| {
            Err(Unfit {
                key,
                expected: expected.to_owned(),
            })
        };
        if self.trace.file.is_some() && self.trace.workload.is_some() {
            return unfit(
                "trace.workload",
                "expected either a file or a workload, not both",
            );
        }
        if !(SMALLEST_MTU..=65_535).contains(&self.link.mtu) {
            return unfit("link.mtu", "expected 68 to 65535 bytes");
        }
        if self.link.packet_overhead > 65_535 {
            return unfit("link.packet_overhead", "expected at most 65535 bytes");
        }
        for (key, bytes) in [
            ("link.message_header", self.link.message_header),
            ("link.zero_page_bytes", self.link.zero_page_bytes),
        ] {
            if bytes > 65_535 {
                return unfit(key, "expected at most 65535 bytes");
            }
        }
        if !(1..=128).contains(&self.link.connections) {
            return unfit("link.connections", "expected 1 to 128");
        }
        if self.link.connections > 1 && self.source.write_batch > 0 {
            return unfit(
                "link.connections",
                "expected 1, as source.write_batch gathers pages for one",
            );
        }
        if !self.link.segment_fits() {
            return unfit(
                "link.segment",
                "expected 0, or from a packet's payload (link.mtu less 52 bytes) to 1 MiB",
            );
        }
        if self.link.loss.as_ref().is_some_and(|loss| !loss.is_sound()) {
            return unfit("link.loss.per_million", "expected 1 to 10000");
        }
        // It is kept piece by piece.
        if self.link.device_queue.0 > 64 << 20 {
            return unfit("link.device_queue", "expected at most 64 MiB");
        }
        let period = self.source.limiter_period;
        let limits = [
            self.source.max_bandwidth,
            self.source.max_postcopy_bandwidth,
        ];
        if limits.iter().any(Option::is_some) && period == SimTime::ZERO {
            return unfit("source.limiter_period", "expected more than 0 with a limit");
        }
        if self.source.send_buffer.0 == 0 {
            return unfit("source.send_buffer", "expected at least 1 byte");
        }
        let interval = self.source.dirty_log_interval;
        if interval > SimTime::ZERO && interval < SimTime::from_ms(1) {
            return unfit("source.dirty_log_interval", "expected 0 or at least 1 ms");
        }
        if self.source.write_batch > 65_536 {
            return unfit("source.write_batch", "expected at most 65536 pages");
        }
        if self
            .source
            .send_resume
            .is_some_and(|resume| resume > self.source.send_buffer)
        {
            return unfit("source.send_resume", "expected at most source.send_buffer");
        }
        if self.source.overtaken_percent > 100 {
            return unfit("source.overtaken_percent", "expected at most 100");
        }
        if self.destination.receive_buffer.0 == 0 {
            return unfit("destination.receive_buffer", "expected at least 1 byte");
        }
        if self.vm.core_state.0 > 1 << 40 {
            return unfit("vm.core_state", "expected at most 1 TiB");
        }
        if self.migration.fetch_outstanding == 0 {
            return unfit(
                "migration.fetch_outstanding",
                "expected 1 to 65535 requests",
            );
        }
        if self.migration.max_rounds > 1_000 {
            return unfit("migration.max_rounds", "expected at most 1000 rounds");
        }
        if self.hybrid.rounds > 1_000 {
            return unfit("hybrid.rounds", "expected at most 1000 rounds");
        }
        // Planning takes time in proportion to both.
        if self.pdopmp.stream_gap > 65_536 {
            return unfit("pdopmp.stream_gap", "expected at most 65536 pages");
        }
        if self.pdopmp.reach_percent > 10_000 {
            return unfit("pdopmp.reach_percent", "expected at most 10000");
        }
        if self.migration.strategies.is_empty() {
            return unfit("migration.strategies", "expected at least one strategy");
        }
        Ok(())
    }
}
