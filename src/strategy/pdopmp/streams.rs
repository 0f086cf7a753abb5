//! Separates an interleaved trajectory of accesses into streams of neighbouring ones.

use std::collections::BTreeMap;

use crate::guest::recording::Access;
use crate::memory::{PageId, PageMap, PageSet};
use crate::units::SimTime;

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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stream<'a> {
    /// At least one point.
    pub points: &'a [Point],
}

/// The streams of a recording, one behind the other: there may be nearly as many as accesses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Streams {
    points: Vec<Point>,
    /// Where each stream begins.
    starts: Vec<usize>,
}

impl Streams {
    /// So many streams, out of points in time order, each with its stream's number.
    fn grouped(members: &[(u32, Point)], streams: usize) -> Self {
        let mut sizes = vec![0; streams];
        for (stream, _) in members {
            sizes[*stream as usize] += 1;
        }
        let mut end = 0;
        let starts: Vec<usize> = sizes
            .iter()
            .map(|size| {
                let start = end;
                end += size;
                start
            })
            .collect();
        let mut next = starts.clone();
        let nowhere = Point {
            time: SimTime::ZERO,
            page: 0,
        };
        let mut points = vec![nowhere; members.len()];
        for (stream, point) in members {
            let next = &mut next[*stream as usize];
            points[*next] = *point;
            *next += 1;
        }
        Streams { points, starts }
    }

    /// In order of their first point.
    pub fn iter(&self) -> impl Iterator<Item = Stream<'_>> {
        let ends = self.starts.iter().skip(1).copied();
        let ends = ends.chain([self.points.len()]);
        self.starts.iter().zip(ends).map(|(&start, end)| Stream {
            points: &self.points[start..end],
        })
    }
}

/// Where one vCPU's streams are now. No two are at one page: the second would have joined the first.
struct Heads {
    pages: PageSet,
    streams: PageMap<u32>,
}

/// The streams of a recording of a memory of so many pages, per vCPU: an access joins the stream of its vCPU that was
/// last nearest to it, if within `gap` pages, else opens one.
pub fn separate(accesses: &[Access], pages: u32, gap: u32) -> Streams {
    let mut members: Vec<(u32, Point)> = Vec::with_capacity(accesses.len());
    let mut streams = 0;
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
        let stream = joined.unwrap_or(streams);
        streams = streams.max(stream + 1);
        heads.streams.insert(page, stream);
        members.push((stream, point));
    }
    Streams::grouped(&members, streams as usize)
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
