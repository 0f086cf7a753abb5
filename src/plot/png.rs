//! Figures as PNG, for slides and for tools that do not take SVG.

use std::sync::Arc;

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree};

use super::PlotError;

/// Pixels for each pixel of the SVG: sharp on a page and on a projector.
const SCALE: f32 = 2.0;

/// Draws an SVG of [`super::svg`] in a font that comes with the program, so that no font of the system is needed.
///
/// # Errors
///
/// [`PlotError`] when the picture is not what this module can draw.
pub fn png(svg: &str) -> Result<Vec<u8>, PlotError> {
    let mut options = Options::default();
    let fonts = Arc::make_mut(&mut options.fontdb);
    fonts.load_font_data(dejavu::sans::regular().to_vec());
    fonts.set_sans_serif_family("DejaVu Sans");
    let tree = Tree::from_str(svg, &options).map_err(failed)?;
    let size = tree.size().to_int_size().scale_by(SCALE);
    let mut pixels = size
        .and_then(|size| Pixmap::new(size.width(), size.height()))
        .ok_or_else(|| failed("no area"))?;
    let transform = Transform::from_scale(SCALE, SCALE);
    resvg::render(&tree, transform, &mut pixels.as_mut());
    pixels.encode_png().map_err(failed)
}

fn failed(error: impl std::fmt::Display) -> PlotError {
    PlotError(error.to_string())
}
