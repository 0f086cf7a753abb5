//! What the source's threads do, and how requests get to them.

use super::super::link::{Lane, Message};
use super::super::{Ps, Strategy, ps};
use super::{Due, Pick, Run};
use migsim::host::destination::Nagle;
use migsim::strategy::scan::Push;
use std::cell::Cell;

impl Run<'_> {
    /// A request goes out now. Those that an outage holds up keep their order.
    pub(super) fn send_request(&mut self, mut request: Due) {
        request.time = self.input.across(self.now);
        if self.input.outage(self.now).is_some() {
            let waiting = self.requests_under_way.iter();
            request.place = waiting.filter(|other| other.time == request.time).count();
        }
        self.requests_under_way.push(request);
    }

    /// If an acknowledgement has left the source, it gets to the destination.
    pub(super) fn look_for_answer(&mut self) {
        if self.link.has_acknowledged() {
            self.answers_under_way.push(self.input.across(self.now));
        }
    }

    pub(super) fn request_arrives(&mut self, request: Due) {
        let mut time = self.now;
        // What was sent together is one packet.
        if self.input.settings.destination.nagle != Nagle::Off && request.place == 0 {
            self.link.acknowledge();
            self.look_for_answer();
        }
        self.result.requests += 1;
        if let Some(late) = self.input.settings.source.wake_on_request.0 {
            self.asleep[usize::from(true)].set(false); // the push queue's
            // Of the first n that arrive, n times the share are overtaken, rounded down.
            let overtaken = |n: u64| n * u64::from(late.overtaken_percent) / 100;
            if overtaken(self.result.requests) != overtaken(self.result.requests - 1)
                && !self.requests_have_a_thread()
            {
                time += ps(late.overtaken_by);
            }
        }
        self.requests_unread.push(Due { time, ..request });
    }

    pub(super) fn request_read(&mut self, page: u32) {
        if self.sent[page as usize] {
            return; // in flight
        }
        // The verdict is the page's: it holds for everyone who waits for it, those who come later included.
        self.result.requested[page as usize] = true;
        self.requests.push_back(page);
        if self.requests_have_a_thread() {
            return; // the thread that pushes does not hear of it
        }
        if matches!(
            self.input.strategy,
            Strategy::Planned(_) | Strategy::Remembered
        ) {
            self.drawn_from = Some(page);
        }
        self.cursor = page + 1;
        self.right = page + 1;
        self.left = i64::from(page) - 1;
        self.right_is_next = true;
    }

    /// When the thread acts next; it waits for something else to happen when there is none.
    pub(super) fn thread_time(&self) -> Option<Ps> {
        if self.recovers.is_some() {
            return None;
        }
        match self.serving {
            Some((until, _)) => Some(until),
            None if self.writing => self.has_room(Lane::Push(0)).then_some(self.now),
            None => (self.pick().is_some() || !self.gathered.is_empty())
                .then_some(self.now)
                .or_else(|| self.limited_until()),
        }
    }

    /// Whether the thread finds room in the buffer of `lane`.
    fn has_room(&self, lane: Lane) -> bool {
        let asleep = &self.asleep[usize::from(lane != Lane::Demand)];
        let occupancy = self.link.occupancy(lane);
        if asleep.get() && occupancy > self.input.send_resume() {
            return false;
        }
        asleep.set(occupancy >= self.input.send_buffer());
        !asleep.get()
    }

    /// The period in which nothing more may be pushed ends then.
    fn limited_until(&self) -> Option<Ps> {
        let (begun, sent) = self.period;
        let end = begun + self.input.limiter_period();
        let share = self.input.limiter_share()?;
        (sent > share && self.now < end).then_some(end)
    }

    /// Enough is gathered: pages with content, or 32 KiB of marks for zero pages.
    fn is_gathered(&self) -> bool {
        let counts = |message: &Message| self.input.page_counts(message.page, &self.source.zero);
        let zeros: u64 = self.gathered.iter().map(|m| counts(m).zeros).sum();
        let pages: u64 = self.gathered.iter().map(|m| counts(m).pages).sum();
        self.input.fills_batch(pages, zeros)
    }

    /// Requests do not wait for the thread that pushes.
    fn requests_have_a_thread(&self) -> bool {
        self.input.settings.link.demand_channel.request_thread
            && self.link.demand_lane() == Lane::Demand
    }

    /// When the requests' own thread acts next, if there is one.
    pub(super) fn request_thread_time(&self) -> Option<Ps> {
        if self.recovers.is_some() {
            return None;
        }
        match self.serving_request {
            Some((until, _)) => Some(until),
            None if self.requests_have_a_thread() => {
                let work = !self.requests.is_empty() && self.has_room(Lane::Demand);
                work.then_some(self.now)
            }
            None => None,
        }
    }

    pub(super) fn request_thread_acts(&mut self) {
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
        if !self.has_room(Lane::Push(0)) || (self.input.synchronous() && self.unacknowledged > 0) {
            return None;
        }
        if self.push_from.is_none_or(|from| from > self.now) {
            return None;
        }
        if self.limited_until().is_some() {
            return None;
        }
        // Pages that the VM does not have are no pages to push.
        let wanted = |&page: &u32| page < self.input.pages() && !self.sent[page as usize];
        if let Some(&page) = self.lost.iter().find(|page| wanted(page)) {
            return Some(Pick::FromLost(page));
        }
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
        if matches!(self.input.strategy, Strategy::Remembered) {
            return self.around(requested);
        }
        let mut run = Vec::new();
        let mut last = requested;
        while run.len() < self.input.settings.pdopmp.run_pages as usize {
            let within = |page: &u32| {
                *page > last
                    && page - last <= self.input.settings.pdopmp.stream_gap
                    && !self.sent[*page as usize]
            };
            let listed = self.source.list.iter().copied();
            let Some(next) = listed
                .filter(|page| *page < self.input.pages())
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

    /// The pages nearest to a requested one, of two as near the upper; the nearest comes last.
    fn around(&self, requested: u32) -> Vec<u32> {
        if self.input.settings.source.push == Push::None || self.input.fetchers() > 0 {
            return Vec::new();
        }
        let mut near: Vec<u32> = (0..self.input.pages())
            .filter(|page| !self.sent[*page as usize])
            .filter(|page| *page <= requested + 64 && page + 32 >= requested)
            .collect();
        near.sort_by_key(|page| (page.abs_diff(requested), *page < requested));
        near.truncate(32);
        near.reverse();
        near
    }

    fn next_of_scan(&self) -> Option<u32> {
        let unsent = |page: &u32| !self.sent[*page as usize];
        let lowest_from = |from: u32| (from..self.input.pages()).find(unsent);
        match self.scan {
            Push::None => None,
            Push::Linear => lowest_from(self.source.scan_from).or_else(|| lowest_from(0)),
            Push::Pivot => lowest_from(self.cursor).or_else(|| lowest_from(0)),
            Push::Bubble => {
                let right = lowest_from(self.right);
                let left = (0..self.input.pages())
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

    pub(super) fn thread_acts(&mut self) {
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
            while self.writing && self.has_room(Lane::Push(0)) {
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
        if !matches!(pick, Pick::Demand(_) | Pick::FromLost(_)) {
            self.run = self.current_run();
            self.drawn_from = None;
        }
        let (page, demand) = match pick {
            Pick::Demand(page) => {
                self.requests.pop_front();
                self.unacknowledged += 1; // requests are served meanwhile all the same; only the push waits
                (page, true)
            }
            Pick::FromRun(page) | Pick::FromLost(page) | Pick::FromList(page) => (page, false),
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
    pub(super) fn take(&mut self, page: u32, demand: bool) -> (Ps, Message) {
        self.sent[page as usize] = true;
        self.result.order.push(page);
        let counts = self.input.page_counts(page, &self.source.zero);
        let bytes = self.input.message(counts);
        self.result.message_bytes += u128::from(bytes);
        if self.now >= self.period.0 + self.input.limiter_period() {
            self.period = (self.now, 0);
        }
        self.period.1 += bytes;
        let service = if demand {
            self.input.serving(counts)
        } else {
            self.input.pushing(counts)
        };
        (
            self.now + service,
            Message {
                page,
                counts,
                bytes,
                started: Cell::new(false),
                demand,
                connection: 0,
                ahead: 0,
            },
        )
    }
}
