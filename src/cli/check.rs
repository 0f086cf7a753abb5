//! `migsim check`: golden-baseline regression of the algorithms.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;

use super::output::{check_outputs, stdout_view};
use super::progress;
use super::sweep::threads;
use crate::file::{read_bounded, write_whole};
use crate::message::say;
use crate::report::check::table;
use crate::run::check::{Baseline, differences};
use crate::run::sweep::Sweep;
use crate::scenario::ScenarioSource;
use crate::strategy::Registry;

/// The built-in matrix and what it came to when it was last found good.
const MATRIX: &str = include_str!("../../scenarios/check.toml");
const MATRIX_BASELINE: &[u8] = include_bytes!("../../results/check.csv");
const MATRIX_BASELINE_PATH: &str = "results/check.csv";

/// More is no baseline.
const LARGEST_BASELINE: u64 = 1 << 30;

/// Differences that are shown; nobody reads more.
const MOST_SHOWN: usize = 50;

/// Hold the metrics of a scenario's [sweep] against a baseline; exit status 1 if any number has changed
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

    /// Set one key of the scenario, to see what that changes
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,

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
        source.set(assignment)?;
    }
    let sweep = Sweep::new(source, registry.clone())?;
    let path = match (&arguments.baseline, &arguments.scenario) {
        (Some(path), _) => Some(path.clone()),
        (None, Some(scenario)) => Some(scenario.with_extension("baseline.csv")),
        (None, None) => None,
    };
    if arguments.bless {
        check_outputs(arguments.scenario.as_deref(), path.as_deref())?;
    }
    // Read first: a missing baseline need not wait for the simulation.
    let was = if arguments.bless {
        None
    } else {
        Some(baseline(path.as_deref())?)
    };
    let is = simulate(&sweep, threads(arguments.jobs))?;
    let Some(was) = was else {
        let path = path.unwrap_or_else(|| MATRIX_BASELINE_PATH.into());
        write_whole(&path, |file| file.write_all(&is.to_csv()))
            .with_context(|| format!("cannot write {}", path.display()))?;
        say!("migsim: {} has {} runs now", path.display(), is.runs());
        return Ok(ExitCode::SUCCESS);
    };
    let name = path.map_or("the built-in baseline".to_owned(), |path| {
        path.display().to_string()
    });
    let found = differences(&was, &is);
    let mut out = io::stdout().lock();
    if found.is_empty() {
        writeln!(
            out,
            "{} runs, {} metrics each: all as in {name}",
            is.runs(),
            is.metrics()
        )?;
        out.flush()?;
        return Ok(ExitCode::SUCCESS);
    }
    write!(out, "{}", table(&found, MOST_SHOWN, stdout_view()))?;
    out.flush()?;
    say!(
        "migsim: {} differences from {name}; if they are intended, --bless makes them the baseline",
        found.len()
    );
    Ok(ExitCode::FAILURE)
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
    progress::while_working("simulating", || {
        sweep.run(0..sweep.points(), jobs, |batch| {
            results.extend(batch);
            anyhow::Ok(())
        })
    })
    .map_err(|error| anyhow::anyhow!("{error:#}"))?;
    Ok(Baseline::of(sweep, &results))
}
