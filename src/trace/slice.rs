//! A part of a trace as a trace of its own.

use std::io::Write;

use super::{IdleSpan, Op, Place, Trace, TraceError, TraceHeader, TraceWriter};
use crate::memory::PageRun;
use crate::memory::PageSet;
use crate::units::SimTime;

/// Which part of a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    /// Its first nanosecond: time 0 of the slice.
    pub from_ns: u64,
    /// The nanosecond after its last.
    pub to_ns: u64,
    /// The vCPUs that stay, which become the first ones in this order; `None`: all.
    pub vcpus: Option<Vec<u16>>,
}

impl Slice {
    /// Writes the part of `trace` to `out`, as a trace of the same memory.
    ///
    /// A page that any vCPU wrote before the slice begins is no longer zero.
    ///
    /// # Errors
    /// [`TraceError::Invalid`] for times that are not epoch boundaries of a compacted trace, or vCPUs that it has not;
    /// as reading and writing otherwise.
    pub fn write(&self, trace: &Trace, out: impl Write) -> Result<(), TraceError> {
        let vcpus = self.check(trace)?;
        let header = trace.header();
        let mut provenance = header.provenance.clone();
        if !provenance.is_empty() {
            provenance += "; ";
        }
        provenance += &format!(
            "{} ns to {} ns of {}",
            self.from_ns,
            self.to_ns,
            trace.content_hash()
        );
        let header = TraceHeader {
            vcpus: vcpus.len() as u16,
            provenance,
            ..header.clone()
        };
        let zero_runs = zero_at(trace, self.from_ns)?;
        let mut writer = TraceWriter::new(out, header, zero_runs)?;
        for (&original, vcpu) in vcpus.iter().zip(0..) {
            for record in trace.vcpu_records(original, self.from_ns) {
                let mut record = record?;
                if record.time_ns >= self.to_ns {
                    break;
                }
                record.time_ns -= self.from_ns;
                record.vcpu = vcpu;
                writer.push(record)?;
            }
        }
        writer.set_idle_spans(self.idle_spans(trace, &vcpus));
        writer.finish(Some(self.to_ns - self.from_ns))?;
        Ok(())
    }

    /// What lies in the slice of the idle spans of these vCPUs; the writer leaves out what lies behind it.
    fn idle_spans(&self, trace: &Trace, vcpus: &[u16]) -> Vec<IdleSpan> {
        let of = |(&original, vcpu): (&u16, u16)| {
            let spans = trace.vcpu_idle_spans(original).iter();
            spans
                .filter(|span| span.until_ns > self.from_ns)
                .map(move |span| IdleSpan {
                    vcpu,
                    from_ns: span.from_ns.saturating_sub(self.from_ns),
                    until_ns: span.until_ns - self.from_ns,
                })
        };
        vcpus.iter().zip(0..).flat_map(of).collect()
    }

    /// The vCPUs that stay.
    fn check(&self, trace: &Trace) -> Result<Vec<u16>, TraceError> {
        let refuse = |expected| {
            Err(TraceError::Invalid {
                name: trace.name().to_owned(),
                place: Place::Header,
                expected,
            })
        };
        let header = trace.header();
        let unit_ns = match header.compaction_ns {
            0 => u64::from(header.tick_ns),
            epoch_ns => epoch_ns,
        };
        for time_ns in [self.from_ns, self.to_ns] {
            if !time_ns.is_multiple_of(unit_ns) {
                return refuse(format!(
                    "a slice between multiples of {unit_ns} ns, where the trace is exact, found {time_ns} ns"
                ));
            }
        }
        let duration_ns = trace.duration_ns();
        if self.from_ns >= self.to_ns || self.to_ns > duration_ns {
            return refuse(format!(
                "a slice that ends behind its beginning and within the trace's {}, found {} to {}",
                SimTime::from_ns(duration_ns),
                SimTime::from_ns(self.from_ns),
                SimTime::from_ns(self.to_ns)
            ));
        }
        let Some(vcpus) = &self.vcpus else {
            return Ok((0..header.vcpus).collect());
        };
        for (index, vcpu) in vcpus.iter().enumerate() {
            if *vcpu >= header.vcpus || vcpus.iter().take(index).any(|other| other == vcpu) {
                return refuse(format!(
                    "each vCPU once, of 0 to {}, found {vcpu}",
                    header.vcpus - 1
                ));
            }
        }
        if vcpus.is_empty() {
            return refuse("at least 1 vCPU".to_owned());
        }
        Ok(vcpus.clone())
    }
}

/// The pages that are still zero at a time.
fn zero_at(trace: &Trace, time_ns: u64) -> Result<Vec<PageRun>, TraceError> {
    let mut zero = PageSet::empty(trace.header().pages);
    for run in trace.zero_runs() {
        for page in run.first..run.first + run.count {
            zero.insert(page);
        }
    }
    for vcpu in 0..trace.header().vcpus {
        for record in trace.vcpu_records(vcpu, 0) {
            let record = record?;
            if record.time_ns >= time_ns {
                break;
            }
            if record.op == Op::Write {
                zero.remove(record.page);
            }
        }
    }
    let mut runs: Vec<PageRun> = Vec::new();
    for page in zero.iter() {
        match runs.last_mut() {
            Some(run) if run.end() == u64::from(page) => run.count += 1,
            _ => runs.push(PageRun {
                first: page,
                count: 1,
            }),
        }
    }
    Ok(runs)
}
