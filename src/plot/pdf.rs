//! Figures as PDF, for papers.

use svg2pdf::usvg::{Options, Tree};
use svg2pdf::{ConversionOptions, PageOptions, to_pdf};

use super::PlotError;

/// Draws an SVG of [`super::svg`] in a font that comes with the program, so that no font of the system is needed.
///
/// # Errors
///
/// [`PlotError`] when the picture is not what this module can draw.
pub fn pdf(svg: &str) -> Result<Vec<u8>, PlotError> {
    let mut options = Options::default();
    let fonts = options.fontdb_mut();
    fonts.load_font_data(dejavu::sans::regular().to_vec());
    fonts.set_sans_serif_family("DejaVu Sans");
    let tree = Tree::from_str(svg, &options).map_err(failed)?;
    to_pdf(&tree, ConversionOptions::default(), PageOptions::default()).map_err(failed)
}

fn failed(error: impl std::fmt::Display) -> PlotError {
    PlotError(error.to_string())
}
