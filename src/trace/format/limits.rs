//! What a container may hold.

use crate::memory::{PageRun, Ram, pages_in};
use crate::trace::{IdleSpan, TraceHeader};

/// Hard limits: what a reader allocates before it has checked the content is bounded by them.
const MAX_BLOCK_RECORDS: u32 = 1 << 18;
pub(in crate::trace) const MAX_BLOCKS: u32 = 1 << 22;
pub(in crate::trace) const MAX_ZERO_RUNS: usize = 1 << 24;
pub(in crate::trace) const MAX_RAM_RANGES: usize = 1 << 12;
pub(in crate::trace) const MAX_IDLE_SPANS: usize = 1 << 22;
pub(in crate::trace) const MAX_PROVENANCE_BYTES: usize = 1 << 16;
pub(in crate::trace) const MAX_PAGES: u32 = 1 << 30;
const MAX_PAGE_SIZE: u64 = 1 << 30;
/// Times fit [`crate::units::SimTime`], which counts picoseconds.
pub(in crate::trace) const MAX_DURATION_NS: u64 = u64::MAX / 1_000;

/// Most records in a block of this vCPU.
///
/// A merged read holds a block of every vCPU at once, of 2 MiB each at full size. Blocks that shrink from the 64th vCPU
/// on bound that to 300 MB for any number of vCPUs.
pub(in crate::trace) fn block_capacity(vcpu: u16) -> u32 {
    let step = u32::from(vcpu / 64);
    (MAX_BLOCK_RECORDS / (1 + step * step)).max(1)
}

/// What does not hold for this header and zero map, if anything: the rest of "expected …".
pub(in crate::trace) fn check_header(
    header: &TraceHeader,
    zero_runs: &[PageRun],
) -> Result<(), String> {
    if !header.page_size.is_power_of_two() || header.page_size > MAX_PAGE_SIZE {
        return Err(format!(
            "a page size that is a power of two up to 1 GiB, found {} bytes",
            header.page_size
        ));
    }
    if header.pages > MAX_PAGES {
        return Err(format!("at most 2^30 pages, found {}", header.pages));
    }
    if header.tick_ns == 0 {
        return Err("a tick of at least 1 ns".to_owned());
    }
    if header.compaction_ns > MAX_DURATION_NS {
        return Err(format!(
            "a compaction epoch of at most {MAX_DURATION_NS} ns"
        ));
    }
    if header.provenance.len() > MAX_PROVENANCE_BYTES {
        return Err(format!(
            "a provenance of at most {MAX_PROVENANCE_BYTES} bytes"
        ));
    }
    if zero_runs.len() > MAX_ZERO_RUNS {
        return Err(format!("at most {MAX_ZERO_RUNS} runs of zero pages"));
    }
    if header.ram.len() > MAX_RAM_RANGES {
        return Err(format!("at most {MAX_RAM_RANGES} RAM ranges"));
    }
    let pages = match header.pages {
        0 => MAX_PAGES,
        pages => pages,
    };
    check_runs("zero pages", zero_runs, pages)?;
    let ram_end = check_runs("pages of RAM", &header.ram, pages)?;
    if !header.ram.is_empty() && header.pages != 0 && ram_end != u64::from(header.pages) {
        return Err(format!(
            "as many pages as RAM ranges reach to, {ram_end}, found {}",
            header.pages
        ));
    }
    let in_ram = pages_in(&Ram::new(&header.ram).within(zero_runs));
    if in_ram != pages_in(zero_runs) {
        return Err("zero pages within RAM".to_owned());
    }
    Ok(())
}

/// Whether runs ascend, do not overlap and end within the memory. Returns where they end.
fn check_runs(what: &str, runs: &[PageRun], pages: u32) -> Result<u64, String> {
    let mut end = 0;
    for run in runs {
        if run.count == 0 || u64::from(run.first) < end {
            return Err(format!(
                "runs of {what} in ascending order, without overlap, of at least 1 page; found {} pages from {}",
                run.count, run.first
            ));
        }
        end = run.end();
    }
    if end > u64::from(pages) {
        return Err(format!(
            "{what} below page {pages}, found a run up to {}",
            end - 1
        ));
    }
    Ok(end)
}

/// What does not hold for these idle spans of a trace, if anything: the rest of "expected …".
pub(in crate::trace) fn check_idle_spans(
    spans: &[IdleSpan],
    vcpus: u16,
    duration_ns: u64,
) -> Result<(), String> {
    if spans.len() > MAX_IDLE_SPANS {
        return Err(format!("at most {MAX_IDLE_SPANS} idle spans"));
    }
    let mut before = None;
    for span in spans {
        let follows = before.is_none_or(|before: &IdleSpan| {
            before.vcpu < span.vcpu || (before.vcpu == span.vcpu && before.until_ns <= span.from_ns)
        });
        let within = span.vcpu < vcpus && span.until_ns <= duration_ns;
        if span.from_ns >= span.until_ns || !follows || !within {
            return Err(format!(
                "idle spans by vCPU and time, without overlap, of at least 1 ns and within the trace; found {} ns to {} ns of vCPU {}",
                span.from_ns, span.until_ns, span.vcpu
            ));
        }
        before = Some(span);
    }
    Ok(())
}
