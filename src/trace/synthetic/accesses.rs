//! The accesses of one vCPU.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp1};

use super::plan::{Pattern, Plan, Purpose, Region};
use crate::trace::{Op, Record};

const SECOND_NS: u64 = 1_000_000_000;

/// Yields a vCPU's records in time order, up to the end of the trace.
pub(super) struct Accesses<'a> {
    plan: &'a Plan,
    vcpu: u16,
    time_ns: u64,
    /// Accesses so far.
    count: u64,
    total_weight: u64,
    gaps: ChaCha8Rng,
    choices: ChaCha8Rng,
    ops: ChaCha8Rng,
    walks: Vec<Walk<'a>>,
}

impl<'a> Accesses<'a> {
    pub(super) fn new(plan: &'a Plan, vcpu: u16) -> Self {
        let walk = |(part, region): (usize, &'a Region)| Walk {
            region,
            steps: u64::from(region.pages) * u64::from(vcpu) / u64::from(plan.vcpus),
            generator: plan.generator(Purpose::Page, part, vcpu),
        };
        Accesses {
            plan,
            vcpu,
            time_ns: 0,
            count: 0,
            total_weight: plan
                .regions
                .iter()
                .map(|region| u64::from(region.weight))
                .sum(),
            gaps: plan.generator(Purpose::Gap, 0, vcpu),
            choices: plan.generator(Purpose::Choice, 0, vcpu),
            ops: plan.generator(Purpose::Op, 0, vcpu),
            walks: plan.regions.iter().enumerate().map(walk).collect(),
        }
    }

    /// Moves to the time of the next access.
    fn advance(&mut self) {
        if self.plan.random_gaps {
            let gap: f64 = Exp1.sample(&mut self.gaps);
            let gap_ns = (gap * SECOND_NS as f64 / self.plan.rate as f64).round();
            self.time_ns = self.time_ns.saturating_add(gap_ns as u64);
        } else {
            let exact = u128::from(self.count) * u128::from(SECOND_NS) / u128::from(self.plan.rate);
            self.time_ns = u64::try_from(exact).unwrap_or(u64::MAX);
        }
        self.count += 1;
    }

    /// The part whose turn it is, by weight.
    fn choose(&mut self) -> Option<&mut Walk<'a>> {
        let mut left = match self.walks.len() {
            1 => 0,
            _ => self.choices.random_range(0..self.total_weight),
        };
        self.walks.iter_mut().find(|walk| {
            let weight = u64::from(walk.region.weight);
            let chosen = left < weight;
            left = left.saturating_sub(weight);
            chosen
        })
    }
}

impl Iterator for Accesses<'_> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        self.advance();
        let time_ns = self.time_ns;
        if time_ns >= self.plan.duration_ns {
            return None;
        }
        let op = if self.ops.random_bool(self.plan.write_fraction) {
            Op::Write
        } else {
            Op::Read
        };
        let page = self.choose()?.page(time_ns)?;
        Some(Record {
            time_ns,
            vcpu: self.vcpu,
            page,
            op,
        })
    }
}

/// One part's way through its working set.
struct Walk<'a> {
    region: &'a Region,
    /// Pages visited by a sweep; those of later vCPUs start further on.
    steps: u64,
    generator: ChaCha8Rng,
}

impl Walk<'_> {
    fn page(&mut self, time_ns: u64) -> Option<u32> {
        let pages = self.region.pages;
        let step = self.steps;
        self.steps += 1;
        let within = match &self.region.pattern {
            Pattern::Sequential => (step % u64::from(pages)) as u32,
            Pattern::Strided { stride } => strided(step, *stride, pages),
            Pattern::Uniform => self.generator.random_range(0..pages),
            Pattern::Zipf { ranks, by_rank } => {
                let rank = ranks.sample(&mut self.generator) as u32;
                by_rank.page(rank.clamp(1, pages) - 1)
            }
            Pattern::Phased { phase_ns, starts } => {
                let start = starts.get((time_ns / phase_ns) as usize)?;
                return Some(start + self.generator.random_range(0..pages));
            }
        };
        Some(self.region.first + within)
    }
}

/// Every `stride`-th page from the first on, then every `stride`-th from the second on, and so on.
fn strided(step: u64, stride: u32, pages: u32) -> u32 {
    let (stride, pages) = (u64::from(stride), u64::from(pages));
    let rows = pages.div_ceil(stride);
    let (lane, row) = (step / rows % stride, step % rows);
    ((row * stride + lane) % pages) as u32
}

#[cfg(test)]
mod tests {
    use super::strided;

    #[test]
    fn strided_visits_every_page() {
        let visit = |pages| (0..pages as u64).map(move |step| strided(step, 4, pages));
        assert_eq!(visit(8).collect::<Vec<_>>(), [0, 4, 1, 5, 2, 6, 3, 7]);
        let mut pages: Vec<u32> = (0..12).map(|step| strided(step, 4, 10)).collect();
        pages.sort_unstable();
        pages.dedup();
        assert_eq!(pages, (0..10).collect::<Vec<_>>());
    }
}
