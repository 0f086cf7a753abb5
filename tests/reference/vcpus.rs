//! How far each vCPU has come in its guest time, and when it has nothing to do.

use super::source::SourcePhase;
use super::{Input, Ps};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    /// In so much time (the second), so much guest time (the first) passes.
    Runs(Ps, Ps),
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
    /// The recording had another number of running vCPUs from here on.
    SharesAnew,
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
                Doing::Runs(guest, time) => passed * guest / time,
                Doing::Sleeps => passed,
                Doing::Faulted | Doing::Waits => 0,
            }
    }

    fn settle(&mut self, now: Ps) {
        self.position = self.position(now);
        self.since = now;
    }

    /// When a running vCPU is at a guest time.
    fn time_of(&self, now: Ps, position: Ps) -> Option<Ps> {
        let Doing::Runs(guest, time) = self.doing else {
            return None;
        };
        let ahead = position.saturating_sub(self.position);
        Some((self.since + (ahead * time).div_ceil(guest)).max(now))
    }

    fn was_idle_at(&self, time: Ps) -> bool {
        self.idle
            .iter()
            .any(|&(from, until)| from <= time && time < until)
    }

    fn was_idle_right_before(&self, time: Ps) -> bool {
        self.idle
            .iter()
            .any(|&(from, until)| from < time && time <= until)
    }
}

pub(super) struct Vcpus {
    all: Vec<Vcpu>,
    processors: Ps,
    /// A fault stops all.
    vm: bool,
}

impl Vcpus {
    pub(super) fn new(input: &Input, source: &SourcePhase, resumed: Ps) -> Self {
        let all = (0..input.vcpus).map(|v| {
            let position = source.positions[usize::from(v)];
            Vcpu {
                idle: idle(input, v, position),
                over: 0,
                doing: Doing::Runs(1, 1),
                position,
                since: resumed,
            }
        });
        let mut vcpus = Vcpus {
            all: all.collect(),
            processors: Ps::from(input.processors).min(input.vcpus.into()),
            vm: input.blocks_vm,
        };
        vcpus.share(resumed);
        vcpus
    }

    /// What `v` does next and when, if at the guest time `touch` it touches a page; `None` as what it does is the touch.
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
            (Doing::Runs(..), _) => {
                let mut ahead: Vec<(Ps, u8, Option<Turn>)> = Vec::new();
                ahead.extend(touch.map(|at| (at, 0, None)));
                ahead.extend(span.map(|&(from, _)| (from, 1, Some(Turn::GoesIdle))));
                if self.processors < self.all.len() as Ps {
                    let position = vcpu.position(now);
                    ahead.extend(
                        (self.all.iter().flat_map(|any| &any.idle))
                            .flat_map(|&(from, until)| [from, until])
                            .filter(|&at| at > position)
                            .map(|at| (at, 2, Some(Turn::SharesAnew))),
                    );
                }
                let (at, _, turn) = ahead.into_iter().min_by_key(|&(at, rank, _)| (at, rank))?;
                vcpu.time_of(now, at).map(|time| (time, turn))
            }
        }
    }

    pub(super) fn turn(&mut self, now: Ps, v: usize, turn: Turn) {
        let (from, until) = match turn {
            // That is done after every event.
            Turn::SharesAnew => return,
            Turn::GoesIdle | Turn::IsWoken => self.all[v].idle[self.all[v].over],
        };
        let by_another = self.wakers(v, until).next().is_some();
        let vcpu = &mut self.all[v];
        vcpu.since = now;
        if turn == Turn::GoesIdle {
            vcpu.position = from;
            vcpu.doing = if by_another {
                Doing::Waits
            } else {
                Doing::Sleeps
            };
        } else {
            vcpu.position = until;
            vcpu.over += 1;
            vcpu.doing = Doing::Runs(1, 1);
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
        self.all[v].doing = Doing::Runs(1, 1);
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

    /// Every running vCPU has its share of the processors, against the share that it had in the recording.
    pub(super) fn share(&mut self, now: Ps) {
        if self.processors == self.all.len() as Ps || self.stopped() {
            return;
        }
        let runs = |vcpu: &Vcpu| matches!(vcpu.doing, Doing::Runs(..));
        let running = self.all.iter().filter(|vcpu| runs(vcpu)).count() as Ps;
        for v in 0..self.all.len() {
            if !runs(&self.all[v]) {
                continue;
            }
            let position = self.all[v].position(now);
            let ran = self.all.iter().filter(|vcpu| !vcpu.was_idle_at(position));
            let ran = ran.count() as Ps;
            let speed = Doing::Runs(ran.max(self.processors), running.max(self.processors));
            if self.all[v].doing != speed {
                self.all[v].settle(now);
                self.all[v].doing = speed;
            }
        }
    }
}

/// The idle spans of `v` from its switch position on, of one pass.
fn idle(input: &Input, v: u16, position: Ps) -> Vec<(Ps, Ps)> {
    let end = position + input.scale(input.duration_ns.into());
    let mut all = Vec::new();
    for pass in 0.. {
        let offset = |ns: u64| {
            let since_zero = pass * Ps::from(input.duration_ns) + Ps::from(ns);
            input.scale(since_zero.saturating_sub(input.start_ns.into()))
        };
        if offset(0) >= end && pass > 0 || pass > 0 && !input.wrap {
            break;
        }
        for &(_, from, until) in input.idle.iter().filter(|&&(vcpu, ..)| vcpu == v) {
            let (from, until) = (offset(from).max(position), offset(until));
            if from < until && from < end {
                all.push((from, until));
            }
        }
    }
    all
}
