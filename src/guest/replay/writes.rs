//! What the guest has written: of what its pages consist, and when it wrote them last.

use super::{AtEnd, Replay};
use crate::memory::{Contents, Free, PageMap};
use crate::trace::{Op, TraceError};
use crate::units::SimTime;

impl<'a> Replay<'a> {
    /// What the pages consist of when the guest has reached `positions`: those of the trace's map are zero that no vCPU
    /// has written before.
    ///
    /// # Errors
    ///
    /// [`TraceError`] when the trace is damaged.
    pub fn contents(&self, positions: &[SimTime]) -> Result<Contents, TraceError> {
        if !self.has_zero_pages {
            return Ok(Contents::new(self.memory, &[], &Free::default()));
        }
        let zero = self.ram.places(self.trace.zero_runs());
        let mut contents = Contents::new(self.memory, &zero, &self.free);
        if !contents.has_zeros() {
            return Ok(contents);
        }
        for (vcpu, &position) in (0..self.vcpus()).zip(positions) {
            let mut records = self.trace.vcpu_records(vcpu, 0);
            let is_write = |_, op| op == Op::Write;
            while let Some(record) = records.next_wanted(self.start_ns, is_write) {
                let record = record?;
                if record.time_ns >= self.start_ns {
                    break;
                }
                contents.write(self.place(&record)?);
            }
            for page in self.writes(vcpu, SimTime::ZERO, position) {
                contents.write(page?);
            }
        }
        Ok(contents)
    }

    /// The pages that the guest writes from one guest time until before another, each with its last write.
    ///
    /// # Errors
    ///
    /// [`TraceError`] when the trace is damaged.
    pub fn last_writes(
        &self,
        from: SimTime,
        until: SimTime,
    ) -> Result<PageMap<SimTime>, TraceError> {
        // A trace that wraps around writes all that it ever writes in its last pass.
        let from = match self.at_end {
            AtEnd::Wrap => from.max(until - self.pass() - SimTime::from_ps(1)),
            AtEnd::Idle => from,
        };
        let mut writes = PageMap::default();
        for vcpu in 0..self.vcpus() {
            for access in self.vcpu(vcpu, from) {
                let access = access?;
                if access.offset >= until {
                    break;
                }
                if access.op == Op::Write {
                    let last = writes.entry(access.page).or_insert(access.offset);
                    *last = access.offset.max(*last);
                }
            }
        }
        Ok(writes)
    }

    /// The pages, of the trace's size, of one vCPU's writes; those of a span longer than the trace once.
    fn writes(
        &self,
        vcpu: u16,
        from: SimTime,
        until: SimTime,
    ) -> impl Iterator<Item = Result<u32, TraceError>> + use<'a> {
        // After one pass (and a picosecond for rounding) a trace that wraps around has nothing new.
        let end = until.min(from + self.pass() + SimTime::from_ps(1));
        let mut accesses = self.vcpu(vcpu, from);
        std::iter::from_fn(move || accesses.next_wanted(end, |_, op| op == Op::Write))
            .take_while(move |access| !matches!(access, Ok(access) if access.offset >= end))
            .map(|access| access.map(|access| access.place))
    }
}
