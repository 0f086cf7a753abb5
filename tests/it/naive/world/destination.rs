//! What vCPUs and the plan's fetchers do.

use super::super::measures::Stall;
use super::super::ps;
use super::super::trace::Touch;
use super::{Due, Fetcher, Run};

impl Run<'_> {
    /// The next access of `v`; none when it is done.
    pub(super) fn next_touch(&self, v: usize) -> Option<Touch> {
        let stream = &self.source.streams[v];
        // A whole pass has brought no page that was not installed: no other pass will.
        let done = self.quiet[v] >= stream.pass_len();
        if done {
            return None;
        }
        stream.nth(self.next[v])
    }

    pub(super) fn touch(&mut self, v: usize) {
        let touch = self.next_touch(v).expect("a touch is due");
        self.next[v] += 1;
        if self.installed[touch.page as usize] {
            self.quiet[v] += 1;
            return;
        }
        self.quiet[v] = 0;
        if !self.is_waited_for(touch.page) {
            self.handlers.push(Due {
                time: self.now + ps(self.input.settings.destination.fault_trap),
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
    pub(super) fn fetch(&mut self, i: usize) {
        while let Some(&page) = self.source.fetch_list.get(self.next_fetch) {
            let place = self.next_fetch;
            self.next_fetch += 1;
            if page >= self.input.pages() || self.installed[page as usize] {
                continue;
            }
            if !self.is_waited_for(page) {
                self.handlers.push(Due {
                    time: self.now + ps(self.input.settings.destination.fault_trap),
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
            let told = self.input.across(self.now);
            let (period, begin) = (self.input.limiter_period(), self.source.suspended);
            let mut from = told;
            if period > 0 {
                from = begin + (told - begin).div_ceil(period) * period;
            }
            self.push_from = Some(from);
        }
    }

    pub(super) fn wake(&mut self, i: usize) {
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
}
