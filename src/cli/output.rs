//! Where data goes: standard output, or a file that appears whole or not at all.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, ValueEnum};

use crate::report::file::write_whole;
use crate::report::{self, Row};

/// Formats of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Table,
    /// All metrics, a line a run
    Csv,
    /// All metrics, an object a run
    Json,
}

#[derive(Debug, Args)]
pub(super) struct OutputArgs {
    /// How to show the result
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,

    /// Write to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl OutputArgs {
    /// Writes `rows`, or as a table what `table` makes of them.
    pub(super) fn write(
        &self,
        rows: &[Row],
        table: impl FnOnce(bool) -> String,
    ) -> anyhow::Result<()> {
        let mut data = Vec::new();
        match self.format {
            Format::Table => {
                let styled = self.out.is_none()
                    && io::stdout().is_terminal()
                    && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
                data.extend_from_slice(table(styled).as_bytes());
            }
            Format::Csv => report::csv::write(rows, &mut data)?,
            Format::Json => report::json::write(rows, &mut data)?,
        }
        match &self.out {
            Some(path) => write_whole(path, |file| file.write_all(&data))
                .with_context(|| format!("cannot write {}", path.display())),
            None => {
                let mut out = io::stdout().lock();
                out.write_all(&data)?;
                Ok(out.flush()?)
            }
        }
    }
}

/// Whether an error only says that nobody reads our output any more, as with `migsim … | head`.
pub(super) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
    })
}
