//! # migsim
//!
//! A deterministic, trace-driven discrete-event simulator of VM live migration at page granularity. It replays recorded
//! memory-access traces and compares migration strategies (post-copy, pre-record, pre-record + PDoPMP) on page faults,
//! downtime, total migration time and vCPU stall.
//!
//! ## The model on one page
//!
//! Three actors, joined by one event queue; time is integer picoseconds ([`units::SimTime`]) from the migration command.
//!
//! ```text
//!  source host                       network link                      destination host
//!  vCPUs run + recorder   ──────▶  data: bandwidth, latency,   ──────▶  receive → install page → wake vCPUs
//!  migration thread                 packet overhead, queue              vCPUs replay the trace
//!  push order, requests  ◀──────   requests: latency          ◀──────  page fault → request
//! ```
//!
//! 1. **On the source**. A strategy that records lets the VM run on for a window W; each first access to a page costs its
//!    vCPU a trap ([`guest::recording`]). Pre-copy sends memory in rounds meanwhile ([`migration::pre_copy`]). Others
//!    suspend the VM at once.
//! 2. **Switch-over** ([`migration::SwitchOver`]). Suspend, core state over the link, latency, resume: the downtime.
//! 3. **After the resume** ([`migration::migrate`]). The migration thread ([`host::source::SourceHost`]) serves the oldest
//!    pending request, else pushes the strategy's next page ([`strategy::Strategy`]), while fewer than `send_buffer` bytes
//!    wait on the link. The [`network`] transmits messages by bandwidth and packet overhead; demanded pages queue behind
//!    pushed ones, share with them, or go first. One receiving thread installs pages in the order of their departure
//!    ([`host::destination::Receiver`]). A vCPU that touches a missing page stalls ([`host::destination::Destination`]): the trap,
//!    a request if nobody has made one for this page (the destination does not know what is in flight), the way there,
//!    the page's way back, its installation, the wake-up. Total migration time ends with the last installation.
//!
//! A source that pushes by a plan is what the paper has in mind. A stock QEMU cannot, but it serves requests ahead of its
//! scan: with [`scenario::Delivery::DestinationFetch`] the source scans as post-copy's does, and threads on the destination
//! touch the plan's pages in order from the resume on, each with one request outstanding. Nothing tells these requests
//! from a vCPU's: trap, latency, their turn among the others, the scan's pivot. A page is requested once, whoever touches
//! it first; who comes later waits along. When a page is in place and its thread has woken up, the thread takes the next
//! page of the plan that is missing; going past pages that are there costs nothing. A wait of these threads is no stall.
//! With [`scenario::Delivery::FetchThenPush`] the scan begins when the last page of the plan is being asked for.
//!
//! Guest time passes only while a vCPU runs or sleeps, so a stall shifts everything after it. A page that has reached the
//! destination stays there: only the first touch of each page by each vCPU can fault, and the engine replays that
//! [*touch order*](guest::touch_order) instead of the raw records. A run costs what the number of distinct pages costs.
//! vCPUs run beside each other, but for those that were idle when the trace was recorded, if its recorder tells: such a vCPU
//! goes on as soon as another that ran when it was woken has come as far, or where none ran, after as long as it was idle.
//!
//! What happens at one instant has a fixed order (see [`migration`]), generators are seeded and portable, and runs are
//! parallel only beside each other: the same inputs give the same bytes on every run, thread count and machine.
//!
//! ## The way of the data
//!
//! [`trace`] → [`scenario`] → simulation ([`migration`], several strategies by [`run::compare`]) → [`measure`], or a
//! breakdown of the stall ([`measure::explain`]) → [`report`]. For a real migration: a recording → [`plan`]. The command line ([`cli`]) only joins them.
//!
//! ## Where it comes from
//!
//! Z. Shan, J. Qiao, S. Lin, *Live Migration of Virtual Machine with Pre-Record and Use PDoPMP to Analyse Memory Access
//! Trend*, PDCAT 2017, doi 10.1109/PDCAT.2017.00038. Only its abstract is public: PDoPMP here is a **reconstruction from
//! the abstract** ([`strategy::pdopmp`]), and no number of the paper is claimed.
//!
//! ## As a library
//!
//! ```
//! use migsim::run::compare::compare;
//! use migsim::scenario::ScenarioSource;
//! use migsim::strategy::Registry;
//! use migsim::trace::{Op, Record, Trace, TraceHeader, TraceWriter};
//!
//! let header = TraceHeader {
//!     page_size: 4096,
//!     pages: 256,
//!     vcpus: 1,
//!     tick_ns: 1,
//!     compaction_ns: 0,
//!     provenance: "every second page, one a microsecond".to_owned(),
//! };
//! let mut writer = TraceWriter::new(Vec::new(), header, Vec::new())?;
//! for step in 0..128u32 {
//!     writer.push(Record { time_ns: u64::from(step) * 1_000, vcpu: 0, page: 2 * step, op: Op::Read })?;
//! }
//! let trace = Trace::from_bytes("example", writer.finish(None)?.into())?;
//!
//! let mut source = ScenarioSource::embedded();
//! source.set("trace.start=0")?;
//! source.set("migration.record_window=20 us")?;
//! let runs = compare(&source.scenario()?, &trace, &Registry::standard())?;
//! let (post_copy, clairvoyant) = (&runs[0].metrics, &runs[3].metrics);
//! assert!(clairvoyant.stall < post_copy.stall);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

// Only `message` writes to standard error: a stream that cannot be written must stop nothing.
#![warn(clippy::print_stderr, clippy::print_stdout)]

pub mod cli;
pub mod engine;
pub mod figures;
pub(crate) mod file;
pub mod guest;
pub mod host;
pub mod measure;
pub mod memory;
pub(crate) mod message;
pub mod migration;
pub mod network;
pub mod plan;
pub mod plot;
pub mod report;
pub mod run;
pub mod scenario;
pub mod strategy;
pub mod trace;
pub mod units;
pub mod validation;
