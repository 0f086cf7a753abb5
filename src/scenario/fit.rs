//! Whether a scenario fits a trace, and the trace as the scenario's guest runs it.

use super::{Scenario, TraceSettings, VmSettings};
use crate::guest::replay::Replay;
use crate::memory::{Memory, PageRun, Ram, pages_in};
use crate::trace::{Trace, TraceHeader};
use crate::units::{AddressRange, AddressRanges, Bytes, SimTime};

/// Scenario and trace do not fit together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {problem}")]
pub struct FitError {
    /// The scenario's key.
    pub key: &'static str,
    /// What it is and what was expected.
    pub problem: String,
}

impl Scenario {
    /// The trace as this scenario's guest runs it.
    ///
    /// # Errors
    ///
    /// [`FitError`] when the scenario's memory or position does not fit the trace.
    pub fn replay<'a>(&self, trace: &'a Trace) -> Result<Replay<'a>, FitError> {
        Ok(Replay::new(
            trace,
            self.trace.start_in(trace)?,
            self.trace.time_scale,
            self.trace.at_end,
            self.vm.memory_of(trace.header())?,
            Ram::new(&self.vm.ram_of(trace.header())?),
        ))
    }
}

impl TraceSettings {
    /// The position of the migration command in ns, at the nearest boundary of the recorder's epochs.
    ///
    /// # Errors
    ///
    /// [`FitError`] when it lies behind the trace's end.
    pub fn start_in(&self, trace: &Trace) -> Result<u64, FitError> {
        let epoch = trace.header().compaction_ns.max(1);
        let duration = trace.duration_ns();
        let start = (self.start.as_ps() / 1_000 + epoch / 2) / epoch * epoch;
        if start >= duration {
            return Err(FitError {
                key: "trace.start",
                problem: format!(
                    "{} is not before the trace's end, expected less than {}, such as 0",
                    self.start,
                    SimTime::from_ns(duration)
                ),
            });
        }
        Ok(start)
    }
}

/// The largest memory that can be simulated, in host pages and in pages of the trace.
const MOST_PAGES: u64 = 1 << 30;
const MOST_TRACE_PAGES: u64 = 1 << 40;

impl VmSettings {
    /// The ranges of RAM, if there are holes: the scenario's, else the trace's.
    ///
    /// # Errors
    ///
    /// [`FitError`] when they are not of whole pages, or too large.
    pub fn ram_of(&self, header: &TraceHeader) -> Result<Vec<PageRun>, FitError> {
        let Some(AddressRanges(ranges)) = &self.ram else {
            return Ok(header.ram.clone());
        };
        let traced_end = u64::from(header.pages) * header.page_size;
        let run = |range: &AddressRange| {
            let end = range.end.unwrap_or(traced_end);
            let whole = [range.start, end]
                .iter()
                .all(|at| at.is_multiple_of(header.page_size));
            let page = |at: u64| u32::try_from(at / header.page_size).ok();
            let (first, end) = (page(range.start)?, page(end)?);
            (whole && first < end).then(|| PageRun {
                first,
                count: end - first,
            })
        };
        let runs: Option<Vec<PageRun>> = ranges.iter().map(run).collect();
        let runs = runs.ok_or_else(|| FitError {
            key: "vm.ram",
            problem: format!(
                "{}, expected multiples of the trace's page ({} bytes), below 2^32 pages, and an open range only below the trace's end",
                AddressRanges(ranges.clone()),
                header.page_size
            ),
        })?;
        Ok(runs)
    }

    /// The VM's memory, as the scenario and the trace's header have it.
    ///
    /// # Errors
    ///
    /// [`FitError`] when they do not agree.
    pub fn memory_of(&self, header: &TraceHeader) -> Result<Memory, FitError> {
        let unfit = |key, problem: String| Err(FitError { key, problem });
        let page_size = header.page_size;
        if let Some(Bytes(other)) = self.page_size.filter(|size| size.0 != page_size) {
            return unfit(
                "vm.page_size",
                format!("{other} bytes, expected the trace's {page_size}"),
            );
        }
        let host_page = self.host_page.map_or(page_size, |size| size.0);
        if !host_page.is_power_of_two() || host_page < page_size || host_page > 1 << 30 {
            return unfit(
                "vm.host_page",
                format!(
                    "{host_page} bytes, expected a power of two from the trace's page ({page_size} bytes) to 1 GiB"
                ),
            );
        }
        let traced = match &self.ram {
            Some(_) => pages_in(&self.ram_of(header)?),
            None => header.memory_pages(),
        } * page_size;
        let memory = self.memory.map_or(traced, |size| size.0);
        let trace_pages = memory.div_ceil(page_size);
        let most = MOST_PAGES.min(MOST_TRACE_PAGES * page_size / host_page);
        if memory < traced || memory.div_ceil(host_page) > most {
            return unfit(
                "vm.memory",
                format!(
                    "{}, expected {} (the trace's) to {} ({most} host pages)",
                    Bytes(memory),
                    Bytes(traced),
                    Bytes(host_page.saturating_mul(most))
                ),
            );
        }
        Ok(Memory {
            pages: memory.div_ceil(host_page) as u32,
            host_page,
            host_shift: (host_page / page_size).trailing_zeros(),
            trace_pages,
        })
    }
}
