//! # migsim
//!
//! A deterministic, trace-driven discrete-event simulator of VM live migration at page granularity. It replays recorded
//! memory-access traces and compares migration strategies (post-copy, pre-record, pre-record + PDoPMP) on page faults,
//! downtime, total migration time and vCPU stall.
//!
//! ## The model
//!
//! `docs/model.md` describes what is simulated, and `docs/ARCHITECTURE.md` the order of the modules. Where each part
//! is:
//!
//! | part of the model | code |
//! |---|---|
//! | time, bytes, bandwidth | [`units`] |
//! | memory, host pages | [`memory`] |
//! | the trace, and the guest that replays it | [`trace`], [`guest::replay`] |
//! | the record window | [`guest::recording`] |
//! | first touches after the switch-over | [`guest::touch_order`] |
//! | rounds on the source, switch-over, event loop | [`migration`] |
//! | the migration thread | [`host::source::SourceHost`] |
//! | push orders | [`strategy::Strategy`] |
//! | PDoPMP, a reconstruction from the abstract | [`strategy::pdopmp`] |
//! | link, channels, sockets | [`network`] |
//! | installation, vCPUs, fetching threads | [`host::destination`] |
//! | metrics, causes of stall | [`measure`] |
//!
//! ## The way of the data
//!
//! A trace and a scenario make a simulation; [`run::compare`] runs several strategies. [`measure`] turns a run into
//! metrics or into causes of its stall, and [`report`] prints them. A recording becomes a [`plan`] for a real
//! migration. The command line ([`cli`]) only joins these.
//!
//! ## Where it comes from
//!
//! Z. Shan, J. Qiao, S. Lin, *Live Migration of Virtual Machine with Pre-Record and Use PDoPMP to Analyse Memory Access
//! Trend*, PDCAT 2017, doi 10.1109/PDCAT.2017.00038. Only its abstract is public: PDoPMP here is a **reconstruction
//! from the abstract** ([`strategy::pdopmp`]), and no number of the paper is claimed.
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
//!     ram: Vec::new(),
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
//! let (post_copy, clairvoyant) = (&runs[0].metrics, &runs[6].metrics);
//! assert!(clairvoyant.stall < post_copy.stall);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

// Without the command line, some of what it alone uses inside the crate is left over.
#![cfg_attr(not(feature = "cli"), allow(dead_code, unused_imports))]
// Only `message` writes to standard error: a stream that cannot be written must stop nothing.
#![warn(clippy::print_stderr, clippy::print_stdout)]

#[cfg(feature = "cli")]
pub mod cli;
pub mod engine;
#[cfg(feature = "cli")]
pub mod figures;
pub(crate) mod file;
pub mod guest;
pub mod host;
pub(crate) mod limits;
pub mod measure;
pub mod memory;
pub(crate) mod message;
pub mod migration;
pub(crate) mod nearest;
pub mod network;
pub mod plan;
#[cfg(feature = "cli")]
pub mod plot;
pub mod report;
pub mod run;
pub mod scenario;
pub(crate) mod short_form;
pub mod strategy;
pub mod trace;
pub mod units;
pub mod validation;
