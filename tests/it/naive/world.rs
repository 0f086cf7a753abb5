//! Behind the core state: source thread, link and destination, one event after the other.

mod destination;
mod recovery;
mod sending;

use super::link::{Lane, Link, Message};
use super::measures::Stall;
use super::source::SourcePhase;
use super::vcpus::{Turn, Vcpus};
use super::{Input, Ps, Strategy, ps};
use migsim::host::destination::Nagle;
use migsim::strategy::scan::Push;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

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
    /// What has left on a queue was acknowledged.
    Acknowledgement(Lane),
    Installed(usize),
    Wake(usize),
    Acknowledged(usize),
    RequestArrives(usize),
    RequestRead(usize),
    PushBegins,
    ConnectionLost,
    Recovered,
    /// Of a vCPU: it touches a page, or something else.
    Turn(usize, Option<Turn>),
    Fetch(usize),
    Handler(usize),
    RequestsAcknowledged(usize),
    RequestedAnew,
    RequestThread,
    Thread,
}

/// What the source thread picks.
#[derive(Debug, Clone, Copy)]
enum Pick {
    Demand(u32),
    FromRun(u32),
    FromLost(u32),
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
    /// A request is out that the source has not acknowledged; those behind it, which it holds up; and the
    /// acknowledgements that are on their way back.
    unanswered: bool,
    held: Vec<Due>,
    answers_under_way: Vec<Ps>,
    /// When the connection will be given up, and when each side goes on over a new one, if there is none.
    pauses: Vec<Ps>,
    recovers: Option<Ps>,
    requests_anew: Option<Ps>,
    /// Pages that were requested or should have been, and by whom.
    asked: BTreeMap<u32, usize>,
    lost: BTreeSet<u32>,

    // Source.
    sent: Vec<bool>,
    requests: VecDeque<u32>,
    /// The thread must not push before this time; none while nobody knows when.
    push_from: Option<Ps>,
    /// When the limiter's period began, and the bytes sent in it.
    period: (Ps, u64),
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

pub(super) fn run(input: &Input, source: &SourcePhase) -> World {
    let (pushes, resumed) = (source.pushes, source.resumed);
    let behind_others = Receiver {
        last_install: source.core.installed,
        ..Receiver::default()
    };
    let pages = input.pages() as usize;
    let mut there = input.initially_installed.clone();
    there.resize(pages, false);
    for (there, sent) in there.iter_mut().zip(&source.there) {
        *there |= sent;
    }
    let vcpus = usize::from(input.vcpus);
    let first = |v: usize| source.streams[v].first_at(source.positions[v]);
    let mut run = Run {
        input,
        source,
        now: pushes,
        next: (0..vcpus).map(first).collect(),
        quiet: vec![0; vcpus],
        vcpus: Vcpus::new(input, source, resumed),
        blocked: vec![None; vcpus],
        handlers: Vec::new(),
        wakes: Vec::new(),
        fetchers: (0..input.fetchers())
            .map(|_| Fetcher::Free(resumed))
            .collect(),
        next_fetch: 0,
        installed: there.clone(),
        receivers: [Receiver::default(), behind_others],
        link: Link::new(input, 1).behind(pushes, &source.core.unacknowledged),
        requests_under_way: Vec::new(),
        requests_unread: Vec::new(),
        acks_under_way: Vec::new(),
        unanswered: false,
        held: Vec::new(),
        answers_under_way: Vec::new(),
        pauses: input.pauses(resumed),
        recovers: None,
        requests_anew: None,
        asked: BTreeMap::new(),
        lost: BTreeSet::new(),
        sent: there.clone(),
        requests: VecDeque::new(),
        push_from: (!input.push_after_list() || source.fetch_list.is_empty()).then_some(pushes),
        period: (pushes, 0),
        serving: None,
        serving_request: None,
        gathered: VecDeque::new(),
        writing: false,
        asleep: [Cell::new(false), Cell::new(false)],
        unacknowledged: 0,
        scan: match input.strategy {
            Strategy::Clairvoyant => Push::Linear,
            _ => input.settings.source.push,
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
        for (who, lane) in [(1, Lane::Demand), (2, Lane::Push(0))] {
            let next = self.link.next_acknowledgement(lane);
            all.extend(next.map(|time| (time, 0, who, Event::Acknowledgement(lane))));
        }
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
        all.extend(
            self.pauses
                .first()
                .map(|&time| (time, 6, 1, Event::ConnectionLost)),
        );
        all.extend(self.recovers.map(|time| (time, 6, 2, Event::Recovered)));
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
        all.extend(
            self.requests_anew
                .map(|time| (time, 10, 1, Event::RequestedAnew)),
        );
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
        let (now, latency) = (self.now, ps(self.input.settings.link.latency));
        match event {
            Event::Left(i) => {
                for message in self.link.leave(now, i) {
                    let own = self.input.settings.link.demand_channel.receiver_thread
                        && message.demand
                        && self.link.demand_lane() == Lane::Demand;
                    let receiver = &mut self.receivers[usize::from(!own)];
                    let arrived = now + latency;
                    let begun = if receiver.last_install < arrived {
                        arrived + ps(self.input.settings.destination.receive_wake)
                    } else {
                        receiver.last_install
                    };
                    receiver.last_install = begun + ps(self.input.settings.destination.install);
                    let acknowledged = self.input.across(receiver.last_install);
                    self.link.acknowledge_message(acknowledged, &message);
                    receiver
                        .arriving
                        .push_back((receiver.last_install, message));
                }
                self.look_for_answer();
            }
            Event::Acknowledgement(lane) => self.link.acknowledged(now, lane),
            Event::Installed(i) => {
                let arriving = &mut self.receivers[i].arriving;
                let (_, message) = arriving.pop_front().expect("a page is arriving");
                self.installed[message.page as usize] = true;
                for v in 0..self.blocked.len() {
                    if self.blocked[v].is_some_and(|(page, _)| page == message.page) {
                        let time = now + ps(self.input.settings.destination.wake);
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
                        *fetcher = Fetcher::Free(now + ps(self.input.settings.destination.wake));
                    }
                }
                if message.demand {
                    self.acks_under_way.push(self.input.across(now));
                }
                if self.installed.iter().all(|&is| is) {
                    self.result.all_installed = Some(now.max(self.source.resumed));
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
                if self.installed[page as usize] {
                    return;
                }
                self.asked.insert(page, vcpu);
                if self.requests_anew.is_none() {
                    let request = Due {
                        time: now,
                        vcpu,
                        page,
                        place: 0,
                    };
                    if self.unanswered {
                        self.held.push(request);
                    } else {
                        self.unanswered = self.input.settings.destination.nagle != Nagle::Off;
                        self.send_request(request);
                    }
                }
            }
            Event::RequestsAcknowledged(i) => {
                self.answers_under_way.remove(i);
                self.unanswered = !self.held.is_empty();
                for (place, request) in std::mem::take(&mut self.held).into_iter().enumerate() {
                    self.send_request(Due { place, ..request });
                }
            }
            // Nothing to do but to look again what the thread can do now.
            Event::PushBegins => (),
            Event::ConnectionLost => self.connection_lost(),
            Event::Recovered => self.recovered(),
            Event::RequestedAnew => self.request_anew(),
            Event::RequestThread => self.request_thread_acts(),
            Event::Thread => self.thread_acts(),
        }
    }
}
