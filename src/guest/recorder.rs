//! A guest that runs on the source under a recorder.
//!
//! The recorder makes pages inaccessible. The first access to a page after that traps, which costs its vCPU time, and
//! the page is accessible again until it is protected anew. What the recorder sees between two traps is idealised:
//! every access of the trace is recorded with its time.

use crate::guest::recording::Access;
use crate::guest::replay::{GuestAccess, Replay, VcpuReplay};
use crate::memory::{PageId, PageMap, PageSet};
use crate::trace::{Op, TraceError};
use crate::units::SimTime;

/// The guest as it runs on, with all of its memory protected at first.
pub struct RecordedGuest<'a> {
    replay: Replay<'a>,
    vcpus: Vec<RunningVcpu<'a>>,
    trap: SimTime,
    protected: PageSet,
}

/// Where the guest stopped.
#[derive(Debug)]
pub struct Stopped {
    /// Per vCPU, the guest time at which it goes on at the destination, an epoch's boundary of a compacted trace.
    pub positions: Vec<SimTime>,
    /// Pages written before those positions, and after what the recorder saw.
    pub written_late: Vec<PageId>,
}

impl<'a> RecordedGuest<'a> {
    /// A guest at the migration command; the first access to a protected page costs its vCPU `trap`.
    ///
    /// # Errors
    ///
    /// [`TraceError`] when the trace is damaged.
    pub fn new(replay: &Replay<'a>, trap: SimTime) -> Result<Self, TraceError> {
        Self::from(replay, SimTime::ZERO, trap)
    }

    /// As [`RecordedGuest::new`], seen from a time on until which nothing has held it up.
    ///
    /// # Errors
    ///
    /// [`TraceError`] when the trace is damaged.
    pub fn from(
        replay: &Replay<'a>,
        beginning: SimTime,
        trap: SimTime,
    ) -> Result<Self, TraceError> {
        let vcpus = (0..replay.vcpus())
            .map(|vcpu| RunningVcpu::new(replay.vcpu(vcpu, beginning)))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(RecordedGuest {
            replay: replay.clone(),
            vcpus,
            trap,
            protected: PageSet::full(replay.memory().pages),
        })
    }

    /// The next access, if it comes before `time`, and the place in RAM that it goes to. Of one instant's they
    /// come by vCPU.
    ///
    /// # Errors
    ///
    /// [`TraceError`] when the trace is damaged.
    pub fn next_before(&mut self, time: SimTime) -> Result<Option<(Access, u32)>, TraceError> {
        let next = (0u16..)
            .zip(&self.vcpus)
            .filter_map(|(vcpu, state)| Some((state.due()?, vcpu)))
            .min();
        let Some((due, vcpu)) = next.filter(|(due, _)| *due < time) else {
            return Ok(None);
        };
        let state = &mut self.vcpus[usize::from(vcpu)];
        let Some(access) = state.step(&self.replay)? else {
            return Ok(None);
        };
        if self.protected.remove(access.page) {
            state.delay += self.trap;
        }
        let made = Access {
            time: due,
            vcpu,
            page: access.page,
            op: access.op,
        };
        Ok(Some((made, access.place)))
    }

    /// The next access to the page traps.
    pub fn protect(&mut self, page: PageId) {
        self.protected.insert(page);
    }

    /// The next access to each page traps.
    pub fn protect_all(&mut self) {
        self.protected = PageSet::full(self.protected.pages());
    }

    /// Whether a vCPU may still write the page at `time`, though its last recorded write of it lies before: that was in
    /// the epoch of a compacted trace in which the vCPU still is, or it waits in that write's trap.
    pub fn may_be_writing(&self, page: PageId, time: SimTime) -> bool {
        self.vcpus.iter().any(|state| {
            state.written.contains_key(&page)
                && self.replay.epoch_beginning(state.position(time)) == state.epoch
        })
    }

    /// Where each vCPU goes on at the destination if the guest stops at `time`, once all recorded accesses have been
    /// taken.
    ///
    /// A vCPU goes on at the destination where the time less its traps has brought it, but not before its last access:
    /// one whose trap is cut off is made again. On a compacted trace that is rounded to an epoch's boundary, where it
    /// is exact.
    pub fn positions(&self, time: SimTime) -> Vec<SimTime> {
        let position = |state: &RunningVcpu<'_>| self.replay.nearest_boundary(state.position(time));
        self.vcpus.iter().map(position).collect()
    }

    /// Stops the guest at `time`, before which all accesses have been taken.
    ///
    /// # Errors
    ///
    /// [`TraceError`] when the trace is damaged.
    pub fn stop(mut self, time: SimTime) -> Result<Stopped, TraceError> {
        let mut stopped = Stopped {
            positions: self.positions(time),
            written_late: Vec::new(),
        };
        for (state, &position) in self.vcpus.iter_mut().zip(&stopped.positions) {
            while state.next.is_some_and(|next| next.offset < position) {
                if let Some(access) = state.step(&self.replay)?
                    && access.op == Op::Write
                {
                    stopped.written_late.push(access.page);
                }
            }
        }
        Ok(stopped)
    }
}

struct RunningVcpu<'a> {
    ahead: VcpuReplay<'a>,
    next: Option<GuestAccess>,
    /// Guest time of the last access made.
    last: SimTime,
    /// Sum of the traps so far.
    delay: SimTime,
    /// Beginning of the epoch of the last write, and what was written in it.
    epoch: SimTime,
    written: PageMap<()>,
}

impl<'a> RunningVcpu<'a> {
    fn new(mut ahead: VcpuReplay<'a>) -> Result<Self, TraceError> {
        let next = ahead.next().transpose()?;
        Ok(RunningVcpu {
            ahead,
            next,
            last: SimTime::ZERO,
            delay: SimTime::ZERO,
            epoch: SimTime::ZERO,
            written: PageMap::default(),
        })
    }

    fn due(&self) -> Option<SimTime> {
        self.next.map(|access| access.offset + self.delay)
    }

    /// The guest time that is reached at `time`.
    fn position(&self, time: SimTime) -> SimTime {
        (time - self.delay).max(self.last)
    }

    fn step(&mut self, replay: &Replay<'_>) -> Result<Option<GuestAccess>, TraceError> {
        let access = self.next;
        self.next = self.ahead.next().transpose()?;
        if let Some(access) = access {
            self.last = access.offset;
            if access.op == Op::Write {
                let epoch = replay.epoch_beginning(access.offset);
                if epoch != self.epoch {
                    self.epoch = epoch;
                    self.written.clear();
                }
                self.written.insert(access.page, ());
            }
        }
        Ok(access)
    }
}
