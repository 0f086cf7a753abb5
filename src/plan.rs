//! A strategy's plan for a real migration: which pages go first, in their order, and why.
//!
//! [`of_trace`] plans at a moment of a recorded trace, [`of_recording`] from what a recorder has just written. The
//! source of a real migration may push by it; a destination may fetch by it, as `tools/qemu/fetcher` does.
//!
//! A page is a host page: its number times the size of a page is its offset in guest memory. Each is named once. Pages
//! without content are named like others: who delivers them knows better whether they have any.

mod file;
mod window;

use crate::guest::recording::{Recording, record};
use crate::memory::{Memory, PageSet, Ram};
use crate::migration::{MigrationError, SwitchOver};
use crate::scenario::{FitError, Scenario};
use crate::strategy::{Entry, Observation, Order, PlannedPage, Strategy};
use crate::trace::Trace;
use crate::trace::import::{ImportError, ImportOptions, Input, QemuRecording};

use self::window::LastWindow;

/// What a strategy would deliver first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// How the memory is divided.
    pub memory: Memory,
    /// The pages in their order.
    pub pages: Vec<PlannedPage>,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The strategy does not record, so that it has nothing to plan from.
    #[error(
        "{0} plans nothing from a recording; expected a strategy that records, such as `pre-record`"
    )]
    NoPlan(&'static str),
    /// Scenario and recording do not fit together.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// The window could not be replayed.
    #[error(transparent)]
    Migration(#[from] MigrationError),
    /// The recording could not be read.
    #[error(transparent)]
    Recording(#[from] ImportError),
}

/// Plans from a record window that begins at `trace.start`, exactly as a simulation of the same scenario does whose
/// link is idle in the window: a stock hypervisor does not push by a recorder.
///
/// # Errors
///
/// [`PlanError`] when the strategy has no plan, or the trace does not fit or is damaged.
pub fn of_trace(scenario: &Scenario, trace: &Trace, entry: &Entry) -> Result<Plan, PlanError> {
    let strategy = planner(scenario, entry)?;
    let replay = scenario.replay(trace)?;
    let preparation = SwitchOver::preparation(scenario, true);
    let (recording, positions) =
        record(&replay, preparation, scenario.source.record_trap).map_err(MigrationError::from)?;
    let contents = replay.contents(&positions).map_err(MigrationError::from)?;
    Ok(plan(
        scenario,
        strategy,
        &recording,
        replay.memory(),
        contents.zero_pages(),
    ))
}

/// Plans from what the recorder plugin for QEMU has written: from the last `record_window` of it, or from all, if that
/// is no more.
///
/// A recording of at most `record_window` is taken to begin as long before the switch-over: time 0 is the window's
/// beginning. A longer one is taken to end at the switch-over, with its last access. Of what is longer no more is kept
/// in memory than the last window, however long it is.
///
/// # Errors
///
/// [`PlanError`] when the strategy has no plan, or the recording is damaged or does not fit the scenario.
pub fn of_recording(
    scenario: &Scenario,
    input: Input<'_>,
    entry: &Entry,
) -> Result<Plan, PlanError> {
    let strategy = planner(scenario, entry)?;
    let (header, mut records) = QemuRecording::open(input, &ImportOptions::default())?;
    let memory = scenario.vm.memory_of(&header)?;
    let ram = Ram::new(&scenario.vm.ram_of(&header)?);
    let mut last = LastWindow::new(scenario.migration.record_window);
    while let Some(record) = records.next() {
        let record = record?;
        let place = ram.place(record.page).filter(|place| *place < header.pages);
        let (Some(place), true) = (place, record.vcpu < header.vcpus) else {
            return Err(records
                .record_error(format!(
                    "a page below {} and a vCPU below {}, found {} and {}",
                    header.pages, header.vcpus, record.page, record.vcpu
                ))
                .into());
        };
        let time = scenario.trace.time_scale.guest_time(record.time_ns);
        if !last.push(time, record, memory.host_page_of(place)) {
            return Err(records.record_error(window::TOO_MANY.to_owned()).into());
        }
    }
    // The recorder does not know which pages have content.
    let zero_pages = PageSet::empty(memory.pages);
    let recording = last.recording();
    Ok(plan(scenario, strategy, &recording, memory, &zero_pages))
}

fn planner(scenario: &Scenario, entry: &Entry) -> Result<Box<dyn Strategy>, PlanError> {
    let settings = scenario.strategy_settings();
    match entry.order {
        Order::Causal(build) if (entry.lead_in)(&settings).records() => Ok(build(&settings)),
        Order::Causal(_) | Order::Oracle(_) => Err(PlanError::NoPlan(entry.name)),
    }
}

fn plan(
    scenario: &Scenario,
    mut strategy: Box<dyn Strategy>,
    recording: &Recording,
    memory: Memory,
    zero_pages: &PageSet,
) -> Plan {
    let suspended_at = SwitchOver::preparation(scenario, true).length();
    strategy.plan(&Observation {
        recording,
        memory,
        zero_pages,
        missing: &PageSet::full(memory.pages),
        page_time: scenario.link.page_time(&memory, suspended_at),
    });
    // Whoever reads the plan need not trust a strategy to name each page once and none that does not exist.
    let mut named = PageSet::empty(memory.pages);
    let pages = strategy
        .planned()
        .iter()
        .filter(|planned| planned.page < memory.pages && named.insert(planned.page))
        .copied()
        .collect();
    Plan { memory, pages }
}
