//! What a trace holds, as a table for people.

use anyhow::Result;

use super::{bits_per_record, idle, zero_pages};
use crate::trace::Trace;
use crate::trace::statistics::{Statistics, Window};
use crate::units::{Bytes, SimTime};

pub(super) fn table(trace: &Trace, file_bytes: u64, statistics: &Statistics) -> Result<String> {
    let header = trace.header();
    let share =
        |count: u64, of: u64| format!("{count} ({:.1} %)", 100.0 * count as f64 / of.max(1) as f64);
    let records = trace.record_count();
    let pages = header.memory_pages();
    let ram = header.ram_addresses();
    let memory = Bytes(pages * header.page_size);
    let window = SimTime::from_ns(statistics.window_ns);
    let compaction = match header.compaction_ns {
        0 => "none".to_owned(),
        epoch_ns => SimTime::from_ns(epoch_ns).to_string(),
    };
    // A window's pages, as memory in each and as a rate.
    let per_window = |pages: fn(&Window) -> u32| {
        let (mean, largest) = statistics.mean_and_largest(pages);
        let bytes = |pages: f64| Bytes((pages * header.page_size as f64) as u64);
        let rate = bytes(statistics.per_second(trace, pages));
        let (mean, largest) = (bytes(mean), bytes(largest.into()));
        (
            format!("mean {mean}, largest {largest}"),
            format!("{rate} a second"),
        )
    };
    let (working_set, _) = per_window(|window| window.touched_pages);
    let (dirty_set, dirty_rate) = per_window(|window| window.written_pages);
    let curve = |pages: fn(&Window) -> u32| {
        sparkline(statistics.windows.iter().map(|window| pages(window).into()))
    };
    // A hostile file shall not send commands to a terminal.
    let provenance = header.provenance.replace(char::is_control, " ");
    let slow_down = header.slow_down().map(|factor| {
        let scale = 1.0 / factor;
        let text = format!(
            "{factor} times slower than without its recorder: trace.time_scale = {scale:.4} undoes it"
        );
        ("slow-down", text)
    });
    let mut rows = vec![
        ("vCPUs", header.vcpus.to_string()),
        (
            "pages",
            format!("{pages} of {} ({memory})", Bytes(header.page_size)),
        ),
        (
            "RAM",
            ram.map_or_else(|| "without holes".to_owned(), |ram| ram.to_string()),
        ),
        (
            "duration",
            SimTime::from_ns(trace.duration_ns()).to_string(),
        ),
    ];
    rows.extend(slow_down);
    rows.extend([
        ("records", records.to_string()),
        ("  reads", share(statistics.reads, records)),
        ("  writes", share(statistics.writes, records)),
        ("  fetches", share(statistics.executes, records)),
        ("touched pages", share(statistics.touched_pages, pages)),
        ("written pages", share(statistics.written_pages, pages)),
        ("zero pages at the start", share(zero_pages(trace), pages)),
        (
            "idle",
            format!(
                "{} times, {} of all vCPUs",
                trace.idle_spans().len(),
                idle(trace)
            ),
        ),
        ("working set", format!("{working_set} in {window}")),
        ("", curve(|window| window.touched_pages)),
        (
            "dirty set",
            format!("{dirty_set} in {window}: {dirty_rate}"),
        ),
        ("", curve(|window| window.written_pages)),
        (
            "records over memory",
            format!(
                "parts of {}",
                Bytes(u64::from(statistics.part_pages) * header.page_size)
            ),
        ),
        ("", sparkline(statistics.parts.iter().copied())),
        ("tick", SimTime::from_ns(header.tick_ns.into()).to_string()),
        ("compaction", compaction),
        (
            "file",
            format!(
                "{}, {:.2} bits a record",
                Bytes(file_bytes),
                bits_per_record(trace, file_bytes)
            ),
        ),
        ("content hash", trace.content_hash().to_owned()),
        ("provenance", provenance),
    ]);
    let line = |(name, value): &(&str, String)| format!("{name:<25}{value}");
    let lines: Vec<_> = rows.iter().map(line).collect();
    Ok(lines.join("\n"))
}

/// A bar for each value, for the largest of each group where there are many.
fn sparkline(values: impl Iterator<Item = u64>) -> String {
    const MOST: usize = 64;
    const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let values: Vec<_> = values.collect();
    let largest = values.iter().copied().max().unwrap_or(0).max(1);
    let group = values.len().div_ceil(MOST).max(1);
    let bar = |values: &[u64]| {
        let value = values.iter().copied().max().unwrap_or(0);
        // Rounded up: what is not zero is seen.
        let height = (u128::from(value) * 8).div_ceil(u128::from(largest));
        BARS.get(height as usize).copied().unwrap_or(' ')
    };
    values.chunks(group).map(bar).collect()
}
