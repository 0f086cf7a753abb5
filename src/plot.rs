//! Figures as SVG and PNG: panels of dots with ranges, of lines, or of steps over time, that survive black-and-white
//! print.
//!
//! Everything is placed in whole pixels here and only drawn by the backend, so that the bytes are the same everywhere.
//! Series are told apart by colour (Okabe and Ito's palette, for people who do not see all colours), and again by
//! dashes and markers.

pub mod accuracy;
mod canvas;
mod compact;
mod dots;
mod lines;
pub mod page_map;
#[cfg(feature = "pdf")]
mod pdf;
#[cfg(feature = "png")]
mod png;
pub mod rows;
mod scale;

use std::path::{Path, PathBuf};

use self::canvas::{Anchor, Canvas, INK, PALE};
use self::compact::compact;
#[cfg(feature = "pdf")]
pub use self::pdf::pdf;
#[cfg(feature = "png")]
pub use self::png::png;
use self::scale::Scale;
use crate::strategy;

/// The files of a picture: the SVG, and where the program was built with the feature `png`, the same as PNG beside it.
///
/// # Errors
///
/// [`PlotError`] when the picture cannot be turned into a PNG.
pub fn files(svg_path: &Path, svg: &str) -> Result<Vec<(PathBuf, Vec<u8>)>, PlotError> {
    let of_svg = (svg_path.to_owned(), svg.as_bytes().to_vec());
    #[cfg(feature = "png")]
    return Ok(vec![of_svg, (svg_path.with_extension("png"), png(svg)?)]);
    #[cfg(not(feature = "png"))]
    Ok(vec![of_svg])
}

/// The picture cannot be drawn.
#[derive(Debug, thiserror::Error)]
#[error("cannot draw: {0}")]
pub struct PlotError(String);

/// How a panel's values are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A group of markers at each tick, one per series, each with its range.
    Dots,
    /// The same for shares in per cent: an axis from zero, with a line at 100, and each panel as wide as the figure.
    Shares,
    /// A line per series, with a marker at each point.
    Lines,
    /// A line per series without markers, for many points.
    Curves,
    /// Markers alone, with the diagonal: each panel has the same logarithmic axis along and upwards.
    Points,
}

impl Kind {
    /// Panels beside each other.
    const fn columns(self) -> i32 {
        match self {
            Kind::Shares => 1,
            _ => 2,
        }
    }

    const fn is_dots(self) -> bool {
        matches!(self, Kind::Dots | Kind::Shares)
    }
}

/// A value and how far it spreads.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// What is drawn.
    pub mean: f64,
    /// Lower end of the error bar.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Values of one strategy in one panel.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Colour, dashes and marker: 42 differ.
    pub style: usize,
    /// Where on the horizontal axis, and what.
    pub points: Vec<(f64, Spread)>,
}

/// One panel.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    /// What the vertical axis has, with its unit.
    pub label: String,
    /// All series.
    pub series: Vec<Series>,
}

/// A figure: panels that share the horizontal axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Plot {
    /// Headline.
    pub title: String,
    /// Lines below the panels.
    pub caption: Vec<String>,
    /// What the horizontal axis has, with its unit.
    pub x_label: String,
    /// Places on the horizontal axis with their words, in a line or two. Dots stand at 0, 1, 2, …; the axes of points
    /// are their panels' own.
    pub ticks: Vec<(f64, String)>,
    /// Styles of the series and their names.
    pub legend: Vec<(usize, String)>,
    /// How values are drawn.
    pub kind: Kind,
    /// The panels.
    pub panels: Vec<Panel>,
}

const WIDTH: i32 = 980;
const HEAD: i32 = 70;
/// Where the legend's first line is, and how far the next ones are below.
const LEGEND: (i32, i32) = (47, 20);
const PANEL_HEIGHT: i32 = 280;
const LINE: i32 = 18;

type Place = (i32, i32);

/// A rectangle of the picture that values are mapped to.
#[derive(Debug, Clone, Copy)]
struct Frame {
    left: i32,
    right: i32,
    top: i32,
    bottom: i32,
    x: (f64, f64),
}

impl Frame {
    fn x(&self, value: f64) -> i32 {
        let (from, to) = self.x;
        let share = (value - from) / (to - from);
        self.left + (share * f64::from(self.right - self.left)).round() as i32
    }

    fn y(&self, share: f64) -> i32 {
        self.bottom - (share * f64::from(self.bottom - self.top)).round() as i32
    }
}

/// A strategy looks the same in every figure.
const STYLES: [&str; 10] = [
    strategy::post_copy::ENTRY.name,
    strategy::pre_record::ENTRY.name,
    strategy::pdopmp::ENTRY.name,
    strategy::clairvoyant::ENTRY.name,
    strategy::pre_copy::ENTRY.name,
    strategy::hybrid::ENTRY.name,
    strategy::hybrid_pre_record::ENTRY.name,
    strategy::leap::ENTRY.name,
    strategy::stop_and_copy::ENTRY.name,
    strategy::plan::ENTRY.name,
];

/// The style that a strategy of that name has everywhere. One that has none comes behind those that have, by its place
/// among the others.
pub fn style_of(strategy: &str, place: usize) -> usize {
    let known = STYLES.iter().position(|name| *name == strategy);
    known.unwrap_or(STYLES.len() + place)
}

/// The figure as SVG.
///
/// # Errors
///
/// [`PlotError`] when the backend refuses.
pub fn svg(plot: &Plot) -> Result<String, PlotError> {
    let legend = legend_places(&plot.legend);
    let lines = legend.last().map_or(0, |(_, y)| *y - LEGEND.0);
    let foot = HEAD + lines + rows(plot) * PANEL_HEIGHT;
    let height = foot + plot.caption.len() as i32 * LINE + 14;
    let mut svg = String::new();
    draw(plot, &legend, foot, Canvas::new(&mut svg, (WIDTH, height))?)?;
    Ok(compact(&svg))
}

/// Rows of panels.
fn rows(plot: &Plot) -> i32 {
    plot.panels.len().div_ceil(plot.kind.columns() as usize) as i32
}

fn draw(plot: &Plot, names: &[Place], foot: i32, canvas: Canvas<'_>) -> Result<(), PlotError> {
    canvas.text(&plot.title, (20, 18), 21, Anchor::Start)?;
    legend(&canvas, plot, names)?;
    let head = foot - rows(plot) * PANEL_HEIGHT;
    let columns = plot.kind.columns();
    for (index, panel) in (0..).zip(&plot.panels) {
        let corner = (
            index % columns * (WIDTH / columns),
            head + index / columns * PANEL_HEIGHT,
        );
        draw_panel(&canvas, plot, panel, corner)?;
    }
    for (index, line) in plot.caption.iter().enumerate() {
        let y = foot + 8 + index as i32 * LINE;
        canvas.text(line, (20, y), 14, Anchor::Start)?;
    }
    canvas.finish()
}

/// Where the names of series begin: beside each other while there is room.
fn legend_places(names: &[(usize, String)]) -> Vec<Place> {
    let (mut x, mut y) = (20, LEGEND.0);
    let place = |(_, name): &(usize, String)| {
        let width = 62 + 9 * name.chars().count() as i32;
        if x > 20 && x + width > WIDTH {
            (x, y) = (20, y + LEGEND.1);
        }
        let place = (x, y);
        x += width;
        place
    };
    names.iter().map(place).collect()
}

fn legend(canvas: &Canvas<'_>, plot: &Plot, places: &[Place]) -> Result<(), PlotError> {
    for ((style, name), (x, y)) in plot.legend.iter().zip(places.iter().copied()) {
        lines::swatch(canvas, plot.kind, *style, x, y)?;
        canvas.text(name, (x + 40, y), 15, Anchor::Start)?;
    }
    Ok(())
}

fn draw_panel(
    canvas: &Canvas<'_>,
    plot: &Plot,
    panel: &Panel,
    (left, top): (i32, i32),
) -> Result<(), PlotError> {
    let ends = |values: &mut dyn Iterator<Item = f64>| {
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        })
    };
    let points = || panel.series.iter().flat_map(|series| &series.points);
    let values = points().flat_map(|(_, spread)| [spread.low, spread.mean, spread.high]);
    let scale = match plot.kind {
        Kind::Curves | Kind::Shares => Scale::linear(values.fold(0.0, f64::max)),
        Kind::Dots | Kind::Lines => Scale::over(values),
        Kind::Points => Scale::rounds(points().map(|(x, _)| *x).chain(values)),
    };
    let (first, last) = match plot.kind {
        Kind::Points => (0.0, 1.0),
        _ => ends(&mut plot.ticks.iter().map(|(x, _)| *x)),
    };
    let room = match plot.kind {
        Kind::Dots | Kind::Shares => 0.5,
        Kind::Lines => 0.06 * (last - first).max(1e-9),
        Kind::Curves | Kind::Points => 0.0,
    };
    let frame = Frame {
        left: left + 74,
        right: left + WIDTH / plot.kind.columns() - 16,
        top: top + 30,
        bottom: top + PANEL_HEIGHT - 62,
        x: (first - room, last + room),
    };
    let label = format!("{}{}", panel.label, scale.in_words());
    canvas.text(&label, (left + 20, top + 14), 15, Anchor::Start)?;
    for (share, word) in scale.ticks() {
        let y = frame.y(share);
        canvas.line(&[(frame.left, y), (frame.right, y)], PALE, 1)?;
        canvas.text(&word, (frame.left - 6, y), 12, Anchor::End)?;
    }
    let own;
    let ticks = match plot.kind {
        Kind::Points => {
            own = scale.ticks();
            &own
        }
        _ => &plot.ticks,
    };
    for (x, word) in ticks {
        let x = frame.x(*x);
        canvas.line(&[(x, frame.bottom), (x, frame.bottom + 4)], INK, 1)?;
        for (line, word) in word
            .lines()
            .enumerate()
            .filter(|(_, word)| !word.is_empty())
        {
            let y = frame.bottom + 13 + 13 * line as i32;
            canvas.text(word, (x, y), 12, Anchor::Middle)?;
        }
    }
    let middle = (frame.left + frame.right) / 2;
    canvas.text(
        &plot.x_label,
        (middle, frame.bottom + 42),
        14,
        Anchor::Middle,
    )?;
    if plot.kind == Kind::Points {
        let diagonal = [(frame.left, frame.bottom), (frame.right, frame.top)];
        canvas.line(&diagonal, INK, 1)?;
    }
    if plot.kind == Kind::Shares {
        let y = frame.y(scale.share(100.0));
        canvas.line(&[(frame.left, y), (frame.right, y)], INK, 1)?;
    }
    for series in &panel.series {
        if plot.kind.is_dots() {
            dots::draw(canvas, &frame, &scale, series, &panel.series)?;
        } else {
            lines::draw(canvas, &frame, &scale, series, plot.kind)?;
        }
    }
    canvas.line(
        &[
            (frame.left, frame.top),
            (frame.left, frame.bottom),
            (frame.right, frame.bottom),
        ],
        INK,
        1,
    )
}

/// The error bar of a value that spreads.
fn whisker(
    canvas: &Canvas<'_>,
    frame: &Frame,
    scale: &Scale,
    x: i32,
    spread: &Spread,
) -> Result<(), PlotError> {
    let (low, high) = (
        frame.y(scale.share(spread.low)),
        frame.y(scale.share(spread.high)),
    );
    if low - high < 2 || !spread.low.is_finite() || !spread.high.is_finite() {
        return Ok(());
    }
    canvas.line(&[(x, low), (x, high)], INK, 1)?;
    canvas.line(&[(x - 2, low), (x + 3, low)], INK, 1)?;
    canvas.line(&[(x - 2, high), (x + 3, high)], INK, 1)
}
