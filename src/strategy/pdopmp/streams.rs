//! Separates an interleaved trajectory of accesses into streams of neighbouring ones.

use std::collections::BTreeMap;

use crate::source::recorder::Access;
use crate::time::SimTime;
use crate::vm::{PageId, PageMap, PageSet};

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

/// Where one vCPU's streams are now. No two are at one page: the second would have joined the first.
struct Heads {
    pages: PageSet,
    streams: PageMap<usize>,
}

/// The streams of a recording of a memory of so many pages, per vCPU in order of their first point: an access joins the
/// stream of its vCPU that was last nearest to it, if within `gap` pages, else opens one.
pub fn separate(accesses: &[Access], pages: u32, gap: u32) -> Vec<Stream> {
    let mut streams: Vec<Stream> = Vec::new();
    let mut heads_of: BTreeMap<u16, Heads> = BTreeMap::new();
    for access in accesses {
        let page = access.page;
        let point = Point {
            time: access.time,
            page,
        };
        let heads = heads_of.entry(access.vcpu).or_insert_with(|| Heads {
            pages: PageSet::empty(pages),
            streams: PageMap::default(),
        });
        let nearest = heads.pages.nearest(page, gap);
        // Still there: the repetition tells nothing about a trend.
        if nearest == Some(page) {
            continue;
        }
        heads.pages.insert(page);
        let joined = nearest.and_then(|head| {
            heads.pages.remove(head);
            heads.streams.remove(&head)
        });
        let stream = joined.unwrap_or(streams.len());
        heads.streams.insert(page, stream);
        match streams.get_mut(stream) {
            Some(stream) => stream.points.push(point),
            None => streams.push(Stream {
                points: vec![point],
            }),
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
        let pages: Vec<Vec<PageId>> = separate(&accesses, 1_000, 16)
            .iter()
            .map(|stream| stream.points.iter().map(|point| point.page).collect())
            .collect();
        assert_eq!(pages, [vec![100, 101, 102], vec![500, 501, 499]]);
    }
}
