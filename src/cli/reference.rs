//! `migsim reference`.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use super::output::{check_outputs, write_data};
use crate::message::say;
use crate::strategy::Registry;
use crate::validation::check_row;
use crate::validation::report::{Report, carries};

/// Make a row for `migsim validate` from what hypervisors report of a migration
///
/// Reports are query-migrate's JSON of source and destination, the text of `virsh domjobinfo --completed --anystats`,
/// and QEMU's log of a destination with `postcopy_*` trace events. What one does not say another may.
#[derive(Debug, Args)]
pub(super) struct ReferenceArgs {
    /// Reports of one migration; the first that knows a value counts
    #[arg(required = true)]
    reports: Vec<PathBuf>,

    /// The guest's workload: its trace is WORKLOAD.mtrace
    #[arg(long, value_name = "WORKLOAD")]
    workload: String,

    /// Rate of the link in Mbit/s
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    link_mbit: u64,

    /// Requested pages had a channel of their own (QEMU's postcopy-preempt)
    #[arg(long)]
    preempt: bool,

    /// Write to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) fn run(arguments: &ReferenceArgs, registry: &Registry) -> Result<ExitCode> {
    let inputs = arguments.reports.iter().map(PathBuf::as_path);
    check_outputs(inputs, arguments.out.as_deref())?;
    let word = |c: char| c.is_ascii_alphanumeric() || "-_+.".contains(c);
    let name = &arguments.workload;
    ensure!(
        !name.is_empty() && !name.starts_with('.') && name.chars().all(word),
        "--workload: expected letters, digits, - and _, found `{name}`"
    );
    let mut report = Report::default();
    for path in &arguments.reports {
        report = report.merge(read(path)?);
    }
    let lacking = report.lacks();
    if !lacking.is_empty() {
        bail!("the reports lack {}", lacking.join("; "));
    }
    check(&report, arguments.link_mbit)?;
    let text = |value: Option<String>| value.unwrap_or_default();
    let columns = [
        ("workload", name.clone()),
        ("link_mbit", arguments.link_mbit.to_string()),
        ("preempt", u8::from(arguments.preempt).to_string()),
        (
            "total_time_ms",
            text(report.total_time_ms.map(|ms| ms.to_string())),
        ),
        (
            "downtime_ms",
            text(report.downtime_ms.map(|ms| ms.to_string())),
        ),
        (
            "postcopy_requests",
            text(report.postcopy_requests.map(|count| count.to_string())),
        ),
        (
            "vcpu_blocktime_ms",
            text(report.vcpu_blocktime_ms.map(|ms| ms.to_string())),
        ),
        (
            "normal_pages",
            text(report.normal_pages.map(|count| count.to_string())),
        ),
        (
            "zero_pages",
            text(report.zero_pages.map(|count| count.to_string())),
        ),
        (
            "bytes_transferred",
            text(report.bytes_transferred.map(|count| count.to_string())),
        ),
    ];
    if let Err(expected) = check_row(&columns, registry) {
        let reports = arguments
            .reports
            .iter()
            .map(|path| path.display().to_string());
        bail!("{}: {expected}", reports.collect::<Vec<_>>().join(", "));
    }
    let mut data = Vec::new();
    writeln!(
        data,
        "{}",
        columns.each_ref().map(|(name, _)| *name).join(",")
    )?;
    writeln!(data, "{}", columns.map(|(_, value)| value).join(","))?;
    write_data(arguments.out.as_deref(), &data)?;
    Ok(ExitCode::SUCCESS)
}

/// Refuses what the link cannot have carried, and says what was no plain post-copy.
fn check(report: &Report, link_mbit: u64) -> Result<()> {
    /// Of plain post-copy: at the beginning and at the switch-over (QEMU's migration/ram.c).
    const POST_COPY_SYNCS: u64 = 2;
    if let (Some(bytes), Some(ms)) = (report.bytes_transferred, report.total_time_ms) {
        ensure!(
            carries(link_mbit, ms, bytes as f64),
            "--link-mbit: expected a link that carries {bytes} bytes in {ms} ms, found {link_mbit} Mbit/s"
        );
    }
    if let Some(syncs) = report.dirty_syncs.filter(|&syncs| syncs > POST_COPY_SYNCS) {
        say!(
            "note: memory was passed over before the switch-over (dirty-sync-count {syncs}, of post-copy \
             {POST_COPY_SYNCS}): the row says `post-copy`; add a column `strategy`, or migrate anew"
        );
    }
    Ok(())
}

/// A report's file.
pub(super) fn read(path: &Path) -> Result<Report> {
    /// A log of a million requests.
    const LARGEST: u64 = 256 << 20;
    let name = path.display().to_string();
    let cannot = || format!("cannot read {name}");
    let file = File::open(path).with_context(cannot)?;
    let mut text = String::new();
    // A byte more than may be read tells a report that is too large, also one that has no length.
    let length = file.take(LARGEST + 1).read_to_string(&mut text);
    ensure!(
        length.with_context(cannot)? as u64 <= LARGEST,
        "{name}: expected a report of at most {LARGEST} bytes"
    );
    Ok(Report::parse(&name, &text)?)
}
