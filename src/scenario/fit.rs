//! Whether a scenario fits a trace, and the trace as the scenario's guest runs it.

use super::{Scenario, TraceSettings, VmSettings};
use crate::guest::replay::Replay;
use crate::host::source::ZeroPageDetection;
use crate::memory::{Free, MOST_PAGES, Memory, PageRun, PageSet, Ram, pages_in};
use crate::trace::{Trace, TraceError, TraceHeader};
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
        if self.vm.ram.is_some() && self.trace.file.is_none() && self.trace.workload.is_some() {
            return Err(FitError {
                key: "vm.ram",
                problem: "expected a recording: a workload's memory has no holes, and vm.memory is its size"
                    .to_owned(),
            });
        }
        let memory = self.vm.memory_of(trace.header())?;
        let ram = Ram::new(&self.vm.ram_of(trace.header())?);
        let free = self.vm.free_in(trace, &memory, &ram)?;
        let replay = Replay::new(
            trace,
            self.trace.start_in(trace)?,
            self.trace.time_scale,
            self.trace.at_end,
            memory,
            ram,
        );
        Ok(match self.source.zero_page_detection {
            ZeroPageDetection::None => replay.without_zero_pages(),
            ZeroPageDetection::Legacy | ZeroPageDetection::Multifd => replay.with_free(free),
        })
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
                    "{} is not before the trace's end, expected less than {} (`--set trace.start=0`)",
                    self.start,
                    SimTime::from_ns(duration)
                ),
            });
        }
        Ok(start)
    }
}

/// The largest memory that can be simulated, in pages of the trace.
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

    /// Pages of the trace's memory that are RAM.
    fn traced_pages(&self, header: &TraceHeader) -> Result<u64, FitError> {
        Ok(match &self.ram {
            Some(_) => pages_in(&self.ram_of(header)?),
            None => header.memory_pages(),
        })
    }

    /// Which pages are free: first those beyond the trace's memory, then those of it that the trace never touches.
    ///
    /// # Errors
    ///
    /// [`FitError`] when there are not so many, or when the trace is damaged.
    fn free_in(&self, trace: &Trace, memory: &Memory, ram: &Ram) -> Result<Free, FitError> {
        let traced = self.traced_pages(trace.header())?;
        let wanted = self.free.0 / memory.page_size();
        let beyond = wanted.min(memory.trace_pages - traced);
        let unfit = |problem| FitError {
            key: "vm.free",
            problem,
        };
        let mut left = wanted - beyond;
        let mut untouched = Vec::new();
        if left > 0 {
            let mut rest = untouched_pages(trace, traced as u32, ram)
                .map_err(|error| unfit(error.to_string()))?;
            while left > 0 {
                let Some(last) = rest.last_until(u32::MAX) else {
                    let possible = wanted - left;
                    return Err(unfit(format!(
                        "{}, expected at most {}, which the trace neither touches nor says are zero",
                        self.free,
                        Bytes(possible * memory.page_size())
                    )));
                };
                let most = u32::try_from(left).unwrap_or(u32::MAX);
                let count = rest.run_length_until(last, most);
                let first = last + 1 - count;
                rest.remove_run(first, count);
                untouched.push(PageRun { first, count });
                left -= u64::from(count);
            }
        }
        untouched.reverse();
        Ok(Free {
            untouched: untouched.into(),
            beyond,
        })
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
        let traced = self.traced_pages(header)? * page_size;
        let memory = self.memory.map_or(traced, |size| size.0);
        let trace_pages = memory.div_ceil(page_size);
        let most =
            u64::from(MOST_PAGES).min(MOST_TRACE_PAGES.saturating_mul(page_size) / host_page);
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

/// The places of pages that no vCPU ever touches and that are not zero.
fn untouched_pages(trace: &Trace, pages: u32, ram: &Ram) -> Result<PageSet, TraceError> {
    let mut untouched = PageSet::full(pages);
    for run in ram.places(trace.zero_runs()).iter() {
        untouched.remove_run(run.first, run.count);
    }
    for vcpu in 0..trace.header().vcpus {
        for record in trace.vcpu_first_accesses(vcpu, 0..0) {
            if let Some(place) = ram.place(record?.page) {
                untouched.remove(place);
            }
        }
    }
    Ok(untouched)
}
