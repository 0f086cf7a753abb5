//! What comparisons of many scenarios share: opened and generated traces, and what guests do.

use std::sync::Arc;

use super::cache::Cache;
use super::comparison::Comparison;
use crate::guest::recording::Preparation;
use crate::guest::replay::{AtEnd, Replay, TimeScale};
use crate::host::source::ZeroPageDetection;
use crate::memory::{Memory, Ram};
use crate::migration::{GuestCourse, SwitchOver};
use crate::scenario::Scenario;
use crate::strategy::{self, LeadIn};
use crate::trace::Trace;
use crate::units::{Bytes, SimTime};

/// Memory that each of the two caches may hold. A guest of 256 MiB costs about 2 MB, so that a hundred record windows
/// or positions can be an axis inside another one.
const BUDGET: u64 = 256 << 20;

/// Traces and guests in use, each made once as long as it is in use often enough.
pub(crate) struct SharedGuests {
    traces: Cache<TraceKey, Trace>,
    guests: Cache<GuestKey, GuestCourse>,
}

/// What a trace is made of, in words: the file, or the workload and its memory.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct TraceKey(Arc<str>);

impl TraceKey {
    fn of(scenario: &Scenario) -> Self {
        let trace = &scenario.trace;
        let key = match (&trace.file, &trace.workload) {
            (Some(file), _) => format!("file {}", file.display()),
            (None, Some(workload)) => {
                let vm = &scenario.vm;
                format!("{workload:?} {:?} {:?}", vm.memory, vm.page_size)
            }
            (None, None) => String::new(),
        };
        TraceKey(key.into())
    }
}

/// Everything that a guest's course depends on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct GuestKey {
    /// Name and content; generated traces share names, and what a file says of its content need not be true.
    trace: (String, String),
    start_ns: u64,
    time_scale: TimeScale,
    at_end: AtEnd,
    memory: Memory,
    ram: Ram,
    free: Bytes,
    has_zero_pages: bool,
    preparation: Preparation,
    trap: SimTime,
}

impl SharedGuests {
    pub(crate) fn new() -> Self {
        SharedGuests {
            traces: Cache::new(BUDGET, Trace::most_bytes),
            guests: Cache::new(BUDGET, |guest: &GuestCourse| {
                let vcpus = guest.touch_order.vcpus().iter();
                let courses = vcpus.map(|vcpu| {
                    size_of_val(vcpu.touches.as_slice()) + size_of_val(vcpu.idle.as_slice())
                });
                let accesses = size_of_val(&*guest.recording.accesses);
                (courses.sum::<usize>() + accesses) as u64 + u64::from(guest.memory.pages) / 8
            }),
        }
    }

    pub(crate) fn trace(&self, scenario: &Scenario) -> Result<Arc<Trace>, String> {
        self.traces.get(TraceKey::of(scenario), || {
            scenario.open_trace().map_err(|error| in_one_line(&error))
        })
    }

    /// The scenario's strategies on the trace.
    pub(crate) fn comparison<'a>(
        &self,
        scenario: &'a Scenario,
        trace: &'a Trace,
        entries: &[&strategy::Entry],
    ) -> Result<Comparison<'a>, String> {
        let replay = scenario
            .replay(trace)
            .map_err(|error| in_one_line(&error))?;
        Comparison::new(scenario, replay, entries, |replay, lead_in| match lead_in {
            // It depends on the link, too.
            LeadIn::PushWhileRecording => SwitchOver::after_recorded_push(scenario, replay)
                .map_err(|error| in_one_line(&error)),
            _ => self.switch_over(scenario, trace, replay, lead_in.records()),
        })
    }

    /// The switch-over of strategies that record, or of those that do not.
    fn switch_over(
        &self,
        scenario: &Scenario,
        trace: &Trace,
        replay: &Replay<'_>,
        records: bool,
    ) -> Result<SwitchOver, String> {
        let preparation = SwitchOver::preparation(scenario, records);
        // Without a window nothing is trapped.
        let trap = if preparation.window == SimTime::ZERO {
            SimTime::ZERO
        } else {
            scenario.source.record_trap
        };
        let key = GuestKey {
            trace: (trace.name().to_owned(), trace.content_hash().to_owned()),
            start_ns: scenario
                .trace
                .start_in(trace)
                .map_err(|error| in_one_line(&error))?,
            time_scale: scenario.trace.time_scale,
            at_end: scenario.trace.at_end,
            memory: replay.memory(),
            ram: replay.ram().clone(),
            free: scenario.vm.free,
            has_zero_pages: scenario.source.zero_page_detection != ZeroPageDetection::None,
            preparation,
            trap,
        };
        let guest = self.guests.get(key, || {
            GuestCourse::after(replay, preparation, trap).map_err(|error| in_one_line(&error))
        })?;
        Ok(SwitchOver::new(scenario, records, (*guest).clone()))
    }
}

/// An error with its causes, fit for a cell of a table.
pub(crate) fn in_one_line(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        // A transparent error says what its cause says.
        if !text.ends_with(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text.replace(char::is_control, " ")
}
