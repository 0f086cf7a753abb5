//! Connections, the link and the receivers, one page after the other.

use std::cell::Cell;

use super::super::link::{Lane, Link, Message};
use super::super::source::Core;
use super::super::{Input, PageCounts, Ps, ps};
use super::Sent;

/// The threads at the ends of a connection.
#[derive(Debug, Clone, Default)]
struct Threads {
    /// When the sending one has finished what it did last.
    free: Ps,
    asleep: bool,
    /// What it hands to the link then.
    serving: Option<Message>,
    /// When all that has come is installed.
    installed: Ps,
}

/// What happens on the link. At one instant pieces leave first; then connections go on in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Happens {
    Leaves(usize),
    Acknowledged(usize),
    Handed(usize),
}

/// Connections, the link and the receivers, one page after the other.
pub(super) struct Sender<'a> {
    input: &'a Input<'a>,
    link: Link<'a>,
    last_left: Ps,
    threads: Vec<Threads>,
    /// Whose thread has a page next.
    next: usize,
    gathered: Vec<Message>,
    /// When the limiter's period began, and the bytes sent in it.
    period: (Ps, u64),
    /// Until when nobody takes a page, as somebody looks at a zero page.
    looks_until: Ps,
    pub(super) sent: Sent,
}

impl<'a> Sender<'a> {
    pub(super) fn new(input: &'a Input<'a>) -> Self {
        Sender {
            input,
            link: Link::new(input, usize::from(input.settings.link.connections)),
            last_left: 0,
            threads: vec![Threads::default(); usize::from(input.settings.link.connections)],
            next: 0,
            gathered: Vec::new(),
            period: (0, 0),
            looks_until: 0,
            sent: Sent::default(),
        }
    }

    fn has_room(&mut self, i: usize) -> bool {
        let waiting = self.link.occupancy(Lane::Push(i));
        let thread = &mut self.threads[i];
        if thread.asleep && waiting > self.input.send_resume() {
            return false;
        }
        thread.asleep = waiting >= self.input.send_buffer();
        !thread.asleep
    }

    /// The next thing that happens on the link, and when.
    fn next(&self) -> Option<(Ps, Happens)> {
        let leaves = self.link.departure();
        let leaves = leaves.map(|(at, i)| (at, 0, Happens::Leaves(i)));
        let on_connections = self.threads.iter().enumerate().flat_map(|(i, thread)| {
            let acknowledged = self.link.next_acknowledgement(Lane::Push(i));
            let handed = thread.serving.as_ref().map(|_| thread.free);
            [
                acknowledged.map(|at| (at, 1 + i, Happens::Acknowledged(i))),
                handed.map(|at| (at, 1 + i, Happens::Handed(i))),
            ]
        });
        let next = leaves.into_iter().chain(on_connections.flatten()).min();
        next.map(|(at, _, what)| (at, what))
    }

    /// The link goes on until `end`, or until a piece leaves that lets a thread go on. Returns whether one does.
    fn link_goes_on(&mut self, end: Ps) -> bool {
        while let Some((at, what)) = self.next().filter(|(at, _)| *at <= end) {
            match what {
                Happens::Acknowledged(i) => self.link.acknowledged(at, Lane::Push(i)),
                Happens::Handed(i) => {
                    let message = self.threads[i].serving.take().expect("a message");
                    self.link.enqueue(at, message);
                }
                Happens::Leaves(piece) => {
                    for message in self.link.leave(at, piece) {
                        self.arrives(at, &message);
                    }
                    let mut any = false;
                    for i in 0..self.threads.len() {
                        if self.threads[i].asleep && self.has_room(i) {
                            self.threads[i].free = self.threads[i].free.max(at);
                            any = true;
                        }
                    }
                    if any {
                        return true;
                    }
                }
            }
        }
        false
    }

    fn arrives(&mut self, left: Ps, message: &Message) {
        self.last_left = left;
        let thread = &mut self.threads[message.connection];
        let latency = ps(self.input.settings.link.latency);
        let arrived = left + latency;
        let begun = if thread.installed < arrived {
            arrived + ps(self.input.settings.destination.receive_wake)
        } else {
            thread.installed
        };
        thread.installed = begun + self.input.installing(message.counts, true);
        let acknowledged = self.input.across(thread.installed);
        (self.link).acknowledge_message(acknowledged, message);
    }

    /// When a thread can take a page, if before `deadline`.
    pub(super) fn takes(&mut self, deadline: Ps) -> Option<Ps> {
        loop {
            let awake = (0..self.threads.len()).filter(|i| !self.threads[*i].asleep);
            let free_at = |i: usize| self.threads[i].free.max(self.looks_until);
            let next = awake.min_by_key(|i| (free_at(*i), *i));
            let free = next.map_or(Ps::MAX, free_at);
            if self.link_goes_on(free.min(deadline)) {
                continue;
            }
            let next = next.filter(|_| free < deadline)?;
            let room = self.has_room(next);
            let end = self.period.0 + self.input.limiter_period();
            let share = self.input.live_limiter_share().unwrap_or(u64::MAX);
            let held = self.period.1 > share && free < end;
            if room && !held {
                self.next = next;
                return Some(free);
            }
            if !self.gathered.is_empty() {
                self.threads[next].asleep = false;
                self.write();
            } else if room {
                self.threads[next].free = end;
            }
        }
    }

    pub(super) fn send(&mut self, page: u32, counts: PageCounts) {
        let (input, bytes) = (self.input, self.input.message(counts));
        let message = Message {
            page,
            counts,
            bytes,
            started: Cell::new(false),
            demand: false,
            connection: self.next,
            ahead: 0,
        };
        self.sent.pages.push((page, counts));
        self.sent.bytes += u128::from(bytes);
        let thread = &mut self.threads[self.next];
        thread.free = thread.free.max(self.looks_until);
        if thread.free >= self.period.0 + input.limiter_period() {
            self.period = (thread.free, 0);
        }
        self.period.1 += bytes;
        thread.free += input.pushing(counts);
        if input.looks_alone() && counts.pages == 0 {
            self.looks_until = thread.free;
        }
        if input.settings.source.write_batch == 0 {
            thread.serving = Some(message);
            return;
        }
        self.gathered.push(message);
        let gathered = || self.sent.pages.iter().rev().take(self.gathered.len());
        let zeros: u64 = gathered().map(|(_, counts)| counts.zeros).sum();
        let pages: u64 = gathered().map(|(_, counts)| counts.pages).sum();
        if input.fills_batch(pages, zeros) {
            self.write();
        }
    }

    /// Of a single connection.
    fn write(&mut self) {
        for message in std::mem::take(&mut self.gathered) {
            self.link_goes_on(self.threads[0].free);
            while !self.has_room(0) {
                self.link_goes_on(Ps::MAX);
                self.link_goes_on(self.threads[0].free);
            }
            self.link.enqueue(self.threads[0].free, message);
        }
    }

    /// When all threads are free.
    pub(super) fn free(&self) -> Ps {
        let free = self.threads.iter().map(|thread| thread.free);
        free.max().expect("there is one")
    }

    /// Nothing more goes in this round, which may have been cut. Returns when it was over.
    pub(super) fn end_round(&mut self, cut: Option<Ps>) -> Ps {
        if cut.is_none() {
            self.write();
        }
        let over = self.free().max(cut.unwrap_or(0));
        self.link_goes_on_to(over);
        for thread in &mut self.threads {
            thread.free = thread.free.max(over);
        }
        self.write();
        over
    }

    /// Everything happens that is due by then.
    fn link_goes_on_to(&mut self, end: Ps) {
        while self.link_goes_on(end) {}
    }

    /// The core state goes behind everything else.
    pub(super) fn send_core(&mut self, ready: Ps) -> Core {
        while (0..self.threads.len())
            .any(|i| !self.link.is_empty(Lane::Push(i)) || self.threads[i].serving.is_some())
        {
            let (at, _) = self.next().expect("something is on its way");
            self.link_goes_on(at);
        }
        let start = ready.max(self.last_left);
        let under_way = self.link.unacknowledged(Lane::Push(0));
        let installed = self.threads.iter().map(|thread| thread.installed).max();
        let installed = installed.expect("there is one");
        Core::sent(self.input, start, under_way, installed)
    }
}
