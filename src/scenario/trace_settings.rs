//! `[trace]`: what the guest does.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::guest::replay::{AtEnd, TimeScale};
use crate::limits::{OutOfLimits, expect};
use crate::trace::synthetic::Workload;
use crate::units::SimTime;

/// `[trace]`: what the guest does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a section with keys")]
pub struct TraceSettings {
    /// A recorded trace (`.mtrace`). A relative path starts at the scenario's file. Default: the recording inside the
    /// program.
    pub file: Option<PathBuf>,
    /// A synthetic workload, instead of a recorded trace.
    pub workload: Option<Workload>,
    /// Position of the migration command in the trace, in recorded time, rounded to the recorder's epochs. Default 2
    /// s: a recording's first moments touch every page for the first time.
    pub start: SimTime,
    /// Guest time per recorded time. Default 1. A recorder that slows the guest down f times needs 1/f.
    pub time_scale: TimeScale,
    /// What the guest does at the end of the trace. Default `wrap`: recordings are short, and most guests go on.
    pub at_end: AtEnd,
}

impl Default for TraceSettings {
    fn default() -> Self {
        TraceSettings {
            file: None,
            workload: None,
            start: SimTime::from_ms(2_000),
            time_scale: TimeScale::default(),
            at_end: AtEnd::Wrap,
        }
    }
}

impl TraceSettings {
    pub(crate) fn check(&self) -> Result<(), OutOfLimits> {
        expect(
            self.file.is_none() || self.workload.is_none(),
            "trace.workload",
            "expected either a file or a workload, not both",
        )
    }
}
