//! After the resume: source thread, link and destination, one event after the other.

use super::link::{Lane, Link, Message};
use super::measures::Stall;
use super::source::SourcePhase;
use super::trace::Touch;
use super::vcpus::{Turn, Vcpus};
use super::{Input, Ps, Push, Strategy};
use std::cell::Cell;
use std::collections::VecDeque;

/// What has happened when the run is over.
pub(super) struct World {
    /// When the last page was installed, if all were.
    pub(super) all_installed: Option<Ps>,
    pub(super) stalls: Vec<Stall>,
    /// Per page: its request found it not yet sent.
    pub(super) requested: Vec<bool>,
    /// Requests that came to the source.
    pub(super) requests: u64,
    /// Pages in the order in which the source picked them.
    pub(super) order: Vec<u32>,
    pub(super) message_bytes: u128,
}

/// What can happen next. A number is an index into the vector that holds the pending things of that kind.
#[derive(Debug, Clone, Copy)]
enum Event {
    Left(usize),
    Installed(usize),
    Wake(usize),
    Acknowledged(usize),
    RequestArrives(usize),
    RequestRead(usize),
    PushBegins,
    /// Of a vCPU: it touches a page, or something else.
    Turn(usize, Option<Turn>),
    Fetch(usize),
    Handler(usize),
    RequestsAcknowledged(usize),
    RequestThread,
    Thread,
}

/// What the source thread picks.
#[derive(Debug, Clone, Copy)]
enum Pick {
    Demand(u32),
    FromRun(u32),
    FromList(u32),
    FromScan(u32),
}

/// Something that one vCPU caused for one page, due at `time`.
///
/// What a fetching thread causes goes behind the vCPUs': its number is theirs, plus the place of the page in the list.
#[derive(Debug, Clone, Copy)]
struct Due {
    time: Ps,
    vcpu: usize,
    page: u32,
    /// Among requests that were sent together.
    place: usize,
}

impl Due {
    /// Requests that were sent together stay in their order, whoever made them.
    fn who(&self) -> usize {
        (self.place << 32) + self.vcpu
    }
}

/// A fetching thread.
#[derive(Debug, Clone, Copy)]
enum Fetcher {
    /// It takes the next page at this time.
    Free(Ps),
    /// It has touched this page, which was not there.
    Waits(u32),
}

/// Messages that have left the link, in that order, with the time of their installation.
#[derive(Debug, Default)]
struct Receiver {
    arriving: VecDeque<(Ps, Message)>,
    last_install: Ps,
}

struct Run<'a> {
    input: &'a Input<'a>,
    source: &'a SourcePhase<'a>,
    now: Ps,

    // Destination.
    /// Number of every vCPU's next access.
    next: Vec<usize>,
    /// Accesses of every vCPU since its last fault: all of them found their page installed.
    quiet: Vec<usize>,
    vcpus: Vcpus,
    /// Page waited for, and since when.
    blocked: Vec<Option<(u32, Ps)>>,
    handlers: Vec<Due>,
    wakes: Vec<Due>,
    /// The fetching threads: what each is at.
    fetchers: Vec<Fetcher>,
    /// The place in the list that the next of them looks at.
    next_fetch: usize,
    installed: Vec<bool>,
    /// The receiving threads: of demand pages that have a queue and a thread of their own, and of all others.
    receivers: [Receiver; 2],

    // In between.
    link: Link<'a>,
    requests_under_way: Vec<Due>,
    /// Requests that have arrived, each with the time at which it is read.
    requests_unread: Vec<Due>,
    acks_under_way: Vec<Ps>,
    /// A request is out that the source has not acknowledged; those behind it, which it holds up; and the acknowledgements that
    /// are on their way back.
    unanswered: bool,
    held: Vec<Due>,
    answers_under_way: Vec<Ps>,

    // Source.
    sent: Vec<bool>,
    requests: VecDeque<u32>,
    /// The thread must not push before this time; none while nobody knows when.
    push_from: Option<Ps>,
    serving: Option<(Ps, Message)>,
    /// What the requests' own thread serves.
    serving_request: Option<(Ps, Message)>,
    /// Served pages that are not on the link yet.
    gathered: VecDeque<Message>,
    /// They are being written to the link; the thread does nothing else.
    writing: bool,
    /// The thread has found the buffer of the demand and of the push queue full, and sleeps.
    asleep: [Cell<bool>; 2],
    unacknowledged: usize,
    scan: Push,
    cursor: u32,
    right: u32,
    left: i64,
    right_is_next: bool,
    /// The page whose request draws listed pages forward once the thread pushes again, and those drawn before.
    drawn_from: Option<u32>,
    run: Vec<u32>,

    result: World,
}

pub(super) fn run(input: &Input, source: &SourcePhase, resumed: Ps) -> World {
    let pages = input.pages as usize;
    let mut there = input.initially_installed.clone();
    there.resize(pages, false);
    let vcpus = usize::from(input.vcpus);
    let first = |v: usize| source.streams[v].first_at(source.positions[v]);
    let mut run = Run {
        input,
        source,
        now: resumed,
        next: (0..vcpus).map(first).collect(),
        quiet: vec![0; vcpus],
        vcpus: Vcpus::new(input, source, resumed),
        blocked: vec![None; vcpus],
        handlers: Vec::new(),
        wakes: Vec::new(),
        fetchers: (0..input.fetchers)
            .map(|_| Fetcher::Free(resumed))
            .collect(),
        next_fetch: 0,
        installed: there.clone(),
        receivers: Default::default(),
        link: Link::new(input),
        requests_under_way: Vec::new(),
        requests_unread: Vec::new(),
        acks_under_way: Vec::new(),
        unanswered: false,
        held: Vec::new(),
        answers_under_way: Vec::new(),
        sent: there.clone(),
        requests: VecDeque::new(),
        push_from: (!input.push_after_list || source.fetch_list.is_empty()).then_some(resumed),
        serving: None,
        serving_request: None,
        gathered: VecDeque::new(),
        writing: false,
        asleep: [Cell::new(false), Cell::new(false)],
        unacknowledged: 0,
        scan: match input.strategy {
            Strategy::Clairvoyant => Push::Linear,
            _ => input.push,
        },
        cursor: source.scan_from,
        right: source.scan_from,
        left: i64::from(source.scan_from) - 1,
        right_is_next: true,
        drawn_from: None,
        run: Vec::new(),
        result: World {
            all_installed: there.iter().all(|&is| is).then_some(resumed),
            stalls: Vec::new(),
            requested: vec![false; pages],
            requests: 0,
            order: Vec::new(),
            message_bytes: 0,
        },
    };
    while !run.over() {
        // `min_by_key` takes the first of equals, so what is pending for longer goes first.
        let next = run
            .candidates()
            .into_iter()
            .min_by_key(|&(time, rank, who, _)| (time, rank, who));
        let Some((time, _, _, event)) = next else {
            break;
        };
        assert!(time >= run.now, "time never goes back");
        run.now = time;
        run.process(event);
    }
    run.result
}

impl Run<'_> {
    fn over(&self) -> bool {
        self.installed.iter().all(|&is| is) && self.blocked.iter().all(Option::is_none)
    }

    /// Everything that can happen next, with time, rank and vCPU (or, among installations, the demand queue first).
    fn candidates(&self) -> Vec<(Ps, u8, usize, Event)> {
        let mut all = Vec::new();
        all.extend(
            self.link
                .departure()
                .map(|(time, i)| (time, 0, 0, Event::Left(i))),
        );
        for (i, receiver) in self.receivers.iter().enumerate() {
            all.extend(
                receiver
                    .arriving
                    .front()
                    .map(|&(time, _)| (time, 1, i, Event::Installed(i))),
            );
        }
        for (i, wake) in self.wakes.iter().enumerate() {
            all.push((wake.time, 2, wake.vcpu, Event::Wake(i)));
        }
        for (i, &time) in self.acks_under_way.iter().enumerate() {
            all.push((time, 3, 0, Event::Acknowledged(i)));
        }
        for (i, request) in self.requests_under_way.iter().enumerate() {
            all.push((request.time, 4, request.who(), Event::RequestArrives(i)));
        }
        for (i, request) in self.requests_unread.iter().enumerate() {
            all.push((request.time, 5, request.who(), Event::RequestRead(i)));
        }
        if let Some(time) = self.push_from.filter(|&time| time > self.now) {
            all.push((time, 6, 0, Event::PushBegins));
        }
        for v in 0..self.next.len() {
            let touch = self.next_touch(v).map(|touch| touch.g);
            let next = self.vcpus.next(self.now, v, touch);
            all.extend(next.map(|(time, turn)| (time, 7, v, Event::Turn(v, turn))));
        }
        if self.next_fetch < self.source.fetch_list.len() {
            for (i, fetcher) in self.fetchers.iter().enumerate() {
                if let Fetcher::Free(time) = *fetcher {
                    all.push((time, 8, 0, Event::Fetch(i)));
                }
            }
        }
        for (i, handler) in self.handlers.iter().enumerate() {
            all.push((handler.time, 9, handler.vcpu, Event::Handler(i)));
        }
        for (i, &time) in self.answers_under_way.iter().enumerate() {
            all.push((time, 10, 0, Event::RequestsAcknowledged(i)));
        }
        // The thread looks for room, and may go to sleep, when nothing else happens at this instant any more.
        if all.iter().all(|&(time, ..)| time > self.now) {
            all.extend(
                self.request_thread_time()
                    .map(|time| (time, 11, 0, Event::RequestThread)),
            );
            all.extend(self.thread_time().map(|time| (time, 12, 0, Event::Thread)));
        }
        all
    }

    fn process(&mut self, event: Event) {
        let (now, latency) = (self.now, Ps::from(self.input.latency));
        match event {
            Event::Left(i) => {
                for message in self.link.leave(now, i) {
                    let own = self.input.receiver_per_channel
                        && message.demand
                        && self.link.demand_lane() == Lane::Demand;
                    let receiver = &mut self.receivers[usize::from(!own)];
                    let arrived = now + latency;
                    let begun = if receiver.last_install < arrived {
                        arrived + Ps::from(self.input.receive_wake)
                    } else {
                        receiver.last_install
                    };
                    receiver.last_install = begun + Ps::from(self.input.install);
                    receiver
                        .arriving
                        .push_back((receiver.last_install, message));
                }
                self.look_for_answer();
            }
            Event::Installed(i) => {
                let arriving = &mut self.receivers[i].arriving;
                let (_, message) = arriving.pop_front().expect("a page is arriving");
                self.link.installed(now, &message);
                self.installed[message.page as usize] = true;
                for v in 0..self.blocked.len() {
                    if self.blocked[v].is_some_and(|(page, _)| page == message.page) {
                        let time = now + Ps::from(self.input.wake);
                        self.wakes.push(Due {
                            time,
                            vcpu: v,
                            page: message.page,
                            place: 0,
                        });
                    }
                }
                for fetcher in &mut self.fetchers {
                    if matches!(*fetcher, Fetcher::Waits(page) if page == message.page) {
                        *fetcher = Fetcher::Free(now + Ps::from(self.input.wake));
                    }
                }
                if message.demand {
                    self.acks_under_way.push(now + latency);
                }
                if self.installed.iter().all(|&is| is) {
                    self.result.all_installed = Some(now);
                }
            }
            Event::Wake(i) => self.wake(i),
            Event::Acknowledged(i) => {
                self.acks_under_way.remove(i);
                self.unacknowledged -= 1;
            }
            Event::RequestArrives(i) => {
                let request = self.requests_under_way.remove(i);
                self.request_arrives(request);
            }
            Event::RequestRead(i) => {
                let request = self.requests_unread.remove(i);
                self.request_read(request.page);
            }
            Event::Turn(v, None) => self.touch(v),
            Event::Turn(v, Some(turn)) => self.vcpus.turn(now, v, turn),
            Event::Fetch(i) => self.fetch(i),
            Event::Handler(i) => {
                // A page that came within the trap has woken its vCPU already; then there is nothing to do. The vCPU
                // may even have faulted again meanwhile: that fault has a handler of its own.
                // The specification lets the vCPU go on even before its trap would have ended.
                let Due { vcpu, page, .. } = self.handlers.remove(i);
                if !self.installed[page as usize] {
                    let time = now + latency;
                    let place = 0;
                    let request = Due {
                        time,
                        vcpu,
                        page,
                        place,
                    };
                    if self.unanswered {
                        self.held.push(request);
                    } else {
                        self.unanswered = self.input.nagle;
                        self.requests_under_way.push(request);
                    }
                }
            }
            Event::RequestsAcknowledged(i) => {
                self.answers_under_way.remove(i);
                self.unanswered = !self.held.is_empty();
                let time = now + latency;
                let held = self.held.drain(..).enumerate();
                self.requests_under_way
                    .extend(held.map(|(place, request)| Due {
                        time,
                        place,
                        ..request
                    }));
            }
            // Nothing to do but to look again what the thread can do now.
            Event::PushBegins => (),
            Event::RequestThread => self.request_thread_acts(),
            Event::Thread => self.thread_acts(),
        }
    }

    // Destination.

    /// The next access of `v`; none when it is done.
    fn next_touch(&self, v: usize) -> Option<Touch> {
        let stream = &self.source.streams[v];
        // A whole pass has brought no page that was not installed: no other pass will.
        let done = self.quiet[v] >= stream.pass_len();
        if done {
            return None;
        }
        stream.nth(self.next[v])
    }

    fn touch(&mut self, v: usize) {
        let touch = self.next_touch(v).expect("a touch is due");
        self.next[v] += 1;
        if self.installed[touch.page as usize] {
            self.quiet[v] += 1;
            return;
        }
        self.quiet[v] = 0;
        if !self.is_waited_for(touch.page) {
            self.handlers.push(Due {
                time: self.now + Ps::from(self.input.fault_trap),
                vcpu: v,
                page: touch.page,
                place: 0,
            });
        }
        self.blocked[v] = Some((touch.page, self.now));
        self.vcpus.fault(self.now, v);
    }

    fn is_waited_for(&self, page: u32) -> bool {
        let by_vcpu = self
            .blocked
            .iter()
            .flatten()
            .any(|&(waits, _)| waits == page);
        let by_fetcher =
            |fetcher: &Fetcher| matches!(*fetcher, Fetcher::Waits(waits) if waits == page);
        by_vcpu || self.fetchers.iter().any(by_fetcher)
    }

    /// A free fetching thread goes through the list to the next page that is not there, in no time.
    fn fetch(&mut self, i: usize) {
        while let Some(&page) = self.source.fetch_list.get(self.next_fetch) {
            let place = self.next_fetch;
            self.next_fetch += 1;
            if page >= self.input.pages || self.installed[page as usize] {
                continue;
            }
            if !self.is_waited_for(page) {
                self.handlers.push(Due {
                    time: self.now + Ps::from(self.input.fault_trap),
                    vcpu: self.next.len() + place,
                    page,
                    place: 0,
                });
            }
            self.fetchers[i] = Fetcher::Waits(page);
            break;
        }
        if self.next_fetch == self.source.fetch_list.len() && self.push_from.is_none() {
            // Whoever holds the push learns of it, and the push goes on with a period of what limits it.
            let told = self.now + Ps::from(self.input.latency);
            let (period, begin) = (Ps::from(self.input.limiter_period), self.source.suspended);
            let mut from = told;
            if period > 0 {
                from = begin + (told - begin).div_ceil(period) * period;
            }
            self.push_from = Some(from);
        }
    }

    fn wake(&mut self, i: usize) {
        let Due { time, vcpu, .. } = self.wakes.remove(i);
        let (page, from) = self.blocked[vcpu].take().expect("the vCPU was blocked");
        self.result.stalls.push(Stall {
            vcpu: vcpu as u16,
            page,
            from,
            to: time,
        });
        self.vcpus.go_on(time, vcpu);
    }

    // Source.

    /// If an acknowledgement has left the source, it gets to the destination.
    fn look_for_answer(&mut self) {
        if self.link.has_acknowledged() {
            self.answers_under_way
                .push(self.now + Ps::from(self.input.latency));
        }
    }

    fn request_arrives(&mut self, request: Due) {
        let mut time = self.now;
        // What was sent together is one packet.
        if self.input.nagle && request.place == 0 {
            self.link.acknowledge();
            self.look_for_answer();
        }
        self.result.requests += 1;
        if self.input.wake_on_request {
            self.asleep[usize::from(true)].set(false); // the push queue's
            // Of the first n that arrive, n times the share are overtaken, rounded down.
            let overtaken = |n: u64| n * self.input.overtaken_percent / 100;
            if overtaken(self.result.requests) != overtaken(self.result.requests - 1)
                && !self.requests_have_a_thread()
            {
                time += Ps::from(self.input.overtaken_by);
            }
        }
        self.requests_unread.push(Due { time, ..request });
    }

    fn request_read(&mut self, page: u32) {
        if self.sent[page as usize] {
            return; // in flight
        }
        // The verdict is the page's: it holds for everyone who waits for it, those who come later included.
        self.result.requested[page as usize] = true;
        self.requests.push_back(page);
        if self.requests_have_a_thread() {
            return; // the thread that pushes does not hear of it
        }
        if matches!(self.input.strategy, Strategy::Planned(_)) {
            self.drawn_from = Some(page);
        }
        self.cursor = page + 1;
        self.right = page + 1;
        self.left = i64::from(page) - 1;
        self.right_is_next = true;
    }

    /// When the thread acts next; it waits for something else to happen when there is none.
    fn thread_time(&self) -> Option<Ps> {
        match self.serving {
            Some((until, _)) => Some(until),
            None if self.writing => self.has_room(Lane::Push).then_some(self.now),
            None => (self.pick().is_some() || !self.gathered.is_empty()).then_some(self.now),
        }
    }

    /// Whether the thread finds room in the buffer of `lane`.
    fn has_room(&self, lane: Lane) -> bool {
        let asleep = &self.asleep[usize::from(lane == Lane::Push)];
        let occupancy = self.link.occupancy(lane);
        if asleep.get() && occupancy > self.input.send_resume {
            return false;
        }
        asleep.set(occupancy >= self.input.send_buffer);
        !asleep.get()
    }

    /// Enough is gathered: pages with content, or 32 KiB of marks for zero pages.
    fn is_gathered(&self) -> bool {
        let zero = |message: &&Message| self.source.zero[message.page as usize];
        let zeros = self.gathered.iter().filter(zero).count() as u64;
        let pages = self.gathered.len() as u64 - zeros;
        pages >= self.input.write_batch || zeros * self.input.zero_page_bytes >= 32_768
    }

    /// Requests do not wait for the thread that pushes.
    fn requests_have_a_thread(&self) -> bool {
        self.input.request_thread && self.link.demand_lane() == Lane::Demand
    }

    /// When the requests' own thread acts next, if there is one.
    fn request_thread_time(&self) -> Option<Ps> {
        match self.serving_request {
            Some((until, _)) => Some(until),
            None if self.requests_have_a_thread() => {
                let work = !self.requests.is_empty() && self.has_room(Lane::Demand);
                work.then_some(self.now)
            }
            None => None,
        }
    }

    fn request_thread_acts(&mut self) {
        if let Some((_, message)) = self.serving_request.take() {
            self.link.enqueue(self.now, message);
        }
        while self.serving_request.is_none()
            && !self.requests.is_empty()
            && self.has_room(Lane::Demand)
        {
            let page = self.requests.pop_front().expect("there is one");
            if !self.sent[page as usize] {
                self.unacknowledged += 1;
                self.serving_request = Some(self.take(page, true));
            }
        }
    }

    /// What the free thread would pick now.
    fn pick(&self) -> Option<Pick> {
        if let Some(&page) = self.requests.front()
            && !self.requests_have_a_thread()
        {
            return self
                .has_room(self.link.demand_lane())
                .then_some(Pick::Demand(page));
        }
        if !self.has_room(Lane::Push) || (self.input.synchronous && self.unacknowledged > 0) {
            return None;
        }
        if self.push_from.is_none_or(|from| from > self.now) {
            return None;
        }
        // Pages that the VM does not have are no pages to push.
        let wanted = |&page: &u32| page < self.input.pages && !self.sent[page as usize];
        let drawn = self.current_run().into_iter().rev().find(wanted);
        if let Some(page) = drawn {
            return Some(Pick::FromRun(page));
        }
        let listed = self.source.list.iter().copied().find(wanted);
        listed
            .map(Pick::FromList)
            .or_else(|| self.next_of_scan().map(Pick::FromScan))
    }

    /// Listed pages in ascending order; they are pushed in descending order.
    fn current_run(&self) -> Vec<u32> {
        let Some(requested) = self.drawn_from else {
            return self.run.clone();
        };
        let mut run = Vec::new();
        let mut last = requested;
        while run.len() < self.input.run_pages as usize {
            let within = |page: &u32| {
                *page > last && page - last <= self.input.run_gap && !self.sent[*page as usize]
            };
            let listed = self.source.list.iter().copied();
            let Some(next) = listed
                .filter(|page| *page < self.input.pages)
                .filter(within)
                .min()
            else {
                break;
            };
            run.push(next);
            last = next;
        }
        run
    }

    fn next_of_scan(&self) -> Option<u32> {
        let unsent = |page: &u32| !self.sent[*page as usize];
        let lowest_from = |from: u32| (from..self.input.pages).find(unsent);
        match self.scan {
            Push::None => None,
            Push::Linear => lowest_from(self.source.scan_from).or_else(|| lowest_from(0)),
            Push::Pivot => lowest_from(self.cursor).or_else(|| lowest_from(0)),
            Push::Bubble => {
                let right = lowest_from(self.right);
                let left = (0..self.input.pages)
                    .rev()
                    .find(|page| i64::from(*page) <= self.left && unsent(page));
                if self.right_is_next {
                    right.or(left)
                } else {
                    left.or(right)
                }
            }
        }
    }

    fn thread_acts(&mut self) {
        if let Some((_, message)) = self.serving.take() {
            // Finishing a message and picking the next one are one act: nothing comes between them at this instant.
            if message.demand && self.link.demand_lane() == Lane::Demand {
                self.link.enqueue(self.now, message);
            } else {
                self.gathered.push_back(message);
                self.writing = self.is_gathered();
            }
        }
        let pick = loop {
            while self.writing && self.has_room(Lane::Push) {
                let message = self.gathered.pop_front().expect("something is written");
                self.link.enqueue(self.now, message);
                self.writing = !self.gathered.is_empty();
            }
            if self.writing {
                return;
            }
            match self.pick() {
                Some(pick) => break pick,
                None if self.gathered.is_empty() => return,
                None => self.writing = true,
            }
        };
        if !matches!(pick, Pick::Demand(_)) {
            self.run = self.current_run();
            self.drawn_from = None;
        }
        let (page, demand) = match pick {
            Pick::Demand(page) => {
                self.requests.pop_front();
                self.unacknowledged += 1; // requests are served meanwhile all the same; only the push waits
                (page, true)
            }
            Pick::FromRun(page) | Pick::FromList(page) => (page, false),
            Pick::FromScan(page) => {
                self.cursor = page + 1;
                if page >= self.right {
                    self.right = page + 1;
                } else {
                    self.left = i64::from(page) - 1;
                }
                self.right_is_next = !self.right_is_next;
                (page, false)
            }
        };
        self.serving = Some(self.take(page, demand));
    }

    /// The page is no more to be sent; it is on the link when it has been served.
    fn take(&mut self, page: u32, demand: bool) -> (Ps, Message) {
        self.sent[page as usize] = true;
        self.result.order.push(page);
        let bytes = if self.source.zero[page as usize] {
            self.input.zero_page_bytes
        } else {
            self.input.host_page_bytes + self.input.message_header
        };
        self.result.message_bytes += u128::from(bytes);
        let service = if demand {
            self.input.demand_service
        } else if self.source.zero[page as usize] {
            self.input.zero_service
        } else {
            self.input.push_service
        };
        (
            self.now + Ps::from(service),
            Message {
                page,
                bytes,
                started: Cell::new(false),
                demand,
            },
        )
    }
}
