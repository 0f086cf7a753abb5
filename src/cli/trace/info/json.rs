//! What a trace holds, as JSON for programs.

use anyhow::Result;
use serde_json::json;

use super::{bits_per_record, idle, zero_pages};
use crate::trace::Trace;
use crate::trace::statistics::{Statistics, Window};
use crate::units::SimTime;

pub(super) fn json(trace: &Trace, file_bytes: u64, statistics: &Statistics) -> Result<String> {
    let header = trace.header();
    let seconds = |ns: u64| SimTime::from_ns(ns).as_secs_f64();
    let curve =
        |pages: fn(&Window) -> u32| -> Vec<u32> { statistics.windows.iter().map(pages).collect() };
    let value = json!({
        "trace": trace.name(),
        "content_hash": trace.content_hash(),
        "vcpus": header.vcpus,
        "pages": header.memory_pages(),
        "ram": header.ram_addresses().map(|ram| ram.to_string()),
        "page_size_bytes": header.page_size,
        "duration_s": seconds(trace.duration_ns()),
        "records": trace.record_count(),
        "reads": statistics.reads,
        "writes": statistics.writes,
        "executes": statistics.executes,
        "touched_pages": statistics.touched_pages,
        "written_pages": statistics.written_pages,
        "zero_pages": zero_pages(trace),
        "idle_spans": trace.idle_spans().len(),
        "idle_s": idle(trace).as_secs_f64(),
        "window_s": seconds(statistics.window_ns),
        "working_set_pages": curve(|window| window.touched_pages),
        "dirty_set_pages": curve(|window| window.written_pages),
        "dirty_pages_per_s": statistics.per_second(trace, |window| window.written_pages),
        "part_pages": statistics.part_pages,
        "part_records": statistics.parts,
        "tick_s": seconds(header.tick_ns.into()),
        "compaction_s": seconds(header.compaction_ns),
        "file_bytes": file_bytes,
        "bits_per_record": bits_per_record(trace, file_bytes),
        "slow_down": header.slow_down(),
        "provenance": header.provenance,
    });
    Ok(serde_json::to_string_pretty(&value)?)
}
