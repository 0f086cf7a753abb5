//! The trend of a stream: where its accesses are heading, and how fast.

use super::PdopmpSettings;
use super::streams::Stream;
use crate::memory::PageId;
use crate::units::SimTime;

/// A stream's trend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trend {
    /// Whether it goes towards higher pages.
    pub upwards: bool,
    /// Pages from one access to the next: the median of the steps in the trend's direction, which single outliers do
    /// not move.
    pub stride: u32,
    /// Pages that the stream has gone.
    pub way: u32,
    /// Time that it took for that.
    pub time: SimTime,
    /// Where it is now.
    pub last: PageId,
    /// When it got there.
    pub last_time: SimTime,
}

impl Trend {
    /// The trend of a stream; `None` if it has too few points or no clear direction, or came back to where it began.
    pub fn of(stream: Stream<'_>, settings: &PdopmpSettings) -> Option<Self> {
        let (first, last) = (stream.points.first()?, stream.points.last()?);
        if stream.points.len() < settings.min_points.max(2) as usize {
            return None;
        }
        let steps = || stream.points.windows(2);
        let ups = steps().filter(|pair| pair[1].page > pair[0].page).count();
        let downs = steps().len() - ups;
        let consistency = 100 * ups.abs_diff(downs) / steps().len();
        if consistency < settings.min_consistency_percent as usize {
            return None;
        }
        let upwards = ups > downs;
        let mut forward: Vec<u32> = steps()
            .filter(|pair| (pair[1].page > pair[0].page) == upwards)
            .map(|pair| pair[1].page.abs_diff(pair[0].page))
            .collect();
        let middle = forward.len() / 2;
        let (_, stride, _) = forward.select_nth_unstable(middle);
        let went_upwards = last.page > first.page;
        let way = last.page.abs_diff(first.page);
        let time = last.time - first.time;
        (way > 0 && time > SimTime::ZERO && went_upwards == upwards).then_some(Trend {
            upwards,
            stride: *stride,
            way,
            time,
            last: last.page,
            last_time: last.time,
        })
    }

    /// The page so many pages ahead of where the stream is now; `None` beyond the ends of the address space.
    pub fn page_ahead(&self, pages: u64) -> Option<PageId> {
        self.step_from(self.last, pages)
    }

    /// The page so many pages in the trend's direction from `page`.
    pub fn step_from(&self, page: PageId, pages: u64) -> Option<PageId> {
        let pages = u32::try_from(pages).ok()?;
        if self.upwards {
            page.checked_add(pages)
        } else {
            page.checked_sub(pages)
        }
    }

    /// Whether a page is where the stream is now, or ahead of it.
    pub fn is_at_or_ahead(&self, page: PageId) -> bool {
        if self.upwards {
            page >= self.last
        } else {
            page <= self.last
        }
    }

    /// Pages that it is followed ahead.
    pub fn reach(&self, settings: &PdopmpSettings) -> u64 {
        u64::from(self.way) * u64::from(settings.reach_percent) / 100
    }

    /// Time that the trend takes for so many pages.
    pub fn time_for(&self, pages: u64) -> SimTime {
        SimTime::from_wide_ps(
            u128::from(self.time.as_ps()) * u128::from(pages) / u128::from(self.way),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::streams::Point;
    use super::*;

    fn points(pages: &[PageId]) -> Vec<Point> {
        pages
            .iter()
            .zip(0..)
            .map(|(&page, index)| Point {
                time: SimTime::from_us(10 * index),
                page,
            })
            .collect()
    }

    fn trend(pages: &[PageId]) -> Option<Trend> {
        let points = points(pages);
        Trend::of(Stream { points: &points }, &PdopmpSettings::default())
    }

    #[test]
    fn a_sweep_has_a_trend_and_its_outlier_does_not_matter() {
        let trend = trend(&[10, 12, 14, 13, 16, 18, 20, 22]).expect("six of seven steps go up");
        assert!(trend.upwards);
        assert_eq!((trend.stride, trend.way, trend.last), (2, 12, 22));
        // 12 pages in 70 us.
        assert_eq!(trend.time_for(6), SimTime::from_us(35));
    }

    #[test]
    fn no_trend() {
        for pages in [&[5][..], &[5, 6, 7], &[5, 9, 4, 8, 3, 7], &[]] {
            assert_eq!(trend(pages), None, "{pages:?}");
        }
    }
}
