//! When which page will be touched next, after the streams of the recording.

use std::collections::HashMap;

use super::PdopmpSettings;
use super::streams::{Stream, separate};
use super::trend::Trend;
use crate::strategy::Observation;
use crate::time::SimTime;
use crate::vm::{PageId, PageSet};

/// A page that is expected to be touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forecast {
    /// The page.
    pub page: PageId,
    /// When, counted from the switch-over.
    pub next_touch: SimTime,
    /// Whether it is in the PPS, and not predicted.
    pub recorded: bool,
}

/// Forecasts of all pages in the PPS and of those that the trends point to, each page once.
///
/// A recorded page is taken to be touched again after as long as it has not been touched: recency, as a time. A page
/// ahead of a trend is touched when the trend's velocity gets there, if that is before the plain scan of memory would
/// have brought it. A page in or beside a dense stream without a trend is taken to come after as long as the stream has
/// rested, and the later the farther out it lies.
pub fn forecast(observed: &Observation<'_>, settings: &PdopmpSettings) -> Vec<Forecast> {
    let recording = observed.recording;
    let mut next_touch: HashMap<PageId, Forecast> = HashMap::new();
    for access in recording.accesses.iter() {
        next_touch.insert(
            access.page,
            Forecast {
                page: access.page,
                next_touch: recording.window - access.time,
                recorded: true,
            },
        );
    }
    let pages = observed.memory.pages;
    let mut predict = |page: PageId, time: SimTime| {
        let scanned = observed.page_time.times(u64::from(page) + 1);
        if page >= pages || time >= scanned {
            return;
        }
        next_touch
            .entry(page)
            .and_modify(|forecast| {
                if !forecast.recorded {
                    forecast.next_touch = forecast.next_touch.min(time);
                }
            })
            .or_insert(Forecast {
                page,
                next_touch: time,
                recorded: false,
            });
    };
    for stream in separate(&recording.accesses, settings.stream_gap) {
        match Trend::of(&stream, settings) {
            Some(trend) => extrapolate(&trend, recording.window, pages, settings, &mut predict),
            None => widen(&stream, recording.window, pages, settings, &mut predict),
        }
    }
    next_touch.into_values().collect()
}

fn extrapolate(
    trend: &Trend,
    window: SimTime,
    pages: u32,
    settings: &PdopmpSettings,
    predict: &mut impl FnMut(PageId, SimTime),
) {
    let reach = u64::from(trend.way) * u64::from(settings.reach_percent) / 100;
    let since_last = window - trend.last_time;
    let memory_end = u64::from(pages);
    for ahead in (1..).map(|step| step * u64::from(trend.stride)) {
        let page = if trend.upwards {
            u64::from(trend.last).checked_add(ahead)
        } else {
            u64::from(trend.last).checked_sub(ahead)
        };
        match page {
            Some(page) if ahead <= reach && page < memory_end => {
                predict(page as PageId, trend.time_for(ahead) - since_last);
            }
            _ => break,
        }
    }
}

fn widen(
    stream: &Stream,
    window: SimTime,
    pages: u32,
    settings: &PdopmpSettings,
    predict: &mut impl FnMut(PageId, SimTime),
) {
    let (low, high) = stream.range();
    let span = u64::from(high - low) + 1;
    let mut touched = PageSet::empty(high - low + 1);
    for point in &stream.points {
        touched.insert(point.page - low);
    }
    let density = 100 * u64::from(touched.count()) / span;
    let Some(last) = stream.points.last() else {
        return;
    };
    if stream.points.len() < settings.min_points as usize
        || density < u64::from(settings.min_density_percent)
    {
        return;
    }
    let rested = window - last.time;
    for page in low..=high {
        predict(page, rested);
    }
    let margin = span * u64::from(settings.widen_percent) / 100;
    for distance in 1..=margin.min(u64::from(pages)) as u32 {
        // The stream's own time per page of its range, once more for each page farther out.
        let time = rested + SimTime::from_ps(window.as_ps() / span).times(u64::from(distance));
        if let Some(below) = low.checked_sub(distance) {
            predict(below, time);
        }
        if let Some(above) = high.checked_add(distance) {
            predict(above, time);
        }
    }
}
