//! Grouped bars, hatched.

use super::canvas::{Canvas, INK};
use super::lines::COLOURS;
use super::scale::Scale;
use super::{Frame, PlotError, Series, whisker};

type Place = (i32, i32);

/// Bars of one series: the `place`-th of `count` in each group.
pub(super) fn draw(
    canvas: &Canvas<'_>,
    frame: &Frame,
    scale: &Scale,
    series: &Series,
    (place, count): (usize, usize),
) -> Result<(), PlotError> {
    let width = 0.8 / count as f64;
    for (x, spread) in &series.points {
        let from = x - 0.4 + place as f64 * width;
        let (left, right) = (frame.x(from), frame.x(from + width));
        let top = frame.y(scale.share(spread.mean));
        if top < frame.bottom {
            bar(canvas, series.style, [(left, top), (right, frame.bottom)])?;
        }
        whisker(canvas, frame, scale, (left + right) / 2, spread)?;
    }
    Ok(())
}

/// The bar of a legend.
pub(super) fn swatch(canvas: &Canvas<'_>, style: usize, x: i32, y: i32) -> Result<(), PlotError> {
    bar(canvas, style, [(x, y - 7), (x + 32, y + 7)])
}

fn bar(canvas: &Canvas<'_>, style: usize, ends: [Place; 2]) -> Result<(), PlotError> {
    canvas.rectangle(ends, COLOURS[style % COLOURS.len()])?;
    for path in joined(hatch(style, ends), ends) {
        canvas.line(&path, INK, 1)?;
    }
    canvas.outline(ends)
}

/// Strokes made into few paths, which go on from one to the next along the outline: there they cannot be seen.
fn joined(strokes: Vec<[Place; 2]>, [(left, top), (right, bottom)]: [Place; 2]) -> Vec<Vec<Place>> {
    let on_outline = |a: Place, b: Place| {
        (a.0 == b.0 && (a.0 == left || a.0 == right))
            || (a.1 == b.1 && (a.1 == top || a.1 == bottom))
    };
    let mut paths: Vec<Vec<Place>> = Vec::new();
    for [from, to] in strokes {
        match paths.last_mut() {
            Some(path) if path.last().is_some_and(|last| on_outline(*last, from)) => {
                path.extend([from, to]);
            }
            Some(path) if path.last().is_some_and(|last| on_outline(*last, to)) => {
                path.extend([to, from]);
            }
            _ => paths.push(vec![from, to]),
        }
    }
    paths
}

/// Strokes within a rectangle: none, rising, level, falling, upright, by style.
fn hatch(style: usize, [(left, top), (right, bottom)]: [Place; 2]) -> Vec<[Place; 2]> {
    const APART: usize = 7;
    let (width, height) = (right - left, bottom - top);
    // The stroke x + y = c, or x − y = c, cut to the rectangle.
    let slanted = |c: i32| {
        let (from, to) = ((c - height).max(0), c.min(width));
        [(from, c - from), (to, c - to)]
    };
    let in_frame =
        |[(x1, y1), (x2, y2)]: [Place; 2]| [(left + x1, top + y1), (left + x2, top + y2)];
    let mirrored = |[(x1, y1), (x2, y2)]: [Place; 2]| [(x1, height - y1), (x2, height - y2)];
    match style % 6 {
        1 => (3..width + height)
            .step_by(APART)
            .map(|c| in_frame(slanted(c)))
            .collect(),
        2 => (0..height)
            .step_by(4)
            .skip(1)
            .map(|y| in_frame([(0, height - y), (width, height - y)]))
            .collect(),
        3 => (3..width + height)
            .step_by(APART)
            .map(|c| in_frame(mirrored(slanted(c))))
            .collect(),
        4 => (4..width)
            .step_by(4)
            .map(|x| in_frame([(x, 0), (x, height)]))
            .collect(),
        _ => Vec::new(),
    }
}
