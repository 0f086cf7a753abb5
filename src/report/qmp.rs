//! A run as QEMU's `query-migrate` tells of a migration, for programs that read that.

use std::io::{self, Write};

use serde_json::json;

use crate::host::destination::FaultBlocks;
use crate::memory::Memory;
use crate::run::compare::Observed;
use crate::scenario::Scenario;
use crate::units::SimTime;

/// Bytes of a page as QEMU counts them, whatever the host's (`TARGET_PAGE_SIZE`).
const TARGET_PAGE: u64 = 4_096;

/// Writes the object, in the words of QEMU's `MigrationInfo` (`qapi/migration.json`): times in whole milliseconds,
/// rounded down; `duplicate` are zero pages; `transferred` has the headers of pages, but not those of packets.
/// `total-time` counts from the migration command, as everywhere here, so a record window is in it. A migration that
/// never ends (`push = "none"`) stays `postcopy-active` and has no `total-time`.
///
/// # Errors
///
/// Those of `out`.
pub fn write(
    scenario: &Scenario,
    memory: Memory,
    observed: &Observed,
    mut out: impl Write,
) -> io::Result<()> {
    let (metrics, outcome) = (&observed.run.metrics, &observed.outcome);
    let sent = outcome.pages_sent + outcome.zero_pages_sent - outcome.duplicate_pages_sent;
    let unsent = memory.trace_pages.saturating_sub(sent);
    // QEMU counts in its target's pages.
    let pages = |count: u64| (count * memory.page_size()).div_ceil(TARGET_PAGE);
    let mut info = json!({
        "status": "postcopy-active",
        "downtime": whole_ms(metrics.downtime),
        "ram": {
            "total": memory.bytes(),
            "remaining": unsent * memory.page_size(),
            "transferred": outcome.page_bytes,
            "normal": pages(outcome.pages_sent),
            "normal-bytes": outcome.pages_sent * memory.page_size(),
            "duplicate": pages(outcome.zero_pages_sent),
            "postcopy-requests": outcome.requests,
            "page-size": TARGET_PAGE,
        },
        "postcopy-blocktime": whole_ms(metrics.qemu_blocktime),
        "postcopy-vcpu-blocktime": blocktimes(scenario, observed),
    });
    if let Some(total) = metrics.total_migration_time {
        info["status"] = "completed".into();
        info["total-time"] = whole_ms(total).into();
    }
    serde_json::to_writer_pretty(&mut out, &info)?;
    writeln!(out)
}

/// How long each vCPU was blocked.
fn blocktimes(scenario: &Scenario, observed: &Observed) -> Vec<u64> {
    let all = scenario.destination.fault_blocks == FaultBlocks::Vm;
    let of = |vcpu| {
        let own = observed.outcome.stalls.iter();
        own.filter(|stall| all || stall.vcpu == vcpu)
            .map(|stall| scenario.destination.as_qemu_counts(stall))
            .map(|stall| stall.until - stall.from)
            .sum::<SimTime>()
    };
    (0..observed.vcpus).map(|vcpu| whole_ms(of(vcpu))).collect()
}

fn whole_ms(time: SimTime) -> u64 {
    time.as_ps() / SimTime::from_ms(1).as_ps()
}
