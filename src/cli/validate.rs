//! `migsim validate`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::Args;

use super::output::{OutputArgs, check_outputs};
use super::progress;
use crate::file::write_whole;
use crate::message::say;
use crate::plot::accuracy::scatter;
use crate::plot::{self, Plot};
use crate::report::validation::{rows, table};
use crate::run::sweep::Sweep;
use crate::scenario::{Scenario, ScenarioSource};
use crate::strategy::Registry;
use crate::validation::{Group, Predictor, missed, read};

/// More tell nothing new.
const MOST_POINTS: usize = 1_000;

/// Hold predictions against measured QEMU migrations
///
/// REFERENCE.csv has a row per real migration, as tools/qemu/migrate writes them. Every setting in it is simulated with
/// one scenario for all, and held against the median of its repetitions; blocktime as QEMU counts it, without
/// fault_trap and wake. With a [sweep] in the scenario, its points are all simulated, and on all recordings of a
/// workload (WORKLOAD.mtrace, WORKLOAD.2.mtrace and so on); their median is the prediction. An error inside the
/// repetitions' range counts as 0 in the sums, which are held against the project's goals; settings with a plan and
/// without, calibrated on and held out, apart. The switch position in the traces is the scenario's trace.start: there
/// the record window of a strategy that records ends, and then the VM runs on for the reference's planning_ms. Both are
/// not in its total time, as they are not in QEMU's.
#[derive(Debug, Args)]
pub(super) struct ValidateArgs {
    /// What was measured
    #[arg(value_name = "REFERENCE.csv")]
    reference: PathBuf,

    /// The scenario that mirrors QEMU, a file or a profile's name; its trace.start is the switch position
    #[arg(long, value_name = "SCENARIO", default_value = "qemu-7.2")]
    scenario: PathBuf,

    /// Where WORKLOAD.mtrace are [default: beside the reference]
    #[arg(long, value_name = "DIR")]
    traces: Option<PathBuf>,

    /// Workloads that the scenario was calibrated on, for errors apart from the others'
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    calibrated: Vec<String>,

    /// Set one key of the scenario, such as destination.wake="50 us", or the values of one of its axes, such as
    /// trace.start='["998 ms", "1 s"]'
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,

    /// Also draw predicted against measured into this file
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,

    /// Exit with status 1 when a goal of the sums is missed
    #[arg(long)]
    check: bool,

    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(arguments: ValidateArgs, registry: &Registry) -> Result<ExitCode> {
    let (_, sweep) = positions(&arguments.scenario, &arguments.settings, registry)?;
    let scenarios: Vec<Scenario> = (0..sweep.points())
        .map(|point| sweep.scenario(point))
        .collect::<Result<_, _>>()?;
    if let Some(path) = &arguments.plot {
        ensure!(
            path.extension().is_some_and(|ending| ending == "svg"),
            "--plot {}: expected a file that ends in .svg",
            path.display()
        );
    }
    let png = arguments
        .plot
        .as_ref()
        .map(|path| path.with_extension("png"));
    let inputs = std::iter::once(arguments.reference.as_path()).chain(sweep.files());
    let outputs = [
        arguments.plot.as_deref(),
        png.as_deref(),
        arguments.output.file(),
    ];
    check_outputs(inputs, outputs.into_iter().flatten())?;
    let groups = measured(&arguments.reference, registry)?;
    for name in &arguments.calibrated {
        let known = groups.iter().any(|group| group.setting.workload == *name);
        ensure!(
            known,
            "--calibrated {name}: no such workload in {}",
            arguments.reference.display()
        );
    }
    let traces = traces_of(&arguments.reference, arguments.traces.as_deref());
    let verdicts = progress::while_working("simulating", || {
        Predictor::open(&groups, traces, registry)?.verdicts(&scenarios, |_| true)
    })?;
    if let Some(path) = &arguments.plot {
        draw(&scatter(&verdicts, &arguments.calibrated), path)?;
    }
    arguments
        .output
        .write(&rows(&verdicts, &arguments.calibrated), |view| {
            table(&verdicts, &arguments.calibrated, view)
        })?;
    if arguments.check {
        let (missed, goals) = missed(&verdicts, &arguments.calibrated);
        if missed > 0 {
            say!("migsim: {missed} of {goals} goals are missed");
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What a reference measured. Columns that are not known are said, as a misspelt one would count as missing.
pub(super) fn measured(path: &Path, registry: &Registry) -> Result<Vec<Group>> {
    let reference = read(path, registry)?;
    for (column, meant) in &reference.unknown {
        let meant = meant.map_or(String::new(), |meant| format!("; did you mean `{meant}`?"));
        say!(
            "migsim: {}: the column `{column}` is not known, and left out{meant}",
            path.display()
        );
    }
    Ok(reference.groups)
}

/// A scenario with single keys set, and its switch positions: the points of its sweep.
pub(super) fn positions(
    scenario: &Path,
    settings: &[String],
    registry: &Registry,
) -> Result<(ScenarioSource, Sweep)> {
    let mut source = ScenarioSource::open(scenario)?;
    for assignment in settings {
        source.set_beside_axes(assignment)?;
    }
    let sweep = Sweep::new(source.clone(), registry.clone())?;
    ensure!(
        sweep.points() <= MOST_POINTS,
        "{}: expected a [sweep] of at most {MOST_POINTS} points, as their median is one prediction",
        sweep.name()
    );
    Ok((source, sweep))
}

/// Where the recordings of a reference are.
pub(super) fn traces_of<'a>(reference: &'a Path, given: Option<&'a Path>) -> &'a Path {
    given.unwrap_or(reference.parent().unwrap_or(Path::new("")))
}

fn draw(picture: &Plot, path: &Path) -> Result<()> {
    for (path, bytes) in plot::files(path, &plot::svg(picture)?)? {
        write_whole(&path, |file| file.write_all(&bytes))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
