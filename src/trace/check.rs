//! What has to hold for every trace, by name.

use super::compaction::{Compaction, TooManyPages};
use super::{Trace, TraceError};
use crate::units::SimTime;

/// An invariant of traces, and whether this one has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invariant {
    /// `false` for what a trace can be read without.
    pub holds: bool,
    /// What holds, or what does not.
    pub text: String,
}

/// Goes through the whole trace, and names its invariants.
///
/// # Errors
/// [`TraceError`] for the first that does not hold without which the trace is of no use.
pub fn check(trace: &Trace) -> Result<Vec<Invariant>, TraceError> {
    // Opening has checked the first of them.
    trace.verify()?;
    let held = [
        "the header, the zero pages (ascending, no overlap, within memory) and the index are whole"
            .to_owned(),
        "every block has its checksum, and is the one that the index names".to_owned(),
        "each vCPU's times ascend, and lie within the duration".to_owned(),
        "every page lies in memory, every op is r, w or x".to_owned(),
        "each vCPU's idle spans ascend, do not overlap, and lie within the duration".to_owned(),
        format!("the content has the hash {}", trace.content_hash()),
    ];
    let mut invariants = Vec::from(held.map(|text| Invariant { holds: true, text }));
    invariants.extend(compaction(trace)?);
    Ok(invariants)
}

/// `None` where it cannot be checked.
fn compaction(trace: &Trace) -> Result<Option<Invariant>, TraceError> {
    let header = trace.header();
    let epoch = SimTime::from_ns(header.compaction_ns);
    let mut repeats = 0_u64;
    for vcpu in 0..header.vcpus {
        let Some(mut compaction) = Compaction::new(header.compaction_ns) else {
            let text = "it is not compacted".to_owned();
            return Ok(Some(Invariant { holds: true, text }));
        };
        for record in trace.vcpu_records(vcpu, 0) {
            match compaction.keeps(record?) {
                Ok(first) => repeats += u64::from(!first),
                Err(TooManyPages) => return Ok(None),
            }
        }
    }
    let kept = "a page's first access, first write and first fetch in each epoch of";
    Ok(Some(Invariant {
        holds: repeats == 0,
        text: match repeats {
            0 => format!("it holds {kept} {epoch}, and no more"),
            _ => format!(
                "it holds {repeats} records beside {kept} {epoch}: its epochs may not begin at multiples of that"
            ),
        },
    }))
}
