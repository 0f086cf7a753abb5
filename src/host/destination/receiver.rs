//! The receiving thread.

use std::collections::VecDeque;

use crate::engine::Progression;
use crate::host::PageWork;
use crate::memory::{Content, PageId};
use crate::network::{Departure, Span};
use crate::units::SimTime;

/// The receiving thread's time: it sleeps until something arrives, and then installs one page after the other.
#[derive(Debug)]
pub struct ReceivingThread {
    wake: SimTime,
    work: PageWork,
    busy_until: SimTime,
}

impl ReceivingThread {
    /// A thread that is through with what came before at `busy_until`, and sleeps `wake` before it begins anew.
    pub fn new(wake: SimTime, work: PageWork, busy_until: SimTime) -> Self {
        ReceivingThread {
            wake,
            work,
            busy_until,
        }
    }

    /// When a page is in place that arrives behind all others so far, and takes so long.
    fn install(&mut self, arrived_at: SimTime, takes: SimTime) -> SimTime {
        let begun = if arrived_at > self.busy_until {
            arrived_at + self.wake
        } else {
            self.busy_until
        };
        self.busy_until = begun + takes;
        self.busy_until
    }

    /// When the first of `count` pages are in place that arrive behind all others so far, and how many are as
    /// regularly; each takes so long.
    fn install_run(
        &mut self,
        arrived: Progression,
        count: u32,
        takes: SimTime,
    ) -> (Progression, u32) {
        let begins_idle = arrived.first > self.busy_until;
        let first = self.install(arrived.first, takes);
        let (behind, lag) = (count - 1, arrived.step.saturating_sub(takes).as_ps());
        if begins_idle && arrived.step > self.wake + takes {
            // It sleeps before each.
            let installed = Progression {
                first,
                step: arrived.step,
            };
            self.busy_until = installed.at(behind);
            return (installed, count);
        }
        let next = arrived.at(1);
        let waiting = if next > first {
            0
        } else {
            // Each begins when the one before is done, as long as it is there by then.
            match (first - next).as_ps().checked_div(lag) {
                Some(more) => more.saturating_add(1).min(behind.into()) as u32,
                None => behind,
            }
        };
        let installed = Progression { first, step: takes };
        self.busy_until = installed.at(waiting);
        (installed, 1 + waiting)
    }

    /// Pages of one content arrive behind all others so far. Tells from which on how many are in place at which times.
    pub fn install_all(
        &mut self,
        mut arrived: Progression,
        count: u32,
        content: Content,
        mut tell: impl FnMut(u32, u32, Progression),
    ) {
        let (mut from, takes) = (0, self.work.of(content));
        while from < count {
            let (installed, run) = self.install_run(arrived, count - from, takes);
            tell(from, run, installed);
            arrived = arrived.after(run);
            from += run;
        }
    }

    /// When the last page so far is in place.
    pub fn busy_until(&self) -> SimTime {
        self.busy_until
    }
}

/// Consecutive pages that are in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// The first page.
    pub first: PageId,
    /// How many pages.
    pub count: u32,
    /// What each consists of.
    pub content: Content,
    /// Whether they came on a channel for demanded pages.
    pub demanded: bool,
    /// When the last bit of each reaches the destination.
    pub arrived: Progression,
    /// When each is in place.
    pub installed: Progression,
}

/// Pages that have left the link, by their numbers, and when they are in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InFlight {
    /// Which.
    pub span: Span,
    /// When the last bit of each reaches the destination.
    pub arrived: Progression,
    /// When each is in place.
    pub installed: Progression,
}

impl InFlight {
    /// Takes the first `count` off.
    fn split_off_front(&mut self, count: u32) -> InFlight {
        let front = InFlight {
            span: self.span.split_off_front(count),
            ..*self
        };
        self.arrived = self.arrived.after(count);
        self.installed = self.installed.after(count);
        front
    }
}

/// The receiving thread: pages arrive in the order in which they left and are installed one by one.
///
/// Pages that arrive at constant distances are installed at constant distances too: by a thread that has a backlog, at
/// those of its own work, until it has caught up; and from then on as they arrive.
#[derive(Debug)]
pub struct Receiver {
    latency: SimTime,
    thread: ReceivingThread,
    lane: VecDeque<InFlight>,
}

impl Receiver {
    /// A receiver with nothing on its way, `latency` behind the link's far end.
    pub fn new(latency: SimTime, thread: ReceivingThread) -> Self {
        Receiver {
            latency,
            thread,
            lane: VecDeque::new(),
        }
    }

    /// Messages have left the link, [one behind the other](Departure::is_continued_by). Tells from which on how many
    /// are installed at which times.
    pub fn departed(&mut self, run: &[Departure], mut tell: impl FnMut(u32, u32, Progression)) {
        let (lane, latency) = (&mut self.lane, self.latency);
        let Some(first) = run.first() else {
            return;
        };
        let count = run.iter().map(|departure| departure.span.count).sum();
        let mut spans = run.iter().map(|departure| departure.span).peekable();
        let all = first.left.delayed(latency);
        let mut arrived = all;
        let tell = |from, mut count, mut installed: Progression| {
            tell(from, count, installed);
            while count > 0
                && let Some(span) = spans.peek_mut()
            {
                let here = span.split_off_front(count.min(span.count));
                lane.push_back(InFlight {
                    span: here,
                    arrived,
                    installed,
                });
                arrived = arrived.after(here.count);
                installed = installed.after(here.count);
                count -= here.count;
                spans.next_if(|span| span.count == 0);
            }
        };
        self.thread
            .install_all(all, count, first.span.content, tell);
    }

    /// When the last page so far is in place.
    pub fn busy_until(&self) -> SimTime {
        self.thread.busy_until()
    }

    /// Whether so many runs of pages are on their way that those in place should be taken.
    pub fn is_crowded(&self) -> bool {
        self.lane.len() > 256
    }

    /// When the next page is installed; [`SimTime::MAX`] with none on its way.
    pub fn next_installation(&self) -> SimTime {
        let next = self.lane.front();
        next.map_or(SimTime::MAX, |arrival| arrival.installed.first)
    }

    /// Takes pages that are installed next and not later than `until`, at most so many.
    pub fn installed(&mut self, until: SimTime, most: u32) -> Option<InFlight> {
        let next = self.lane.front_mut()?;
        let count = next.installed.count_until(until, next.span.count.min(most));
        if count == 0 {
            return None;
        }
        let taken = next.split_off_front(count);
        if next.span.count == 0 {
            self.lane.pop_front();
        }
        Some(taken)
    }

    /// When a page that has left the link arrives and is in place, by its number.
    pub fn find(&self, number: u64) -> Option<(SimTime, SimTime)> {
        // The latest are looked for most often: those that have just left.
        self.lane.iter().rev().find_map(|pages| {
            let place = pages.span.place_of(number)?;
            Some((pages.arrived.at(place), pages.installed.at(place)))
        })
    }

    /// The lowest number of those on their way.
    pub fn first_number(&self) -> Option<u64> {
        self.lane.iter().map(|pages| pages.span.first).min()
    }
}
