//! Markers beside each other at each tick, with their ranges.

use super::canvas::Canvas;
use super::lines::marker;
use super::scale::Scale;
use super::{Frame, PlotError, Series, whisker};

/// Share of a tick's room that its markers stand in.
const ROOM: f64 = 0.8;

/// Markers of one series, beside those of `all` others at the same ticks.
pub(super) fn draw(
    canvas: &Canvas<'_>,
    frame: &Frame,
    scale: &Scale,
    series: &Series,
    all: &[Series],
) -> Result<(), PlotError> {
    for (tick, spread) in series
        .points
        .iter()
        .filter(|(_, spread)| spread.mean.is_finite())
    {
        let is_there = |other: &&Series| other.points.iter().any(|(at, _)| at == tick);
        let count = all.iter().filter(is_there).count();
        let place = all
            .iter()
            .filter(is_there)
            .take_while(|other| *other != series)
            .count();
        let aside = ROOM * ((place as f64 + 0.5) / count as f64 - 0.5);
        let x = frame.x(tick + aside);
        whisker(canvas, frame, scale, x, spread)?;
        marker(canvas, series.style, (x, frame.y(scale.share(spread.mean))))?;
    }
    Ok(())
}
