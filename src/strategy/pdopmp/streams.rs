//! Separates an interleaved trajectory of accesses into streams of neighbouring ones.

use std::collections::BTreeMap;

use crate::source::recorder::Access;
use crate::time::SimTime;
use crate::vm::PageId;

/// A point of a trajectory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// When the page was accessed.
    pub time: SimTime,
    /// The page.
    pub page: PageId,
}

/// Accesses of one vCPU that lie close to each other, in time order; a page accessed several times in a row is one
/// point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// At least one point.
    pub points: Vec<Point>,
}

impl Stream {
    /// The lowest and the highest page.
    pub fn range(&self) -> (PageId, PageId) {
        self.points
            .iter()
            .fold((PageId::MAX, 0), |(low, high), point| {
                (low.min(point.page), high.max(point.page))
            })
    }
}

/// The streams of a recording, per vCPU in order of their first point: an access joins the stream of its vCPU that was
/// last nearest to it, if within `gap` pages, else opens one.
pub fn separate(accesses: &[Access], gap: u32) -> Vec<Stream> {
    let mut streams: Vec<Stream> = Vec::new();
    // Where each vCPU's streams are now. No two are at one page: the second would have joined the first.
    let mut at: BTreeMap<(u16, PageId), usize> = BTreeMap::new();
    for access in accesses {
        let point = Point {
            time: access.time,
            page: access.page,
        };
        let (vcpu, page) = (access.vcpu, access.page);
        let below = at
            .range((vcpu, page.saturating_sub(gap))..=(vcpu, page))
            .next_back();
        let above = at
            .range((vcpu, page)..=(vcpu, page.saturating_add(gap)))
            .next();
        let nearest = [below, above]
            .into_iter()
            .flatten()
            .min_by_key(|((_, last), _)| last.abs_diff(page));
        match nearest.map(|(key, stream)| (*key, *stream)) {
            // Still there: the repetition tells nothing about a trend.
            Some(((_, last), _)) if last == page => {}
            Some((key, stream)) => {
                at.remove(&key);
                at.insert((vcpu, page), stream);
                streams[stream].points.push(point);
            }
            None => {
                at.insert((vcpu, page), streams.len());
                streams.push(Stream {
                    points: vec![point],
                });
            }
        }
    }
    streams
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Op;

    #[test]
    fn two_interleaved_sweeps_are_two_streams() {
        let accesses: Vec<Access> = [100, 500, 101, 501, 101, 102, 499]
            .into_iter()
            .enumerate()
            .map(|(index, page)| Access {
                time: SimTime::from_ns(index as u64),
                vcpu: 0,
                page,
                op: Op::Read,
            })
            .collect();
        let pages: Vec<Vec<PageId>> = separate(&accesses, 16)
            .iter()
            .map(|stream| stream.points.iter().map(|point| point.page).collect())
            .collect();
        assert_eq!(pages, [vec![100, 101, 102], vec![500, 501, 499]]);
    }
}
