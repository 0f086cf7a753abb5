//! A workload whose parameters have been checked and completed.

use std::ops::Range;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::Zipf;

use super::scattered::Scattered;
use super::validate::{check, error, fraction, page_count, parts};
use super::{Kind, MAX_RECORDS, Part, Workload, WorkloadError};
use crate::memory::PageRun;
use crate::units::SimTime;

/// Most phases: their places are held in memory.
const MAX_PHASES: u64 = 1 << 20;
/// Zero pages come in extents, as allocators leave them.
const ZERO_EXTENT: usize = 64;

/// What a stream of random numbers is for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    Layout = 0,
    ZeroPages = 1,
    Gap = 2,
    Choice = 3,
    Op = 4,
    Page = 5,
}

pub(super) struct Plan {
    pub(super) pages: u32,
    pub(super) vcpus: u16,
    pub(super) rate: u64,
    /// Gaps between accesses are exponential, not constant.
    pub(super) random_gaps: bool,
    pub(super) write_fraction: f64,
    pub(super) duration_ns: u64,
    pub(super) regions: Vec<Region>,
    zero_fraction: f64,
    seed: u64,
}

/// The working set of a part, and how its pages are chosen.
pub(super) struct Region {
    pub(super) first: u32,
    pub(super) pages: u32,
    pub(super) weight: u32,
    pub(super) pattern: Pattern,
    kind: Kind,
}

pub(super) enum Pattern {
    Sequential,
    Strided {
        stride: u32,
    },
    Uniform,
    /// The pages by falling popularity.
    Zipf {
        ranks: Zipf<f64>,
        by_rank: Scattered,
    },
    /// Where the working set begins in each phase.
    Phased {
        phase_ns: u64,
        starts: Vec<u32>,
    },
}

impl Plan {
    pub(super) fn new(
        workload: &Workload,
        memory: u64,
        page_size: u64,
    ) -> Result<Plan, WorkloadError> {
        let parts = parts(workload)?;
        let pages = page_count(memory, page_size)?;
        let duration = workload.duration.unwrap_or(SimTime::from_ms(10_000));
        let rate = workload.rate.unwrap_or(100_000);
        let vcpus = workload.vcpus.unwrap_or(1);
        let duration_ns = duration.as_ps() / 1_000;
        check(duration_ns > 0, "duration", || "at least 1 ns".to_owned())?;
        check((1..=1_000_000_000).contains(&rate), "rate", || {
            format!("1 to 1000000000 accesses per second, found {rate}")
        })?;
        check((1..u16::MAX).contains(&vcpus), "vcpus", || {
            format!("1 to 65534, found {vcpus}")
        })?;
        let records =
            u128::from(rate) * u128::from(vcpus) * u128::from(duration_ns) / 1_000_000_000;
        check(records <= MAX_RECORDS, "rate", || {
            format!("rate × duration × vcpus of at most {MAX_RECORDS} accesses, found {records}")
        })?;
        let mut plan = Plan {
            pages,
            vcpus,
            rate,
            random_gaps: !matches!(workload.kind, Kind::Sequential | Kind::Strided),
            write_fraction: fraction(workload.write_fraction.unwrap_or(0.3), "write_fraction")?,
            duration_ns,
            regions: Vec::new(),
            zero_fraction: fraction(workload.zero_fraction.unwrap_or(0.5), "zero_fraction")?,
            seed: workload.seed(),
        };
        plan.lay_out(&parts, page_size)?;
        Ok(plan)
    }

    /// The generator for a purpose of one part and vCPU.
    pub(super) fn generator(&self, purpose: Purpose, part: usize, vcpu: u16) -> ChaCha8Rng {
        let mut generator = ChaCha8Rng::seed_from_u64(self.seed);
        generator.set_stream((purpose as u64) << 48 | (part as u64) << 16 | u64::from(vcpu));
        generator
    }

    /// Puts the working sets side by side in the middle of the memory; a phased one moves over all of it.
    fn lay_out(&mut self, parts: &[Part], page_size: u64) -> Result<(), WorkloadError> {
        let sizes = parts
            .iter()
            .map(|part| {
                let size = match (part.working_set, part.kind) {
                    (Some(bytes), _) => bytes.0.div_ceil(page_size),
                    (None, Kind::Phased) => u64::from(self.pages) / 8,
                    (None, _) => u64::from(self.pages) / 2 / parts.len() as u64,
                };
                let set = part.working_set.is_some();
                check(
                    !set || (1..=u64::from(self.pages)).contains(&size),
                    "working_set",
                    || format!("1 to {} pages, found {size}", self.pages),
                )?;
                Ok(size.max(1) as u32)
            })
            .collect::<Result<Vec<_>, WorkloadError>>()?;
        let fixed = parts
            .iter()
            .zip(&sizes)
            .filter(|(part, _)| part.kind != Kind::Phased);
        let total: u64 = fixed.map(|(_, &size)| u64::from(size)).sum();
        check(total <= u64::from(self.pages), "working_set", || {
            format!(
                "working sets of at most {} pages in all, found {total}",
                self.pages
            )
        })?;
        let mut first = (self.pages - total as u32) / 2;
        for (index, (part, &pages)) in parts.iter().zip(&sizes).enumerate() {
            let pattern = self.pattern(part, index, pages)?;
            let weight = part.weight.unwrap_or(1);
            self.regions.push(Region {
                first,
                pages,
                weight,
                pattern,
                kind: part.kind,
            });
            if part.kind != Kind::Phased {
                first += pages;
            }
        }
        Ok(())
    }

    fn pattern(&self, part: &Part, index: usize, pages: u32) -> Result<Pattern, WorkloadError> {
        let mut generator = self.generator(Purpose::Layout, index, 0);
        Ok(match part.kind {
            Kind::Sequential => Pattern::Sequential,
            Kind::Strided => {
                let stride = part.stride.unwrap_or(8.min(pages));
                check((1..=pages).contains(&stride), "stride", || {
                    format!("1 page to the working set's {pages}, found {stride}")
                })?;
                Pattern::Strided { stride }
            }
            Kind::Zipf => {
                let exponent = part.exponent.unwrap_or(0.99);
                let ranks = Zipf::new(f64::from(pages), exponent).ok();
                let ranks = ranks.filter(|_| exponent > 0.0 && exponent <= 10.0);
                Pattern::Zipf {
                    ranks: ranks.ok_or_else(|| {
                        error(
                            "exponent",
                            format!("a number above 0, at most 10, found {exponent}"),
                        )
                    })?,
                    by_rank: Scattered::new(pages, &mut generator),
                }
            }
            Kind::Phased => {
                let phase_ns = part.phase.unwrap_or(SimTime::from_ms(1_000)).as_ps() / 1_000;
                let phases = self.duration_ns.div_ceil(phase_ns.max(1));
                check(
                    phase_ns >= 1_000_000 && phases <= MAX_PHASES,
                    "phase",
                    || format!("at least 1 ms, and at most {MAX_PHASES} phases in the trace"),
                )?;
                let last = self.pages - pages;
                Pattern::Phased {
                    phase_ns,
                    starts: (0..phases)
                        .map(|_| generator.random_range(0..=last))
                        .collect(),
                }
            }
            Kind::Uniform | Kind::Mixture => Pattern::Uniform,
        })
    }

    pub(super) fn zero_runs(&self) -> Vec<PageRun> {
        let mut generator = self.generator(Purpose::ZeroPages, 0, 0);
        let mut runs: Vec<PageRun> = Vec::new();
        for gap in self.unused() {
            for first in gap.clone().step_by(ZERO_EXTENT) {
                if !generator.random_bool(self.zero_fraction) {
                    continue;
                }
                let count = (gap.end - first).min(ZERO_EXTENT as u32);
                match runs.last_mut() {
                    Some(run) if run.end() == u64::from(first) => run.count += count,
                    _ => runs.push(PageRun { first, count }),
                }
            }
        }
        runs
    }

    /// Pages outside all working sets.
    fn unused(&self) -> Vec<Range<u32>> {
        let mut used: Vec<(u32, u32)> = Vec::new();
        for region in &self.regions {
            match &region.pattern {
                Pattern::Phased { starts, .. } => {
                    used.extend(starts.iter().map(|&start| (start, start + region.pages)));
                }
                _ => used.push((region.first, region.first + region.pages)),
            }
        }
        used.sort_unstable();
        let (mut unused, mut end) = (Vec::new(), 0);
        for (start, stop) in used.into_iter().chain([(self.pages, self.pages)]) {
            if start > end {
                unused.push(end..start);
            }
            end = end.max(stop);
        }
        unused
    }

    pub(super) fn provenance(&self) -> String {
        let regions = self.regions.iter().map(|region| {
            format!(
                "{} × {} of {} pages",
                region.weight,
                region.kind.name(),
                region.pages
            )
        });
        format!(
            "synthetic: {}; {} accesses per second and vCPU, {} of them writes; seed {}",
            regions.collect::<Vec<_>>().join(" + "),
            self.rate,
            self.write_fraction,
            self.seed
        )
    }
}
