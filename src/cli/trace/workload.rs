//! `migsim trace workload`.

use std::fmt::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::cli::output::{check_outputs, write_data};
use crate::cli::reference;
use crate::units::Bytes;

/// How long a rate was measured that does not say so: a pass of the migration's dirty log, of the order of a second.
const PERIOD_S: f64 = 1.0;

#[derive(Debug, Args)]
pub(super) struct WorkloadArgs {
    /// query-dirty-rate's or query-migrate's JSON, or the text of `virsh domjobinfo`
    report: PathBuf,
    /// Memory of the guest [default: what the report says]
    #[arg(long, value_name = "SIZE")]
    memory: Option<Bytes>,
    /// Memory that the guest writes to, all of it equally often [default: twice what was written while it was measured,
    /// at most the guest's memory]
    #[arg(long, value_name = "SIZE")]
    working_set: Option<Bytes>,
    /// Write to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Writes a scenario whose workload writes as fast as was measured.
///
/// A dirty rate counts a page once a measurement, however often it was written. Of S bytes that are written at random,
/// w a second, S (1 - exp(-w t / S)) are dirty after t: solved for w.
pub(super) fn run(args: &WorkloadArgs) -> Result<()> {
    check_outputs([args.report.as_path()], args.out.as_deref())?;
    let report = reference::read(&args.report)?;
    let name = args.report.display();
    let rate = report.dirty_rate.with_context(|| {
        format!("{name}: expected a dirty rate (query-dirty-rate, or query-migrate while memory is sent)")
    })?;
    let memory = args.memory.map(|size| size.0).or(report.memory);
    let memory =
        memory.with_context(|| format!("{name}: says no memory size, expected --memory"))?;
    let period = report.dirty_period_s.unwrap_or(PERIOD_S);
    let dirty = rate * period;
    let default = (2.0 * dirty).min(memory as f64).max(1_048_576.0);
    let set = args.working_set.map_or(default, |size| size.0 as f64);
    ensure!(
        set <= memory as f64,
        "--working-set: expected at most the guest's memory of {}",
        Bytes(memory)
    );
    ensure!(
        dirty < 0.99 * set,
        "{name}: {} were dirty after {period} s, expected less than 99 % of the working set of {}: measure for a shorter \
         time (calc-time), or give a larger --working-set",
        Bytes(dirty as u64),
        Bytes(set as u64)
    );
    let written = -set / period * (1.0 - dirty / set).ln();
    let pages = (written / 4096.0).round().max(1.0) as u64;
    let mut text = String::new();
    writeln!(
        text,
        "# From a dirty rate of {:.1} MiB/s, measured for {period} s.",
        rate / 1_048_576.0
    )?;
    writeln!(
        text,
        "# It says nothing of reads, of addresses and of order: page faults come out too low."
    )?;
    writeln!(
        text,
        "\n[vm]\nmemory = \"{memory} B\"\n\n[trace.workload]\nkind = \"uniform\""
    )?;
    writeln!(
        text,
        "working_set = \"{} B\"",
        (set as u64).next_multiple_of(4096).min(memory)
    )?;
    writeln!(text, "rate = {pages}\nwrite_fraction = 1.0")?;
    write_data(args.out.as_deref(), text.as_bytes())
}
