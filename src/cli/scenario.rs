//! `migsim scenario`: every key, its value, where that is from, and what it means.

use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;

use super::output::{OutputArgs, check_outputs, write_data};
use crate::message::say;
use crate::report::keys::text;
use crate::run::from_row::Origin;
use crate::run::row::{Row, Value};
use crate::scenario::ScenarioSource;
use crate::scenario::keys::{Key, defaults, keys, schema};
use crate::strategy::{Registry, parameters};

/// What does not go together stands on lines of its own.
const USAGE: &str = "\
migsim scenario [OPTIONS] [SCENARIO]
       migsim scenario --defaults [--out <FILE>]
       migsim scenario --schema [--out <FILE>]
       migsim scenario --from-row <FILE.csv[:ROW]> [--out <FILE>]";

/// Show every key of a scenario: value, where it is from, unit, meaning; or write the scenario of a row of results
#[derive(Debug, Args)]
#[command(override_usage = USAGE)]
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

    /// Print the scenario that made a row of results, such as rows.csv:3; the row may be left out where there is one
    #[arg(long, value_name = "FILE.csv[:ROW]", conflicts_with_all = ["scenario", "settings", "defaults", "schema", "format"])]
    from_row: Option<String>,

    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(arguments: ScenarioArgs, registry: &Registry) -> Result<ExitCode> {
    let out = arguments.output.file();
    if arguments.defaults {
        write_data(out, defaults().as_bytes())?;
    } else if arguments.schema {
        let mut text = serde_json::to_string_pretty(&schema())?;
        text.push('\n');
        write_data(out, text.as_bytes())?;
    } else if let Some(row) = &arguments.from_row {
        write_data(out, from_row(row, out)?.as_bytes())?;
    } else {
        let mut source = match &arguments.scenario {
            Some(path) => ScenarioSource::open(path)?,
            None => ScenarioSource::embedded(),
        };
        for assignment in &arguments.settings {
            source.set_beside_axes(assignment)?;
        }
        let scenario = source.scenario_for(registry)?;
        let inputs = source.files().iter().map(PathBuf::as_path);
        check_outputs(inputs.chain(scenario.files()), out)?;
        let keys = keys().into_iter().chain(own_keys(registry));
        let rows: Vec<Row> = keys.map(|key| row(&key, &source)).collect();
        arguments.output.write(&rows, |_| text(&rows))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Parameters of strategies: what they mean is for the strategy's own documents to say.
fn own_keys(registry: &Registry) -> impl Iterator<Item = Key> {
    parameters::keys(registry)
        .into_iter()
        .map(|(name, default)| Key {
            unit: default.type_str().to_owned(),
            meaning: "A parameter of the strategy.".to_owned(),
            default: Some(default),
            words: Vec::new(),
            name,
        })
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

fn from_row(named: &str, out: Option<&Path>) -> Result<String> {
    let (file, row) = match named.rsplit_once(':') {
        Some((file, row)) if !Path::new(named).exists() => match row.parse() {
            Ok(row) => (Path::new(file), Some(row)),
            Err(_) if Path::new(file).exists() => {
                bail!("--from-row {named}: expected a row number behind the colon, from 1")
            }
            Err(_) => (Path::new(named), None),
        },
        _ => (Path::new(named), None),
    };
    check_outputs([file], out)?;
    let origin = Origin::read(file, row)?;
    // Paths of a row start where the run was started, those of a scenario where its file is.
    let elsewhere = out
        .and_then(Path::parent)
        .is_some_and(|parent| parent != Path::new(""));
    let base = if elsewhere {
        Some(env::current_dir()?)
    } else {
        None
    };
    let here = ScenarioSource::from_text("settings", &origin.text(file, None)?)?;
    let here = here.scenario().with_context(|| named.to_owned())?;
    let hash = here.open_trace().map(|trace| here.hash(&trace));
    let is_same = hash.is_ok_and(|hash| hash == origin.scenario_hash);
    if !is_same || origin.version != env!("CARGO_PKG_VERSION") {
        let files: Vec<String> = here
            .files()
            .map(|path| path.display().to_string())
            .collect();
        say!(
            "migsim: {}: {} or migsim is not what it was for this row (version {}); its run may differ now",
            file.display(),
            if files.is_empty() {
                "the trace".to_owned()
            } else {
                files.join(", ")
            },
            origin.version
        );
    }
    Ok(origin.text(file, base.as_deref())?)
}
