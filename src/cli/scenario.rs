//! `migsim scenario`: every key, its value, where that is from, and what it means.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use super::output::{OutputArgs, write_data};
use crate::report::keys::text;
use crate::run::row::{Row, Value};
use crate::scenario::ScenarioSource;
use crate::scenario::keys::{Key, keys, schema};

/// Show every key of a scenario: value, where it is from, unit, meaning
#[derive(Debug, Args)]
pub(super) struct ScenarioArgs {
    /// Scenario file (TOML) or a profile's name; without one the built-in scenario
    scenario: Option<PathBuf>,

    /// Set one key of the scenario, such as link.bandwidth="200 Mbit/s"
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,

    /// Print a scenario with every key at its default
    #[arg(long, conflicts_with_all = ["scenario", "settings", "schema", "format"])]
    defaults: bool,

    /// Print the JSON schema of scenario files, for editors
    #[arg(long, conflicts_with_all = ["scenario", "settings", "format"])]
    schema: bool,

    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(arguments: ScenarioArgs) -> Result<ExitCode> {
    let out = arguments.output.file();
    if arguments.defaults {
        write_data(out, include_bytes!("../../scenarios/default.toml"))?;
    } else if arguments.schema {
        let mut text = serde_json::to_string_pretty(&schema())?;
        text.push('\n');
        write_data(out, text.as_bytes())?;
    } else {
        let mut source = match &arguments.scenario {
            Some(path) => ScenarioSource::open(path)?,
            None => ScenarioSource::embedded(),
        };
        for assignment in &arguments.settings {
            source.set_beside_axes(assignment)?;
        }
        let rows: Vec<Row> = keys().iter().map(|key| row(key, &source)).collect();
        arguments.output.write(&rows, |_| text(&rows))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn row(key: &Key, source: &ScenarioSource) -> Row {
    let (value, origin) = match source.value(&key.name) {
        Some((value, origin)) => (Some(value), origin),
        None => (key.default.clone(), "default".to_owned()),
    };
    let words = |text: &str| Value::Text(text.to_owned());
    let value = value.map_or(Value::Missing, |value| match value {
        toml::Value::String(value) => Value::Text(value),
        value => Value::Text(value.to_string()),
    });
    [
        ("key", words(&key.name)),
        ("value", value),
        ("from", words(&origin)),
        ("unit", words(&key.unit)),
        ("meaning", words(&key.meaning)),
    ]
    .into_iter()
    .map(|(column, value)| (column.into(), value))
    .collect()
}
