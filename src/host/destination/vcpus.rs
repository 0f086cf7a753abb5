//! The vCPUs after the resume: how far each has come in its guest time, and what it does next.
//!
//! A vCPU runs, waits for a page, or is idle. From idleness another vCPU wakes it, as soon as one that ran when the
//! trace was recorded has come as far as it had then. Where none did, a timer or a device wakes it, after as long as it
//! took then.

use super::FaultBlocks;
use crate::guest::replay::Idle;
use crate::guest::touch_order::{Touch, TouchOrder, VcpuCourse};
use crate::memory::{PageId, PageSet};
use crate::units::SimTime;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Activity {
    Running,
    /// It has touched a missing page at this time.
    Faulted {
        page: PageId,
        at: SimTime,
    },
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
    course: &'a VcpuCourse,
    /// Touches ahead; the first may be of an installed page.
    touches: &'a [Touch],
    /// Idleness ahead, or the present one and what is ahead.
    idle: &'a [Idle],
    activity: Activity,
    /// Its guest time, counted from the migration command, at `since`.
    position: SimTime,
    since: SimTime,
    /// When its earliest event in the queue comes up.
    pending: Option<SimTime>,
}

impl Vcpu<'_> {
    fn position_at(&self, now: SimTime) -> SimTime {
        match self.activity {
            Activity::Running | Activity::Sleeping => self.position + (now - self.since),
            Activity::Faulted { .. } | Activity::Waiting => self.position,
        }
    }

    fn settle(&mut self, now: SimTime) {
        self.position = self.position_at(now);
        self.since = now;
    }

    /// When it is at a guest time, if it goes on as it does.
    fn time_of(&self, position: SimTime, now: SimTime) -> SimTime {
        // It may be behind: a touch in the midst of idleness, idleness from before the switch-over.
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
    faulted: usize,
    /// Idle ones that another has to wake.
    waiting: usize,
}

impl<'a> Vcpus<'a> {
    pub(super) fn new(order: &'a TouchOrder, resumed_at: SimTime, blocks: FaultBlocks) -> Self {
        let courses = order.vcpus();
        let all = courses.iter().map(|course| {
            let over = |idle: &Idle| idle.until <= course.position;
            Vcpu {
                course,
                touches: &course.touches,
                idle: &course.idle[course.idle.partition_point(over)..],
                activity: Activity::Running,
                position: course.position,
                since: resumed_at,
                pending: None,
            }
        });
        Vcpus {
            all: all.collect(),
            blocks,
            faulted: 0,
            waiting: 0,
        }
    }

    pub(super) fn any_faulted(&self) -> bool {
        self.faulted > 0
    }

    /// The vCPUs that wait for a page, and since when.
    pub(super) fn faulted_on(&self, page: PageId) -> impl Iterator<Item = (u16, SimTime)> {
        let all = (0..).zip(&self.all);
        all.filter_map(move |(vcpu, state)| match state.activity {
            Activity::Faulted { page: on, at } if on == page => Some((vcpu, at)),
            _ => None,
        })
    }

    /// At the resume: calls `at` with every vCPU's first event.
    pub(super) fn start(
        &mut self,
        now: SimTime,
        missing: &PageSet,
        mut at: impl FnMut(SimTime, u16),
    ) {
        for vcpu in 0..self.all.len() as u16 {
            let due = self.due(now, vcpu, missing);
            self.queue(vcpu, due, &mut at);
        }
    }

    /// After a vCPU has stopped or gone on: calls `at` with the events that have to be scheduled now.
    pub(super) fn schedule(
        &mut self,
        now: SimTime,
        vcpu: u16,
        missing: &PageSet,
        mut at: impl FnMut(SimTime, u16),
    ) {
        let due = self.due(now, vcpu, missing);
        self.queue(vcpu, due, &mut at);
        if self.blocks == FaultBlocks::Vcpu && self.waiting == 0 {
            return;
        }
        for (index, other) in (0..self.all.len()).zip(0..) {
            let due = match (self.blocks, self.all[index].activity) {
                _ if other == vcpu => None,
                // Events that came up while the VM stood still are lost.
                (FaultBlocks::Vm, _) => self.due(now, other, missing),
                (FaultBlocks::Vcpu, Activity::Waiting) => self.wakes(now, vcpu, index),
                _ => None,
            };
            self.queue(other, due, &mut at);
        }
    }

    /// Queues an event, unless one is queued that comes up no later: one that comes up too early has another follow it.
    fn queue(&mut self, vcpu: u16, due: Option<SimTime>, at: &mut impl FnMut(SimTime, u16)) {
        let pending = &mut self.all[usize::from(vcpu)].pending;
        if let Some(due) = due
            && pending.is_none_or(|pending| due < pending)
        {
            *pending = Some(due);
            at(due, vcpu);
        }
    }

    /// An event of the vCPU comes up. Returns the missing page that it touches, if it does.
    pub(super) fn turn(&mut self, now: SimTime, vcpu: u16, missing: &PageSet) -> Option<PageId> {
        let state = &mut self.all[usize::from(vcpu)];
        if state.pending != Some(now) {
            return None; // an earlier one has taken its place
        }
        state.pending = None;
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
                self.fault(now, vcpu, page);
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

    fn fault(&mut self, now: SimTime, vcpu: u16, page: PageId) {
        match self.blocks {
            FaultBlocks::Vcpu => self.all[usize::from(vcpu)].settle(now),
            FaultBlocks::Vm => self.all.iter_mut().for_each(|state| state.settle(now)),
        }
        self.all[usize::from(vcpu)].activity = Activity::Faulted { page, at: now };
        self.faulted += 1;
    }

    fn go_idle(&mut self, now: SimTime, vcpu: u16) {
        let state = &mut self.all[usize::from(vcpu)];
        state.settle(now);
        let Some(&Idle { until, .. }) = state.idle.first() else {
            return;
        };
        let by_another = self.who_may_wake(vcpu, until).next().is_some();
        self.waiting += usize::from(by_another);
        self.all[usize::from(vcpu)].activity = if by_another {
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
        self.waiting -= usize::from(state.activity == Activity::Waiting);
        state.activity = Activity::Running;
    }

    /// When a vCPU wakes the waiting one at `index`, if it does as things are.
    fn wakes(&self, now: SimTime, vcpu: u16, index: usize) -> Option<SimTime> {
        let waker = &self.all[usize::from(vcpu)];
        let Idle { until, .. } = *self.all[index].idle.first()?;
        if waker.was_idle_before(until) {
            return None;
        }
        waker.reaches(until, now)
    }

    /// The other vCPUs that ran right before a guest time, when the trace was recorded.
    fn who_may_wake(&self, vcpu: u16, until: SimTime) -> impl Iterator<Item = &Vcpu<'a>> {
        self.all
            .iter()
            .zip(0..)
            .filter(move |&(state, other)| other != vcpu && !state.was_idle_before(until))
            .map(|(state, _)| state)
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
            (Activity::Sleeping, Some(idle)) => {
                // A sleep beyond the end of time is no reason for a run to last so long.
                Some(state.time_of(idle.until, now)).filter(|&at| at < SimTime::MAX)
            }
            (Activity::Waiting, Some(&Idle { until, .. })) => self
                .who_may_wake(vcpu, until)
                .filter_map(|other| other.reaches(until, now))
                .min(),
            _ => None,
        }
    }
}
