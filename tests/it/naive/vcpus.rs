//! How far each vCPU has come in its guest time, and when it has nothing to do.

use super::source::SourcePhase;
use super::{Input, Ps};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    Runs,
    /// It waits for a page.
    Faulted,
    /// Idle until a timer ends: guest time passes as time does.
    Sleeps,
    /// Idle until another vCPU wakes it.
    Waits,
}

/// What a vCPU does next, beside touching pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    GoesIdle,
    IsWoken,
}

#[derive(Debug)]
struct Vcpu {
    /// From and until, in guest time.
    idle: Vec<(Ps, Ps)>,
    /// How many of them are over.
    over: usize,
    doing: Doing,
    /// The guest time at `since`.
    position: Ps,
    since: Ps,
}

impl Vcpu {
    fn position(&self, now: Ps) -> Ps {
        let passed = now - self.since;
        self.position
            + match self.doing {
                Doing::Runs | Doing::Sleeps => passed,
                Doing::Faulted | Doing::Waits => 0,
            }
    }

    fn settle(&mut self, now: Ps) {
        self.position = self.position(now);
        self.since = now;
    }

    /// When a running vCPU is at a guest time.
    fn time_of(&self, now: Ps, position: Ps) -> Option<Ps> {
        let ahead = position.saturating_sub(self.position);
        (self.doing == Doing::Runs).then(|| (self.since + ahead).max(now))
    }

    fn was_idle_right_before(&self, time: Ps) -> bool {
        self.idle
            .iter()
            .any(|&(from, until)| from < time && time <= until)
    }
}

pub(super) struct Vcpus {
    all: Vec<Vcpu>,
    /// A fault stops all.
    vm: bool,
}

impl Vcpus {
    pub(super) fn new(input: &Input, source: &SourcePhase, resumed: Ps) -> Self {
        let least = *source.positions.iter().min().expect("a vCPU");
        let all = (0..input.vcpus).map(|v| {
            let position = source.positions[usize::from(v)];
            let idle = idle(input, v, least);
            Vcpu {
                over: idle.iter().filter(|&&(_, until)| until <= position).count(),
                idle,
                doing: Doing::Runs,
                position,
                since: resumed,
            }
        });
        Vcpus {
            all: all.collect(),
            vm: input.blocks_vm(),
        }
    }

    /// What `v` does next and when, if at the guest time `touch` it touches a page; `None` as what it does is the
    /// touch.
    pub(super) fn next(&self, now: Ps, v: usize, touch: Option<Ps>) -> Option<(Ps, Option<Turn>)> {
        if self.stopped() {
            return None;
        }
        let vcpu = &self.all[v];
        let span = vcpu.idle.get(vcpu.over);
        match (vcpu.doing, span) {
            (Doing::Faulted, _) => None,
            (Doing::Sleeps, Some(&(_, until))) => {
                Some((vcpu.since + until - vcpu.position, Some(Turn::IsWoken)))
            }
            (Doing::Waits, Some(&(_, until))) => self
                .wakers(v, until)
                .filter_map(|other| match other.position(now) >= until {
                    true => Some(now),
                    false => other.time_of(now, until),
                })
                .min()
                .map(|time| (time, Some(Turn::IsWoken))),
            (Doing::Sleeps | Doing::Waits, None) => unreachable!("idle without a span"),
            (Doing::Runs, _) => {
                // At one time the touch.
                let touch = touch.map(|at| (at, None));
                let idle = span.map(|&(from, _)| (from, Some(Turn::GoesIdle)));
                let (at, turn) = match (touch, idle) {
                    (Some(touch), Some(idle)) if idle.0 < touch.0 => idle,
                    (Some(touch), _) => touch,
                    (None, idle) => idle?,
                };
                vcpu.time_of(now, at).map(|time| (time, turn))
            }
        }
    }

    pub(super) fn turn(&mut self, now: Ps, v: usize, turn: Turn) {
        let (from, until) = self.all[v].idle[self.all[v].over];
        let by_another = self.wakers(v, until).next().is_some();
        let vcpu = &mut self.all[v];
        vcpu.since = now;
        if turn == Turn::GoesIdle {
            // Further on if it was idle at the switch-over.
            vcpu.position = from.max(vcpu.position);
            vcpu.doing = if by_another {
                Doing::Waits
            } else {
                Doing::Sleeps
            };
        } else {
            vcpu.position = until;
            vcpu.over += 1;
            vcpu.doing = Doing::Runs;
        }
    }

    pub(super) fn fault(&mut self, now: Ps, v: usize) {
        for (other, vcpu) in self.all.iter_mut().enumerate() {
            if self.vm || other == v {
                vcpu.settle(now);
            }
        }
        self.all[v].doing = Doing::Faulted;
    }

    pub(super) fn go_on(&mut self, now: Ps, v: usize) {
        self.all[v].doing = Doing::Runs;
        for (other, vcpu) in self.all.iter_mut().enumerate() {
            if self.vm || other == v {
                vcpu.since = now;
            }
        }
    }

    fn stopped(&self) -> bool {
        self.vm && self.all.iter().any(|vcpu| vcpu.doing == Doing::Faulted)
    }

    /// Others that ran right before the time, in the recording.
    fn wakers(&self, v: usize, time: Ps) -> impl Iterator<Item = &Vcpu> {
        (self.all.iter().enumerate())
            .filter(move |&(other, vcpu)| other != v && !vcpu.was_idle_right_before(time))
            .map(|(_, vcpu)| vcpu)
    }
}

/// The idle spans of `v` from the least switch position on, of one pass.
pub(super) fn idle(input: &Input, v: u16, least: Ps) -> Vec<(Ps, Ps)> {
    let end = least + input.scale(input.duration_ns.into());
    let mut all = Vec::new();
    for pass in 0.. {
        let offset = |ns: u64| {
            let since_zero = pass * Ps::from(input.duration_ns) + Ps::from(ns);
            input.scale(since_zero.saturating_sub(input.start_ns().into()))
        };
        if pass > 0 && (offset(0) >= end || !input.wrap()) {
            break;
        }
        for &(_, from, until) in input.idle.iter().filter(|&&(vcpu, ..)| vcpu == v) {
            let (from, until) = (offset(from), offset(until));
            if from < until && until > least && from < end {
                all.push((from, until));
            }
        }
    }
    all
}
