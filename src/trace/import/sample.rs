//! Samples of recordings, as the tests beside the formats read them.

use super::{ImportError, ImportOptions, Importer, Input};
use crate::trace::Trace;

/// `time_ns,vcpu,page,op` of every record of the trace that a recording becomes.
pub(super) fn rows(importer: &Importer, recording: &str) -> Vec<String> {
    let trace = imported(importer, recording).expect("a sound recording");
    let records = trace.records().map(|record| record.expect("a sound trace"));
    let row = |record: crate::trace::Record| {
        let op = record.op.letter();
        format!("{},{},{},{op}", record.time_ns, record.vcpu, record.page)
    };
    records.map(row).collect()
}

/// Why a recording is refused.
pub(super) fn refusal(importer: &Importer, recording: &str) -> String {
    let refused = imported(importer, recording).map(|_| ());
    refused.expect_err("a broken recording").to_string()
}

fn imported(importer: &Importer, recording: &str) -> Result<Trace, ImportError> {
    let mut out = Vec::new();
    let input = Input::new("in", recording.as_bytes())?;
    importer.import(input, &ImportOptions::default(), &mut out)?;
    Ok(Trace::from_bytes("out", out.into())?)
}
