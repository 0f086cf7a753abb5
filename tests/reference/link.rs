//! The link: a push queue and a demand queue that share the bandwidth.

use super::{Discipline, Input, Ps};
use std::collections::VecDeque;

/// A page on its way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message {
    pub(super) page: u32,
    pub(super) bytes: u64,
    /// Sent because it was requested.
    pub(super) demand: bool,
}

/// Which of the two queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    Demand,
    Push,
    /// The device's own, behind the other two.
    Device,
}

/// What has been transmitted of a queue since it last had nothing to send.
#[derive(Debug, Default)]
struct Passing {
    bytes: u64,
    /// Messages that have not left, with the bytes up to their end.
    messages: Vec<(u64, Message)>,
}

pub(super) struct Link<'a> {
    input: &'a Input<'a>,
    /// Messages with the half-units of work that they still need.
    demand: VecDeque<(Message, u128)>,
    push: VecDeque<(Message, u128)>,
    device: VecDeque<(Message, u128)>,
    passing: [Passing; 2],
    /// The front of the demand and of the push queue has started.
    started: [bool; 2],
    /// Bytes of each that have started and are not installed.
    outstanding: [u64; 2],
    /// The time at which the fronts' work was last brought up to date.
    updated: Ps,
}

impl<'a> Link<'a> {
    pub(super) fn new(input: &'a Input<'a>) -> Self {
        Link {
            input,
            demand: VecDeque::new(),
            push: VecDeque::new(),
            device: VecDeque::new(),
            passing: Default::default(),
            started: [false; 2],
            outstanding: [0; 2],
            updated: 0,
        }
    }

    /// The queue that demand pages use.
    pub(super) fn demand_lane(&self) -> Lane {
        match self.input.discipline {
            Discipline::Fifo => Lane::Push,
            Discipline::Fair | Discipline::Priority => Lane::Demand,
        }
    }

    fn lane(&self, lane: Lane) -> &VecDeque<(Message, u128)> {
        match lane {
            Lane::Demand => &self.demand,
            Lane::Push => &self.push,
            Lane::Device => &self.device,
        }
    }

    fn lane_mut(&mut self, lane: Lane) -> &mut VecDeque<(Message, u128)> {
        match lane {
            Lane::Demand => &mut self.demand,
            Lane::Push => &mut self.push,
            Lane::Device => &mut self.device,
        }
    }

    /// Messages pass through the device's queue.
    fn has_device(&self) -> bool {
        self.input.discipline == Discipline::Fair && self.input.device_queue > 0
    }

    fn lane_of(&self, message: &Message) -> Lane {
        if message.demand {
            self.demand_lane()
        } else {
            Lane::Push
        }
    }

    fn bytes_in_device(&self, lane: Lane) -> u64 {
        let of_lane = self
            .device
            .iter()
            .filter(|(message, _)| self.lane_of(message) == lane);
        of_lane.map(|(message, _)| message.bytes).sum()
    }

    /// Whether the receiver's buffer lets a message of `lane` start; if so, it is counted.
    fn may_start(&mut self, lane: Lane, bytes: u64) -> bool {
        let outstanding = &mut self.outstanding[usize::from(lane == Lane::Push)];
        let may = *outstanding < self.input.receive_buffer;
        if may {
            *outstanding += bytes;
        }
        may
    }

    /// Without a device, the front of `lane` starts if it may.
    fn start(&mut self, lane: Lane) {
        let i = usize::from(lane == Lane::Push);
        if self.has_device() || self.started[i] {
            return;
        }
        if let Some(&(message, _)) = self.lane(lane).front() {
            self.started[i] = self.may_start(lane, message.bytes);
        }
    }

    /// A message has been installed.
    pub(super) fn installed(&mut self, now: Ps, message: &Message) {
        self.update(now);
        let lane = self.lane_of(message);
        self.outstanding[usize::from(lane == Lane::Push)] -= message.bytes;
        self.pass_on(lane);
        self.start(lane);
    }

    /// Lets messages of `lane` into the device's queue: one in any case, more as long as its bytes there stay within the limit.
    fn pass_on(&mut self, lane: Lane) {
        while self.has_device() {
            let Some(&(message, work)) = self.lane(lane).front() else {
                return;
            };
            let there = self.bytes_in_device(lane);
            if there > 0 && there + message.bytes > self.input.device_queue {
                return;
            }
            if !self.may_start(lane, message.bytes) {
                return;
            }
            self.lane_mut(lane).pop_front();
            self.device.push_back((message, work));
        }
    }

    /// Half-units per picosecond that the front of `lane` gets.
    fn rate(&self, lane: Lane) -> u128 {
        if self.has_device() {
            return if lane == Lane::Device { 2 } else { 0 };
        }
        if !self.started[usize::from(lane == Lane::Push)] {
            return 0;
        }
        let both = self.started[0] && self.started[1];
        match (both, self.input.discipline, lane) {
            (false, _, _) => 2,
            (true, Discipline::Priority, Lane::Demand) => 2,
            (true, Discipline::Priority, Lane::Push) => 0,
            (true, _, _) => 1,
        }
    }

    pub(super) fn occupancy(&self, lane: Lane) -> u64 {
        let waiting: u64 = self
            .lane(lane)
            .iter()
            .map(|(message, _)| message.bytes)
            .sum();
        waiting + self.bytes_in_device(lane)
    }

    /// When the front of `lane` has left, if nothing changes before.
    pub(super) fn departure(&self, lane: Lane) -> Option<Ps> {
        let (_, left) = self.lane(lane).front()?;
        let rate = self.rate(lane);
        (rate > 0).then(|| self.updated + left.div_ceil(rate))
    }

    fn update(&mut self, now: Ps) {
        let elapsed = now - self.updated;
        for lane in [Lane::Demand, Lane::Push, Lane::Device] {
            let done = elapsed * self.rate(lane);
            if let Some((_, left)) = self.lane_mut(lane).front_mut() {
                *left = left.saturating_sub(done);
            }
        }
        self.updated = now;
    }

    pub(super) fn enqueue(&mut self, now: Ps, message: Message) {
        self.update(now);
        let lane = self.lane_of(&message);
        let work = 2 * self.input.tx(message.bytes);
        self.lane_mut(lane).push_back((message, work));
        self.pass_on(lane);
        self.start(lane);
    }

    /// Takes out the front of `lane`, which has been transmitted. Returns what has left: every message that ends in a piece
    /// that is complete now, or in one that nothing more of its queue would complete.
    pub(super) fn leave(&mut self, now: Ps, lane: Lane) -> Vec<Message> {
        self.update(now);
        let (message, left) = self.lane_mut(lane).pop_front().expect("a message has left");
        assert_eq!(left, 0, "a message has left completely");
        let own = self.lane_of(&message);
        self.pass_on(own);
        if lane != Lane::Device {
            self.started[usize::from(lane == Lane::Push)] = false;
            self.start(lane);
        }

        let drained = if self.has_device() {
            self.bytes_in_device(own) == 0
        } else {
            !self.started[usize::from(own == Lane::Push)]
        };
        let passing = &mut self.passing[usize::from(own == Lane::Push)];
        passing.bytes += message.bytes;
        passing.messages.push((passing.bytes, message));
        let complete = if drained {
            passing.bytes
        } else {
            passing
                .bytes
                .checked_div(self.input.segment)
                .map_or(passing.bytes, |pieces| pieces * self.input.segment)
        };
        let (left, held): (Vec<_>, Vec<_>) = std::mem::take(&mut passing.messages)
            .into_iter()
            .partition(|&(end, _)| end <= complete);
        passing.messages = held;
        if drained {
            passing.bytes = 0;
        }
        left.into_iter().map(|(_, message)| message).collect()
    }
}
