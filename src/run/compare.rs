//! Several strategies on one scenario and trace: what `compare` and `run` show, and what a point of a sweep is.

use rayon::prelude::*;

use crate::guest::recording::Preparation;
use crate::guest::replay::Replay;
use crate::measure::Metrics;
use crate::measure::explain::Explanation;
use crate::memory::{Memory, PageId};
use crate::migration::{
    MigrationError, Outcome, Probe, Sample, Samples, SwitchOver, migrate_observed,
};
use crate::scenario::{Scenario, TraceSettings, VmSettings};
use crate::strategy::{Entry, LeadIn, Order, Registry, Strategy, UnknownStrategy};
use crate::trace::{Trace, TraceHeader};
use crate::units::Bytes;
use crate::units::SimTime;

/// Why a comparison could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ComparisonError {
    /// A strategy's name is not registered.
    #[error(transparent)]
    Strategy(#[from] UnknownStrategy),
    /// Scenario and trace do not fit together.
    #[error("{key}: {problem}")]
    Misfit {
        /// The scenario's key.
        key: &'static str,
        /// What it is and what was expected.
        problem: String,
    },
    /// A run failed.
    #[error("{strategy}")]
    Run {
        /// Name of the strategy.
        strategy: String,
        /// What went wrong.
        source: MigrationError,
    },
    /// The record window or the touch order could not be made.
    #[error(transparent)]
    SwitchOver(#[from] MigrationError),
}

/// One strategy's run.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Name of the strategy.
    pub strategy: &'static str,
    /// What it came to.
    pub metrics: Metrics,
    /// Share of the stall between post-copy and clairvoyant that the strategy saves, where both ran beside it and differ.
    pub gap_closed: Option<f64>,
}

/// Runs the scenario's strategies on a trace. The runs are independent, go in parallel, and come back in the scenario's
/// order whatever the number of threads.
///
/// # Errors
///
/// [`ComparisonError`]; the first in the order of strategies.
pub fn compare(
    scenario: &Scenario,
    trace: &Trace,
    registry: &Registry,
) -> Result<Vec<Run>, ComparisonError> {
    let entries = scenario
        .migration
        .strategies
        .iter()
        .map(|name| registry.get(name))
        .collect::<Result<Vec<&Entry>, _>>()?;
    let ground = Ground::new(scenario, trace, &entries)?;
    let runs: Vec<Result<Run, ComparisonError>> =
        entries.par_iter().map(|entry| ground.run(entry)).collect();
    // In order, so that of several errors the first is returned.
    let mut runs = runs.into_iter().collect::<Result<Vec<Run>, _>>()?;
    rate_gaps(&mut runs.iter_mut().collect::<Vec<_>>());
    Ok(runs)
}

/// Runs one strategy and explains where its stall comes from.
///
/// # Errors
///
/// [`ComparisonError`].
pub fn explain(
    scenario: &Scenario,
    trace: &Trace,
    entry: &Entry,
) -> Result<Explanation, ComparisonError> {
    Ground::new(scenario, trace, &[entry])?.migrate(
        entry,
        &mut (),
        |switch_over, outcome, order| {
            Explanation::of(scenario, switch_over, &outcome, &predicted(order))
        },
    )
}

/// The pages of a plan that were not recorded.
fn predicted(order: &dyn Strategy) -> Vec<PageId> {
    let planned = order.planned().iter();
    planned
        .filter(|planned| !planned.recorded)
        .map(|planned| planned.page)
        .collect()
}

/// What runs of one scenario share.
pub(crate) struct Ground<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) replay: Replay<'a>,
    pub(super) plain: SwitchOver,
    /// If any strategy wants it: a long window of a busy guest is a lot to record.
    pub(super) recorded: Option<SwitchOver>,
}

impl<'a> Ground<'a> {
    fn new(
        scenario: &'a Scenario,
        trace: &'a Trace,
        entries: &[&Entry],
    ) -> Result<Self, ComparisonError> {
        let replay = replay(scenario, trace)?;
        let settings = scenario.strategy_settings();
        let records = entries
            .iter()
            .any(|entry| (entry.lead_in)(&settings).records());
        let prepare = |records| SwitchOver::prepare(scenario, &replay, records);
        let (plain, recorded) = rayon::join(
            || prepare(false),
            || records.then(|| prepare(true)).transpose(),
        );
        Ok(Ground {
            scenario,
            replay,
            plain: plain?,
            recorded: recorded?,
        })
    }

    /// Migrates the VM by a strategy while `probe` watches, and lets `look` make something of what comes out.
    fn migrate<T>(
        &self,
        entry: &Entry,
        probe: &mut impl Probe,
        look: impl FnOnce(&SwitchOver, Outcome, &dyn Strategy) -> T,
    ) -> Result<T, ComparisonError> {
        let failed = |source| ComparisonError::Run {
            strategy: entry.name.to_owned(),
            source,
        };
        let settings = self.scenario.strategy_settings();
        let in_rounds;
        let switch_over = match (entry.lead_in)(&settings) {
            LeadIn::Nothing => &self.plain,
            LeadIn::Record => self.recorded.as_ref().unwrap_or(&self.plain),
            LeadIn::Rounds(rounds) => {
                in_rounds = SwitchOver::after_rounds(self.scenario, &self.replay, rounds)
                    .map_err(failed)?;
                &in_rounds
            }
        };
        let mut order = match entry.order {
            Order::Causal(build) => build(&settings),
            Order::Oracle(build) => build(&settings, &self.plain.touch_order),
        };
        let outcome =
            migrate_observed(self.scenario, switch_over, order.as_mut(), probe).map_err(failed)?;
        Ok(look(switch_over, outcome, order.as_ref()))
    }

    pub(crate) fn run(&self, entry: &Entry) -> Result<Run, ComparisonError> {
        self.migrate(entry, &mut (), |switch_over, outcome, order| {
            self.sum_up(entry, switch_over, &outcome, order)
        })
    }

    fn sum_up(
        &self,
        entry: &Entry,
        switch_over: &SwitchOver,
        outcome: &Outcome,
        order: &dyn Strategy,
    ) -> Run {
        Run {
            strategy: entry.name,
            metrics: Metrics::of(self.scenario, switch_over, outcome, &predicted(order)),
            gap_closed: None,
        }
    }
}

/// One strategy's run, and how it went.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// What it came to.
    pub run: Run,
    /// All that its metrics are made of.
    pub outcome: Outcome,
    /// What the VM did before its switch-over, if not pre-copy's rounds.
    pub preparation: Preparation,
    /// When the VM was suspended on the source.
    pub suspended_at: SimTime,
    /// vCPUs of the VM.
    pub vcpus: u16,
    /// How far it was, at moments in time order.
    pub samples: Vec<Sample>,
}

/// Runs one strategy and watches it.
///
/// # Errors
///
/// [`ComparisonError`].
pub fn observe(
    scenario: &Scenario,
    trace: &Trace,
    registry: &Registry,
    strategy: &str,
) -> Result<Observed, ComparisonError> {
    let entry = registry.get(strategy)?;
    let ground = Ground::new(scenario, trace, &[entry])?;
    let mut samples = Samples::new();
    let mut observed = ground.migrate(entry, &mut samples, |switch_over, outcome, order| {
        Observed {
            run: ground.sum_up(entry, switch_over, &outcome, order),
            outcome,
            preparation: switch_over.preparation,
            suspended_at: switch_over.suspended_at,
            vcpus: trace.header().vcpus,
            samples: Vec::new(),
        }
    })?;
    observed.samples = samples.into_vec();
    Ok(observed)
}

/// The trace as this scenario's guest runs it.
///
/// # Errors
///
/// [`ComparisonError::Misfit`] when the scenario's memory or position does not fit the trace.
pub fn replay<'a>(scenario: &Scenario, trace: &'a Trace) -> Result<Replay<'a>, ComparisonError> {
    let memory = memory(&scenario.vm, trace.header())?;
    let start_ns = start(&scenario.trace, trace)?;
    Ok(Replay::new(
        trace,
        start_ns,
        scenario.trace.time_scale,
        scenario.trace.at_end,
        memory,
    ))
}

/// The position of the migration command, at the nearest boundary of the recorder's epochs.
///
/// # Errors
///
/// [`ComparisonError::Misfit`] when it lies behind the trace's end.
pub fn start(settings: &TraceSettings, trace: &Trace) -> Result<u64, ComparisonError> {
    let epoch = trace.header().compaction_ns.max(1);
    let duration = trace.duration_ns();
    let start = (settings.start.as_ps() / 1_000 + epoch / 2) / epoch * epoch;
    if start >= duration {
        return Err(ComparisonError::Misfit {
            key: "trace.start",
            problem: format!(
                "{} is not before the trace's end, expected less than {}",
                settings.start,
                SimTime::from_ns(duration)
            ),
        });
    }
    Ok(start)
}

/// The largest memory that can be simulated, in host pages.
const MOST_PAGES: u64 = 1 << 30;

/// The VM's memory, as the scenario and the trace's header have it.
///
/// # Errors
///
/// [`ComparisonError::Misfit`] when they do not agree.
pub fn memory(vm: &VmSettings, header: &TraceHeader) -> Result<Memory, ComparisonError> {
    let misfit = |key, problem: String| Err(ComparisonError::Misfit { key, problem });
    let page_size = header.page_size;
    if let Some(Bytes(other)) = vm.page_size.filter(|size| size.0 != page_size) {
        return misfit(
            "vm.page_size",
            format!("{other} bytes, expected the trace's {page_size}"),
        );
    }
    let host_page = vm.host_page.map_or(page_size, |size| size.0);
    if !host_page.is_power_of_two() || host_page < page_size || host_page > 1 << 30 {
        return misfit(
            "vm.host_page",
            format!(
                "{host_page} bytes, expected a power of two from the trace's page ({page_size} bytes) to 1 GiB"
            ),
        );
    }
    let traced = u64::from(header.pages) * page_size;
    let memory = vm.memory.map_or(traced, |size| size.0);
    if memory < traced || memory.div_ceil(host_page) > MOST_PAGES {
        return misfit(
            "vm.memory",
            format!(
                "{}, expected the trace's {} or more, and at most {MOST_PAGES} host pages",
                Bytes(memory),
                Bytes(traced)
            ),
        );
    }
    Ok(Memory {
        pages: memory.div_ceil(host_page) as u32,
        host_page,
        host_shift: (host_page / page_size).trailing_zeros(),
        trace_pages: memory / page_size,
    })
}

/// Rates each run against post-copy and clairvoyant, if both are among the runs of one scenario.
pub(crate) fn rate_gaps(runs: &mut [&mut Run]) {
    let stall_of = |name: &str| {
        runs.iter()
            .find(|run| run.strategy == name)
            .map(|run| run.metrics.stall.as_secs_f64())
    };
    let (Some(worst), Some(best)) = (stall_of("post-copy"), stall_of("clairvoyant")) else {
        return;
    };
    if worst <= best {
        return;
    }
    for run in runs {
        run.gap_closed = Some((worst - run.metrics.stall.as_secs_f64()) / (worst - best));
    }
}
