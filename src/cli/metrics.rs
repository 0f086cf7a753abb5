//! `migsim metrics`: the columns of rows.

use std::process::ExitCode;

use clap::Args;

use super::output::OutputArgs;
use crate::report::listing::listing;
use crate::run::columns::{ERROR, ERROR_MEANING, IDENTIFYING, METRICS};
use crate::run::row::{Row, Value};

/// List the columns of rows in CSV and JSON: name, unit, meaning
///
/// Rows of `compare`, `run` and `sweep` begin with what identifies them; the metrics follow. Those of `sweep` end with
/// what went wrong.
#[derive(Debug, Args)]
pub(super) struct MetricsArgs {
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(arguments: MetricsArgs) -> anyhow::Result<ExitCode> {
    let row = |name: &str, unit: &str, meaning: &str| -> Row {
        [("column", name), ("unit", unit), ("meaning", meaning)]
            .map(|(column, text)| (column.into(), Value::Text(text.to_owned())))
            .into()
    };
    let identifying = IDENTIFYING
        .iter()
        .map(|(name, meaning)| row(name, "text", meaning));
    let metrics = METRICS
        .iter()
        .map(|column| row(column.name, column.unit.name(), column.meaning));
    let error = row(ERROR, "text", ERROR_MEANING);
    let rows: Vec<Row> = identifying.chain(metrics).chain([error]).collect();
    arguments.output.write(&rows, |_| listing(&rows))?;
    Ok(ExitCode::SUCCESS)
}
