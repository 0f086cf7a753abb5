//! Drawing in pixels.

use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{Circle, PathElement, Polygon, Rectangle, Text};
use plotters::prelude::{Color, IntoFont, IntoTextStyle, RGBColor, SVGBackend, WHITE};
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::PlotError;
use crate::message::visible;

/// Axes and words.
pub(super) const INK: RGBColor = RGBColor(30, 30, 30);
/// Lines of a grid.
pub(super) const PALE: RGBColor = RGBColor(222, 222, 222);

/// Which end of a text is at its place.
#[derive(Debug, Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A picture in the making.
pub(super) struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
}

type Place = (i32, i32);

impl<'a> Canvas<'a> {
    pub(super) fn new(svg: &'a mut String, (width, height): Place) -> Result<Self, PlotError> {
        let size = (width.unsigned_abs(), height.unsigned_abs());
        let area = SVGBackend::with_string(svg, size).into_drawing_area();
        area.fill(&WHITE).map_err(failed)?;
        Ok(Canvas { area })
    }

    pub(super) fn text(
        &self,
        words: &str,
        place: Place,
        size: u32,
        anchor: Anchor,
    ) -> Result<(), PlotError> {
        let horizontal = match anchor {
            Anchor::Start => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::End => HPos::Right,
        };
        let style = ("sans-serif", size)
            .into_font()
            .color(&INK)
            .into_text_style(&self.area)
            .pos(Pos::new(horizontal, VPos::Center));
        // XML has no control characters.
        let text = Text::new(visible(words), place, style);
        self.area.draw(&text).map_err(failed)
    }

    pub(super) fn line(
        &self,
        places: &[Place],
        colour: RGBColor,
        width: u32,
    ) -> Result<(), PlotError> {
        let path = PathElement::new(places.to_vec(), colour.stroke_width(width));
        self.area.draw(&path).map_err(failed)
    }

    pub(super) fn rectangle(&self, ends: [Place; 2], colour: RGBColor) -> Result<(), PlotError> {
        let inner = Rectangle::new(ends, colour.filled());
        self.area.draw(&inner).map_err(failed)
    }

    pub(super) fn disc(
        &self,
        place: Place,
        radius: i32,
        colour: RGBColor,
    ) -> Result<(), PlotError> {
        let disc = Circle::new(place, radius, colour.filled());
        self.area.draw(&disc).map_err(failed)
    }

    pub(super) fn polygon(&self, places: Vec<Place>, colour: RGBColor) -> Result<(), PlotError> {
        let polygon = Polygon::new(places, colour.filled());
        self.area.draw(&polygon).map_err(failed)
    }

    pub(super) fn finish(&self) -> Result<(), PlotError> {
        self.area.present().map_err(failed)
    }
}

fn failed(error: impl std::fmt::Display) -> PlotError {
    PlotError(error.to_string())
}
