//! `migsim plot`: rows as a picture.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args;

use super::output::{check_outputs, write_data};
use crate::message::say;
use crate::plot;
use crate::plot::rows::Columns;
use crate::run::columns::STRATEGY;
use crate::run::rows::Rows;

/// Draw rows of a sweep: columns over another one, a line for each value of a third
///
/// Where several rows share a place and a line, as of several seeds or positions, the mean is drawn, and a bar from the
/// least to the most. Rows of runs that failed are left out. `migsim metrics` lists the columns; the file's first line
/// names those of the axes.
#[derive(Debug, Args)]
pub(super) struct PlotArgs {
    /// Rows (CSV), as of `migsim sweep`
    rows: PathBuf,

    /// The column along, such as link.bandwidth_bits_per_s
    #[arg(long, value_name = "COLUMN")]
    x: String,

    /// The columns upwards, such as stall_s; each has a panel
    #[arg(long, value_name = "COLUMN,…", value_delimiter = ',', required = true)]
    y: Vec<String>,

    /// The column with a line for each of its values
    #[arg(long, value_name = "COLUMN", default_value = "strategy")]
    by: String,

    /// Draw only the rows of these strategies, instead of all
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    strategies: Vec<String>,

    /// Write to this file instead of standard output: .svg; .png and .pdf where the program was built
    /// with the feature of that name
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) fn run(arguments: PlotArgs) -> Result<ExitCode> {
    let out = arguments.out.as_deref();
    check_outputs([arguments.rows.as_path()], out)?;
    let columns = Columns {
        x: arguments.x,
        y: arguments.y,
        by: arguments.by,
    };
    let format = Picture::by_name(out)?;
    let rows = Rows::read(&arguments.rows)?.finished()?;
    let rows = rows.of_strategies(&arguments.strategies)?;
    ensure_one_strategy(&rows, &columns)?;
    let (failed, rows) = rows.split_failed();
    let failed = plot::rows::failed(&failed, &columns)?;
    for words in failed
        .into_iter()
        .chain(plot::rows::empty(&rows, &columns)?)
    {
        say!("migsim: {words}");
    }
    let svg = plot::svg(&plot::rows::plot(&rows, &columns)?)?;
    write_data(out, &format.render(svg)?)?;
    Ok(ExitCode::SUCCESS)
}

/// Means over several strategies mean nothing.
fn ensure_one_strategy(rows: &Rows, columns: &Columns) -> Result<()> {
    let names = rows.strategies();
    if columns.by != STRATEGY && columns.x != STRATEGY && names.len() > 1 {
        bail!(
            "--by {}: expected rows of one strategy, as --strategies names it; found those of {}",
            columns.by,
            Vec::from_iter(names).join(", ")
        );
    }
    Ok(())
}

/// How a picture is written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Picture {
    Svg,
    #[cfg(feature = "png")]
    Png,
    #[cfg(feature = "pdf")]
    Pdf,
}

impl Picture {
    /// What the name of a file asks for; SVG on standard output.
    pub(super) fn by_name(out: Option<&Path>) -> Result<Self> {
        let Some(path) = out else {
            return Ok(Picture::Svg);
        };
        let ending = path.extension().and_then(|ending| ending.to_str());
        let ending = ending.map(str::to_ascii_lowercase);
        match ending.as_deref() {
            Some("svg") => Ok(Picture::Svg),
            #[cfg(feature = "png")]
            Some("png") => Ok(Picture::Png),
            #[cfg(feature = "pdf")]
            Some("pdf") => Ok(Picture::Pdf),
            #[cfg(not(all(feature = "png", feature = "pdf")))]
            Some(format @ ("png" | "pdf")) => bail!(
                "{}: expected .svg: this program was built without the feature {format}",
                path.display()
            ),
            _ => bail!(
                "{}: expected a file that ends in .svg, .png or .pdf",
                path.display()
            ),
        }
    }

    pub(super) fn render(self, svg: String) -> Result<Vec<u8>> {
        match self {
            Picture::Svg => Ok(svg.into_bytes()),
            #[cfg(feature = "png")]
            Picture::Png => Ok(plot::png(&svg)?),
            #[cfg(feature = "pdf")]
            Picture::Pdf => Ok(plot::pdf(&svg)?),
        }
    }
}
