//! The vCPUs after the resume: how far each has come in its guest time, and what it does next.
//!
//! A vCPU runs, waits for a page, or is idle. From idleness another vCPU wakes it, as soon as one that ran when the trace was
//! recorded has come as far as it had then. Where none did, a timer or a device wakes it, after as long as it took then.

use std::ops::Range;

use super::FaultBlocks;
use crate::time::SimTime;
use crate::trace::replay::Idle;
use crate::trace::touch_order::{Touch, TouchOrder, VcpuTouches};
use crate::vm::{PageId, PageSet};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Activity {
    Running,
    /// It has touched a missing page at this time.
    Faulted(SimTime),
    /// Idle, until its timer ends.
    Sleeping,
    /// Idle, until another vCPU wakes it.
    Waiting,
}

/// What a running vCPU comes to next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Touch(PageId),
    Idle,
}

#[derive(Debug)]
struct Vcpu<'a> {
    course: &'a VcpuTouches,
    /// Those ahead. Of the touches, the first may be of an installed page.
    touches: &'a [Touch],
    idle: &'a [Idle],
    activity: Activity,
    /// Its guest time at `since`.
    position: SimTime,
    since: SimTime,
    /// When its pending event is due; [`SimTime::MAX`] if it has none.
    pending: SimTime,
}

impl Vcpu<'_> {
    fn position_at(&self, now: SimTime) -> SimTime {
        match self.activity {
            Activity::Running | Activity::Sleeping => self.position + (now - self.since),
            Activity::Faulted(_) | Activity::Waiting => self.position,
        }
    }

    fn settle(&mut self, now: SimTime) {
        self.position = self.position_at(now);
        self.since = now;
    }

    /// When its clock shows a guest time, if it goes on as it does.
    fn time_of(&self, position: SimTime, now: SimTime) -> SimTime {
        // It may have gone by while the vCPU was idle.
        (self.since + (position - self.position)).max(now)
    }

    /// When it comes to a guest time, if it does as things are.
    fn reaches(&self, position: SimTime, now: SimTime) -> Option<SimTime> {
        let there = self.position_at(now) >= position;
        (there || self.activity == Activity::Running).then(|| self.time_of(position, now))
    }

    /// Whether it was idle right before a guest time, when the trace was recorded.
    fn was_idle_before(&self, time: SimTime) -> bool {
        let begun = self.course.idle.partition_point(|idle| idle.from < time);
        let last = self.course.idle[..begun].last();
        last.is_some_and(|idle| idle.until >= time)
    }

    /// What it comes to next while it runs, and at which guest time.
    fn next(&mut self, missing: &PageSet) -> Option<(SimTime, Next)> {
        // Installed pages stay: touching them costs nothing, now or later.
        let installed = self.touches.iter();
        let installed = installed.take_while(|touch| !missing.contains(touch.page));
        self.touches = &self.touches[installed.count()..];
        let touch = self.touches.first();
        let touch = touch.map(|touch| {
            let at = self.course.position + touch.offset;
            (at, Next::Touch(touch.page))
        });
        let idle = self.idle.first().map(|idle| (idle.from, Next::Idle));
        // At one time the touch.
        touch.into_iter().chain(idle).min_by_key(|&(at, _)| at)
    }
}

/// All vCPUs of a VM.
#[derive(Debug)]
pub(super) struct Vcpus<'a> {
    all: Vec<Vcpu<'a>>,
    blocks: FaultBlocks,
    /// Whether it concerns the others when one stops or goes on.
    coupled: bool,
    faulted: usize,
}

impl<'a> Vcpus<'a> {
    pub(super) fn new(order: &'a TouchOrder, resumed_at: SimTime, blocks: FaultBlocks) -> Self {
        let courses = order.vcpus();
        let all = courses.iter().map(|course| Vcpu {
            course,
            touches: &course.touches,
            idle: &course.idle,
            activity: Activity::Running,
            position: course.position,
            since: resumed_at,
            pending: SimTime::MAX,
        });
        let any_idle = courses.iter().any(|course| !course.idle.is_empty());
        Vcpus {
            all: all.collect(),
            blocks,
            coupled: blocks == FaultBlocks::Vm || any_idle,
            faulted: 0,
        }
    }

    pub(super) fn any_faulted(&self) -> bool {
        self.faulted > 0
    }

    /// Since when a vCPU waits for a page.
    pub(super) fn faulted_at(&self, vcpu: u16) -> Option<SimTime> {
        match self.all[usize::from(vcpu)].activity {
            Activity::Faulted(at) => Some(at),
            _ => None,
        }
    }

    /// The vCPUs whose next event may be due at another time, now that this one has stopped or gone on.
    pub(super) fn affected_by(&self, vcpu: u16) -> Range<u16> {
        if self.coupled {
            0..self.all.len() as u16
        } else {
            vcpu..vcpu + 1
        }
    }

    /// When the vCPU's next event is due, if it has to be scheduled.
    pub(super) fn schedule(
        &mut self,
        now: SimTime,
        vcpu: u16,
        missing: &PageSet,
    ) -> Option<SimTime> {
        let due = self.due(now, vcpu, missing).unwrap_or(SimTime::MAX);
        let pending = &mut self.all[usize::from(vcpu)].pending;
        let changed = std::mem::replace(pending, due) != due;
        (changed && due < SimTime::MAX).then_some(due)
    }

    /// An event of the vCPU comes up. Returns the missing page that it touches, if it does.
    pub(super) fn turn(&mut self, now: SimTime, vcpu: u16, missing: &PageSet) -> Option<PageId> {
        let state = &mut self.all[usize::from(vcpu)];
        if state.pending != now {
            return None; // another event has taken its place
        }
        state.pending = SimTime::MAX;
        if self.due(now, vcpu, missing)? > now {
            return None;
        }
        let state = &mut self.all[usize::from(vcpu)];
        if state.activity != Activity::Running {
            self.end_idleness(now, vcpu);
            return None;
        }
        match state.next(missing)?.1 {
            Next::Touch(page) => {
                self.fault(now, vcpu);
                Some(page)
            }
            Next::Idle => {
                self.go_idle(now, vcpu);
                None
            }
        }
    }

    /// A vCPU's page is there, and it goes on.
    pub(super) fn go_on(&mut self, now: SimTime, vcpu: u16) {
        self.faulted -= 1;
        self.all[usize::from(vcpu)].activity = Activity::Running;
        let stood_still = match self.blocks {
            FaultBlocks::Vcpu => usize::from(vcpu)..usize::from(vcpu) + 1,
            FaultBlocks::Vm => 0..self.all.len(),
        };
        for state in &mut self.all[stood_still] {
            state.since = now;
        }
    }

    /// Whether a fault has stopped the whole VM.
    fn stands_still(&self) -> bool {
        self.blocks == FaultBlocks::Vm && self.any_faulted()
    }

    fn fault(&mut self, now: SimTime, vcpu: u16) {
        match self.blocks {
            FaultBlocks::Vcpu => self.all[usize::from(vcpu)].settle(now),
            FaultBlocks::Vm => self.all.iter_mut().for_each(|state| state.settle(now)),
        }
        self.all[usize::from(vcpu)].activity = Activity::Faulted(now);
        self.faulted += 1;
    }

    fn go_idle(&mut self, now: SimTime, vcpu: u16) {
        let Some(&Idle { from, until }) = self.all[usize::from(vcpu)].idle.first() else {
            return;
        };
        let by_another = self.who_may_wake(vcpu, until).next().is_some();
        let state = &mut self.all[usize::from(vcpu)];
        (state.position, state.since) = (from, now);
        state.activity = if by_another {
            Activity::Waiting
        } else {
            Activity::Sleeping
        };
    }

    fn end_idleness(&mut self, now: SimTime, vcpu: u16) {
        let state = &mut self.all[usize::from(vcpu)];
        if let Some((idle, ahead)) = state.idle.split_first() {
            (state.position, state.since) = (idle.until, now);
            state.idle = ahead;
        }
        state.activity = Activity::Running;
    }

    /// The other vCPUs that ran right before a guest time, when the trace was recorded.
    fn who_may_wake(&self, vcpu: u16, until: SimTime) -> impl Iterator<Item = &Vcpu<'a>> {
        (0..)
            .zip(&self.all)
            .filter(move |&(other, state)| other != vcpu && !state.was_idle_before(until))
            .map(|(_, state)| state)
    }

    /// When the vCPU's next event is due, as things are.
    fn due(&mut self, now: SimTime, vcpu: u16, missing: &PageSet) -> Option<SimTime> {
        if self.stands_still() {
            return None;
        }
        let state = &mut self.all[usize::from(vcpu)];
        match (state.activity, state.idle.first()) {
            (Activity::Running, _) => {
                let (at, _) = state.next(missing)?;
                Some(state.time_of(at, now))
            }
            (Activity::Sleeping, Some(idle)) => Some(state.time_of(idle.until, now)),
            (Activity::Waiting, Some(&Idle { until, .. })) => self
                .who_may_wake(vcpu, until)
                .filter_map(|other| other.reaches(until, now))
                .min(),
            _ => None,
        }
    }
}
