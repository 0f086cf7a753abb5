//! `migsim check`: golden-baseline regression of the algorithms.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;

use super::notes::Notes;
use super::output::{OutputArgs, check_outputs};
use super::progress;
use super::sweep::threads;
use crate::file::{read_bounded, write_whole};
use crate::message::say;
use crate::nearest::nearest;
use crate::report::check::{COLUMNS, rows, table};
use crate::run::check::{Baseline, Strictness, differences};
use crate::run::columns::{METRICS, metric};
use crate::run::sweep::Sweep;
use crate::scenario::ScenarioSource;
use crate::strategy::Registry;

/// The built-in matrix and what it came to when it was last found good.
const MATRIX: &str = include_str!("../../scenarios/check.toml");
const MATRIX_BASELINE: &[u8] = include_bytes!("../../results/check.csv");
const MATRIX_BASELINE_PATH: &str = "results/check.csv";

/// How the names of baselines end, in the place of a scenario's `toml`.
const ENDING: &str = "baseline.csv";

/// More is no baseline.
const LARGEST_BASELINE: u64 = 1 << 30;

/// Differences that the table shows; nobody reads more. CSV and JSON have all.
const MOST_SHOWN: usize = 50;

/// Hold the metrics of a scenario's [sweep] against a baseline; exit status 1 if any number has changed or a run failed
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Scenario file (TOML), with or without a [sweep]; without one the built-in matrix
    scenario: Option<PathBuf>,

    /// Write the baseline instead of comparing with it
    #[arg(long, conflicts_with = "settings")]
    bless: bool,

    /// File of the baseline
    /// [default: beside the scenario, with the ending .baseline.csv; of the built-in matrix results/check.csv]
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,

    /// Set one key of the scenario, to see what that changes; of an axis a list or a range of its values
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,

    /// Compare these metrics alone (`migsim metrics` lists them)
    #[arg(
        long,
        value_name = "NAME,…",
        value_delimiter = ',',
        conflicts_with = "bless"
    )]
    metrics: Vec<String>,

    /// How far a number may be from the baseline's, in per cent of it
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0, conflicts_with = "bless", value_parser = percent)]
    tolerance: f64,

    #[command(flatten)]
    output: OutputArgs,

    /// Number of threads [default: one per processor]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
}

pub(super) fn run(arguments: CheckArgs, registry: &Registry) -> anyhow::Result<ExitCode> {
    let mut source = match &arguments.scenario {
        Some(path) => ScenarioSource::open(path)?,
        None => ScenarioSource::from_text("check", MATRIX)?,
    };
    for assignment in &arguments.settings {
        source.set_beside_axes(assignment)?;
    }
    let sweep = Sweep::new(source, registry.clone())?;
    let path = match (&arguments.baseline, &arguments.scenario) {
        (Some(path), _) => Some(path.clone()),
        (None, Some(scenario)) => Some(beside(scenario)),
        (None, None) => None,
    };
    for name in &arguments.metrics {
        known_metric(name)?;
    }
    let (written, read) = if arguments.bless {
        (path.as_deref(), None)
    } else {
        (None, path.as_deref())
    };
    check_outputs(
        sweep.files().chain(read),
        written.into_iter().chain(arguments.output.file()),
    )?;
    // Read first: a missing baseline need not wait for the simulation.
    let was = if arguments.bless {
        None
    } else {
        Some(baseline(path.as_deref())?)
    };
    let is = simulate(&sweep, threads(arguments.jobs))?;
    let failed = is.failed();
    let Some(was) = was else {
        if let Some((run, error)) = failed.first() {
            bail!(
                "{} of {} runs failed, expected none of a baseline; the first, {run}: {error}",
                failed.len(),
                is.runs()
            );
        }
        let path = path.unwrap_or_else(|| MATRIX_BASELINE_PATH.into());
        write_whole(&path, |file| file.write_all(&is.to_csv()))
            .with_context(|| format!("cannot write {}", path.display()))?;
        say!("migsim: {} has {} runs now", path.display(), is.runs());
        return Ok(ExitCode::SUCCESS);
    };
    let name = path.map_or("the built-in baseline".to_owned(), |path| {
        path.display().to_string()
    });
    let strictness = Strictness {
        metrics: arguments.metrics,
        tolerance_percent: arguments.tolerance,
    };
    let found = differences(&was, &is, &strictness);
    let metrics = match strictness.metrics.len() {
        0 => is.metrics(),
        chosen => chosen,
    };
    arguments
        .output
        .write_any(&COLUMNS, &rows(&found), |view| match found.len() {
            0 => format!(
                "{} runs, {metrics} metrics each: all as in {name}{}\n",
                is.runs(),
                if failed.is_empty() {
                    ""
                } else {
                    ", where runs failed, too"
                }
            ),
            _ => table(&found, MOST_SHOWN, view),
        })?;
    // A run without numbers is as before where the baseline has none either, and yet nothing is checked.
    if let Some((run, error)) = failed.first() {
        say!(
            "migsim: {} of {} runs failed; the first, {run}: {error}",
            failed.len(),
            is.runs()
        );
    }
    if !found.is_empty() {
        say!(
            "migsim: {} differences from {name}; if they are intended, --bless makes them the baseline",
            found.len()
        );
    }
    Ok(if found.is_empty() && failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The baseline beside a scenario. What follows a dot in a profile's name belongs to it: qemu-7.2.
fn beside(scenario: &Path) -> PathBuf {
    if scenario.extension().is_some_and(|ending| ending == "toml") {
        return scenario.with_extension(ENDING);
    }
    let mut name = OsString::from(scenario);
    name.push(".");
    name.push(ENDING);
    name.into()
}

fn known_metric(name: &str) -> anyhow::Result<()> {
    if metric(name).is_none() {
        let meant = nearest(name, METRICS.iter().map(|metric| metric.name));
        let meant = meant.map_or(String::new(), |meant| format!("; did you mean `{meant}`?"));
        bail!("--metrics: unknown metric `{name}`, expected one of `migsim metrics`{meant}");
    }
    Ok(())
}

fn percent(text: &str) -> Result<f64, &'static str> {
    let number = text.parse::<f64>().ok();
    let number = number.filter(|number| (0.0..=100.0).contains(number));
    number.ok_or("expected 0 to 100 per cent")
}

fn baseline(path: Option<&Path>) -> anyhow::Result<Baseline> {
    let Some(path) = path else {
        return Ok(Baseline::parse(MATRIX_BASELINE)?);
    };
    let text = match read_bounded(path, LARGEST_BASELINE) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            bail!("{}: no baseline yet; --bless writes one", path.display())
        }
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    Baseline::parse(&text).with_context(|| path.display().to_string())
}

fn simulate(sweep: &Sweep, jobs: usize) -> anyhow::Result<Baseline> {
    let mut results = Vec::with_capacity(sweep.points());
    let mut notes = Notes::default();
    progress::while_working("simulating", || {
        sweep.run(0..sweep.points(), jobs, |batch| {
            notes.take(&batch);
            results.extend(batch);
            anyhow::Ok(())
        })
    })
    .map_err(|error| anyhow::anyhow!("{error:#}"))?;
    notes.say();
    Ok(Baseline::of(sweep, &results))
}
