//! Where data goes: standard output, or a file that appears whole or not at all.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use clap::{Args, ValueEnum};
use terminal_size::terminal_size;

use crate::file::{check_place, same_file, write_whole};
use crate::report;
use crate::report::table::View;
use crate::run::row::Row;

/// Formats of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Table,
    /// For programs, a line a row
    Csv,
    /// For programs, an object a row
    Json,
}

#[derive(Debug, Args)]
pub(super) struct OutputArgs {
    /// How to show the result [default: csv or json by the name of --out, else table]
    #[arg(long, value_enum)]
    format: Option<Format>,

    /// Write to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl OutputArgs {
    /// The file that is written, if it is one.
    pub(super) fn file(&self) -> Option<&Path> {
        self.out.as_deref()
    }

    /// Writes `rows`, or as a table what `table` makes of them.
    pub(super) fn write(
        &self,
        rows: &[Row],
        table: impl FnOnce(View) -> String,
    ) -> anyhow::Result<()> {
        let data = self.format().render(rows, self.file(), table)?;
        write_data(self.file(), &data)
    }

    /// The same of what may be no rows: a CSV has its header line in any case.
    pub(super) fn write_any(
        &self,
        columns: &[&str],
        rows: &[Row],
        table: impl FnOnce(View) -> String,
    ) -> anyhow::Result<()> {
        if rows.is_empty() && self.format() == Format::Csv {
            return write_data(self.file(), format!("{}\n", columns.join(",")).as_bytes());
        }
        self.write(rows, table)
    }

    fn format(&self) -> Format {
        self.format.unwrap_or_else(|| Format::by_name(self.file()))
    }
}

impl Format {
    /// What the name of a file implies: `.csv`, `.json`, else a table.
    pub(super) fn by_name(out: Option<&Path>) -> Self {
        match out
            .and_then(Path::extension)
            .and_then(|extension| extension.to_str())
        {
            Some("csv") => Format::Csv,
            Some("json") => Format::Json,
            _ => Format::Table,
        }
    }

    /// `rows` in this format, or as a table what `table` makes of them for `out` or standard output.
    pub(super) fn render(
        self,
        rows: &[Row],
        out: Option<&Path>,
        table: impl FnOnce(View) -> String,
    ) -> io::Result<Vec<u8>> {
        let mut data = Vec::new();
        match self {
            Format::Table => {
                let view = out.map_or_else(stdout_view, |_| View::PLAIN);
                data.extend_from_slice(table(view).as_bytes());
            }
            Format::Csv => report::csv::write(rows, &mut data)?,
            Format::Json => report::json::write(rows, &mut data)?,
        }
        Ok(data)
    }
}

/// Refuses an output that would take the place of what is read, or of another output. An input `-` is standard input.
pub(super) fn check_outputs<'a>(
    inputs: impl IntoIterator<Item = &'a Path>,
    outputs: impl IntoIterator<Item = &'a Path>,
) -> anyhow::Result<()> {
    let file = |path: &'a Path| match path == Path::new("-") {
        true => Path::new("/dev/stdin"),
        false => path,
    };
    let mut taken: Vec<(&Path, &str)> = inputs
        .into_iter()
        .map(|path| (file(path), "read"))
        .collect();
    for output in outputs {
        check_place(output).with_context(|| format!("cannot write {}", output.display()))?;
        for (other, what) in &taken {
            ensure!(
                !same_file(other, output),
                "{}: expected a file that is not {what} too, found the same as {}",
                output.display(),
                other.display()
            );
        }
        taken.push((output, "written"));
    }
    Ok(())
}

/// Writes data to a file, or without one to standard output.
pub(super) fn write_data(out: Option<&Path>, data: &[u8]) -> anyhow::Result<()> {
    match out {
        Some(path) => write_whole(path, |file| file.write_all(data))
            .with_context(|| format!("cannot write {}", path.display())),
        None => {
            let mut out = io::stdout().lock();
            out.write_all(data)?;
            Ok(out.flush()?)
        }
    }
}

/// How tables look on standard output: a terminal has a width, and takes bold print unless `NO_COLOR` is set.
pub(super) fn stdout_view() -> View {
    if !io::stdout().is_terminal() {
        return View::PLAIN;
    }
    View {
        styled: std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        width: terminal_size().map(|(width, _)| width.0.into()),
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
