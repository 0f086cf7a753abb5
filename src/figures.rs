//! The abstract's claims, as figures: what `migsim figures` runs, draws and judges.
//!
//! Every figure is a scenario with a `[sweep]` in `scenarios/figures/`; its rows become `figures/NAME.csv` and a
//! picture of them `figures/NAME.svg`. All of them, with the verdicts on the claims, make one page, `report.html`.
//!
//! PDoPMP is a reconstruction from the abstract; no figure or number is the paper's.

mod catalogue;
pub mod claims;
mod data;
mod draw;
mod finding;
mod recovery;
mod report;
mod words;
mod worth;

use catalogue::View;
pub use catalogue::{CLAIMS, CLAIMS_RECORDED, FIGURES, Figure};
pub use report::html;
pub(crate) use words::RECONSTRUCTION;

use crate::plot::PlotError;
use crate::run::compare::ComparisonError;
use crate::scenario::{OpenTraceError, ScenarioError};

/// Why a figure could not be made.
#[derive(Debug, thiserror::Error)]
pub enum FigureError {
    /// Its scenario is none.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// A point failed.
    #[error("point {point}: {problem}")]
    Point {
        /// Its number in the grid.
        point: usize,
        /// What went wrong.
        problem: String,
    },
    /// There are no threads.
    #[error("cannot start threads: {0}")]
    Threads(String),
    /// A trace cannot be opened.
    #[error(transparent)]
    Trace(#[from] OpenTraceError),
    /// A run that was to be watched failed.
    #[error(transparent)]
    Run(#[from] ComparisonError),
    /// Nothing can be drawn.
    #[error(transparent)]
    Plot(#[from] PlotError),
    /// Rows cannot be written.
    #[error(transparent)]
    Rows(#[from] std::io::Error),
}

/// A figure with all that belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The figure.
    pub figure: &'static Figure,
    /// The rows behind it.
    pub csv: Vec<u8>,
    /// The picture.
    pub svg: String,
    /// A table of what is drawn: a header, then rows.
    pub table: Vec<Vec<String>>,
}

/// Runs a figure's scenario on `jobs` threads and draws what comes out.
///
/// # Errors
///
/// [`FigureError`].
pub fn render(figure: &'static Figure, jobs: usize) -> Result<Rendered, FigureError> {
    match figure.view {
        View::Recovery => return recovery::render(figure),
        View::Worth => return worth::render(figure, jobs),
        View::Dots | View::Lines => {}
    }
    let data = data::Data::run(figure.name, figure.scenario, figure.groups, jobs)?;
    let plot = draw::plot(figure, &data);
    Ok(Rendered {
        figure,
        csv: data.csv,
        svg: crate::plot::svg(&plot)?,
        table: draw::table(figure, &data.strategies, &data.groups),
    })
}
