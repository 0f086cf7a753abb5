//! Synthetic workloads: traces from a few parameters and a seed.
//!
//! The generator is ChaCha8 with a stream of its own for every purpose and vCPU: the same parameters give the same
//! bytes, and one more vCPU or another `write_fraction` leaves the rest of a trace as it was. Floating point appears in
//! the exponential and Zipf distributions only, and is rounded to an integer at once.

use std::io::Write;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Trace, TraceError, TraceHeader, TraceWriter};
use crate::units::Bytes;
use crate::units::SimTime;

mod accesses;
mod plan;
mod scattered;
mod validate;

use accesses::Accesses;
use plan::Plan;

/// Most records that are generated: about 2 GiB before compression.
const MAX_RECORDS: u128 = 1 << 28;

/// How a workload, or a part of a mixture, chooses its pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Page after page, again and again, at constant gaps.
    Sequential,
    /// Every `stride`-th page, then those beside them, at constant gaps: a matrix read by columns.
    Strided,
    /// Any page of the working set.
    Uniform,
    /// Few pages often, many seldom (Zipf's law); popular pages lie scattered over the working set.
    Zipf,
    /// Any page of a working set that moves to a random place with every phase.
    Phased,
    /// Each access by one of several parts, chosen by weight.
    Mixture,
}

impl Kind {
    /// As a scenario names it.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Sequential => "sequential",
            Kind::Strided => "strided",
            Kind::Uniform => "uniform",
            Kind::Zipf => "zipf",
            Kind::Phased => "phased",
            Kind::Mixture => "mixture",
        }
    }
}

/// A workload as a scenario describes it. Only `kind` is required; a key that its kind does not use is an error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Workload {
    /// How pages are chosen.
    pub kind: Kind,
    /// Memory that is accessed (not for `mixture`), in the middle of the address space, so that a push in address order
    /// neither begins nor ends with it. Default: half the memory, as in a VM that has been given enough; for `phased`
    /// an eighth, so that the places of its phases are mostly apart.
    pub working_set: Option<Bytes>,
    /// Distance in pages, for `strided`. Default: 8, a row of 4,096 doubles in pages of 4 KiB.
    pub stride: Option<u32>,
    /// Exponent, for `zipf`: above 0, at most 10. Default: 0.99, that of the YCSB benchmark.
    pub exponent: Option<f64>,
    /// Length of a phase, for `phased`, at least 1 ms. Default: 1 s, of the order of a migration.
    pub phase: Option<SimTime>,
    /// The parts of a `mixture`, with working sets side by side.
    pub parts: Option<Vec<Part>>,
    /// Page accesses per second and vCPU. Gaps are constant for `sequential` and `strided`, exponential for the others.
    /// Default: 100,000, as in the QEMU recording of a sort pipeline.
    pub rate: Option<u64>,
    /// Share of stores among the accesses, from 0 to 1. Default: 0.3, a common share among a program's memory accesses.
    pub write_fraction: Option<f64>,
    /// Length of the trace. Default: 10 s, longer than the default migration, so that it seldom wraps around.
    pub duration: Option<SimTime>,
    /// vCPUs, which share the working set; sweeps start evenly spread over it. Default: 1.
    pub vcpus: Option<u16>,
    /// Seed of the generator. Default: 1.
    pub seed: Option<u64>,
    /// Share of zero pages outside the working set, from 0 to 1, in extents of 64 pages. Default: 0.5, as in small
    /// guests that have just booted.
    pub zero_fraction: Option<f64>,
}

/// A part of a mixture; keys as in [`Workload`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// How pages are chosen; anything but `mixture`.
    pub kind: Kind,
    /// Accesses by this part, in proportion to the weights of the others. Default: 1.
    pub weight: Option<u32>,
    /// Default: half the memory divided by the number of parts; for `phased` an eighth of the memory.
    pub working_set: Option<Bytes>,
    /// As [`Workload::stride`].
    pub stride: Option<u32>,
    /// As [`Workload::exponent`].
    pub exponent: Option<f64>,
    /// As [`Workload::phase`].
    pub phase: Option<SimTime>,
}

/// Why a workload cannot be generated.
#[derive(Debug, thiserror::Error)]
pub enum WorkloadError {
    /// A key has a value that it cannot have.
    #[error("workload: {key}: expected {expected}")]
    Key {
        /// The key.
        key: String,
        /// What it should have been.
        expected: String,
    },
    /// The trace cannot be written or opened.
    #[error(transparent)]
    Trace(#[from] TraceError),
}

impl Workload {
    /// The seed that counts, whether the scenario names it or not.
    pub fn seed(&self) -> u64 {
        self.seed.unwrap_or(1)
    }

    /// Generates the trace in memory, for a VM of `memory` bytes in pages of `page_size` bytes.
    ///
    /// # Errors
    /// [`WorkloadError::Key`] names the key that does not fit the kind, the memory or the limit of 2^28 records.
    pub fn generate(&self, memory: u64, page_size: u64) -> Result<Trace, WorkloadError> {
        // Compression that costs little: the trace lives as long as the process.
        const LEVEL: i32 = 1;
        let bytes = self.write(memory, page_size, Vec::new(), LEVEL)?;
        let name = format!("synthetic {}", self.kind.name());
        Ok(Trace::from_bytes(&name, bytes.into())?)
    }

    /// Writes the trace to `out`, compressed at a zstd level.
    ///
    /// # Errors
    /// As [`Workload::generate`].
    pub fn write<W: Write>(
        &self,
        memory: u64,
        page_size: u64,
        out: W,
        level: i32,
    ) -> Result<W, WorkloadError> {
        let plan = Plan::new(self, memory, page_size)?;
        let header = TraceHeader {
            page_size,
            pages: plan.pages,
            ram: Vec::new(),
            vcpus: plan.vcpus,
            tick_ns: 1,
            compaction_ns: 0,
            provenance: plan.provenance(),
        };
        let mut writer = TraceWriter::with_level(out, header, plan.zero_runs(), level)?;
        for vcpu in 0..plan.vcpus {
            for record in Accesses::new(&plan, vcpu) {
                writer.push(record)?;
            }
        }
        Ok(writer.finish(Some(plan.duration_ns))?)
    }
}

#[cfg(test)]
mod tests;
