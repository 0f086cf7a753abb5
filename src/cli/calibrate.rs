//! `migsim calibrate`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use super::output::{check_outputs, stdout_view, write_data};
use super::progress;
use super::validate::{measured, positions, traces_of};
use crate::report::calibration::{profile, table};
use crate::scenario::{ScenarioSource, profile as profiles};
use crate::strategy::Registry;
use crate::validation::Predictor;
use crate::validation::calibration::{Candidates, Problem, calibrate, default_keys};

/// Fit a scenario to measured QEMU migrations, and write it as a profile
///
/// REFERENCE.csv has a row per real migration, as for `migsim validate`. The keys take the values with which the
/// migrations of the workloads in --on are predicted best; those of the others show how good that is elsewhere. A key
/// of its own range is one of an axis: --range destination.wake='{ from = "10 us", to = "1 ms", step = 2, scale = "log"
/// }'.
#[derive(Debug, Args)]
pub(super) struct CalibrateArgs {
    /// What was measured
    #[arg(value_name = "REFERENCE.csv")]
    reference: PathBuf,

    /// Workloads that are to be predicted well
    #[arg(long, value_name = "NAME", value_delimiter = ',', required = true)]
    on: Vec<String>,

    /// Keys to calibrate
    #[arg(long, value_name = "KEY", value_delimiter = ',', default_values_t = default_keys().map(str::to_owned))]
    keys: Vec<String>,

    /// A further key with the values that it may take, or other values for one: a list of nothing but those, or a range
    /// as of an axis, between whose values finer ones are tried
    #[arg(long = "range", value_name = "KEY=VALUES")]
    ranges: Vec<String>,

    /// The scenario to begin with, a file or a profile's name; its trace.start is the switch position
    #[arg(long, value_name = "SCENARIO", default_value = "qemu-7.2")]
    scenario: PathBuf,

    /// Set one key of it, such as link.latency="1 ms", or the values of one of its axes
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,

    /// Where WORKLOAD.mtrace are [default: beside the reference]
    #[arg(long, value_name = "DIR")]
    traces: Option<PathBuf>,

    /// The profile: a scenario that extends the one given
    #[arg(long, value_name = "PROFILE.toml")]
    out: PathBuf,
}

pub(super) fn run(arguments: CalibrateArgs, registry: &Registry) -> Result<ExitCode> {
    let (source, sweep) = positions(&arguments.scenario, &arguments.settings, registry)?;
    let inputs = std::iter::once(arguments.reference.as_path()).chain(sweep.files());
    check_outputs(inputs, [arguments.out.as_path()])?;
    let extends = extends(&arguments.scenario, &arguments.out)
        .with_context(|| format!("cannot write {}", arguments.out.display()))?;
    let groups = measured(&arguments.reference, registry)?;
    for name in &arguments.on {
        let known = groups.iter().any(|group| group.setting.workload == *name);
        let reference = arguments.reference.display();
        ensure!(known, "--on {name}: no such workload in {reference}");
    }
    let keys = candidates(&arguments, &source)?;
    let traces = traces_of(&arguments.reference, arguments.traces.as_deref());
    let predictor = Predictor::open(&groups, traces, registry)?;
    let problem = Problem {
        predictor: &predictor,
        positions: (0..sweep.points())
            .map(|point| sweep.source(point))
            .collect::<Result<_, _>>()?,
        keys,
        on: &arguments.on,
    };
    let mut bar = progress::Search::new();
    let calibration = calibrate(problem, |tried, misfit| bar.show(tried, misfit))?;
    bar.finish();
    let written = profile(
        &calibration,
        &arguments.on,
        &extends,
        &arguments.settings,
        &source,
    );
    write_data(Some(&arguments.out), written.as_bytes())?;
    let text = table(&calibration, &arguments.on, stdout_view());
    write_data(None, text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// The named keys with their values, in the order given.
fn candidates(arguments: &CalibrateArgs, source: &ScenarioSource) -> Result<Vec<Candidates>> {
    let mut keys: Vec<(&str, Option<&str>)> = Vec::new();
    for key in &arguments.keys {
        ensure!(
            keys.iter().all(|(known, _)| known != key),
            "--keys {key}: expected each key once"
        );
        keys.push((key, None));
    }
    for range in &arguments.ranges {
        let Some((key, values)) = range.split_once('=') else {
            bail!("--range {range}: expected KEY=VALUES");
        };
        let (key, values) = (key.trim(), values.trim());
        match keys.iter_mut().find(|(known, _)| *known == key) {
            Some((_, written)) => *written = Some(values),
            None => keys.push((key, Some(values))),
        }
    }
    let all = keys.into_iter().map(|(key, values)| {
        Candidates::new(key, values, source).map_err(|expected| match values {
            Some(_) => anyhow::anyhow!("--range {key}: {expected}"),
            None => anyhow::anyhow!("cannot calibrate {key}: {expected}"),
        })
    });
    all.collect()
}

/// How the profile names the scenario: by its name, or relative to itself.
fn extends(scenario: &Path, out: &Path) -> Result<String> {
    let name = scenario.to_string_lossy();
    if profiles::text(&name).is_some() {
        return Ok(name.into_owned());
    }
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new(".")).canonicalize()?;
    let scenario = scenario.canonicalize()?;
    let shared = scenario.components().zip(folder.components());
    let shared = shared.take_while(|(a, b)| a == b).count();
    let up = folder.components().skip(shared).map(|_| Path::new(".."));
    let down = scenario.components().skip(shared);
    let way: PathBuf = up
        .chain(down.map(|part| Path::new(part.as_os_str())))
        .collect();
    way.to_str()
        .map(str::to_owned)
        .with_context(|| format!("{}: expected a path in UTF-8", way.display()))
}
