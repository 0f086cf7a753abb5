//! Lines: dashed, and with a marker at each point or without.

use plotters::prelude::{RGBColor, WHITE};

use super::canvas::Canvas;
use super::scale::Scale;
use super::{Frame, Kind, PlotError, Series, Spread, whisker};

/// Okabe and Ito's colours, the first in an order whose greys differ; their yellow would be lost on white.
const COLOURS: [RGBColor; 7] = [
    RGBColor(213, 94, 0),
    RGBColor(86, 180, 233),
    RGBColor(0, 114, 178),
    RGBColor(30, 30, 30),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
];

/// Lengths of dashes and gaps in pixels; a dash alone is a whole line.
const DASHES: [&[f64]; 6] = [
    &[f64::INFINITY],
    &[9.0, 4.0],
    &[14.0, 3.0, 3.0, 3.0],
    &[2.0, 3.0],
    &[5.0, 2.0],
    &[18.0, 5.0],
];

type Place = (i32, i32);

/// One series.
pub(super) fn draw(
    canvas: &Canvas<'_>,
    frame: &Frame,
    scale: &Scale,
    series: &Series,
    kind: Kind,
) -> Result<(), PlotError> {
    // Whiskers of different series stand beside each other.
    let aside = 2 * (series.style % COLOURS.len()) as i32 - 4;
    let mut places = Vec::with_capacity(series.points.len());
    let finite = |(_, spread): &&(f64, Spread)| spread.mean.is_finite();
    for (x, spread) in series.points.iter().filter(finite) {
        let x = match kind {
            Kind::Points => frame.x(scale.share(*x)),
            _ => frame.x(*x),
        };
        places.push((x, frame.y(scale.share(spread.mean))));
        match kind {
            Kind::Lines => whisker(canvas, frame, scale, x + aside, spread)?,
            Kind::Points => whisker(canvas, frame, scale, x, spread)?,
            Kind::Dots | Kind::Shares | Kind::Curves => {}
        }
    }
    if kind != Kind::Points {
        dashed(canvas, series.style, &places)?;
    }
    if kind != Kind::Curves {
        for place in places {
            marker(canvas, series.style, place)?;
        }
    }
    Ok(())
}

/// The line of a legend.
pub(super) fn swatch(
    canvas: &Canvas<'_>,
    kind: Kind,
    style: usize,
    x: i32,
    y: i32,
) -> Result<(), PlotError> {
    if kind != Kind::Points && !kind.is_dots() {
        dashed(canvas, style, &[(x, y), (x + 34, y)])?;
    }
    if kind != Kind::Curves {
        marker(canvas, style, (x + 17, y))?;
    }
    Ok(())
}

fn dashed(canvas: &Canvas<'_>, style: usize, places: &[Place]) -> Result<(), PlotError> {
    for dash in cut(places, DASHES[form(style)]) {
        canvas.line(&dash, COLOURS[style % COLOURS.len()], 2)?;
    }
    Ok(())
}

/// Dashes and marker. There is one less of them than of colours: each colour comes with another in every round.
fn form(style: usize) -> usize {
    style % DASHES.len()
}

/// A path in dashes.
fn cut(places: &[Place], pattern: &[f64]) -> Vec<Vec<Place>> {
    let whole = |(x, y): (f64, f64)| (x.round() as i32, y.round() as i32);
    let mut dashes = Vec::new();
    let mut pen: Vec<Place> = places.first().copied().into_iter().collect();
    let (mut part, mut left) = (0, pattern[0]);
    for pair in places.windows(2) {
        let (mut x, mut y) = (f64::from(pair[0].0), f64::from(pair[0].1));
        let (end_x, end_y) = (f64::from(pair[1].0), f64::from(pair[1].1));
        loop {
            let length = (end_x - x).hypot(end_y - y);
            let drawn = part % 2 == 0;
            if length < left {
                left -= length;
                if drawn {
                    pen.push(pair[1]);
                }
                break;
            }
            x += (end_x - x) * left / length;
            y += (end_y - y) * left / length;
            if drawn {
                pen.push(whole((x, y)));
                dashes.push(std::mem::take(&mut pen));
            } else {
                pen = vec![whole((x, y))];
            }
            part = (part + 1) % pattern.len();
            left = pattern[part];
        }
    }
    if pen.len() > 1 {
        dashes.push(pen);
    }
    dashes
}

/// What stands at a point.
pub(super) fn marker(canvas: &Canvas<'_>, style: usize, (x, y): Place) -> Result<(), PlotError> {
    let colour = COLOURS[style % COLOURS.len()];
    match form(style) {
        0 => canvas.disc((x, y), 4, colour),
        1 => canvas.rectangle([(x - 4, y - 4), (x + 4, y + 4)], colour),
        2 => canvas.polygon(vec![(x, y - 6), (x + 5, y + 4), (x - 5, y + 4)], colour),
        3 => {
            canvas.disc((x, y), 4, colour)?;
            canvas.disc((x, y), 2, WHITE)
        }
        4 => canvas.polygon(vec![(x, y - 6), (x + 5, y), (x, y + 6), (x - 5, y)], colour),
        _ => canvas.polygon(vec![(x - 5, y - 4), (x + 5, y - 4), (x, y + 6)], colour),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn styles_differ() {
        let looks = (0..42).map(|style| (style % COLOURS.len(), form(style)));
        assert_eq!(looks.collect::<BTreeSet<_>>().len(), 42);
    }

    #[test]
    fn dashes_go_on_around_corners() {
        let corner = [(0, 0), (10, 0), (10, 10)];
        assert_eq!(cut(&corner, &[f64::INFINITY]), [corner]);
        assert_eq!(
            cut(&corner, &[6.0, 2.0]),
            [
                vec![(0, 0), (6, 0)],
                vec![(8, 0), (10, 0), (10, 4)],
                vec![(10, 6), (10, 10)]
            ]
        );
    }
}
