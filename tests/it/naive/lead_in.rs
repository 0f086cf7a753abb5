//! What runs on the source before the VM is suspended, from the model's description: pages that are sent one by one
//! while the guest runs, who writes what meanwhile, and which pages the destination does not have in the end.

use std::cell::Cell;
use std::cmp::{Ordering, Reverse};

use super::link::{Lane, Link, Message};
use super::source::{self, Core, SourcePhase, nearest_boundary};
use super::trace::Stream;
use super::{Access, Input, LeadIn, Op, Parts, Ps, narrow, ps};

/// Pages that were sent before the resume.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// In order, each with what it was made of.
    pub(super) pages: Vec<(u32, Parts)>,
    pub(super) bytes: u128,
}

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
struct Sender<'a> {
    input: &'a Input<'a>,
    link: Link<'a>,
    last_left: Ps,
    threads: Vec<Threads>,
    /// Whose thread has a page next.
    next: usize,
    gathered: Vec<Message>,
    /// When the limiter's period began, and the bytes sent in it.
    period: (Ps, u64),
    sent: Sent,
}

impl<'a> Sender<'a> {
    fn new(input: &'a Input<'a>) -> Self {
        Sender {
            input,
            link: Link::new(input, usize::from(input.settings.link.connections)),
            last_left: 0,
            threads: vec![Threads::default(); usize::from(input.settings.link.connections)],
            next: 0,
            gathered: Vec::new(),
            period: (0, 0),
            sent: Sent::default(),
        }
    }

    fn has_room(&mut self, i: usize) -> bool {
        let waiting = self.link.occupancy(Lane::Push(i));
        let thread = &mut self.threads[i];
        if thread.asleep && waiting > self.input.send_resume() {
            return false;
        }
        thread.asleep = waiting >= self.input.settings.source.send_buffer.0;
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
        thread.installed = begun + ps(self.input.settings.destination.install);
        let acknowledged = self.input.across(thread.installed);
        (self.link).acknowledge_message(acknowledged, message);
    }

    /// When a thread can take a page, if before `deadline`.
    fn takes(&mut self, deadline: Ps) -> Option<Ps> {
        loop {
            let awake = (0..self.threads.len()).filter(|i| !self.threads[*i].asleep);
            let next = awake.min_by_key(|i| (self.threads[*i].free, *i));
            let free = next.map_or(Ps::MAX, |i| self.threads[i].free);
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

    fn send(&mut self, page: u32, parts: Parts) {
        let (input, bytes) = (self.input, self.input.message(parts));
        let message = Message {
            page,
            bytes,
            started: Cell::new(false),
            demand: false,
            connection: self.next,
        };
        self.sent.pages.push((page, parts));
        self.sent.bytes += u128::from(bytes);
        let thread = &mut self.threads[self.next];
        if thread.free >= self.period.0 + input.limiter_period() {
            self.period = (thread.free, 0);
        }
        self.period.1 += bytes;
        thread.free += ps(if parts.pages == 0 {
            input.zero_service()
        } else {
            input.settings.source.push_service
        });
        if input.settings.source.write_batch == 0 {
            thread.serving = Some(message);
            return;
        }
        self.gathered.push(message);
        let gathered = || self.sent.pages.iter().rev().take(self.gathered.len());
        let zeros: u64 = gathered().map(|(_, parts)| parts.zeros).sum();
        let pages: u64 = gathered().map(|(_, parts)| parts.pages).sum();
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
    fn free(&self) -> Ps {
        let free = self.threads.iter().map(|thread| thread.free);
        free.max().expect("there is one")
    }

    /// Nothing more goes in this round, which may have been cut. Returns when it was over.
    fn end_round(&mut self, cut: Option<Ps>) -> Ps {
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
    fn send_core(&mut self, ready: Ps) -> Core {
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

/// The guest under a recorder: each access with the wall time at which it is made.
struct Recorded<'a> {
    input: &'a Input<'a>,
    streams: &'a [Stream<'a>],
    next: Vec<usize>,
    delay: Vec<Ps>,
    protected: Vec<bool>,
    /// Wall time, guest time, vCPU, page, what it did.
    made: Vec<(Ps, Ps, usize, u32, Op)>,
    /// Pages of the trace, with every write.
    written: Vec<u32>,
    readings: Ps,
}

impl Recorded<'_> {
    fn run(&mut self, until: Ps) {
        let interval = match self.input.lead_in {
            LeadIn::Push => 0, // nobody reads a log
            _ => ps(self.input.settings.source.dirty_log_interval),
        };
        while interval > 0 && (self.readings + 1) * interval <= until {
            self.readings += 1;
            self.run_between_readings(self.readings * interval);
            self.protected.fill(true);
        }
        self.run_between_readings(until);
    }

    fn run_between_readings(&mut self, until: Ps) {
        loop {
            let candidates = self.streams.iter().enumerate().filter_map(|(v, stream)| {
                let touch = stream.nth(self.next[v])?;
                Some((touch.g + self.delay[v], v, touch))
            });
            let Some((wall, v, touch)) = candidates.min_by_key(|&(wall, v, _)| (wall, v)) else {
                return;
            };
            if wall >= until {
                return;
            }
            self.next[v] += 1;
            if std::mem::take(&mut self.protected[touch.page as usize]) {
                self.delay[v] += ps(self.input.settings.source.record_trap);
            }
            self.made.push((wall, touch.g, v, touch.page, touch.op));
            if touch.op == Op::Write {
                self.written.push(touch.small);
            }
        }
    }

    /// Where in its own time a vCPU is.
    fn position(&self, v: usize, wall: Ps) -> Ps {
        let made = self.made.iter().filter(|made| made.2 == v);
        let last = made.map(|made| made.1).max().unwrap_or(0);
        wall.saturating_sub(self.delay[v]).max(last)
    }

    /// Whether the page was written in the epoch in which a vCPU still is.
    fn may_be_written(&self, page: u32, wall: Ps) -> bool {
        (0..self.streams.len()).any(|v| {
            let epoch = epoch_beginning(self.input, self.position(v, wall));
            self.made
                .iter()
                .any(|&(_, g, by, of, op)| by == v && of == page && op == Op::Write && g >= epoch)
        })
    }
}

/// The last boundary of an epoch that is not behind a guest time.
fn epoch_beginning(input: &Input, g: Ps) -> Ps {
    if input.compaction_ns == 0 {
        return g;
    }
    let boundaries = (0u128..).map(|epoch| input.scale(epoch * u128::from(input.compaction_ns)));
    boundaries
        .take_while(|boundary| *boundary <= g)
        .last()
        .unwrap_or(0)
}

/// Rounds, or the one of a push while recording, with a recorder.
pub(super) fn recorded<'a>(input: &'a Input<'a>) -> SourcePhase<'a> {
    let streams: Vec<Stream> = (0..input.vcpus).map(|v| Stream::new(input, v)).collect();
    let pages = input.pages() as usize;
    let mut sender = Sender::new(input);
    let mut guest = Recorded {
        input,
        streams: &streams,
        next: vec![0; streams.len()],
        delay: vec![0; streams.len()],
        protected: vec![true; pages],
        made: Vec::new(),
        written: Vec::new(),
        readings: 0,
    };
    let start = vec![0; streams.len()];
    let zero_at_start = source::zero_pages(input, &streams, &start);
    let window = ps(input.settings.migration.record_window);
    let switch_time = input.settings.hybrid.time.map_or(Ps::MAX, ps);
    let (most, mut deadline, recorded_until) = match input.lead_in {
        LeadIn::Push => (
            1,
            window + ps(input.settings.migration.planning_time),
            window,
        ),
        LeadIn::Recorded { rounds, .. } => (rounds, switch_time, Ps::MAX),
        LeadIn::Nothing | LeadIn::Record | LeadIn::Rounds { .. } => {
            unreachable!("not recorded rounds")
        }
    };
    let mut missing = vec![true; pages];
    // Which of the writes so far `missing` knows.
    let mut seen = 0;
    let mut suspended = 0;
    let mut ends = Ends::default();
    while ends.another(most) {
        let mut unsent = missing.clone();
        let mut sent: Vec<(u32, Ps)> = Vec::new();
        let before = unsent.iter().filter(|is| **is).count();
        let mut cut = false;
        while unsent.contains(&true) {
            let Some(at) = sender.takes(deadline) else {
                cut = true;
                break;
            };
            guest.run(at);
            learn(&guest, &mut seen, &mut missing);
            let page = next_page(&guest, &sent, &unsent, at);
            sent.push((page, at));
            unsent[page as usize] = false;
            missing[page as usize] = guest.may_be_written(page, at);
            guest.protected[page as usize] = true;
            let mut zero = zero_at_start.clone();
            for small in &guest.written {
                zero[*small as usize] = false;
            }
            sender.send(page, input.parts(page, &zero));
        }
        suspended = sender.end_round(cut.then_some(deadline));
        guest.run(suspended);
        learn(&guest, &mut seen, &mut missing);
        let dirty = missing.iter().filter(|is| **is).count();
        let enough = is_enough(input, before, dirty);
        ends.round(input, (cut, enough), suspended, &mut deadline);
    }
    let recorded_until = recorded_until.min(suspended);
    let from = recorded_until - window.min(recorded_until);
    let log: Vec<Access> = guest
        .made
        .iter()
        .filter(|made| (from..recorded_until).contains(&made.0))
        .map(|&(wall, _, v, page, op)| Access {
            time_ps: narrow(wall - from),
            vcpu: v as u16,
            page,
            op,
        })
        .collect();
    let positions: Vec<Ps> = (0..streams.len())
        .map(|v| nearest_boundary(input, guest.position(v, suspended)))
        .collect();
    for (v, stream) in streams.iter().enumerate() {
        for n in guest.next[v]..stream.first_at(positions[v]) {
            let touch = stream.nth(n).expect("lies before the position");
            if touch.op == Op::Write {
                missing[touch.page as usize] = true;
            }
        }
    }
    let planning = log.len() as Ps * ps(input.settings.migration.planning_cost);
    let ready = sender.free().max(suspended) + ps(input.settings.vm.suspend) + planning;
    let zero = source::zero_pages(input, &streams, &positions);
    drop(guest);
    phase(
        input,
        sender,
        streams,
        ready,
        suspended,
        (log, positions, zero, missing),
    )
}

/// The writes that have been made since make pages stale.
fn learn(guest: &Recorded, seen: &mut usize, missing: &mut [bool]) {
    for &(_, _, _, page, op) in &guest.made[*seen..] {
        if op == Op::Write {
            missing[page as usize] = true;
        }
    }
    *seen = guest.made.len();
}

/// What goes next out of a round.
fn next_page(guest: &Recorded, sent: &[(u32, Ps)], unsent: &[bool], at: Ps) -> u32 {
    let unsent = || (0..unsent.len() as u32).filter(|page| unsent[*page as usize]);
    let last = |page: u32, writes: bool| {
        let made = guest.made.iter();
        made.filter(|made| made.3 == page && (!writes || made.4 == Op::Write))
            .map(|made| made.0)
            .max()
    };
    match guest.input.lead_in {
        LeadIn::Push => {
            let read = unsent().filter(|page| last(*page, true).is_none());
            let read = read.filter_map(|page| Some((last(page, false)?, page)));
            let untouched = || {
                hottest(
                    guest,
                    sent,
                    unsent().filter(|page| last(*page, false).is_none()),
                )
            };
            let written = || unsent().min_by_key(|page| (last(*page, true), *page));
            read.max()
                .map(|(_, page)| page)
                .or_else(untouched)
                .or_else(written)
        }
        LeadIn::Recorded {
            cold_first: true, ..
        } => {
            // A write is known at once, or once the log has been read.
            let interval = ps(guest.input.settings.source.dirty_log_interval);
            let known = |page: u32| {
                let made = guest.made.iter();
                let writes = made.filter(|made| made.3 == page && made.4 == Op::Write);
                let read = writes.map(|made| match interval {
                    0 => made.0,
                    _ => (made.0 / interval + 1) * interval,
                });
                read.filter(|read| interval == 0 || *read <= at).max()
            };
            let cold = unsent().find(|page| known(*page).is_none());
            cold.or_else(|| unsent().min_by_key(|page| (known(*page), *page)))
        }
        _ => unsent().next(),
    }
    .expect("something is unsent")
}

/// Of untouched pages, the first of the block of 64 with the most heat. A page that was accessed before it was sent
/// heats its block by 8, the one above by 2 and the one below by 1.
fn hottest(
    guest: &Recorded,
    sent: &[(u32, Ps)],
    untouched: impl Iterator<Item = u32>,
) -> Option<u32> {
    let unsent_then = |made: &&(Ps, Ps, usize, u32, Op)| {
        let at = sent.iter().find(|(page, _)| *page == made.3);
        at.is_none_or(|(_, at)| made.0 < *at)
    };
    let mut heating: Vec<u32> = (guest.made.iter().filter(unsent_then))
        .map(|made| made.3)
        .collect();
    heating.sort_unstable();
    heating.dedup();
    let heat = |block: u32| -> u32 {
        let by = |page: &u32| match (page / 64).cmp(&block) {
            Ordering::Equal => 8,
            Ordering::Less if page / 64 + 1 == block => 2,
            Ordering::Greater if page / 64 == block + 1 => 1,
            _ => 0,
        };
        heating.iter().map(by).sum()
    };
    untouched.min_by_key(|page| (Reverse(heat(page / 64)), *page))
}

/// Whether a round was the last, by what it began with and what it leaves.
fn is_enough(input: &Input, before: usize, dirty: usize) -> bool {
    let bytes = dirty as u128 * u128::from(input.whole_message());
    dirty == 0
        || bytes <= u128::from(input.settings.hybrid.remaining.0)
        || input.settings.hybrid.local_minimum && dirty >= before
}

/// When rounds end.
#[derive(Default)]
struct Ends {
    rounds: u32,
    /// The part of a round behind the last one is being sent.
    behind: bool,
    now: bool,
}

impl Ends {
    fn another(&self, most: u32) -> bool {
        most > 0 && !self.now && (self.behind || self.rounds < most)
    }

    fn round(&mut self, input: &Input, (cut, enough): (bool, bool), at: Ps, deadline: &mut Ps) {
        self.rounds += 1;
        if cut || self.behind {
            self.now = true;
            return;
        }
        let most = match input.lead_in {
            LeadIn::Recorded { rounds, .. } => rounds,
            LeadIn::Rounds { most, .. } => most,
            _ => 1,
        };
        if !enough && self.rounds < most {
            return;
        }
        let iteration = match input.lead_in {
            LeadIn::Push => 0, // it is not in rounds
            _ => ps(input.settings.hybrid.iteration),
        };
        if iteration == 0 {
            self.now = true;
        } else {
            self.behind = true;
            *deadline = (*deadline).min(at + iteration);
        }
    }
}

/// Rounds over the dirty log: the guest is not slowed down, and knows nothing of a recorder, even if there is one.
pub(super) fn rounds<'a>(input: &'a Input<'a>, most: u32, recorded: bool) -> SourcePhase<'a> {
    let streams: Vec<Stream> = (0..input.vcpus).map(|v| Stream::new(input, v)).collect();
    let pages = input.pages() as usize;
    let mut deadline = input.settings.hybrid.time.map_or(Ps::MAX, ps);
    let mut ends = Ends::default();
    let chunk = |page: u32| {
        u64::from(page) / (input.settings.source.dirty_log_chunk.0 / input.host_page_bytes()).max(1)
    };
    let mut sender = Sender::new(input);
    let mut dirty = vec![true; pages];
    let (mut position, mut suspended) = (0, 0);
    while ends.another(most) {
        let in_round = dirty.clone();
        let before = dirty.iter().filter(|is| **is).count();
        let mut taken: Vec<(u32, Ps)> = Vec::new();
        let mut cut = false;
        for page in (0..input.pages()).filter(|page| in_round[*page as usize]) {
            let Some(at) = sender.takes(deadline) else {
                cut = true;
                break;
            };
            let now = vec![at.max(position); streams.len()];
            let zero = source::zero_pages(input, &streams, &now);
            taken.push((page, at));
            dirty[page as usize] = false;
            sender.send(page, input.parts(page, &zero));
        }
        suspended = sender.end_round(cut.then_some(deadline));
        let reached = nearest_boundary(input, suspended);
        for stream in &streams {
            for n in stream.first_at(position)..stream.first_at(reached) {
                let touch = stream.nth(n).expect("lies before the end of the round");
                let first = taken
                    .iter()
                    .find(|(page, _)| chunk(*page) == chunk(touch.page));
                let sent_later = first.is_some_and(|(_, at)| touch.g < epoch_beginning(input, *at));
                if touch.op == Op::Write && !(in_round[touch.page as usize] && sent_later) {
                    dirty[touch.page as usize] = true;
                }
            }
        }
        position = reached;
        let left = dirty.iter().filter(|is| **is).count();
        let enough = is_enough(input, before, left);
        ends.round(input, (cut, enough), suspended, &mut deadline);
    }
    let ready = sender.free().max(suspended) + ps(input.settings.vm.suspend);
    let log = match recorded {
        true => last_accesses(input, &streams, position),
        false => Vec::new(),
    };
    let positions = vec![position; streams.len()];
    let zero = source::zero_pages(input, &streams, &positions);
    phase(
        input,
        sender,
        streams,
        ready,
        suspended,
        (log, positions, zero, dirty),
    )
}

/// What the guest did in the record window before a position, by a recorder that costs nothing.
fn last_accesses(input: &Input, streams: &[Stream], position: Ps) -> Vec<Access> {
    let from = position.saturating_sub(ps(input.settings.migration.record_window));
    let mut made = Vec::new();
    for (v, stream) in streams.iter().enumerate() {
        for n in stream.first_at(from)..stream.first_at(position) {
            let touch = stream.nth(n).expect("lies before the position");
            made.push((touch.g, v, touch));
        }
    }
    made.sort_by_key(|&(g, v, _)| (g, v));
    let access = |(g, v, touch): (Ps, usize, super::trace::Touch)| Access {
        time_ps: narrow(g - from),
        vcpu: v as u16,
        page: touch.page,
        op: touch.op,
    };
    made.into_iter().map(access).collect()
}

type Reached = (Vec<Access>, Vec<Ps>, Vec<bool>, Vec<bool>);

/// The core state goes behind everything else.
fn phase<'a>(
    input: &'a Input<'a>,
    mut sender: Sender<'_>,
    streams: Vec<Stream<'a>>,
    ready: Ps,
    suspended: Ps,
    (log, positions, zero, missing): Reached,
) -> SourcePhase<'a> {
    let core = sender.send_core(ready);
    let mut phase = source::phase(input, streams, suspended, core, (log, positions, zero));
    phase.there = missing.iter().map(|missing| !missing).collect();
    phase.sent = sender.sent;
    phase
}
