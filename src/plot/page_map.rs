//! A migration as a map: time along, pages upwards, and in each cell what happened there.

use std::fmt::Write;

use plotters::prelude::RGBColor;

use super::PlotError;
use super::canvas::{Anchor, Canvas, INK, PALE};
use super::compact::compact;
use super::scale::Scale;
use crate::measure::page_map::{COLUMNS, Cells, PageMap};
use crate::units::SimTime;

/// Pixels of a cell's width.
const CELL: i32 = 2;
const LEFT: i32 = 84;
const TOP: i32 = 108;
const WIDTH: i32 = COLUMNS as i32 * CELL;
const HEIGHT: i32 = 400;
const BOTTOM: i32 = TOP + HEIGHT;

/// Layers from the lowest: what is in it, and its colour.
type Layer<'a> = (&'static str, &'a Cells, RGBColor);

fn layers(map: &PageMap) -> [Layer<'_>; 5] {
    [
        (
            "recorded on the source",
            &map.recorded,
            RGBColor(150, 150, 150),
        ),
        ("pushed", &map.pushed, RGBColor(150, 205, 240)),
        ("touched, and there", &map.touched, RGBColor(0, 130, 95)),
        ("waited for", &map.waited, RGBColor(213, 94, 0)),
        ("sent on request", &map.demanded, RGBColor(30, 30, 30)),
    ]
}

/// The map as SVG; `title` says of what, and `caption` what came of it.
///
/// # Errors
///
/// [`PlotError`] when the backend refuses.
pub fn svg(map: &PageMap, title: &str, caption: &[String]) -> Result<String, PlotError> {
    let foot = BOTTOM + 66 + 18 * caption.len() as i32;
    let mut svg = String::new();
    let canvas = Canvas::new(&mut svg, (LEFT + WIDTH + 20, foot))?;
    draw(&canvas, map, title, caption)?;
    canvas.finish()?;
    drop(canvas);
    let height = f64::from(HEIGHT) / f64::from(map.rows);
    let end = svg.rfind("</svg>").unwrap_or(svg.len());
    let mut cells = String::new();
    for (_, layer, RGBColor(red, green, blue)) in layers(map) {
        let runs = layer
            .runs()
            .fold(String::new(), |mut path, (row, column, length)| {
                // Writing to memory cannot fail.
                let _ = write!(path, "M{column} {}h{length}", map.rows as usize - 1 - row);
                path
            });
        let _ = writeln!(
            cells,
            "<path transform=\"translate({LEFT} {TOP}) scale({CELL} {height}) translate(0 0.5)\" stroke=\"#{red:02X}{green:02X}{blue:02X}\" \
             d=\"{runs}\"/>"
        );
    }
    svg.insert_str(end, &cells);
    Ok(compact(&svg))
}

fn draw(
    canvas: &Canvas<'_>,
    map: &PageMap,
    title: &str,
    caption: &[String],
) -> Result<(), PlotError> {
    canvas.text(title, (20, 18), 21, Anchor::Start)?;
    let mut x = 20;
    for (name, _, colour) in layers(map) {
        canvas.rectangle([(x, 42), (x + 14, 52)], colour)?;
        canvas.text(name, (x + 22, 47), 15, Anchor::Start)?;
        x += 46 + 9 * name.chars().count() as i32;
    }
    phases(canvas, map)?;
    let seconds = map.end.as_secs_f64();
    let time = Scale::linear(seconds);
    for (share, word) in time.ticks() {
        let place = time.top() * share / seconds;
        if place <= 1.0 {
            let x = LEFT + (place * f64::from(WIDTH)).round() as i32;
            canvas.line(&[(x, BOTTOM), (x, BOTTOM + 4)], INK, 1)?;
            canvas.text(&word, (x, BOTTOM + 13), 12, Anchor::Middle)?;
        }
    }
    canvas.text(
        "Time since the migration command in s",
        (LEFT + WIDTH / 2, BOTTOM + 34),
        14,
        Anchor::Middle,
    )?;
    canvas.text("Address in MiB", (20, TOP - 14), 14, Anchor::Start)?;
    let mebibytes = u64::from(map.pages) as f64 * map.page_size as f64 / f64::from(1 << 20);
    let memory = Scale::linear(mebibytes);
    for (share, word) in memory.ticks() {
        let place = memory.top() * share / mebibytes;
        if place <= 1.0 {
            let y = BOTTOM - (place * f64::from(HEIGHT)).round() as i32;
            canvas.line(&[(LEFT - 4, y), (LEFT, y)], INK, 1)?;
            canvas.text(&word, (LEFT - 8, y), 12, Anchor::End)?;
        }
    }
    canvas.line(
        &[(LEFT, TOP), (LEFT, BOTTOM), (LEFT + WIDTH, BOTTOM)],
        INK,
        1,
    )?;
    for (line, text) in (0..).zip(caption) {
        canvas.text(text, (20, BOTTOM + 60 + 18 * line), 14, Anchor::Start)?;
    }
    Ok(())
}

/// The switch-over is shaded, and each phase has its name above the map, if there is room.
fn phases(canvas: &Canvas<'_>, map: &PageMap) -> Result<(), PlotError> {
    let x = |time: SimTime| {
        LEFT + (time.as_secs_f64() / map.end.as_secs_f64() * f64::from(WIDTH)).round() as i32
    };
    let recorded = map.recorded_until.unwrap_or(SimTime::ZERO);
    let (suspended, resumed, end) = (x(map.suspended_at), x(map.resumed_at), x(map.end));
    canvas.rectangle([(suspended, TOP), (resumed, BOTTOM)], PALE)?;
    for (name, from, to) in [
        ("record window", LEFT, x(recorded)),
        ("source", x(recorded), suspended),
        ("downtime", suspended, resumed),
        ("destination", resumed, end),
    ] {
        if to > from {
            canvas.line(&[(to, TOP - 4), (to, BOTTOM)], PALE, 1)?;
        }
        if to - from > 8 * name.len() as i32 {
            canvas.text(name, ((from + to) / 2, TOP - 14), 13, Anchor::Middle)?;
        }
    }
    Ok(())
}
