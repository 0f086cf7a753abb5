//! How requested pages are served.

use super::{SourceHost, Thread};
use crate::engine::Progression;
use crate::memory::{Content, PageId};
use crate::network::{Link, Span};
use crate::units::SimTime;

impl SourceHost<'_> {
    /// The work for a demanded page.
    pub(super) fn serving(&self, content: Content) -> SimTime {
        self.settings.serving(self.page_size, content)
    }

    pub(super) fn serve_requests(
        &mut self,
        mut thread: Thread,
        now: SimTime,
        link: &mut Link,
    ) -> Thread {
        if let Some(span) = thread.finish() {
            link.enqueue(span, now);
        }
        while thread.serving.is_none()
            && !self.paused
            && !self.requests.is_empty()
            && self.demand_buffer.has_room(link.occupancy(true))
            && let Some((page, requested_at)) = self.requests.pop_front()
        {
            // The other thread may have pushed it meanwhile.
            if self.unsent.contains(page) {
                let demanded = self.take_demanded(page, requested_at, now, link);
                thread.serve(demanded, now + self.serving(demanded.content));
            }
        }
        thread
    }

    /// When the request for a page was read that waits to be served by its own thread.
    pub(super) fn requested_at(&self, page: PageId) -> Option<SimTime> {
        let mut requests = self.requests.iter();
        let request = requests.find(|(requested, _)| *requested == page);
        request.map(|(_, at)| *at)
    }

    pub(super) fn take_demanded(
        &mut self,
        page: PageId,
        requested_at: SimTime,
        now: SimTime,
        link: &Link,
    ) -> Span {
        self.limiter.count(now, link.bytes(self.contents.of(page)));
        let content = self.contents.of(page);
        let first = self.sequence.next_number();
        self.take(page, 1, false, content);
        self.unacknowledged += 1;
        Span {
            first,
            count: 1,
            content,
            demanded: true,
            requested_at: Some(requested_at),
            handed: Progression::default(),
        }
    }
}
