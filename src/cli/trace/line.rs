//! A trace in one line, as commands that write one say it.

use std::path::Path;

use anyhow::Result;

use crate::message::say;
use crate::trace::Trace;
use crate::units::{Bytes, SimTime};

/// Says what was written; a device or a pipe cannot be read again.
pub(super) fn say_line(written: &Path) -> Result<()> {
    if written.is_file() {
        say!("{}", line(&Trace::open(written)?));
    }
    Ok(())
}

/// The trace in one line.
pub(super) fn line(trace: &Trace) -> String {
    let header = trace.header();
    format!(
        "{}: {} records in {}, {} vCPU(s), {} pages of {}{}",
        trace.name(),
        trace.record_count(),
        SimTime::from_ns(trace.duration_ns()),
        header.vcpus,
        header.memory_pages(),
        Bytes(header.page_size),
        header
            .ram_addresses()
            .map_or_else(String::new, |ram| format!(" at {ram}")),
    )
}
