//! Behind the core state: source thread, link and destination, one event after the other.

mod destination;
mod events;
mod recovery;
mod sending;

use super::link::{Lane, Link, Message};
use super::measures::Stall;
use super::source::SourcePhase;
use super::vcpus::{Turn, Vcpus};
use super::{Input, Ps, Strategy};
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
}
