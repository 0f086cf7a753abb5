//! What the source does when the connection is given up, and over a new one.

use super::SourceHost;
use super::limiter::Limiter;
use super::thread::Thread;
use super::waits::WaitsFor;
use crate::memory::PageId;
use crate::network::Span;
use crate::units::SimTime;

impl SourceHost<'_> {
    /// The connection is given up: nothing is sent, and what was `queued` or on its way to that is unsent again.
    pub fn lose_connection(&mut self, queued: Vec<Span>) {
        let request_thread = self.request_thread.as_mut().and_then(Thread::finish);
        let serving = self.thread.finish().into_iter().chain(request_thread);
        let gathered = self.batch.lose();
        for span in queued.into_iter().chain(gathered).chain(serving) {
            for lost in self.sequence.range(span.first, span.count) {
                let lowest = lost.lowest();
                self.unsent.insert_run(lowest, lost.count);
                self.lost.extend(lowest..lowest + lost.count);
            }
            self.sent -= u64::from(span.count) * u64::from(span.content.pages);
            self.zero_sent -= u64::from(span.count) * u64::from(span.content.zeros);
        }
        self.requests.clear();
        self.unacknowledged = 0;
        self.waits = WaitsFor::Notice;
        self.push_buffer.wake();
        self.demand_buffer.wake();
        self.paused = true;
    }

    /// A new connection stands.
    pub fn recover(&mut self, now: SimTime) {
        self.paused = false;
        let (limit, period) = (
            self.settings.max_postcopy_bandwidth,
            self.settings.limiter_period(),
        );
        self.limiter = Limiter::new(limit, period, now);
        self.notify(now);
    }

    /// The next page that was lost and has not been sent since. QEMU's scan begins at the first page again
    /// (`migration/ram.c`, `ram_state_resume_prepare`), and finds them before it comes to where it was.
    pub(super) fn next_lost(&mut self) -> Option<PageId> {
        let mut lost = std::iter::from_fn(|| self.lost.pop_first());
        lost.find(|page| self.unsent.contains(*page))
    }
}
