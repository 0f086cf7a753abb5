//! From a scenario to its trace.

use super::Scenario;
use crate::trace::synthetic::WorkloadError;
use crate::trace::{Trace, TraceError};

/// The recording inside the program: the default for a newcomer's first run.
static EMBEDDED_TRACE: &[u8] = include_bytes!("../../traces/sort.mtrace");
const EMBEDDED_NAME: &str = "sort";

/// Why a scenario has no trace.
#[derive(Debug, thiserror::Error)]
pub enum OpenTraceError {
    /// The file is not a good trace.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// The workload cannot be generated.
    #[error("trace.workload")]
    Workload(#[from] WorkloadError),
}

impl Scenario {
    /// Opens the trace's file, generates the workload, or takes the recording inside the program.
    ///
    /// # Errors
    ///
    /// [`OpenTraceError`] when the file is unreadable or no trace, or the workload's parameters do not fit.
    pub fn open_trace(&self) -> Result<Trace, OpenTraceError> {
        if let Some(file) = &self.trace.file {
            return Ok(Trace::open(file)?);
        }
        if let Some(workload) = &self.trace.workload {
            let memory = self.vm.memory.map_or(256 << 20, |size| size.0);
            let page_size = self.vm.page_size.map_or(4_096, |size| size.0);
            return Ok(workload.generate(memory, page_size)?);
        }
        Ok(Trace::from_bytes(EMBEDDED_NAME, EMBEDDED_TRACE.into())?)
    }
}
