//! The vCPUs after the resume: how far each has come in its guest time, and what it does next.
//!
//! A vCPU runs, waits for a page, or is idle. From idleness another vCPU wakes it: one that ran when the trace was recorded has
//! to come as far as it was then. If none did, a timer or a device wakes it, after as long as it took then.

use std::num::NonZeroU16;
use std::ops::Range;

use super::FaultBlocks;
use crate::time::SimTime;
use crate::trace::replay::Idle;
use crate::trace::touch_order::{Touch, TouchOrder, VcpuTouches};
use crate::vm::{PageId, PageSet};

/// Guest time that passes in an interval, as a fraction of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Speed {
    /// vCPUs among which the processors were divided when the trace was recorded, or the processors if they are more.
    recorded: u64,
    /// The same now.
    now: u64,
}

impl Speed {
    const FULL: Speed = Speed {
        recorded: 1,
        now: 1,
    };

    fn guest_time(self, interval: SimTime) -> SimTime {
        let scaled = u128::from(interval.as_ps()) * u128::from(self.recorded);
        SimTime::from_wide_ps(scaled / u128::from(self.now))
    }

    /// Within it at least `guest_time` passes.
    fn interval(self, guest_time: SimTime) -> SimTime {
        let scaled = u128::from(guest_time.as_ps()) * u128::from(self.now);
        SimTime::from_wide_ps(scaled.div_ceil(u128::from(self.recorded)))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Activity {
    Running(Speed),
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
    fn settle(&mut self, now: SimTime) {
        self.position = self.position_at(now);
        self.since = now;
    }

    fn position_at(&self, now: SimTime) -> SimTime {
        match self.activity {
            Activity::Running(speed) => self.position + speed.guest_time(now - self.since),
            Activity::Sleeping => self.position + (now - self.since),
            Activity::Faulted(_) | Activity::Waiting => self.position,
        }
    }

    /// When it comes to a guest time, if it does as things are.
    fn reaches(&self, position: SimTime, now: SimTime) -> Option<SimTime> {
        match self.activity {
            _ if self.position_at(now) >= position => Some(now),
            Activity::Running(speed) => Some(self.since + speed.interval(position - self.position)),
            _ => None,
        }
    }

    /// Whether it was idle right before a guest time, when the trace was recorded.
    fn was_idle_before(&self, time: SimTime) -> bool {
        let begun = self.course.idle.partition_point(|idle| idle.from < time);
        self.course.idle[..begun]
            .last()
            .is_some_and(|idle| idle.until >= time)
    }
}

/// All vCPUs of a VM.
#[derive(Debug)]
pub(super) struct Vcpus<'a> {
    all: Vec<Vcpu<'a>>,
    blocks: FaultBlocks,
    /// As many as vCPUs, or fewer.
    processors: u64,
    /// If they are fewer: how many vCPUs were not idle from a guest time on, when the trace was recorded.
    recorded: Vec<(SimTime, u64)>,
    /// Whether it concerns the others when one stops or goes on.
    coupled: bool,
    faulted: usize,
}

impl<'a> Vcpus<'a> {
    pub(super) fn new(
        order: &'a TouchOrder,
        resumed_at: SimTime,
        blocks: FaultBlocks,
        processors: Option<NonZeroU16>,
    ) -> Self {
        let courses = order.vcpus();
        let all = courses.iter().map(|course| Vcpu {
            course,
            touches: &course.touches,
            idle: &course.idle,
            activity: Activity::Running(Speed::FULL),
            position: course.position,
            since: resumed_at,
            pending: SimTime::MAX,
        });
        let count = courses.len() as u64;
        let processors = processors.map_or(count, |number| count.min(number.get().into()));
        let shared = processors < count;
        let mut this = Vcpus {
            all: all.collect(),
            blocks,
            processors,
            recorded: if shared {
                recorded(courses)
            } else {
                Vec::new()
            },
            coupled: shared
                || blocks == FaultBlocks::Vm
                || courses.iter().any(|course| !course.idle.is_empty()),
            faulted: 0,
        };
        this.share(resumed_at);
        this
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
        self.share(now); // it may have come to where that changes
        let state = &mut self.all[usize::from(vcpu)];
        if state.pending != now {
            return None; // another event has taken its place
        }
        state.pending = SimTime::MAX;
        let mut touched = None;
        match self.all[usize::from(vcpu)].activity {
            Activity::Running(_) => {
                let (at, next) = self.next(vcpu, missing)?;
                if self.all[usize::from(vcpu)].position_at(now) < at {
                    return None;
                }
                match next {
                    Next::Touch(page) => {
                        self.fault(now, vcpu);
                        touched = Some(page);
                    }
                    Next::Idle => self.go_idle(now, vcpu),
                }
            }
            Activity::Sleeping | Activity::Waiting => {
                if self.due(now, vcpu, missing)? > now {
                    return None;
                }
                self.end_idleness(now, vcpu);
            }
            Activity::Faulted(_) => return None,
        }
        self.share(now);
        touched
    }

    /// A vCPU's page is there, and it goes on.
    pub(super) fn go_on(&mut self, now: SimTime, vcpu: u16) {
        self.faulted -= 1;
        self.all[usize::from(vcpu)].activity = Activity::Running(Speed::FULL);
        let stood_still = match self.blocks {
            FaultBlocks::Vcpu => vcpu..vcpu + 1,
            FaultBlocks::Vm => 0..self.all.len() as u16,
        };
        for vcpu in stood_still {
            self.all[usize::from(vcpu)].since = now;
        }
        self.share(now);
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
        let timer = self.who_may_wake(vcpu, until).next().is_none();
        let state = &mut self.all[usize::from(vcpu)];
        (state.position, state.since) = (from, now);
        state.activity = if timer {
            Activity::Sleeping
        } else {
            Activity::Waiting
        };
    }

    fn end_idleness(&mut self, now: SimTime, vcpu: u16) {
        let state = &mut self.all[usize::from(vcpu)];
        if let Some((idle, ahead)) = state.idle.split_first() {
            (state.position, state.since) = (idle.until, now);
            state.idle = ahead;
        }
        state.activity = Activity::Running(Speed::FULL);
    }

    /// The other vCPUs that ran right before a guest time, when the trace was recorded.
    fn who_may_wake(&self, vcpu: u16, until: SimTime) -> impl Iterator<Item = &Vcpu<'a>> {
        (0..)
            .zip(&self.all)
            .filter(move |&(other, state)| other != vcpu && !state.was_idle_before(until))
            .map(|(_, state)| state)
    }

    /// Gives the running vCPUs their share of the processors.
    fn share(&mut self, now: SimTime) {
        if self.recorded.is_empty() || self.stands_still() {
            return;
        }
        let running = |state: &&mut Vcpu<'_>| matches!(state.activity, Activity::Running(_));
        let count = self.all.iter_mut().filter(running).count() as u64;
        for state in self.all.iter_mut().filter(running) {
            let position = state.position_at(now);
            let passed = self.recorded.partition_point(|&(from, _)| from <= position);
            let recorded = self.recorded[..passed]
                .last()
                .map_or(1, |&(_, count)| count);
            let speed = Activity::Running(Speed {
                recorded: recorded.max(self.processors),
                now: count.max(self.processors),
            });
            if state.activity != speed {
                state.settle(now);
                state.activity = speed;
            }
        }
    }

    /// When the vCPU's next event is due, as things are.
    fn due(&mut self, now: SimTime, vcpu: u16, missing: &PageSet) -> Option<SimTime> {
        if self.stands_still() {
            return None;
        }
        let state = &self.all[usize::from(vcpu)];
        match (state.activity, state.idle.first()) {
            (Activity::Running(speed), _) => {
                let (position, since) = (state.position, state.since);
                let share = self.next_share(state.position_at(now));
                let next = self.next(vcpu, missing).map(|(at, _)| at);
                let at = next.into_iter().chain(share).min()?;
                Some((since + speed.interval(at - position)).max(now))
            }
            (Activity::Sleeping, Some(idle)) => Some(state.since + (idle.until - state.position)),
            (Activity::Waiting, Some(&Idle { until, .. })) => self
                .who_may_wake(vcpu, until)
                .filter_map(|other| other.reaches(until, now))
                .min(),
            _ => None,
        }
    }

    /// What a running vCPU comes to next, and at which guest time.
    fn next(&mut self, vcpu: u16, missing: &PageSet) -> Option<(SimTime, Next)> {
        let state = &mut self.all[usize::from(vcpu)];
        // Installed pages stay: touching them costs nothing, now or later.
        let installed = state.touches.iter();
        let installed = installed.take_while(|touch| !missing.contains(touch.page));
        state.touches = &state.touches[installed.count()..];
        let touch = state.touches.first();
        let touch = touch.map(|touch| {
            (
                state.course.position + touch.offset,
                Next::Touch(touch.page),
            )
        });
        let idle = state.idle.first().map(|idle| (idle.from, Next::Idle));
        // At one time the touch.
        let both = touch.into_iter().chain(idle);
        both.min_by_key(|&(at, _)| at)
    }

    /// The next guest time at which the share of the processors may change.
    fn next_share(&self, position: SimTime) -> Option<SimTime> {
        let passed = self.recorded.partition_point(|&(from, _)| from <= position);
        self.recorded.get(passed).map(|&(from, _)| from)
    }
}

/// How many vCPUs were not idle from each guest time on at which that changed, and from the beginning on.
fn recorded(courses: &[VcpuTouches]) -> Vec<(SimTime, u64)> {
    let mut turns: Vec<(SimTime, i64)> = vec![(SimTime::ZERO, courses.len() as i64)];
    for idle in courses.iter().flat_map(|course| &course.idle) {
        turns.extend([(idle.from, -1), (idle.until, 1)]);
    }
    turns.sort_unstable();
    let mut running = 0;
    let mut counts: Vec<(SimTime, u64)> = Vec::new();
    for (at, change) in turns {
        running += change;
        match counts.last_mut() {
            Some(last) if last.0 == at => last.1 = running.unsigned_abs(),
            _ => counts.push((at, running.unsigned_abs())),
        }
    }
    counts
}
