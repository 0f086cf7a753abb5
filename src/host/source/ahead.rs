//! How many pages the migration thread takes up at once, ahead of the rest.

use super::SourceHost;
use crate::engine::Progression;
use crate::memory::Content;
use crate::network::Link;
use crate::network::socket::{next_room, pace};
use crate::units::SimTime;

/// How far a thread may act ahead of the rest.
#[derive(Debug, Clone, Copy)]
pub struct Ahead {
    /// Nothing that is not known yet happens to the source before.
    pub horizon: SimTime,
    /// Pages at most.
    pub most: u32,
}

impl SourceHost<'_> {
    /// When the thread, for which there is no room now, finds room for a pushed page, if nothing happens to the source
    /// before.
    pub(super) fn room_at(&self, ahead: Ahead, link: &Link) -> Option<SimTime> {
        if ahead.most == 1 || !self.requests.is_empty() {
            return None;
        }
        let (_, at) = next_room(&self.batch, &self.push_buffer, link)?;
        (at < self.horizon(ahead)).then_some(at)
    }

    /// Nothing that is not known yet happens to the thread before.
    fn horizon(&self, ahead: Ahead) -> SimTime {
        let requests = self.request_thread.as_ref();
        let serves = requests.map_or(SimTime::MAX, |thread| thread.next_action);
        ahead.horizon.min(serves)
    }

    /// At which distance the thread takes up pages of a content from `now` on, and how many at most, if nothing is
    /// requested before the horizon.
    pub(super) fn pace(
        &self,
        now: SimTime,
        content: Content,
        service: SimTime,
        ahead: Ahead,
        link: &Link,
    ) -> (SimTime, u32) {
        // What has been requested may be taken up by its own thread meanwhile.
        if ahead.most == 1 || !self.requests.is_empty() {
            return (service, 1);
        }
        let waits = next_room(&self.batch, &self.push_buffer, link);
        let waits = waits.filter(|(_, at)| *at == now);
        let (pace, most) = match waits {
            // It begins once that page has left, and goes on as they leave.
            Some((leaving, _)) => match link.departures(now, content) {
                Some((left, count)) if leaving == content && left.step > service => {
                    (left.step, count)
                }
                _ => (service, 1),
            },
            None => pace(&self.batch, &self.push_buffer, link, now, content, service),
        };
        let most = most.min(ahead.most);
        let times = Progression {
            first: now,
            step: pace,
        };
        let (in_period, end) = self.limiter.room(now, link.bytes(content));
        let horizon = self.horizon(ahead).min(end);
        let most = times.count_before(horizon, most.min(in_period));
        (pace, most.max(1))
    }
}
